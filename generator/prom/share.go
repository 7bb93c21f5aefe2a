package prom

import (
	"fmt"

	"github.com/coclai/cutover/generator/slo"
)

// share is bad events of all events, each as an expression over a window. What `bad` is subtracted from or falls back on is handed to it,
// so that a recorded series can stand for it: selection, not the length of the window, is what an evaluation costs (facts/promql.md A).
type share struct {
	by     grouping
	events func(w slo.Duration) string
	bad    func(w slo.Duration, all string) string
	tile   tally  // of counters: the same over one tile, without the loss that increase() has between two; nil fields otherwise
	newest string // the selector that says whether anything is measured
	some   bool   // where there are events at all, there are more than none
}

// tally is what share counts, over one tile of a budget.
type tally struct {
	events func(w slo.Duration) string
	bad    func(w slo.Duration, all string) string
}

// value is the share itself, over raw series. Without `> 0` an idle service is 0/0 = NaN, which any negated comparison would take for a
// violation.
func (sh share) value(w slo.Duration) string {
	all := sh.events(w)
	return fmt.Sprintf("(%s) / %s", sh.bad(w, all), sh.divisor(all))
}

func (sh share) divisor(all string) string {
	if sh.some {
		return "(" + all + ")"
	}
	return "(" + all + " > 0)"
}

func (sh share) reading(id identity) reading {
	return reading{
		unit:    slo.Ratio,
		value:   sh.value,
		events:  sh.events,
		age:     fmt.Sprintf("time() - max(timestamp(%s))", sh.newest),
		missing: fmt.Sprintf("absent(sum(%s))", sh.newest),
		current: slo.ValueSeries,
		records: func(w slo.Duration) []Rule {
			all, bad := id.of(slo.EventsSeries(w)), id.of(slo.BadSeries(w))
			return []Rule{
				id.record(slo.EventsSeries(w), sh.events(w)),
				id.record(slo.BadSeries(w), sh.bad(w, all)),
				id.record(slo.ValueSeries(w), bad+" / "+sh.divisor(all)),
			}
		},
	}
}

// shareOf is the share that an SLI measures, if it is one.
func shareOf(s slo.SLI) (share, bool) {
	switch {
	case s.Measure.Ratio != nil && s.Measure.Ratio.Good != "":
		return goodShare(*s.Measure.Ratio, s.By), true
	case s.Measure.Ratio != nil:
		return badShare(*s.Measure.Ratio, s.By), true
	case s.Measure.Availability != nil:
		return downShare(*s.Measure.Availability, s.By), true
	}
	return share{}, false
}
