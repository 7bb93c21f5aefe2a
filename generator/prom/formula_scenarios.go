package prom

import (
	"slices"

	"github.com/prometheus/common/model"

	"github.com/coclai/cutover/generator/slo"
)

// exprScenarios play the recorded value, since nobody can make up series for any expression: the alerts are tested, the expression is its
// author's. One that has a value without any series would write over what is played, and is left untested.
func exprScenarios(st stage, e slo.ExprMeasure) []scenario {
	if speaksAlone(e.Expr) {
		return nil
	}
	id := identity{st.matrix.Service, st.matrix.Environment, st.sli.ID}
	recorded := specimen(id.labels()).with(model.MetricNameLabel, slo.ValueSeries(0)).in(st.group)
	ss := stateStage{stage: st, gauge: recorded}
	ss.from = st.onEvaluation(st.patience) + 2*st.evaluation
	ss.to = ss.from + st.onEvaluation(st.longest) + 2*st.evaluation
	var all []scenario
	for _, limit := range limits(st.alerts) {
		for _, v := range near(limit) {
			all = append(all, ss.level(v))
		}
	}
	base := ss.played()
	for _, v := range ss.beyond(base) {
		if !ss.isLimit(v, base) {
			v = shortest(v, 0)
		}
		all = append(all, ss.level(v))
	}
	all[0] = ss.beside(all[0])
	for i, c := range all {
		all[i] = ss.against(c, base)
	}
	if base != 0 {
		all = append(all, ss.aboutBaseline(ss.level(1e9), base)...)
	}
	violating, quiet, ok := ss.extremes()
	if ok && st.second != nil {
		c := ss.level(violating)
		c.name = "one of two groups violates"
		c.series = append(c.series, ss.shows(recorded.in(st.second), quiet))
		all = append(all, c)
	}
	return all
}

// isLimit says whether a value is exactly what an alert compares with.
func (ss stateStage) isLimit(value, base float64) bool {
	return slices.ContainsFunc(ss.alerts, func(a alert) bool { return a.limit(base) == value })
}
