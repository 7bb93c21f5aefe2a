package prom

import (
	"fmt"

	"github.com/coclai/cutover/generator/slo"
)

// baselineMemory is how long the last exported baseline stands after every agent died: as long as a release may be rolled back.
const baselineMemory = "1d"

func baseline(s slo.SLI) *slo.Baseline {
	if s.Measure.Latency == nil {
		return nil
	}
	return s.Measure.Latency.Baseline
}

// recordBaseline is the baseline as a series, whichever way it is had. Zero is no baseline.
func recordBaseline(id identity, s slo.SLI) Rule {
	b := *baseline(s)
	switch b.From {
	case slo.BaselineFromFixed:
		return id.record(slo.BaselineSeries, fmt.Sprintf("vector(%s)", b.Value))
	case slo.BaselineFromLastWeek:
		return id.record(slo.BaselineSeries, lastWeek(*s.Measure.Latency, b))
	}
	// What the agents export. Replicas that disagree: the greater baseline, which accuses less. The memory speaks only while no agent does,
	// so that the baseline of the release before never outbids today's.
	exported := id.of(slo.AgentBaseline)
	return id.record(slo.BaselineSeries,
		fmt.Sprintf("max(%s > 0) or max(last_over_time(%s[%s]) > 0)", exported, exported, baselineMemory))
}

const weekAgo = " offset 1w"

// lastWeek is the quantity in the window that ended a week ago, if there were events enough. Of too few nothing is known, and nothing
// stands in for it.
func lastWeek(l slo.LatencyMeasure, b slo.Baseline) string {
	h := histogram{l, nil}
	value := h.quantile(b.Over, weekAgo) + " > 0"
	if b.MinEvents.Sign() <= 0 {
		return value
	}
	return fmt.Sprintf("%s and %s >= %s", value, h.events(b.Over, weekAgo), b.MinEvents)
}

// baselineQueries are what the agent captures: of a baseline that is not its own, what it is just then, so that it judges by one number.
func baselineQueries(s slo.SLI) (value, events string) {
	b, h := *baseline(s), histogram{*s.Measure.Latency, nil}
	switch b.From {
	case slo.BaselineFromFixed:
		return fmt.Sprintf("vector(%s)", b.Value), fmt.Sprintf("vector(%s)", b.MinEvents)
	case slo.BaselineFromLastWeek:
		return h.quantile(b.Over, weekAgo), h.events(b.Over, weekAgo)
	}
	// The NaN of an idle hour is kept: the agent must see it and refuse, not find nothing.
	return h.quantile(b.Over, ""), h.events(b.Over, "")
}

// missable says whether a baseline may be missing.
func missable(b *slo.Baseline) bool { return b != nil && b.From != slo.BaselineFromFixed }
