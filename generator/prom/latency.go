package prom

import (
	"fmt"

	"github.com/coclai/cutover/generator/slo"
)

// baselineMemory is how long the last exported baseline stands after every agent died: as long as a release may be rolled back.
const baselineMemory = "1d"

// readLatency takes a quantile of a classic histogram. `>= 0` drops the NaN of an idle service.
func readLatency(id identity, l slo.LatencyMeasure) reading {
	value := func(w slo.Duration) string {
		return quantile(l, w) + " >= 0"
	}
	count := l.Histogram.With("_count")
	events := func(w slo.Duration) string { return fmt.Sprintf("sum(increase(%s))", over(count, w)) }
	return reading{
		unit:    slo.Seconds,
		value:   value,
		events:  events,
		age:     fmt.Sprintf("time() - max(timestamp(%s))", count),
		missing: fmt.Sprintf("absent(sum(%s))", count),
		current: slo.ValueSeries,
		records: func(w slo.Duration) []Rule {
			return []Rule{id.record(slo.EventsSeries(w), events(w)), id.record(slo.ValueSeries(w), value(w))}
		},
	}
}

func quantile(l slo.LatencyMeasure, w slo.Duration) string {
	return fmt.Sprintf("histogram_quantile(%s, sum by (le) (rate(%s)))", l.Quantile, over(l.Histogram.With("_bucket"), w))
}

// recordBaseline reads what the agents export. Replicas that disagree: the greater baseline, which accuses less. The memory speaks only
// while no agent does, so that the baseline of the release before never outbids today's. Zero is no baseline.
func recordBaseline(id identity) Rule {
	exported := id.of(slo.AgentBaseline)
	return id.record(slo.BaselineSeries,
		fmt.Sprintf("max(%s > 0) or max(last_over_time(%s[%s]) > 0)", exported, exported, baselineMemory))
}
