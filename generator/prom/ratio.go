package prom

import (
	"fmt"

	"github.com/coclai/cutover/generator/slo"
)

// readRatio divides sums, never averages ratios. Two traps (facts/promql.md C1): without `or on ()` a service that never failed has no
// value at all, and without `> 0` an idle one is 0/0 = NaN, which any negated comparison would take for a violation.
func readRatio(id identity, r slo.RatioMeasure) reading {
	events := func(w slo.Duration) string { return fmt.Sprintf("sum(increase(%s))", over(r.Total, w)) }
	value := func(w slo.Duration) string {
		total := fmt.Sprintf("sum(rate(%s))", over(r.Total, w))
		return fmt.Sprintf("(sum(rate(%s)) or on () 0 * %s) / (%s > 0)", over(r.Bad, w), total, total)
	}
	return reading{
		unit:    slo.Ratio,
		value:   value,
		events:  events,
		age:     fmt.Sprintf("time() - max(timestamp(%s))", r.Total),
		missing: fmt.Sprintf("absent(sum(%s))", r.Total),
		current: slo.ValueSeries,
		// Each raw series is selected once: selection, not the length of the window, is what an evaluation costs (facts A).
		records: func(w slo.Duration) []Rule {
			all, bad := id.of(slo.EventsSeries(w)), id.of(slo.BadSeries(w))
			return []Rule{
				id.record(slo.EventsSeries(w), events(w)),
				id.record(slo.BadSeries(w), fmt.Sprintf("sum(increase(%s)) or on () 0 * %s", over(r.Bad, w), all)),
				id.record(slo.ValueSeries(w), fmt.Sprintf("%s / (%s > 0)", bad, all)),
			}
		},
	}
}
