package prom

import (
	"fmt"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/coclai/cutover/generator/slo"
)

// baselineMemory is how long the last exported baseline stands after every agent died: as long as a release may be rolled back.
const baselineMemory = "1d"

func baseline(s slo.SLI) *slo.Baseline { return s.Baseline }

// recordBaseline is the baseline as a series, whichever way it is had. Zero is no baseline.
func recordBaseline(m slo.Matrix, s slo.SLI) []Rule {
	b, id := *baseline(s), identity{m.Service, m.Environment, s.ID}
	switch b.From {
	case slo.BaselineFromFixed:
		return []Rule{id.record(slo.BaselineSeries, fmt.Sprintf("vector(%s)", b.Value))}
	case slo.BaselineFromLastWeek:
		return lastWeek(m, s)
	}
	// What the agents export. Replicas that disagree: the greater baseline, which accuses less. The memory speaks only while no agent does,
	// so that the baseline of the release before never outbids today's.
	exported := id.of(slo.AgentBaseline)
	return []Rule{id.record(slo.BaselineSeries,
		fmt.Sprintf("max(%s > 0) or max(last_over_time(%s[%s]) > 0)", exported, exported, baselineMemory))}
}

const (
	weekAgo   = " offset 1w"
	sevenDays = 7 * 24 * time.Hour
)

// lastWeek is the quantity in the window that ended a week ago, if there were events enough. Of too few nothing is known, and nothing
// stands in for it. A share is divided from recorded counts, so that none is taken twice.
func lastWeek(m slo.Matrix, s slo.SLI) []Rule {
	id, over := identity{m.Service, m.Environment, s.ID}, baseline(s).Over
	var rules []Rule
	value, events := "", ""
	if sh, ok := shareOf(s); ok {
		events = id.of(slo.BaselineEvents)
		rules = []Rule{
			id.record(slo.BaselineEvents, shiftedBy(sevenDays, sh.events(over))),
			id.record(slo.BaselineBad, shiftedBy(sevenDays, sh.bad(over, events))),
		}
		value = fmt.Sprintf("%s / %s", id.of(slo.BaselineBad), sh.divisor(events))
	} else {
		value, events = measuredOver(m, s, weekAgo)
	}
	value = "(" + value + ") > 0"
	if least := baseline(s).MinEvents; least.Sign() > 0 {
		// Neither side has labels of its own; `on ()` says so to pint, which takes a quantile to keep those of its histogram.
		value = fmt.Sprintf("%s and on () (%s) >= %s", value, events, least)
	}
	return append(rules, id.record(slo.BaselineSeries, value))
}

// measuredOver is the quantity over the baseline's window, and what it rests on: of a query, which has a window of its own, the mean of
// its evaluations, and their number.
func measuredOver(m slo.Matrix, s slo.SLI, offset string) (value, events string) {
	over := baseline(s).Over
	switch {
	case s.Measure.Latency != nil:
		h := histogram{*s.Measure.Latency, nil}
		return h.quantile(over, offset), h.events(over, offset)
	case s.Measure.Expr != nil:
		window := fmt.Sprintf("(%s)[%s:%s]%s", s.Measure.Expr.Expr, over, m.EvaluationInterval, offset)
		return "avg_over_time(" + window + ")", "count_over_time(" + window + ")"
	}
	r := read(m, s)
	if offset == "" {
		return r.value(over), r.events(over)
	}
	return shiftedBy(sevenDays, r.value(over)), shiftedBy(sevenDays, r.events(over))
}

// shiftedBy is an expression as it was so long ago: each of its selectors looks back that much further, but for what was recorded so.
func shiftedBy(back time.Duration, expr string) string {
	parsed, err := promql.ParseExpr(expr)
	if err != nil {
		return expr // Check names it
	}
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok && v.Name != slo.BaselineEvents {
			v.OriginalOffset += back
		}
		return nil
	})
	return parsed.String()
}

// baselineQueries are what the agent captures: of a baseline that is not its own, what it is just then, so that it judges by one number.
func baselineQueries(m slo.Matrix, s slo.SLI) (value, events string) {
	b := *baseline(s)
	switch b.From {
	case slo.BaselineFromFixed:
		return fmt.Sprintf("vector(%s)", b.Value), fmt.Sprintf("vector(%s)", b.MinEvents)
	case slo.BaselineFromLastWeek:
		return measuredOver(m, s, weekAgo)
	}
	// The NaN of an idle hour is kept: the agent must see it and refuse, not find nothing.
	return measuredOver(m, s, "")
}

// missable says whether a baseline may be missing.
func missable(b *slo.Baseline) bool { return b != nil && b.From != slo.BaselineFromFixed }
