package prom

import (
	"fmt"

	"github.com/coclai/cutover/generator/slo"
)

// readState takes the gauge's worst series. `>= -Inf` drops NaN, which equals nothing and would pass for a violation of `== 0`. A pushed
// gauge never goes stale by itself, so the time of its last push is joined in.
func readState(id identity, g slo.StateMeasure, alert slo.Bound) reading {
	age := fmt.Sprintf("time() - max(timestamp(%s))", g.Gauge)
	if g.PushedAt != "" {
		age = fmt.Sprintf("time() - max(%s)", g.PushedAt)
	}
	value := func(w slo.Duration) string { return worst(fresh(g, w, alert.Op), alert) }
	return reading{
		unit:    slo.State,
		value:   value,
		age:     age,
		missing: fmt.Sprintf("absent(%s)", id.of(slo.ValueSeries(alert.Window))),
		current: slo.ValueSeries,
		records: id.recordValue(value),
	}
}

// fresh are the gauge's series that still mean something; over a window, each at its worst.
func fresh(g slo.StateMeasure, w slo.Duration, bad slo.Op) string {
	gauge := g.Gauge
	if w > 0 {
		gauge = fmt.Sprintf("%s_over_time(%s)", extreme(bad), over(g.Gauge, w))
	}
	live := gauge + " >= -Inf"
	if g.PushedAt == "" || g.StaleAfter == 0 {
		return live
	}
	return fmt.Sprintf("(%s) and on (job, instance) (time() - %s <= %s)", live, g.PushedAt, seconds(g.StaleAfter))
}

// worst is the series nearest to or furthest beyond the alert bound.
func worst(series string, alert slo.Bound) string {
	if alert.Value != nil && (alert.Op == slo.Equal || alert.Op == slo.Different) {
		return fmt.Sprintf("max((%s) %s %s) or max(%s)", series, alert.Op, *alert.Value, series)
	}
	return fmt.Sprintf("%s(%s)", extreme(alert.Op), series)
}

// extreme names the end of the scale that a bad condition looks at.
func extreme(bad slo.Op) string {
	if lowIsBad(bad) {
		return "min"
	}
	return "max"
}

// readGate takes the worst of what the agents' replicas say, each while its own result is fresh: an old FAIL beside a new PASS is old.
// A gate is only expected to speak while a release is out.
func readGate(id identity, g slo.GateMeasure) reading {
	matchers := fmt.Sprintf("{%s=%q,%s=%q,%s=%q}", slo.LabelService, id.service, slo.LabelEnvironment, id.environment, slo.LabelGate, g.Gate)
	result, at := slo.AgentGateResult+matchers, slo.AgentGateTimestamp+matchers
	value := func(slo.Duration) string { return fmt.Sprintf("min(%s)", result) }
	if g.StaleAfter > 0 {
		value = func(slo.Duration) string {
			return fmt.Sprintf("min(%s and (time() - %s <= %s))", result, at, seconds(g.StaleAfter))
		}
	}
	return reading{
		unit:    slo.State,
		value:   value,
		age:     fmt.Sprintf("time() - max(%s)", at),
		missing: fmt.Sprintf("%s unless on () %s", id.release(), id.of(slo.ValueSeries(0))),
		current: slo.ValueSeries,
		records: id.recordValue(value),
	}
}
