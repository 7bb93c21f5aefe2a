package prom

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/coclai/cutover/generator/slo"
)

// ratioStage has the series of a ratio: counters that stand at 0 and jump, each once. A jump from 0 is exact: increase() does not
// extrapolate below 0, so that bad over total is the very quotient that the bound is compared with.
type ratioStage struct {
	stage
	part        specimen // what is counted apart: bad events, or good ones
	rest        specimen // what total counts beside it
	rests       []specimen
	restIsTotal bool // part is none of total, which therefore counts it, too
	good        bool // part is good
	decoys      []specimen
	named       []string // labels that the selectors name
}

func ratioScenarios(st stage, r slo.RatioMeasure) []scenario {
	rs, ok := newRatioStage(st, r)
	if !ok {
		return nil
	}
	onlyRest := rs.forgets(rs.beside(rs.onlyRest()), slo.EventsSeries, 0)
	all := []scenario{onlyRest, rs.idle(), rs.comesAndGoes(rs.rest, rs.decoys...)}
	for _, limit := range limits(st.alerts) {
		for i, l := range ratioLevels(limit, st.sli.MinEvents) {
			rs.rest = rs.rests[i%len(rs.rests)]
			all = append(all, rs.jump(l))
		}
	}
	rs.rest = rs.rests[0]
	for _, l := range rs.guardLevels() {
		all = append(all, rs.guarded(l))
	}
	all[len(all)-1] = rs.forgets(all[len(all)-1], slo.BadSeries, 0)
	if rs.good {
		all = append(append(all, rs.goodBornLate()), rs.births()...)
	}
	if rs.second != nil && rs.violatedBy(1) {
		all = append(all, rs.twoGroups())
	}
	return rs.compared(all)
}

// compared plays all scenarios with the SLI's baseline, if it has one, and those that are about it.
func (rs ratioStage) compared(all []scenario) []scenario {
	base := rs.played()
	if base == 0 {
		return all
	}
	const many = 1e6
	for _, v := range rs.beyond(base) {
		if bad, total := quotient(v, base); bad > 0 && bad < total {
			name := fmt.Sprintf("at %s, where the baseline is %s", number(v), number(base))
			all = append(all, rs.jump(ratioLevel{name, bad, total - bad}))
		}
	}
	for i, c := range all {
		all[i] = rs.against(c, base)
	}
	return append(all, rs.aboutBaseline(rs.jump(ratioLevel{bad: many}), base)...)
}

// quotient are numbers of events whose quotient is a value: exactly, if that is a number of hundredths more or less than a baseline.
func quotient(value, base float64) (bad, total float64) {
	for total = 100 / base; total < 1e5; {
		total *= 10
	}
	total = math.Round(total)
	if bad = math.Round(value * total); bad/total == value {
		return bad, total
	}
	return math.Round(value * 1e6), 1e6
}

func newRatioStage(st stage, r slo.RatioMeasure) (ratioStage, bool) {
	part, total := matchersOf(r.Bad+r.Good), matchersOf(r.Total)
	both := slices.Concat(part, total)
	rs := ratioStage{stage: st, decoys: decoys(both, total), good: r.Good != ""}
	rs.apart, rs.named = apartLabel(both), namesIn(both)
	var ok, okRest bool
	if rs.part, ok = find(both, nil); !ok {
		rs.part, ok = find(part, nil)
	}
	rs.rest, okRest = find(total, part)
	if !ok || !okRest {
		return rs, false
	}
	rs.part, rs.rest = rs.part.in(st.group), rs.rest.in(st.group)
	if rs.restIsTotal = !rs.part.picked(total); rs.restIsTotal {
		rs.decoys = append(decoys(total, total), decoys(part, part)...)
	}
	rs.rests = rs.otherRests(part, total)
	for i, d := range rs.decoys {
		rs.decoys[i] = d.beside(st.group, both)
	}
	return rs, true
}

// otherRests are what total counts beside the part, each for another reason: they show which matcher the part has lost.
func (rs ratioStage) otherRests(part, total []*labels.Matcher) []specimen {
	all := []specimen{rs.rest}
	for _, m := range part {
		others := slices.DeleteFunc(slices.Clone(part), func(o *labels.Matcher) bool { return o.String() == m.String() })
		if rest, ok := find(append(others, total...), []*labels.Matcher{m}); ok && !rs.restIsTotal && m.Name != model.MetricNameLabel {
			all = append(all, rest.in(rs.group))
		}
	}
	return all
}

// ratioLevel is a number of bad events among others.
type ratioLevel struct {
	name      string
	bad, good float64
}

func (l ratioLevel) value() float64 { return l.bad / (l.bad + l.good) }

// limits are the bounds of an SLI's alerts, each once.
func limits(alerts []alert) []slo.Decimal {
	var all []slo.Decimal
	seen := map[string]bool{}
	for _, a := range alerts {
		if a.bound.Value != nil && !seen[a.bound.Value.String()] {
			seen[a.bound.Value.String()] = true
			all = append(all, *a.bound.Value)
		}
	}
	return all
}

// ratioLevels are just below, exactly at and just above a bound, with events enough.
func ratioLevels(limit, minEvents slo.Decimal) []ratioLevel {
	r := limit.Rat()
	num, den := new(big.Float).SetInt(r.Num()), new(big.Float).SetInt(r.Denom())
	n, _ := num.Float64()
	d, _ := den.Float64()
	scale := fineness(n, d)
	for d*scale < 2*minEvents.Float() {
		scale *= 10
	}
	n, d = n*scale, d*scale
	step := max(1, n/200)
	var all []ratioLevel
	for _, l := range []ratioLevel{{"just below", n - step, d - n + step}, {"exactly", n, d - n}, {"just above", n + step, d - n - step}} {
		if l.bad >= 0 && l.good >= 0 {
			l.name += " " + limit.Shift(2).String() + "%"
			all = append(all, l)
		}
	}
	return all
}

// fineness is how many times 200 events make steps of a 200th of the bound, and the shown value unambiguous.
func fineness(num, den float64) float64 {
	for _, scale := range []float64{200, 400, 600, 1000, 1400} {
		v := (num*scale + max(1, num*scale/200)) / (den * scale) * 100
		if fmt.Sprintf("%.4g", v*(1-1e-12)) == fmt.Sprintf("%.4g", v*(1+1e-12)) {
			return scale
		}
	}
	return 200
}

// violatedBy says whether any bound is violated by a value, given events enough and the baseline that is played.
func (st stage) violatedBy(value float64) bool {
	base := st.played()
	if base == 0 {
		base = 1
	}
	for _, a := range st.alerts {
		if a.violated(moment{known: true, value: value, events: a.guard.Float(), baseline: base}) {
			return true
		}
	}
	return false
}

// jumps are the times at which events happen: often enough to be seen in each window until the longest `for` has passed.
func (st stage) jumps() []time.Duration {
	first := 2 * st.evaluation
	step := max(st.sample, st.narrow/2/st.sample*st.sample)
	all := []time.Duration{first}
	last := first + st.longest + 2*st.evaluation
	if st.uneven {
		last += 2 * step
	}
	for all[len(all)-1]+st.narrow-st.sample < last {
		all = append(all, all[len(all)-1]+step)
	}
	return all
}

// gone is when events have left a window: the sample before the last jump has.
func (st stage) gone(window time.Duration) time.Duration {
	jumps := st.jumps()
	return jumps[len(jumps)-1] - st.sample + window
}

// end is when every window has let go of everything.
func (st stage) end() time.Duration {
	if st.finish > 0 {
		return st.finish
	}
	return st.onEvaluation(st.gone(st.wide)) + st.evaluation
}

// visible is the timeline of a value that stands while events are in the window.
func (st stage) visible(m moment) func(time.Duration) []moment {
	quiet := m
	quiet.known = false
	return func(w time.Duration) []moment {
		before, after := quiet, quiet
		m.at, after.at = st.jumps()[0], st.gone(w)
		return []moment{before, m, after}
	}
}

// once is a counter that jumps from 0 at a time.
func (st stage) once(s specimen, at time.Duration, by float64) series {
	return st.track().hold(0, at).hold(by, st.end()+st.sample).of(s)
}

// jump plays a level: at each jump other series move, so that every one starts at 0.
func (rs ratioStage) jump(l ratioLevel) scenario {
	var all []series
	for i, t := range rs.jumps() {
		process := fmt.Sprintf("process-%d", i)
		all = append(all, rs.pair(process, t, rs.more(l, i))...)
		for n, d := range rs.decoys {
			all = append(all, rs.once(d.with(rs.apart, fmt.Sprintf("decoy-%d-%d", n, i)), t, 100*(l.bad+l.good)))
		}
	}
	return scenario{
		name: l.name, series: all, until: rs.end(), peak: rs.beforeEnd(rs.gone(rs.narrow)),
		timeline: rs.visible(moment{known: true, value: l.value(), events: l.bad + l.good}),
	}
}

func (rs ratioStage) pair(process string, t time.Duration, l ratioLevel) []series {
	part, rest := rs.counts(l)
	return []series{rs.once(rs.part.with(rs.apart, process), t, part), rs.once(rs.rest.with(rs.apart, process), t, rest)}
}

// counts are what the two series of a pair count of a level.
func (rs ratioStage) counts(l ratioLevel) (part, rest float64) {
	part, rest = l.bad, l.good
	if rs.good {
		part, rest = l.good, l.bad
	}
	if rs.restIsTotal {
		rest += part
	}
	return part, rest
}

// onlyRest has no series at all of what is counted apart: 0 of it, not nothing.
func (rs ratioStage) onlyRest() scenario {
	events := 2*rs.sli.MinEvents.Float() + 1
	name, value := "no bad event was ever counted", 0.0
	if rs.good {
		name, value = "no good event was ever counted", 1.0
	}
	var all []series
	for i, t := range rs.jumps() {
		all = append(all, rs.once(rs.rest.with(rs.apart, fmt.Sprintf("process-%d", i)), t, events))
	}
	return scenario{
		name: name, series: all, until: rs.end(), peak: rs.beforeEnd(rs.gone(rs.narrow)), recorded: true,
		timeline: rs.visible(moment{known: true, value: value, events: events}),
	}
}

// goodBornLate is the first good event of a kind, on a target that has been there for longer than any window.
func (rs ratioStage) goodBornLate() scenario {
	when := rs.onEvaluation(rs.wide) + 2*rs.evaluation
	until := when + 2*rs.evaluation
	events := 2*rs.sli.MinEvents.Float() + 1
	grown, rest := rs.counts(ratioLevel{good: events})
	return scenario{
		name: "a series of good events that is born late", until: until, peak: until, recorded: true,
		series: []series{
			rs.track().gap(when).hold(grown, until+rs.sample).of(rs.part),
			rs.track().hold(0, when).hold(rest, until+rs.sample).of(rs.rest),
		},
		timeline: same(moment{}, moment{at: when, known: true, events: events}),
	}
}

// twoGroups is a violation in one group, among many more events in another: together they would be well.
func (rs ratioStage) twoGroups() scenario {
	n := 2*rs.sli.MinEvents.Float() + 1
	c := rs.jump(ratioLevel{"one of two groups violates", n, 0})
	part, rest := rs.counts(ratioLevel{good: 1e6 * n})
	for i, t := range rs.jumps() {
		process := fmt.Sprintf("process-%d", i)
		if part > 0 { // of bad events, nobody has seen any there
			c.series = append(c.series, rs.once(rs.part.in(rs.second).with(rs.apart, process), t, part))
		}
		c.series = append(c.series, rs.once(rs.rest.in(rs.second).with(rs.apart, process), t, rest))
	}
	for _, w := range windows(rs.sli) {
		c.values = append(c.values, rs.stands(rs.second, slo.BadSeries(w), c.peak, 0))
	}
	return c
}

// idle has series, and nothing happens: no value, and no alert about it either.
func (rs ratioStage) idle() scenario {
	flat := func(s specimen) series { return rs.track().hold(7, rs.end()+rs.sample).of(s) }
	return scenario{
		name: "idle", series: []series{flat(rs.part), flat(rs.rest)}, until: rs.end(), peak: rs.end(), recorded: true,
		timeline: same(moment{}),
	}
}

// comesAndGoes is a series that appears only after somebody should have been told, and is lost again. Decoys are there all along.
func (st stage) comesAndGoes(s specimen, decoys ...specimen) scenario {
	from := st.onEvaluation(st.patience) + 2*st.evaluation
	to := from + 2*st.evaluation
	until := st.onEvaluation(to+st.patience) + st.evaluation
	all := []series{st.track().gap(from).hold(0, to).lose(until + st.sample).of(s)}
	for _, d := range decoys {
		all = append(all, st.track().hold(0, until+st.sample).of(d))
	}
	return scenario{
		name: "not measured, measured, lost", until: until, peak: from, series: all,
		timeline: same(moment{missing: true}, moment{at: from}, moment{at: to, missing: true}),
	}
}
