package prom

import (
	"fmt"
	"slices"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

const (
	pieceStride = 10 * time.Minute // how far pieces are apart where weeks of them are played: a tenth of two hours still shows
	manyEvents  = 10000            // in each piece that is played
	fewEvents   = 1. / (1 << 14)   // so few that those of a month are no half of one
)

// pieces plays the recorded pieces of the windows that are summed at this pace: as many events in each, and in each one bad event more than in
// the one before, so that no other window has the same sum. What counts events has just ended, lest the rule for bad ones find it.
func (bs budgetStage) pieces(here func(slo.Duration) bool) []scenario {
	if bs.budget.Raw {
		return nil
	}
	until := bs.summedAt(here)
	c := scenario{name: "budget, more bad events in every piece", until: until}
	events, bad := bs.pieceNames(here)
	c.series = []series{
		bs.track().gap(bs.sample).hold(manyEvents, until).lose(until + bs.sample).of(bs.named(events)), bs.track().rise(0, 1, until+bs.sample).of(bs.named(bad)),
	}
	c.series = append(c.series, bs.neighbours(until+bs.sample, bs.names()...)...)
	for _, w := range bs.summed(here) {
		c.values = append(c.values, bs.summedUp(w, until)...)
	}
	return append(bs.scarce(here), c)
}

// summedAt is when every window of this pace is full.
func (bs budgetStage) summedAt(here func(slo.Duration) bool) time.Duration {
	windows := bs.summed(here)
	return bs.onEvaluation(windows[len(windows)-1].Std() + bs.evaluation/2)
}

// summed are the windows that are summed of pieces at this pace; the period is among the slow ones.
func (bs budgetStage) summed(here func(slo.Duration) bool) []slo.Duration {
	all := bs.windows(here)
	if here(bs.budget.Period) {
		all = append(all, bs.budget.Period)
	}
	slices.Sort(all)
	return all
}

func (bs budgetStage) pieceNames(here func(slo.Duration) bool) (events, bad string) {
	if here(longestFast) {
		length, _ := bs.budget.strip()
		return slo.BudgetStrip(slo.BudgetEvents, length), slo.BudgetStrip(slo.BudgetBad, length)
	}
	return slo.BudgetTile(slo.BudgetEvents, tileLength), slo.BudgetTile(slo.BudgetBad, tileLength)
}

// summedUp are the tests of what a window is the sum of.
func (bs budgetStage) summedUp(w slo.Duration, at time.Duration) []valueTest {
	first, last := bs.inWindow(w, at)
	n := float64(last - first + 1)
	bad := n * float64(first+last) / 2
	if time.Duration(last)*bs.sample == at {
		n-- // of what has just ended
	}
	events := n * manyEvents
	tests := bs.shows(w, at, bad/events)
	if w == bs.budget.Period {
		return append(tests, bs.recorded(slo.BudgetRemainingSeries(w), at, 1-bad/events/bs.budget.Share().Float()),
			bs.recorded(slo.BudgetCoverageSeries(w), at, n/float64(w/tileLength)))
	}
	if length, step := bs.budget.strip(); bs.budget.isFast(w) && length != step {
		events = events * step.Std().Seconds() / length.Std().Seconds()
	}
	if bs.counts(w) {
		tests = append(tests, bs.recorded(slo.BudgetEventsSeries(w), at, events))
	}
	return tests
}

// counts says whether the number of events in a window is recorded.
func (bs budgetStage) counts(w slo.Duration) bool {
	return slices.ContainsFunc(bs.budget.alerts(), func(a alert) bool { return a.bound.Window == w && a.guard.Sign() > 0 })
}

// about is the test that what is recorded is a value, or as much more as increase() makes of it by extrapolating to the window's end.
func (bs budgetStage) about(name string, at time.Duration, value float64) valueTest {
	series := bs.budget.id.in(bs.group, name)
	return valueTest{
		Expr:     canonical(fmt.Sprintf("count(%s > %s and %s < %s)", series, number(value*0.9), series, number(value*1.15))),
		EvalTime: slo.Duration(at), Samples: []sample{{Labels: "{}", Value: 1}},
	}
}

// inWindow are the numbers of the first and the last piece in a window: those of slow groups end a little before the evaluation.
func (bs budgetStage) inWindow(w slo.Duration, at time.Duration) (first, last int) {
	length := w.Std()
	switch {
	case bs.budget.isSlow(w):
		at -= 2 * bs.matrix.ScrapeInterval.Std()
	case !bs.budget.Raw:
		length -= bs.budget.overhang().Std()
	}
	return int((at-length)/bs.sample) + 1, int(at / bs.sample)
}

// scarce are pieces without any event, of which there is no ratio, and with hardly any, of which there is.
func (bs budgetStage) scarce(here func(slo.Duration) bool) []scenario {
	until := bs.evaluation
	play := func(name string, all, bad float64) scenario {
		piece := func(name string, n float64) series {
			return bs.track().gap(bs.sample).hold(n, until).lose(until + bs.sample).of(bs.named(name))
		}
		events, failed := bs.pieceNames(here)
		return scenario{name: "budget, " + name, until: until, series: []series{piece(events, all), piece(failed, bad)}}
	}
	none, few := play("pieces without an event", 0, 0), play("pieces with hardly an event", fewEvents, fewEvents)
	negative := play("pieces with more good events than all", manyEvents, -1)
	for _, w := range bs.summed(here) {
		ratio := canonical(bs.budget.id.in(bs.group, slo.ErrorRatioSeries(w)))
		none.values = append(none.values, valueTest{Expr: ratio, EvalTime: slo.Duration(until)})
		few.values = append(few.values, bs.recorded(slo.ErrorRatioSeries(w), until, 1))
		negative.values = append(negative.values, bs.recorded(slo.ErrorRatioSeries(w), until, 0))
	}
	all := []scenario{few}
	if !bs.budget.share.some {
		all = append(all, none)
	}
	if rs := bs.traffic.counters; rs != nil && rs.good {
		all = append(all, negative)
	}
	return all
}

// births are those in a strip of good events.
func (bs budgetStage) births() []scenario {
	rs := bs.traffic.counters
	if bs.budget.Raw || rs == nil || !rs.good || !rs.targets() {
		return nil
	}
	length, _ := bs.budget.strip()
	events, bad := slo.BudgetStrip(slo.BudgetEvents, length), slo.BudgetStrip(slo.BudgetBad, length)
	return []scenario{birthStage{*rs, length.Std(), events, bad}.born()}
}

// whichever is every window.
func whichever(slo.Duration) bool { return true }

// calm are raw series in which nothing happens, so that there is no ratio over any window, and in which nothing fails, so that it is 0.
func (bs budgetStage) calm() []scenario {
	rs := bs.traffic.counters
	if !bs.budget.Raw || rs == nil {
		return nil
	}
	until := bs.late() + 4*bs.evaluation
	still := func(s specimen) series { return bs.track().hold(7, until+bs.sample).of(s) }
	idle := scenario{name: "budget, idle", until: until, series: []series{still(rs.part), still(rs.rest)}}
	well := scenario{name: "budget, nothing failed within any window", until: until}
	part, rest := rs.counts(ratioLevel{good: manyEvents})
	well.series = []series{bs.track().rise(0, rest, until+bs.sample).of(rs.rest)}
	if part > 0 {
		well.series = append(well.series, bs.track().rise(0, part, until+bs.sample).of(rs.part))
	}
	for _, w := range bs.summed(whichever) {
		ratio := canonical(bs.budget.id.in(bs.group, slo.ErrorRatioSeries(w)))
		idle.values = append(idle.values, valueTest{Expr: ratio, EvalTime: slo.Duration(until)})
		well.values = append(well.values, bs.recorded(slo.ErrorRatioSeries(w), until, 0))
	}
	return []scenario{idle, well}
}

// jump is a number of bad events, and of as many good ones, at a time.
type jump struct {
	at time.Duration
	n  float64
}

// edges plays raw series: at both sides of where each window begins something happens, the more the longer it is ago. Of what a window sees,
// most is what it has just not let go of; what it has, would be four times as much.
func (bs budgetStage) edges(here func(slo.Duration) bool) []scenario {
	rs := bs.traffic.counters
	if !bs.budget.Raw || rs == nil {
		return nil
	}
	windows, until := bs.summed(here), bs.summedAt(here)
	jumps, size := []jump(nil), 8.0
	for _, w := range windows {
		first, _ := bs.inWindow(w, until)
		jumps = append(jumps, jump{time.Duration(first+1) * bs.sample, size}, jump{time.Duration(first) * bs.sample, 4 * size})
		size *= 16
	}
	c := scenario{name: "budget, something at the edge of each window", until: until}
	once := func(s specimen, j jump, n float64) series {
		return bs.track().hold(0, j.at).hold(n, until+bs.sample).of(s)
	}
	for i, j := range jumps {
		process := fmt.Sprintf("process-%d", i)
		part, rest := rs.counts(ratioLevel{"", j.n, j.n})
		c.series = append(c.series, once(rs.part.with(rs.apart, process), j, part), once(rs.rest.with(rs.apart, process), j, rest))
	}
	for i, d := range rs.decoys {
		c.series = append(c.series, bs.track().rise(0, 100*size, until+bs.sample).of(d.with(rs.apart, fmt.Sprintf("decoy-%d", i))))
	}
	c.series = append(c.series, bs.neighbours(until+bs.sample, bs.names()...)...)
	for i, w := range windows {
		seen := 0.0
		for _, j := range jumps[:2*i+1] {
			seen += 2 * j.n
		}
		c.values = append(c.values, bs.about(slo.ErrorRatioSeries(w), until, 0.5))
		if bs.counts(w) {
			c.values = append(c.values, bs.about(slo.BudgetEventsSeries(w), until, seen))
		}
	}
	return []scenario{c}
}
