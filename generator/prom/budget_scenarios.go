package prom

import (
	"fmt"
	"slices"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// budgetStage plays an error budget. Each of the three paces looks at what it leaves as it is in production: the first at the group that is
// evaluated as the matrix is, the second at that of the tiles, the third at how long the longest windows are.
type budgetStage struct {
	stage
	budget  budget
	traffic traffic
}

// traffic makes up series: flow is a steady stream of so many events at every sample, burst nothing but bad ones at every sample between two
// times, and no event after. Counters are those of a ratio; nil for a gauge.
type traffic struct {
	flow     func(l ratioLevel, until time.Duration) []series
	burst    func(from, to, until time.Duration) []series
	counters *ratioStage
}

// stride is how far evaluations are apart where weeks pass. Samples come at one of two paces there: one that pieces can still be cut from,
// and one for raw windows, of which promtool allows a query no more than ten thousand samples.
const (
	stride   = 6 * time.Hour
	coarse   = time.Minute
	coarsest = 30 * time.Minute
)

// manyBad is how many bad events a burst has at each sample.
const manyBad = 1000

func budgetScenarios(st stage) []scenario {
	b, ok := budgetOf(st.matrix, st.sli)
	if !ok {
		return nil
	}
	var all []scenario
	bs := budgetStage{stage: st, budget: b}
	if bs.traffic, ok = trafficOf(st); !ok {
		return nil
	}
	switch st.evaluation {
	case stride:
		return bs.weeks()
	case st.matrix.EvaluationInterval.Std():
		all = slices.Concat(bs.played(b.isFast), bs.alone(), bs.calm(), bs.births())
	}
	if st.evaluation == tileLength.Std() {
		all = slices.Concat(all, bs.played(b.isSlow), bs.tiles())
	}
	return all
}

// weeks are what is evaluated every few hours, at the several paces of its samples.
func (bs budgetStage) weeks() []scenario {
	all := bs.long()
	if bs.sample == bs.matrix.EvaluationInterval.Std() {
		all = slices.Concat(all, bs.pieces(bs.budget.isFast), bs.edges(bs.budget.isFast))
	}
	if bs.sample == pieceStride {
		all = slices.Concat(all, bs.pieces(bs.budget.isSlow), bs.edges(bs.budget.isSlow))
	}
	return all
}

func trafficOf(st stage) (traffic, bool) {
	if a := st.sli.Measure.Availability; a != nil {
		us, ok := newUpStage(st, *a)
		return traffic{us.flow, us.burst, nil}, ok
	}
	rs, ok := newRatioStage(st, *st.sli.Measure.Ratio)
	return traffic{rs.flow, rs.burst, &rs}, ok
}

func (rs ratioStage) flow(l ratioLevel, until time.Duration) []series {
	part, rest := rs.counts(l)
	all := []series{rs.track().rise(0, part, until+rs.sample).of(rs.part), rs.track().rise(0, rest, until+rs.sample).of(rs.rest)}
	for i, d := range rs.decoys {
		all = append(all, rs.track().rise(0, 10*(part+rest), until+rs.sample).of(d.with(rs.apart, fmt.Sprintf("decoy-%d", i))))
	}
	return all
}

func (rs ratioStage) burst(from, to, until time.Duration) []series {
	n := float64(manyBad)
	count := func(step float64) *track {
		t := rs.track().hold(0, from).rise(step, step, to)
		return t.hold(step*float64((to-from)/rs.sample), until+rs.sample)
	}
	part, rest := rs.counts(ratioLevel{bad: n})
	return []series{count(part).of(rs.part), count(rest).of(rs.rest)}
}

func (us upStage) flow(l ratioLevel, until time.Duration) []series {
	all := []series{us.gauge(us.up, span{1 - l.value(), until + us.sample})}
	for i, d := range us.decoys {
		all = append(all, us.gauge(d.with(us.apart, fmt.Sprintf("decoy-%d", i)), span{-1000, until + us.sample}))
	}
	return all
}

func (us upStage) burst(from, to, until time.Duration) []series {
	return []series{us.track().gap(from).hold(0, to).lose(until + us.sample).of(us.up)}
}

// watched are the alerts of one group.
func (bs budgetStage) watched(here func(slo.Duration) bool) []alert {
	var all []alert
	for _, a := range bs.budget.alerts() {
		if here(a.short) {
			all = append(all, a)
		}
	}
	return all
}

// played are the scenarios of a group's alerts: each limit from both sides, and how long each short window remembers.
func (bs budgetStage) played(here func(slo.Duration) bool) []scenario {
	alerts := bs.watched(here)
	var all []scenario
	for _, limit := range limits(alerts) {
		for _, l := range ratioLevels(limit, bs.sli.MinEvents) {
			if bs.exact() || l.value() != limit.Float() {
				all = append(all, bs.steady(l, alerts))
			}
		}
	}
	if len(alerts) == 0 {
		return nil
	}
	all = append(all, bs.over(alerts), bs.unfailing(here))
	if bs.traffic.counters != nil {
		all = append(all, bs.guard(alerts)...)
	}
	return all
}

// exact says whether what is summed is exact: differences of counters are, and increase() is where it extrapolates by a power of two.
func (bs budgetStage) exact() bool {
	if bs.budget.Raw || bs.sli.Measure.Availability != nil {
		return false
	}
	scrapes := int64(bs.budget.overhang() / bs.matrix.ScrapeInterval)
	return bs.evaluation == tileLength.Std() || bs.sample == bs.matrix.ScrapeInterval.Std() && scrapes&(scrapes-1) == 0
}

// settled is when every kind of piece has been recorded a few times.
func (bs budgetStage) settled() time.Duration {
	length, _ := bs.budget.strip()
	return bs.onEvaluation(max(3*tileLength.Std(), length.Std())) + 4*bs.evaluation
}

// steady is the same share of bad events from the beginning: all windows show it at once.
func (bs budgetStage) steady(l ratioLevel, alerts []alert) scenario {
	until := bs.settled()
	c := scenario{name: "budget, " + l.name, series: bs.traffic.flow(l, until), until: until}
	for _, a := range alerts {
		if bs.exact() {
			c.values = append(c.values, bs.shows(a.short, until, l.value())...)
		}
		firing := compare(l.value(), a.limit(0)) > 0
		c.alerts = append(c.alerts, a.expect(until, firing, l.value(), bs.group))
	}
	return c
}

// shows are the tests of what is recorded of a window.
func (bs budgetStage) shows(w slo.Duration, at time.Duration, ratio float64) []valueTest {
	return []valueTest{
		bs.recorded(slo.ErrorRatioSeries(w), at, ratio), bs.recorded(slo.BurnRateSeries(w), at, ratio/bs.budget.Share().Float()),
	}
}

// unfailing is traffic in which nothing ever failed, beside budgets of others that are as bad as can be.
func (bs budgetStage) unfailing(here func(slo.Duration) bool) scenario {
	until := bs.settled()
	c := scenario{name: "budget, nothing ever failed", series: bs.traffic.flow(ratioLevel{good: 2*bs.sli.MinEvents.Float() + 1}, until), until: until}
	if rs := bs.traffic.counters; rs != nil && !rs.good {
		c.series = c.series[1:]
	}
	for _, w := range bs.windows(here) {
		c.values = append(c.values, bs.shows(w, until, 0)...)
	}
	c.series = append(c.series, bs.neighbours(until+bs.sample, bs.names()...)...)
	return c
}

// windows are those that a group records.
func (bs budgetStage) windows(here func(slo.Duration) bool) []slo.Duration {
	var all []slo.Duration
	for _, w := range BurnWindows(bs.budget.Period) {
		for _, length := range []slo.Duration{w.Short, w.Long} {
			if here(length) && !slices.Contains(all, length) {
				all = append(all, length)
			}
		}
	}
	return all
}

// names are those of all that the budget's rules read of each other.
func (bs budgetStage) names() []string {
	length, _ := bs.budget.strip()
	names := []string{slo.ErrorRatioSeries(bs.budget.Period), slo.BurnRateSeries(bs.budget.Period)}
	for _, what := range []string{slo.BudgetEvents, slo.BudgetBad} {
		names = append(names, slo.BudgetStrip(what, length), slo.BudgetTile(what, tileLength))
	}
	for _, w := range bs.windows(whichever) {
		names = append(names, slo.ErrorRatioSeries(w), slo.BurnRateSeries(w), slo.BudgetEventsSeries(w))
	}
	return names
}

// over is an outage that has ended, after which nothing comes: an alert ends when its short window has forgotten it.
func (bs budgetStage) over(alerts []alert) scenario {
	ended := bs.settled()
	until := ended
	c := scenario{name: "budget, an outage that is over"}
	for _, a := range alerts {
		forgets := bs.onEvaluation(ended + a.short.Std())
		before, after := forgets-2*bs.evaluation, forgets+3*bs.evaluation
		enough := !(a.guard.Sign() > 0) || bs.sli.Measure.Availability == nil || a.guard.Float() <= 1
		if enough {
			c.alerts = append(c.alerts, a.expect(before, true, 1, bs.group))
		}
		c.alerts = append(c.alerts, a.expect(after, false, 0, bs.group))
		until = max(until, after)
	}
	c.until, c.series = until, bs.traffic.burst(0, ended, until)
	return c
}

// guard is an outage by too few events, and by enough. Counters do not start at 0 here: increase() would take the first increment from 0
// for less than it is. One in a hundred more or less makes up for its extrapolation.
func (bs budgetStage) guard(alerts []alert) []scenario {
	enough := bs.sli.MinEvents.Float()
	if enough <= 1 {
		return nil
	}
	rs := bs.traffic.counters
	var all []scenario
	for _, n := range []float64{float64(int(enough * 0.95)), float64(int(enough*1.01) + 1)} {
		c := scenario{name: fmt.Sprintf("budget, an outage by %s events, where it takes %s", number(n), number(enough))}
		when := bs.settled()
		length, _ := bs.budget.strip()
		c.until = when + bs.onEvaluation(length.Std()) + 2*bs.evaluation
		part, rest := rs.counts(ratioLevel{bad: n})
		from := bs.before()
		jump := func(s specimen, by float64) series {
			return bs.track().hold(from, when).hold(from+by, c.until+bs.sample).of(s)
		}
		c.series = []series{jump(rs.part, part), jump(rs.rest, rest)}
		for _, a := range alerts {
			if bs.budget.isFast(a.bound.Window) == (bs.evaluation != tileLength.Std()) {
				c.alerts = append(c.alerts, a.expect(c.until, n >= enough, 1, bs.group))
			}
		}
		all = append(all, c)
	}
	return all
}

// before is what counters stand at before the guard's events.
func (bs budgetStage) before() float64 {
	if bs.budget.Raw {
		return 0 // raw windows are not full yet; from 0 nothing is extrapolated
	}
	return manyBad
}

// recorded is the test of one recorded series of the budget.
func (bs budgetStage) recorded(name string, at time.Duration, value float64) valueTest {
	series := bs.budget.id.in(bs.group, name)
	return valueTest{Expr: canonical(series), EvalTime: slo.Duration(at), Samples: []sample{{Labels: series, Value: value}}}
}

// long is an outage of half a day: each of the longest windows remembers it as long as it is.
func (bs budgetStage) long() []scenario {
	samples := coarse
	if bs.budget.Raw {
		samples = coarsest
	}
	if bs.sample != samples {
		return nil
	}
	const from, to = stride, 3 * stride
	c := scenario{name: "budget, how long the windows are"}
	windows := []time.Duration{bs.budget.Period.Std()}
	for _, w := range BurnWindows(bs.budget.Period) {
		if w.Long >= day {
			windows = append(windows, w.Long.Std())
		}
	}
	for _, w := range windows {
		forgets := bs.onEvaluation(to + w)
		c.values = append(c.values, bs.remembered(slo.Duration(w), forgets-stride, true), bs.remembered(slo.Duration(w), forgets+stride, false))
		c.until = max(c.until, forgets+stride)
	}
	c.series = bs.traffic.burst(from, to, c.until)
	return []scenario{c}
}

// remembered says whether a window still shows something bad.
func (bs budgetStage) remembered(w slo.Duration, at time.Duration, yes bool) valueTest {
	test := valueTest{
		Expr: canonical(fmt.Sprintf("count(%s > 0)", bs.budget.id.in(bs.group, slo.ErrorRatioSeries(w)))), EvalTime: slo.Duration(at),
	}
	if yes {
		test.Samples = []sample{{Labels: "{}", Value: 1}}
	}
	return test
}
