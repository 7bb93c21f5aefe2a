package prom

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// upStage has gauges that are 1 or 0.
type upStage struct {
	stage
	up     specimen
	decoys []specimen
}

// mostTargets bounds how many targets a share is made of.
const mostTargets = 400

func newUpStage(st stage, a slo.AvailabilityMeasure) (upStage, bool) {
	match := matchersOf(a.Up)
	up, ok := find(match, nil)
	us := upStage{stage: st, up: up.in(st.group)}
	us.apart = apartLabel(match)
	for _, d := range decoys(match, match) {
		us.decoys = append(us.decoys, d.beside(st.group, match))
	}
	return us, ok
}

func availabilityScenarios(st stage, a slo.AvailabilityMeasure) []scenario {
	us, ok := newUpStage(st, a)
	if !ok {
		return nil
	}
	all := []scenario{us.comesAndGoes(), us.beside(us.outage())}
	for _, limit := range limits(st.alerts) {
		all = append(all, us.levels(limit)...)
		all = append(all, us.aLittle(limit)...)
	}
	all = append(all, us.guards()...)
	if us.second != nil && us.violatedBy(1) {
		all = append(all, us.twoGroups())
	}
	return all
}

// span is a time during which a gauge holds a value.
type span struct {
	value float64
	until time.Duration
}

// gauge plays spans.
func (us upStage) gauge(s specimen, spans ...span) series {
	t := us.track()
	for _, one := range spans {
		t.hold(one.value, one.until)
	}
	return t.of(s)
}

// share are the moments of gauges that are sampled together, so many of them, with `bad` of each sample by its time: as samples enter a
// window and leave it.
func (us upStage) share(targets float64, until time.Duration, bad func(time.Duration) float64) func(time.Duration) []moment {
	return func(w time.Duration) []moment {
		var all []moment
		for t := time.Duration(0); t <= until; t += us.evaluation {
			events, failed := 0.0, 0.0
			for at := max(0, t-w+us.sample); at <= t; at += us.sample {
				events += targets
				failed += bad(at)
			}
			all = append(all, moment{at: t, known: true, value: failed / events, events: events})
		}
		return all
	}
}

func (us upStage) long() time.Duration {
	return us.onEvaluation(us.wide) + us.onEvaluation(us.longest) + 2*us.evaluation
}

// levels are constant shares just below, at and just above a bound: of targets that are down all the time, if so few suffice.
func (us upStage) levels(limit slo.Decimal) []scenario {
	r := limit.Rat()
	if !r.Denom().IsInt64() || r.Denom().Int64() > mostTargets || r.Num().Sign() <= 0 {
		return nil
	}
	bad, targets := int(r.Num().Int64()), int(r.Denom().Int64())
	if targets == 1 {
		return nil
	}
	all := []scenario{us.down(bad-1, targets, limit), us.down(bad, targets, limit)}
	if bad < targets {
		all = append(all, us.down(bad+1, targets, limit))
	}
	return all
}

// down are some targets down and the others up, beside decoys that are worse than any bound.
func (us upStage) down(bad, targets int, limit slo.Decimal) scenario {
	until := us.long()
	var all []series
	for i := range targets {
		value := 1.0
		if i < bad {
			value = 0
		}
		all = append(all, us.gauge(us.up.with(us.apart, fmt.Sprintf("target-%d", i)), span{value, until + us.sample}))
	}
	for i, d := range us.decoys {
		all = append(all, us.gauge(d.with(us.apart, fmt.Sprintf("decoy-%d", i)), span{-1000, until + us.sample}))
	}
	bound := quantity(slo.Bound{Value: &limit}, slo.Ratio)
	return scenario{
		name:   fmt.Sprintf("%d of %d targets down, where the bound is %s", bad, targets, bound),
		series: all, until: until, peak: until, recorded: true,
		timeline: us.share(float64(targets), until, func(time.Duration) float64 { return float64(bad) }),
	}
}

// aLittle are shares a 200th below and above a bound, of a target that is up for a part of each sample: more targets than that would be
// needed to say it in whole ones.
func (us upStage) aLittle(limit slo.Decimal) []scenario {
	var all []scenario
	for name, part := range map[string]float64{"a little less": 0.995, "a little more": 1.005} {
		value, until := limit.Float()*part, us.long()
		if value <= 0 || value >= 1 {
			continue
		}
		all = append(all, scenario{
			name:   fmt.Sprintf("%s down than %s", name, quantity(slo.Bound{Value: &limit}, slo.Ratio)),
			series: []series{us.gauge(us.up, span{1 - value, until + us.sample})}, until: until, peak: until,
			timeline: us.share(1, until, func(time.Duration) float64 { return value }),
		})
	}
	slices.SortFunc(all, func(a, b scenario) int { return strings.Compare(a.name, b.name) })
	return all
}

// guards are an outage of too few samples, and of just enough: one a target.
func (us upStage) guards() []scenario {
	enough := int(math.Ceil(us.sli.MinEvents.Float()))
	if enough <= 1 || enough > mostTargets || us.longest > 0 {
		return nil
	}
	at := 2 * us.evaluation
	until := at + us.evaluation
	var all []scenario
	for _, n := range []int{enough - 1, enough} {
		c := scenario{
			name: fmt.Sprintf("down, by %d samples, where it takes %d", n, enough), until: until, peak: at,
			timeline: us.visibleOnce(at, float64(n)),
		}
		for i := range n {
			c.series = append(c.series, us.track().gap(at).hold(0, at+us.sample).lose(until+us.sample).of(us.up.with(us.apart, fmt.Sprintf("target-%d", i))))
		}
		all = append(all, c)
	}
	return all
}

// visibleOnce is the timeline of bad samples at one time.
func (us upStage) visibleOnce(at time.Duration, n float64) func(time.Duration) []moment {
	return func(time.Duration) []moment {
		seen := moment{at: at, known: true, value: 1, events: n}
		lost := seen
		lost.at, lost.missing = at+us.sample, true
		return []moment{{missing: true}, seen, lost}
	}
}

// strangers are the decoys, up all the time.
func (us upStage) strangers(until time.Duration) []series {
	var all []series
	for _, d := range us.decoys {
		all = append(all, us.gauge(d, span{1, until + us.sample}))
	}
	return all
}

// outage is one target that goes down and comes back: every sample counts, for as long as it is in the window.
func (us upStage) outage() scenario {
	from := 2 * us.evaluation
	to := from + us.onEvaluation(max(us.narrow, us.longest)) + 2*us.evaluation
	until := to + us.onEvaluation(us.wide) + 2*us.evaluation
	return scenario{
		name: "a target goes down and comes back", until: until, peak: us.beforeEnd(to), recorded: true,
		series: []series{us.gauge(us.up, span{1, from}, span{0, to}, span{1, until + us.sample})},
		timeline: us.share(1, until, func(t time.Duration) float64 {
			if from <= t && t < to {
				return 1
			}
			return 0
		}),
	}
}

// twoGroups is an outage in one group, beside many targets that are up in another.
func (us upStage) twoGroups() scenario {
	c := us.outage()
	c.name = "down in one of two groups"
	for i := range 20 {
		c.series = append(c.series, us.gauge(us.up.in(us.second).with(us.apart, fmt.Sprintf("other-%d", i)), span{1, c.until + us.sample}))
	}
	return c
}

// comesAndGoes is a target that appears only after somebody should have been told, and is lost again: gone is not down.
func (us upStage) comesAndGoes() scenario {
	from := us.onEvaluation(us.patience) + 2*us.evaluation
	to := from + 2*us.evaluation
	until := us.onEvaluation(to+max(us.patience, us.wide)) + us.evaluation
	return scenario{
		name: "not measured, up, lost", until: until, peak: from,
		series: append(us.strangers(until), us.track().gap(from).hold(1, to).lose(until+us.sample).of(us.up)),
		timeline: func(w time.Duration) []moment {
			// How many samples there are is for the other scenarios; nothing is bad among them.
			return []moment{{missing: true}, {at: from, known: true}, {at: to, missing: true}}
		},
	}
}
