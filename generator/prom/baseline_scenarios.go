package prom

import (
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/coclai/cutover/generator/slo"
)

// lastWeekScenarios look at the recorded baseline, a week after events enough, and a week after too few. What an expression was worth, its
// author alone knows.
func lastWeekScenarios(st stage) []scenario {
	b := baseline(st.sli)
	if b == nil || b.From != slo.BaselineFromLastWeek || st.evaluation != stride || st.sample != st.matrix.ScrapeInterval.Std() {
		return nil
	}
	play, ok := lastWeekOf(st)
	if !ok {
		return nil
	}
	enough := math.Max(1, math.Ceil(b.MinEvents.Float()))
	all := []scenario{play("last week, and events enough", enough, true)}
	if enough > 1 {
		all = append(all, play("last week, and one event too few", enough-1, false))
	}
	return all
}

// lastWeekOf plays so many events of a week ago, of which it is known or not what they were worth.
func lastWeekOf(st stage) (func(name string, events float64, known bool) scenario, bool) {
	switch m := st.sli.Measure; {
	case m.Latency != nil:
		ls, ok := newLatencyStage(st, *m.Latency)
		return ls.lastWeek, ok
	case m.Ratio != nil:
		rs, ok := newRatioStage(st, *m.Ratio)
		return rs.lastWeek, ok
	}
	return nil, false
}

// weekLater is the test that what was played at the end of the baseline's window is the baseline a week later.
func (st stage) weekLater(name string, end time.Duration, played []series, value float64, known bool) scenario {
	id := identity{st.matrix.Service, st.matrix.Environment, st.sli.ID}
	test := valueTest{Expr: canonical(id.of(slo.BaselineSeries)), EvalTime: slo.Duration(end + sevenDays)}
	if known {
		labels := specimen(id.labels()).with(model.MetricNameLabel, slo.BaselineSeries)
		test.Samples = []sample{{Labels: labels.String(), Value: value}}
	}
	return scenario{name: name, series: played, until: end + sevenDays, peak: end + sevenDays, values: []valueTest{test}}
}

func (rs ratioStage) lastWeek(name string, events float64, known bool) scenario {
	end := rs.onEvaluation(baseline(rs.sli).Over.Std())
	when := end - rs.onSample(baseline(rs.sli).Over.Std()/2)
	l := ratioLevel{bad: math.Ceil(events / 2)}
	l.good = events - l.bad
	part, rest := rs.counts(l)
	count := func(s specimen, n float64) series { return rs.track().hold(0, when).hold(n, end+rs.sample).of(s) }
	return rs.weekLater(name, end, []series{count(rs.part, part), count(rs.rest, rest)}, l.value(), known)
}

func (ls latencyStage) lastWeek(name string, events float64, known bool) scenario {
	end := ls.onEvaluation(baseline(ls.sli).Over.Std())
	when := end - ls.onSample(baseline(ls.sli).Over.Std()/2)
	ls.finish = end
	all := ls.requestsOf("process", when, latencyLevel{value: ls.base, events: events}, bucket{ls.base, 0})
	return ls.weekLater(name, end, all, ls.base, known)
}

// otherBaseline is what a second agent exports, in parts of the first one's: the greater must win.
const otherBaseline = 0.5

// captured says whether the agents export what is compared with.
func (st stage) captured() bool {
	b := baseline(st.sli)
	return missable(b) && b.From != slo.BaselineFromLastWeek
}

// baselines are what two agents export. Of last week only the recorded series is played: a week of evaluations would take a minute.
func (st stage) baselines(base float64, until time.Duration) []series {
	b := baseline(st.sli)
	if base == 0 || !missable(b) {
		return nil
	}
	if !st.captured() {
		id := identity{st.matrix.Service, st.matrix.Environment, st.sli.ID}
		return []series{st.track().hold(base, until+st.sample).of(specimen(id.labels()).with(model.MetricNameLabel, slo.BaselineSeries))}
	}
	died := st.agentSeries(slo.AgentBaseline, "died").with(slo.LabelSLO, st.sli.ID)
	all := []series{
		st.exported("a", base, until), st.exported("b", base*otherBaseline, until),
		st.track().hold(2*base, st.sample).lose(until + st.sample).of(died), // the memory of it must not outbid those who live
	}
	return append(all, st.strangers(until)...)
}

func (st stage) exported(agent string, base float64, until time.Duration) series {
	return st.track().hold(base, until+st.sample).of(st.agentSeries(slo.AgentBaseline, agent).with(slo.LabelSLO, st.sli.ID))
}

// strangers are baselines of another service, environment and SLI, so great that nothing would exceed them.
func (st stage) strangers(until time.Duration) []series {
	own := st.agentSeries(slo.AgentBaseline, "neighbour").with(slo.LabelSLO, st.sli.ID)
	var all []series
	for _, other := range []specimen{
		own.with(slo.LabelService, "other"), own.with(slo.LabelEnvironment, "other"), own.with(slo.LabelSLO, st.sli.ID+"-other"),
	} {
		all = append(all, st.track().hold(1e12, until+st.sample).of(other))
	}
	return all
}

// played is a baseline to play with, and 0 without one: not so small that the floor would decide where the factor should.
func (st stage) played() float64 {
	b := baseline(st.sli)
	switch {
	case b == nil:
		return 0
	case !missable(b):
		return b.Value.Float()
	}
	base := 1. / 64
	for _, a := range st.alerts {
		for a.bound.Relative != nil && a.bound.Relative.Sign() != 0 && base < 0.25 && base*math.Abs(a.bound.Relative.Float()) < 2*b.Floor.Float() {
			base *= 2
		}
	}
	return base
}

// against plays a scenario with a baseline to compare with.
func (st stage) against(c scenario, base float64) scenario {
	if base == 0 || c.timeline == nil {
		return c
	}
	c.series = append(c.series, st.baselines(base, c.until)...)
	alone := c.timeline
	c.timeline = func(w time.Duration) []moment {
		moments := slices.Clone(alone(w))
		for i := range moments {
			moments[i].baseline = base
		}
		return moments
	}
	return c
}

// aboutBaseline are a violation that nothing can be compared with, and what shows that something can: series of other releases and SLIs, an
// agent that has died, a release that has its baseline.
func (st stage) aboutBaseline(violation scenario, base float64) []scenario {
	if !missable(baseline(st.sli)) {
		return nil
	}
	all := []scenario{st.beside(st.incomparable(violation)), st.noRelease(), st.withRelease(violation, base)}
	if !st.captured() {
		return all
	}
	zero, orphaned := st.incomparable(violation), st.against(violation, base)
	zero.name = "the release's baseline is zero"
	zero.series = append(zero.series, st.exported("a", 0, zero.until))
	orphaned.name = "the agent died, its baseline stands"
	last := st.agentSeries(slo.AgentBaseline, "a").with(slo.LabelSLO, st.sli.ID)
	orphaned.series = slices.Concat(violation.series, st.strangers(violation.until), []series{
		st.track().hold(base, st.evaluation).lose(violation.until + st.sample).of(last),
	})
	return append(all, zero, orphaned)
}

// noRelease has no baseline and needs none.
func (st stage) noRelease() scenario {
	until := st.onEvaluation(st.patience) + st.evaluation
	return scenario{
		name: "no release is out, and there is no baseline", until: until, peak: until,
		series: st.outElsewhere(until + st.sample), timeline: same(moment{missing: true}),
	}
}

// withRelease is a release that is out and has a baseline.
func (st stage) withRelease(c scenario, base float64) scenario {
	c = st.against(st.incomparable(c), base)
	c.name = "the release has its baseline"
	return c
}

// incomparable is a scenario while a release is out and there is no baseline: nothing violates, and that it is so is said.
func (st stage) incomparable(c scenario) scenario {
	c.name = "the release has no baseline"
	c.until = max(c.until, st.onEvaluation(st.patience)+st.evaluation)
	c.series = append(c.series, st.out(c.until+st.sample))
	alone := c.timeline
	c.timeline = func(w time.Duration) []moment {
		moments := slices.Clone(alone(w))
		for i := range moments {
			moments[i].released = true
		}
		return moments
	}
	return c
}

// beyond are values a 200th below and above each relative bound, and that itself where it decides: the baselines that are played are binary
// fractions, so that their products are exact.
func (st stage) beyond(base float64) []float64 {
	var all []float64
	for _, a := range st.alerts {
		if a.bound.Relative != nil {
			limit := a.limit(base)
			if excess := a.floor().Float(); excess > 0 {
				limit = max(limit, base+excess)
			}
			all = append(all, limit*0.995, limit*1.005)
			if limit == a.limit(base) {
				all = append(all, limit)
			}
		}
	}
	return all
}

func (p pace) onSample(t time.Duration) time.Duration { return t / p.sample * p.sample }
