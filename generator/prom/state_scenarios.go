package prom

import (
	"fmt"
	"math"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// stateStage has a gauge, and the time of its last push if it is pushed.
type stateStage struct {
	stage
	gauge, pushed specimen
	decoys        []specimen
	staleAfter    time.Duration
	from, to      time.Duration // the gauge is there
}

func stateScenarios(st stage, g slo.StateMeasure) []scenario {
	match := matchersOf(g.Gauge)
	gauge, ok := find(match, nil)
	ss := stateStage{stage: st, gauge: gauge, decoys: decoys(match, match)}
	ss.apart = apartLabel(match)
	if ok && g.PushedAt != "" && g.StaleAfter > 0 {
		ss.staleAfter = g.StaleAfter.Std()
		ss.pushed, ok = find(matchersOf(g.PushedAt), nil)
		for _, name := range []string{"job", "instance"} {
			ss.pushed, ss.gauge = ss.pushed.with(name, gauge[name]), ss.gauge.with(name, gauge[name])
		}
	}
	if !ok {
		return nil
	}
	ss.from = st.onEvaluation(st.patience) + 2*st.evaluation
	ss.to = ss.from + st.onEvaluation(st.longest) + 2*st.evaluation
	return ss.all()
}

func (ss stateStage) all() []scenario {
	var all []scenario
	for _, limit := range limits(ss.alerts) {
		for _, v := range near(limit) {
			all = append(all, ss.level(v))
		}
	}
	all[0] = ss.beside(all[0])
	violating, quiet, ok := ss.extremes()
	if ok {
		all = append(all, ss.oneOfTwo(violating, quiet))
	}
	if ok && ss.staleAfter > 0 {
		all = append(all, ss.stale(violating))
	}
	return all
}

// near are values just below, at and just above a bound.
func near(limit slo.Decimal) []float64 {
	v := limit.Float()
	step := math.Abs(v) / 2000
	if step == 0 {
		step = 1. / 200
	}
	return []float64{shortest(v-step, v), v, shortest(v+step, v)}
}

// extremes are a value that violates the alert bound, and one that violates none.
func (st stage) extremes() (violating, quiet float64, ok bool) {
	var found [2]bool
	for _, limit := range limits(st.alerts) {
		for _, v := range []float64{limit.Float(), limit.Float() + 1, limit.Float() - 1} {
			if !found[0] && st.alerts[0].violated(moment{known: true, value: v}) {
				violating, found[0] = v, true
			}
			if !found[1] && !st.violatedBy(v) {
				quiet, found[1] = v, true
			}
		}
	}
	return violating, quiet, found[0] && found[1]
}

func (ss stateStage) until() time.Duration {
	return ss.onEvaluation(ss.to+max(ss.wide, ss.patience)) + 2*ss.evaluation
}

// shows is a gauge that comes with a value, and is lost.
func (ss stateStage) shows(s specimen, value float64) series {
	return ss.track().gap(ss.from).hold(value, ss.to).lose(ss.until() + ss.sample).of(s)
}

// visible is the timeline of shows: over a window, a lost value stays until it has left.
func (ss stateStage) visible(value float64) func(time.Duration) []moment {
	return func(w time.Duration) []moment {
		gone := ss.to
		if w > 0 {
			gone = ss.to - ss.sample + w
		}
		return []moment{{missing: true}, {at: ss.from, known: true, value: value}, {at: gone, missing: true}}
	}
}

// pushes is a push time that is always the present.
func (ss stateStage) pushes() []series {
	if ss.staleAfter == 0 {
		return nil
	}
	return []series{ss.track().rise(0, ss.sample.Seconds(), ss.until()+ss.sample).of(ss.pushed)}
}

// level plays one value, beside decoys that are worse than any bound.
func (ss stateStage) level(v float64) scenario {
	all := append(ss.pushes(), ss.shows(ss.gauge, v))
	worst := 1e6
	if lowIsBad(ss.alerts[0].bound.Op) {
		worst = -worst
	}
	for _, d := range ss.decoys {
		all = append(all, ss.shows(d, worst))
	}
	return scenario{
		name: fmt.Sprintf("at %s", number(v)), series: all, until: ss.until(), peak: ss.beforeEnd(ss.to), timeline: ss.visible(v),
	}
}

// oneOfTwo is a violation on one of two series: the good one must not hide it.
func (ss stateStage) oneOfTwo(violating, quiet float64) scenario {
	return scenario{
		name: "one of two series violates", until: ss.until(), peak: ss.beforeEnd(ss.to), timeline: ss.visible(violating),
		series: append(ss.pushes(), ss.shows(ss.gauge, violating), ss.shows(ss.gauge.with(ss.apart, "other"), quiet)),
	}
}

// stale is a violation that was pushed once: it counts no longer than it is fresh.
func (ss stateStage) stale(violating float64) scenario {
	until := ss.onEvaluation(ss.staleAfter+ss.patience) + 2*ss.evaluation
	all := []series{ss.track().hold(violating, until+ss.sample).of(ss.gauge), ss.track().hold(0, until+ss.sample).of(ss.pushed)}
	if other := ss.pushed.with("instance", "other"); other.picked(matchersOf(ss.sli.Measure.State.PushedAt)) {
		all = append(all, ss.track().rise(0, ss.sample.Seconds(), until+ss.sample).of(other)) // says nothing of this gauge
	}
	return scenario{
		name: "pushed once, then never again", until: until, peak: ss.beforeEnd(ss.staleAfter), series: all,
		timeline: same(moment{known: true, value: violating}, moment{at: ss.staleAfter + 1, missing: true}),
	}
}

// gateStage has a gate's result as an agent exports it, while a release is out.
type gateStage struct {
	stage
	gate       string
	staleAfter time.Duration
}

func gateScenarios(st stage, g slo.GateMeasure) []scenario {
	gs := gateStage{st, g.Gate, g.StaleAfter.Std()}
	all := []scenario{gs.beside(gs.reports("PASS", 1)), gs.reports("FAIL", 0), gs.noRelease()}
	if gs.staleAfter > 0 {
		all = append(all, gs.stale(), gs.outvoted())
	}
	return all
}

func (gs gateStage) labels(name, agent string) specimen {
	return gs.agentSeries(name, agent).with(slo.LabelGate, gs.gate)
}

// result is what an agent says from a time on, and when it says it was found.
func (gs gateStage) result(agent string, value float64, from, until time.Duration) []series {
	return []series{
		gs.track().gap(from).hold(value, until).of(gs.labels(slo.AgentGateResult, agent)),
		gs.track().gap(from).rise(from.Seconds(), gs.sample.Seconds(), until).of(gs.labels(slo.AgentGateTimestamp, agent)),
	}
}

// reports is a gate that is UNKNOWN for longer than anyone should stay untold, and then has a result. Other gates, services and
// environments FAIL all along.
func (gs gateStage) reports(name string, value float64) scenario {
	from := gs.onEvaluation(gs.patience) + 2*gs.evaluation
	until := from + gs.onEvaluation(gs.longest) + 2*gs.evaluation
	all := append(gs.result("a", value, from, until+gs.sample), gs.out(until+gs.sample))
	for _, label := range []string{slo.LabelService, slo.LabelEnvironment, slo.LabelGate} {
		for _, s := range []string{slo.AgentGateResult, slo.AgentGateTimestamp} {
			all = append(all, gs.track().rise(0, 0, until+gs.sample).of(gs.labels(s, "decoy").with(label, "other")))
		}
	}
	return scenario{
		name: "unknown, then " + name, series: all, until: until, peak: until,
		timeline: same(moment{missing: true, released: true}, moment{at: from, known: true, value: value, released: true}),
	}
}

// noRelease is a gate that nobody runs because nothing is being released.
func (gs gateStage) noRelease() scenario {
	until := gs.onEvaluation(gs.patience) + 2*gs.evaluation
	return scenario{
		name: "no release is out", until: until, peak: until, timeline: same(moment{missing: true}), series: gs.outElsewhere(until + gs.sample),
	}
}

// old is a result from time 0.
func (gs gateStage) old(agent string, value float64, until time.Duration) []series {
	return []series{
		gs.track().hold(value, until).of(gs.labels(slo.AgentGateResult, agent)),
		gs.track().hold(0, until).of(gs.labels(slo.AgentGateTimestamp, agent)),
	}
}

// stale is a FAIL that counts no longer than it is fresh.
func (gs gateStage) stale() scenario {
	until := gs.onEvaluation(gs.staleAfter+gs.patience) + 2*gs.evaluation
	return scenario{
		name: "a FAIL that gets old", until: until, peak: gs.beforeEnd(gs.staleAfter),
		series:   append(gs.old("a", 0, until+gs.sample), gs.out(until+gs.sample)),
		timeline: same(moment{known: true, released: true}, moment{at: gs.staleAfter + 1, missing: true, released: true}),
	}
}

// outvoted is an old FAIL of one agent beside the fresh PASS of another.
func (gs gateStage) outvoted() scenario {
	until := gs.onEvaluation(gs.staleAfter) + 2*gs.evaluation
	all := append(gs.old("a", 0, until+gs.sample), gs.result("b", 1, 0, until+gs.sample)...)
	return scenario{
		name: "an old FAIL beside a fresh PASS", series: append(all, gs.out(until+gs.sample)), until: until, peak: gs.beforeEnd(gs.staleAfter),
		timeline: same(moment{known: true, released: true}, moment{at: gs.staleAfter + 1, known: true, value: 1, released: true}),
	}
}
