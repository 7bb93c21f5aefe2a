package prom

import (
	"time"

	"github.com/prometheus/common/model"

	"github.com/coclai/cutover/generator/slo"
)

// neighbours are recorded series of another service, another environment and another SLI, as bad as can be: a rule that lost a matcher
// would take them for its own.
func (st stage) neighbours(until time.Duration, names ...string) []series {
	bad := 1e6
	if lowIsBad(st.sli.Alert.Op) {
		bad = -bad
	}
	id := identity{st.matrix.Service, st.matrix.Environment, st.sli.ID}
	var all []series
	for _, name := range names {
		own := specimen(id.labels()).with(model.MetricNameLabel, name).in(st.group)
		for _, other := range []specimen{
			own.with(slo.LabelService, "other"), own.with(slo.LabelEnvironment, "other"), own.with(slo.LabelSLO, id.slo+"-other"),
		} {
			all = append(all, st.track().hold(bad, until).of(other))
		}
	}
	return all
}

// recorded are the names of all that the SLI's rules record for alerts.
func (st stage) recorded() []string {
	var names []string
	r := read(st.matrix, st.sli)
	for _, w := range windows(st.sli) {
		for _, rule := range r.records(w) {
			names = append(names, rule.Record)
		}
	}
	if baseline(st.sli) != nil {
		names = append(names, slo.BaselineSeries)
	}
	return names
}

// beside adds neighbours to a scenario.
func (st stage) beside(c scenario) scenario {
	c.series = append(c.series, st.neighbours(c.until+st.sample, st.recorded()...)...)
	return c
}

// stands looks at what is recorded of a group at a time.
func (st stage) stands(group specimen, name string, at time.Duration, value float64) valueTest {
	series := identity{st.matrix.Service, st.matrix.Environment, st.sli.ID}.in(group, name)
	return valueTest{Expr: canonical(series), EvalTime: slo.Duration(at), Samples: []sample{{Labels: series, Value: value}}}
}

// forgets looks at what is recorded of each window when it has just let go of everything: nothing happened any more.
func (st stage) forgets(c scenario, name func(slo.Duration) string, samples ...float64) scenario {
	id := identity{st.matrix.Service, st.matrix.Environment, st.sli.ID}
	for _, w := range windows(st.sli) {
		series := id.in(st.group, name(w))
		test := valueTest{Expr: canonical(series), EvalTime: slo.Duration(st.onEvaluation(st.gone(w.Std())))}
		for _, value := range samples {
			test.Samples = append(test.Samples, sample{Labels: series, Value: value})
		}
		c.values = append(c.values, test)
	}
	return c
}
