package prom

import (
	"math"
	"time"

	"github.com/prometheus/common/model"

	"github.com/coclai/cutover/generator/slo"
)

const sevenDays = 7 * 24 * time.Hour

// lastWeekScenarios look at the recorded baseline, a week after events enough, and a week after too few.
func lastWeekScenarios(st stage) []scenario {
	b := baseline(st.sli)
	if b == nil || b.From != slo.BaselineFromLastWeek || st.evaluation != stride || st.sample != st.matrix.ScrapeInterval.Std() {
		return nil
	}
	ls, ok := newLatencyStage(st, *st.sli.Measure.Latency)
	if !ok {
		return nil
	}
	enough := math.Max(1, math.Ceil(b.MinEvents.Float()))
	all := []scenario{ls.lastWeek("last week, and events enough", enough, true)}
	if enough > 1 {
		all = append(all, ls.lastWeek("last week, and one event too few", enough-1, false))
	}
	return all
}

func (ls latencyStage) lastWeek(name string, events float64, known bool) scenario {
	end := ls.onEvaluation(baseline(ls.sli).Over.Std())
	when := end - ls.onSample(baseline(ls.sli).Over.Std()/2)
	id := identity{ls.matrix.Service, ls.matrix.Environment, ls.sli.ID}
	test := valueTest{Expr: canonical(id.of(slo.BaselineSeries)), EvalTime: slo.Duration(end + sevenDays)}
	if known {
		labels := specimen(id.labels()).with(model.MetricNameLabel, slo.BaselineSeries)
		test.Samples = []sample{{Labels: labels.String(), Value: ls.base}}
	}
	ls.finish = end
	all := ls.requestsOf("process", when, latencyLevel{value: ls.base, events: events}, bucket{ls.base, 0})
	return scenario{name: name, series: all, until: end + sevenDays, peak: end + sevenDays, values: []valueTest{test}}
}

func (p pace) onSample(t time.Duration) time.Duration { return t / p.sample * p.sample }
