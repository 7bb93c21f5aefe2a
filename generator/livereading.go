package generator

import (
	"fmt"
	"math"
	"strconv"

	"github.com/coclai/cutover/generator/condition"
	"github.com/coclai/cutover/generator/prom"
	"github.com/coclai/cutover/generator/slo"
)

// Current is an SLI's value now, beside its bounds.
type Current struct {
	ID     string   `json:"id"`
	Line   int      `json:"line"`
	Value  string   `json:"value"`            // in words: "0.4%"; "" when there is none
	Alert  string   `json:"alert"`            // the bad condition
	Target string   `json:"target,omitempty"` // the good one
	Stands Standing `json:"stands"`
}

// Standing is what an SLI's value means just now. `for` is not waited for.
type Standing string

// The standings.
const (
	StandsGood    Standing = "good"              // the target is met, or there is none and the alert is silent
	StandsMissed  Standing = "misses the target" // a ticket, no page
	StandsBad     Standing = "would alert"
	StandsFew     Standing = "too few events" // to say anything
	StandsUnknown Standing = "no data"
)

// current asks for the value of an SLI; of several groups, for the worst.
func (c *liveCheck) current(s slo.SLI) Current {
	unit := unitOf(s)
	r := Current{ID: s.ID, Line: s.Line, Alert: boundText(s, s.Alert), Stands: StandsUnknown}
	if s.SLO != nil {
		r.Target = boundText(s, *s.SLO)
	}
	queries := prom.QueriesOf(c.matrix, s)
	value, found := c.worst(queries.Value, s.Alert.Op)
	if !found {
		return r
	}
	r.Value = inUnit(value, unit)
	if s.Measure.Expr != nil && s.Measure.Expr.Percent {
		r.Value = inUnit(value, slo.Count) + "%"
	}
	if events, counted := c.events(queries.Events); counted && events < s.MinEvents.Float() {
		r.Stands = StandsFew
		return r
	}
	r.Stands = c.standing(s, value)
	return r
}

// worst is the value nearest to the alert, or furthest beyond it.
func (c *liveCheck) worst(query string, op slo.Op) (float64, bool) {
	worst, found := 0.0, false
	for _, sample := range c.query(query) {
		lower := op == slo.Less || op == slo.AtMost
		if !math.IsNaN(sample.Value) && (!found || (sample.Value < worst) == lower) {
			worst, found = sample.Value, true
		}
	}
	return worst, found
}

func (c *liveCheck) events(query string) (float64, bool) {
	if query == "" {
		return 0, false
	}
	return c.worst(query, slo.Greater)
}

func (c *liveCheck) standing(s slo.SLI, value float64) Standing {
	limit, known := c.limit(s, s.Alert)
	switch {
	case !known:
		return StandsUnknown // no baseline yet
	case s.Alert.Op.Holds(compareFloats(value, limit)) && c.beyondFloor(s, value):
		return StandsBad
	case s.SLO == nil:
		return StandsGood
	}
	if limit, known = c.limit(s, *s.SLO); known && !s.SLO.Op.Holds(compareFloats(value, limit)) {
		return StandsMissed
	}
	return StandsGood
}

// beyondFloor says whether a value exceeds its baseline by the least that matters.
func (c *liveCheck) beyondFloor(s slo.SLI, value float64) bool {
	if s.Baseline == nil || s.Alert.Relative == nil {
		return true
	}
	base, found := c.number(prom.QueriesOf(c.matrix, s).BaselineValue)
	return found && value-base > s.Baseline.Floor.Float()
}

func compareFloats(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func unitOf(s slo.SLI) slo.Unit {
	switch m := s.Measure; {
	case m.Ratio != nil, m.Availability != nil:
		return slo.Ratio
	case m.Latency != nil:
		return slo.Seconds
	case m.Restarts != nil, m.Count != nil:
		return slo.Count
	case m.Expr != nil:
		return m.Expr.Unit
	}
	return slo.State
}

// boundText is a bound as a runbook would say it.
func boundText(s slo.SLI, b slo.Bound) string {
	c := slo.Condition{Op: b.Op, Unit: unitOf(s), Window: b.Window, For: b.For}
	if c.Unit == slo.State || c.Unit == slo.Count {
		c.Unit = ""
	}
	if b.Relative != nil {
		c.Relative, c.Value, c.Unit = true, *b.Relative, slo.Ratio
		return condition.Print(c)
	}
	c.Value = *b.Value
	if s.Measure.Expr != nil && s.Measure.Expr.Percent {
		c.Value = c.Value.Percent()
	}
	return condition.Print(c)
}

// inUnit is a measured number as people read it.
func inUnit(value float64, unit slo.Unit) string {
	const digits = 4
	switch unit {
	case slo.Ratio:
		return strconv.FormatFloat(value*100, 'g', digits, 64) + "%"
	case slo.Seconds:
		if math.Abs(value) < 1 && value != 0 {
			return strconv.FormatFloat(value*1000, 'g', digits, 64) + "ms"
		}
		return strconv.FormatFloat(value, 'g', digits, 64) + "s"
	}
	return fmt.Sprint(value)
}
