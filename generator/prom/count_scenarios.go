package prom

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/coclai/cutover/generator/slo"
)

const (
	lookback = 5 * time.Minute // how long Prometheus shows a sample that nothing replaced; its default
	oldCount = 5.0             // what a counter stands at from before
)

// countStage has a target and its counter. Events happen at `when`: a whole window after the start where history matters, at once where
// it does not. Every evaluation costs promtool all rules of the file, so a scenario ends when it has shown what it is for.
type countStage struct {
	stage
	counter     specimen
	up, started specimen // of the same target
	decoys      []specimen
	when, until time.Duration
	silent      bool // a counter without series counts 0 while its target is up
}

func countScenarios(st stage, c slo.CountMeasure) []scenario {
	match := matchersOf(c.Counter)
	counter, ok := find(append(append([]*labels.Matcher(nil), match...), targetLabels(c.Job)...), nil)
	up, okUp := find(matchersOf("up"+c.Job), nil)
	if !ok || !okUp {
		return nil
	}
	cs := countStage{stage: st, counter: counter.in(st.group), decoys: decoys(match, match), silent: st.sli.NoData != slo.NoDataAlert}
	for i, d := range cs.decoys {
		cs.decoys[i] = d.beside(st.group, match)
	}
	target := map[string]string{"instance": "a"}
	for _, name := range []string{"instance", "job"} {
		if value := counter[name] + up[name]; value != "" {
			target[name] = max(counter[name], up[name])
		}
	}
	for name, value := range target {
		cs.counter, up = cs.counter.with(name, value), up.with(name, value)
		for i, d := range cs.decoys {
			if !slices.Contains(namesIn(match), name) { // of the same target, as far as the selector leaves that open
				cs.decoys[i] = d.with(name, value)
			}
		}
	}
	cs.up, cs.started = up, up.with(model.MetricNameLabel, "process_start_time_seconds")
	return cs.all()
}

// late lets events happen when a whole window is known, early at once.
func (cs countStage) late() countStage {
	cs.when = cs.onEvaluation(cs.wide) + 2*cs.evaluation
	return cs
}

func (cs countStage) early() countStage {
	cs.when = 2 * cs.evaluation
	return cs
}

// briefly ends soon after the alerts have fired, fully when the events have left the window.
func (cs countStage) briefly() countStage {
	cs.until = cs.when + cs.onEvaluation(cs.longest) + 2*cs.evaluation
	return cs
}

func (cs countStage) fully() countStage {
	cs.until = cs.onEvaluation(cs.when+cs.wide) + cs.evaluation
	return cs
}

// targetLabels are the target's matchers, which its counter's series satisfy, too.
func targetLabels(job string) []*labels.Matcher {
	var all []*labels.Matcher
	for _, m := range matchersOf("up" + job) {
		if m.Name != model.MetricNameLabel {
			all = append(all, m)
		}
	}
	return all
}

func (cs countStage) all() []scenario {
	all := []scenario{cs.beside(cs.early().briefly().restartToZero()), cs.early().fully().oldTarget(), cs.outage(), cs.late().behindGap()}
	if !cs.violatedBy(0) {
		all = append(all, cs.absence(), cs.alone())
	}
	n := math.Max(1, math.Floor(cs.alerts[0].limit(0)))
	for _, level := range wholeLevels(limits(cs.alerts)) {
		stage := cs.late().briefly()
		switch float64(level) {
		case 0:
			stage = cs.early().briefly()
		case n:
			stage = cs.late().fully()
		}
		all = append(all, stage.grown(float64(level)))
	}
	brief := cs.early().briefly()
	all = append(all, brief.oldTargetGoesOn())
	if cs.narrow >= 8*cs.sample { // a shorter window extrapolates two events to three
		all = append(all, cs.late().briefly().acrossRestart())
	}
	if cs.second != nil {
		all = append(all, cs.late().briefly().twoGroups(n))
	}
	few := min(n, fewAfterReset)
	return append(all,
		cs.late().fully().born(n), brief.born(n), brief.newProcess(n), cs.early().fully().shortLived(n), cs.early().fully().restartToSame(n),
		cs.late().fully().lastWords(n),
		cs.early().fully().restartToUnborn(n+1), cs.afterOutage(n), cs.bornInOutage(n),
		cs.early().fully().afterRestart(few), cs.lessThanBefore(few))
}

// fewAfterReset are as many events after a reset as can be counted exactly by a window of which little is known: of more, the extrapolation
// of increase() is not rounded away, and some per cent too many are counted.
const fewAfterReset = 5

// target is up all the time, in a process from long ago.
func (cs countStage) target() []series {
	return []series{cs.hold(cs.up, 1), cs.hold(cs.started, longAgo)}
}

func (cs countStage) hold(s specimen, value float64) series {
	return cs.track().hold(value, cs.until+cs.sample).of(s)
}

// course is what the counter does, and every decoy with it.
func (cs countStage) course(t *track) []series {
	all := []series{t.of(cs.counter)}
	for _, d := range cs.decoys {
		all = append(all, t.of(d))
	}
	return all
}

// counted is the timeline of n events at `when`.
func (cs countStage) counted(before moment, n float64) func(time.Duration) []moment {
	return func(w time.Duration) []moment {
		return []moment{before, {at: cs.when, known: true, value: n}, {at: cs.when + w, known: true}}
	}
}

func (cs countStage) scenario(name string, series []series, timeline func(time.Duration) []moment) scenario {
	return scenario{
		name: name, series: series, timeline: timeline, until: cs.until, recorded: true,
		peak: min(cs.until, cs.beforeEnd(cs.when+cs.narrow)),
	}
}

// grown is a counter that stood at something before. Decoys count by the hundred.
func (cs countStage) grown(n float64) scenario {
	all := append(cs.target(), cs.track().hold(oldCount, cs.when).hold(oldCount+n, cs.until+cs.sample).of(cs.counter))
	for _, d := range cs.decoys {
		all = append(all, cs.track().hold(0, cs.when).hold(100+n, cs.until+cs.sample).of(d))
	}
	return cs.scenario(fmt.Sprintf("%s more events", number(n)), all, cs.counted(moment{known: true}, n))
}

// twoGroups are events in one group, beside another that counted long ago.
func (cs countStage) twoGroups(n float64) scenario {
	c := cs.grown(n)
	c.name = "events in one of two groups"
	c.series = append(c.series, cs.hold(cs.counter.in(cs.second), oldCount))
	for _, w := range windows(cs.sli) {
		c.values = append(c.values, cs.stands(cs.second, slo.EventsSeries(w), c.peak, 0))
	}
	return c
}

// unborn is the moment before a counter has its first series. Of a group nothing is known then.
func (cs countStage) unborn() moment {
	return moment{known: cs.silent && len(cs.sli.By) == 0, missing: !cs.silent}
}

// born is a series that nobody saw before its first increment.
func (cs countStage) born(n float64) scenario {
	all := append(cs.target(), cs.course(cs.track().gap(cs.when).hold(n, cs.until+cs.sample))...)
	c := cs.scenario(fmt.Sprintf("a series born at %s", number(n)), all, cs.counted(cs.unborn(), n))
	if cs.unborn().known {
		for _, w := range windows(cs.sli) {
			c.values = append(c.values, cs.stands(cs.group, slo.EventsSeries(w), cs.beforeEnd(cs.when), 0))
		}
	}
	return c
}

// lastWords are events after which the counter is gone: they stay in the window as long as any others.
func (cs countStage) lastWords(n float64) scenario {
	lost := cs.when + cs.sample
	all := append(cs.target(), cs.track().hold(oldCount, cs.when).hold(oldCount+n, lost).lose(cs.until+cs.sample).of(cs.counter))
	return cs.scenario(fmt.Sprintf("%s events, and the counter is gone", number(n)), all, func(w time.Duration) []moment {
		after := cs.unborn()
		still := moment{at: lost, known: true, value: n, missing: after.missing}
		after.at = cs.when + w
		return []moment{{known: true}, {at: cs.when, known: true, value: n}, still, after}
	})
}

// newProcess is another instance that had counted before its first scrape.
func (cs countStage) newProcess(n float64) scenario {
	late := func(s specimen, value float64) series {
		return cs.track().gap(cs.when).hold(value, cs.until+cs.sample).of(s.with("instance", "b"))
	}
	all := append(cs.target(), cs.hold(cs.counter, oldCount), late(cs.counter, n), late(cs.up, 1), late(cs.started, cs.when.Seconds()))
	return cs.scenario(fmt.Sprintf("a new process at %s when first scraped", number(n)), all, cs.counted(moment{known: true}, n))
}

// restartToSame is a restart between two scrapes after which the counter stands where it stood.
func (cs countStage) restartToSame(n float64) scenario {
	all := append(cs.course(cs.track().hold(n, cs.until+cs.sample)), cs.hold(cs.up, 1),
		cs.track().hold(longAgo, cs.when).hold(cs.when.Seconds(), cs.until+cs.sample).of(cs.started))
	return cs.scenario(fmt.Sprintf("a restart, and %s again", number(n)), all, cs.counted(moment{known: true}, n))
}

// shortLived is a process that is scraped once.
func (cs countStage) shortLived(n float64) scenario {
	once := func(s specimen, value float64) series {
		return cs.track().gap(cs.when).hold(value, cs.when+cs.sample).lose(cs.until + cs.sample).of(s.with("instance", "b"))
	}
	all := append(cs.target(), cs.hold(cs.counter, 0), once(cs.counter, n), once(cs.up, 1), once(cs.started, cs.when.Seconds()))
	return cs.scenario(fmt.Sprintf("a process at %s that is scraped once", number(n)), all, cs.counted(moment{known: true}, n))
}

// restartToUnborn is a restart after which the series is absent until it comes back at the same value.
func (cs countStage) restartToUnborn(n float64) scenario {
	back := cs.when + cs.onEvaluation(cs.narrow/4)
	all := append(cs.course(cs.track().hold(n, cs.when).lose(back).hold(n, cs.until+cs.sample)), cs.hold(cs.up, 1),
		cs.track().hold(longAgo, cs.when).hold(cs.when.Seconds(), cs.until+cs.sample).of(cs.started))
	return cs.scenario(fmt.Sprintf("a restart, and %s again after a while", number(n)), all, func(w time.Duration) []moment {
		lost := cs.unborn()
		lost.at = cs.when
		return []moment{{known: true}, lost, {at: back, known: true, value: n}, {at: back + w, known: true}}
	})
}

// restartToZero counts nothing.
func (cs countStage) restartToZero() scenario {
	all := []series{
		cs.hold(cs.up, 1),
		cs.track().hold(longAgo, cs.when).hold(cs.when.Seconds(), cs.until+cs.sample).of(cs.started),
		cs.track().hold(oldCount, cs.when).hold(0, cs.until+cs.sample).of(cs.counter),
	}
	return cs.scenario("a restart, and nothing since", all, same(moment{known: true}))
}

// afterRestart are events that follow on a restart: what the process before counted is not theirs, and leaves the window first.
func (cs countStage) afterRestart(n float64) scenario {
	restart := cs.when
	cs.when, cs.until = cs.when+cs.evaluation, cs.until+cs.evaluation
	return cs.scenario(fmt.Sprintf("a restart, then %s events", number(n)), []series{
		cs.hold(cs.up, 1),
		cs.track().hold(longAgo, restart).hold(restart.Seconds(), cs.until+cs.sample).of(cs.started),
		cs.track().hold(oldCount, restart).hold(0, cs.when).hold(n, cs.until+cs.sample).of(cs.counter),
	}, cs.counted(moment{known: true}, n))
}

// lessThanBefore is a restart behind a short gap. The old process's last count is looked at when it is just out of the window, and much
// greater: all that there is now is new.
func (cs countStage) lessThanBefore(n float64) scenario {
	lost := 2 * cs.evaluation
	cs.when = lost + cs.onEvaluation(2*cs.sample)
	cs = cs.fully()
	gap := func(s specimen, before, after float64) series {
		return cs.track().hold(before, lost).gap(cs.when).hold(after, cs.until+cs.sample).of(s)
	}
	c := cs.scenario(fmt.Sprintf("back from a gap at %s, which is less than before", number(n)), []series{
		gap(cs.up, 1, 1), gap(cs.started, longAgo, (lost - cs.sample).Seconds()), gap(cs.counter, oldCount+n, n),
	}, cs.counted(moment{known: true}, n))
	c.peak = cs.onEvaluation(lost - cs.sample + cs.narrow)
	return c
}

// oldTarget is a process that counted long ago and is scraped only now.
func (cs countStage) oldTarget() scenario {
	late := func(s specimen, value float64) series {
		return cs.track().gap(cs.when).hold(value, cs.until+cs.sample).of(s.with("instance", "b"))
	}
	all := append(cs.target(), cs.hold(cs.counter, 0), late(cs.counter, oldCount), late(cs.up, 1), late(cs.started, longAgo))
	return cs.scenario("an old target met for the first time", all, same(moment{known: true}))
}

// oldTargetGoesOn is the same, and then something does happen.
func (cs countStage) oldTargetGoesOn() scenario {
	met := cs.when
	cs.when += 2 * cs.evaluation
	cs.until += 2 * cs.evaluation
	late := func(s specimen, value, then float64) series {
		return cs.track().gap(met).hold(value, cs.when).hold(then, cs.until+cs.sample).of(s.with("instance", "b"))
	}
	all := append(cs.target(), cs.hold(cs.counter, 0),
		late(cs.counter, oldCount, oldCount+1), late(cs.up, 1, 1), late(cs.started, longAgo, longAgo))
	return cs.scenario("an old target met for the first time, then an event", all, cs.counted(moment{known: true}, 1))
}

// acrossRestart is an event on either side of a restart. The first is gone from the window with the sample before it, the second only
// with its own: a counter that stands lower than before says so without one.
func (cs countStage) acrossRestart() scenario {
	second := cs.when + cs.sample
	all := []series{
		cs.hold(cs.up, 1),
		cs.track().hold(longAgo, second).hold(second.Seconds(), cs.until+cs.sample).of(cs.started),
		cs.track().hold(oldCount, cs.when).hold(oldCount+1, second).hold(1, cs.until+cs.sample).of(cs.counter),
	}
	return cs.scenario("an event, a restart, an event", all, func(w time.Duration) []moment {
		return []moment{
			{known: true}, {at: cs.when, known: true, value: 1}, {at: second, known: true, value: 2},
			{at: cs.when + w - cs.sample, known: true, value: 1}, {at: second + w, known: true},
		}
	})
}
