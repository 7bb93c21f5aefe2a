package backtest

import (
	"math"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// Report is what a replay found.
type Report struct {
	File string // of rules
	Past string
	Span
	Notes    []string // what should be known of the past, of its coverage, of where series came from
	Partial  []string // warnings that came with answers: what was not in them may have been there
	Recorded int      // recordings that were read as they stand in the past
	Derived  int      // recordings that were made from other series
	Alerts   []Alert
}

// Alert is one alert and what it would have done.
type Alert struct {
	Name, Title, Group string
	Labels             map[string]string // of the rule
	Expr               string
	Op                 string // of its comparison, "" if it has none
	Unit               slo.Unit
	For, KeepFiringFor slo.Duration
	Interval           slo.Duration
	Measured           float64 // share of evaluations at which there was a value and a bound; −1 for an alert that needs none
	Gaps               []Span  // stretches without, in order
	Problem            string  // why nothing can be said of it, "" if something can
	NeedsAgent         bool    // it reads what only rollback-agent exports, and there was none
	Episodes           []Episode

	grid         grid
	offset       time.Duration
	value, bound []float64 // at the grid's moments; nil for what it does not compare
}

// Episode is one time that an alert's condition held: pending from Onset, firing from Fired.
type Episode struct {
	Labels   map[string]string
	Onset    time.Time // the first evaluation at which the condition held
	Fired    time.Time // zero if it did not hold for long enough
	Resolved time.Time // the first evaluation at which it was over; zero while it goes on at the end
	Before   bool      // it held already when the replay began: Onset is only the earliest that was seen
	Began    time.Time // the evaluation at which the value began to move towards its bound; Onset if there is no value
	Value    float64   // at onset
	Peak     float64   // the worst while it held
	Bound    float64   // at onset; NaN if there is none
	Judgement
}

// Judgement is what somebody else would have done about an episode, as they say it; empty if nobody was asked.
type Judgement struct {
	Verdict string
	Reason  string
	Text    string
}

// Delay is how long it took from when the value began to move to firing.
func (e Episode) Delay() time.Duration { return e.Fired.Sub(e.Began) }

// End is when an episode was over, or the end of the range while it goes on.
func (e Episode) End(range_ Span) time.Time {
	if e.Resolved.IsZero() {
		return range_.To
	}
	return e.Resolved
}

// FiringFor is how long it fired, 0 if it did not.
func (e Episode) FiringFor(range_ Span) time.Duration {
	if e.Fired.IsZero() {
		return 0
	}
	return e.End(range_).Sub(e.Fired)
}

// Judged says whether anything can be said of an alert.
func (a Alert) Judged() bool { return a.Problem == "" }

// Fired are the episodes that came to firing.
func (a Alert) Fired() []Episode {
	var all []Episode
	for _, e := range a.Episodes {
		if !e.Fired.IsZero() {
			all = append(all, e)
		}
	}
	return all
}

// Acts says whether the alert is one that rollback-agent hears: one of a trigger.
func (a Alert) Acts() bool {
	mode := a.Labels[slo.LabelRollback]
	return mode != "" && mode != string(slo.ModeNone)
}

// falls says whether less is worse.
func (a Alert) falls() bool { return a.Op == "<" || a.Op == "<=" }

// measure finds the stretches of a span in which there was nothing to compare.
func (a *Alert) measure(s Span) {
	if a.value == nil {
		return
	}
	measured, whole, open := 0, 0, false
	for i, v := range a.value {
		t := at(a.grid.from + int64(i)*a.grid.step).Add(a.offset)
		if t.Before(s.From) {
			continue
		}
		whole++
		if !math.IsNaN(v) && (a.bound == nil || !math.IsNaN(a.bound[i])) {
			measured++
			open = false
			continue
		}
		if !open {
			a.Gaps = append(a.Gaps, Span{From: t})
			open = true
		}
		a.Gaps[len(a.Gaps)-1].To = t.Add(a.grid.interval())
	}
	if whole > 0 {
		a.Measured = float64(measured) / float64(whole)
	}
}

// describe adds to an episode what the value and its bound were.
func (a *Alert) describe(e *Episode) {
	e.Began, e.Bound = e.Onset, math.NaN()
	i := int((e.Onset.Add(-a.offset).UnixMilli() - a.grid.from) / a.grid.step)
	if a.bound == nil || i < 0 || i >= len(a.value) {
		return
	}
	e.Bound = a.bound[i]
	e.Began = at(a.grid.from + int64(a.began(i))*a.grid.step).Add(a.offset)
}

// began is the evaluation at which the value began to move towards what it was at onset: the climb without turning back that ends there,
// without its foot, on which less than a tenth of the way was made.
func (a *Alert) began(onset int) int {
	foot := onset
	for foot > 0 && a.worse(a.value[foot], a.value[foot-1]) {
		foot--
	}
	tenth := a.value[foot] + (a.value[onset]-a.value[foot])/10
	began := foot
	for began < onset && !a.worse(a.value[began+1], tenth) {
		began++
	}
	return began
}

// worse says whether a value is nearer to its bound, or farther beyond it, than another. NaN is neither.
func (a *Alert) worse(v, than float64) bool {
	if a.falls() {
		return v < than
	}
	return v > than
}
