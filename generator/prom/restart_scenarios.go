package prom

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// longAgo is a start time before every test.
const longAgo = -1e7

type restartStage struct {
	stage
	process specimen
	decoys  []specimen
	tile    time.Duration
	first   time.Duration // when the first restart happens
	spacing time.Duration
}

func restartScenarios(st stage, r slo.RestartsMeasure) []scenario {
	match := matchersOf(r.StartedAt)
	process, ok := find(match, nil)
	if !ok {
		return nil
	}
	rs := restartStage{stage: st, process: process, decoys: decoys(match, match), tile: st.tile()}
	rs.first = (2*rs.evaluation/rs.tile + 3) * rs.tile
	var all []scenario
	if !rs.violatedBy(0) {
		all = append(all, rs.beside(rs.jitter()), rs.comesAndGoes(process, rs.decoys...))
	}
	for _, n := range wholeLevels(limits(st.alerts)) {
		if rs.spacing = rs.spacingOf(n); rs.spacing > 0 {
			all = append(all, rs.restarts(n))
		}
	}
	return all
}

// tile is the coarsest of the windows' tiles: restarts further apart are told apart in each.
func (st stage) tile() time.Duration {
	var tile time.Duration
	for _, w := range windows(st.sli) {
		tile = max(tile, restartTile(w, st.matrix.ScrapeInterval).Std())
	}
	return tile
}

// wholeLevels are the whole numbers below, at and above each bound, each once.
func wholeLevels(limits []slo.Decimal) []int {
	var all []int
	seen := map[int]bool{}
	for _, l := range limits {
		v := l.Float()
		for _, n := range []float64{math.Ceil(v) - 1, math.Ceil(v), math.Floor(v) + 1} {
			if n >= 0 && !seen[int(n)] {
				seen[int(n)] = true
				all = append(all, int(n))
			}
		}
	}
	return all
}

// spacingOf is how far apart n restarts can lie so that all of them are in the narrowest window at once and none passes for jitter; 0 if
// they cannot.
func (rs restartStage) spacingOf(n int) time.Duration {
	apart := (restartJitter*time.Second/rs.tile + 1) * rs.tile
	for _, spacing := range []time.Duration{3 * rs.tile, apart} {
		if spacing < apart {
			continue
		}
		if time.Duration(n)*spacing+2*rs.evaluation < rs.narrow {
			return spacing
		}
	}
	return 0
}

// restarts lets the process restart n times; before each, where there is time for it, its scrapes fail.
func (rs restartStage) restarts(n int) scenario {
	last := rs.at(max(0, n-1))
	until := rs.onEvaluation(last+rs.wide) + rs.evaluation
	t := rs.track()
	for i := range n {
		from, _ := rs.lost(i)
		if i == 0 {
			t.hold(longAgo, from)
		}
		t.lose(rs.at(i)).hold(rs.at(i).Seconds(), rs.at(i)+rs.sample)
	}
	if n == 0 {
		t.hold(longAgo, until+rs.sample)
	}
	all := []series{t.hold(last.Seconds(), until+rs.sample).of(rs.process)}
	for _, d := range rs.decoys {
		all = append(all, rs.track().rise(longAgo, restartJitter+1, until+rs.sample).of(d))
	}
	return scenario{
		name: fmt.Sprintf("%d restarts", n), series: all, until: until, peak: rs.onEvaluation(last),
		timeline: func(w time.Duration) []moment { return rs.seen(n, w) },
	}
}

// at is when a restart is first seen.
func (rs restartStage) at(i int) time.Duration { return rs.first + time.Duration(i)*rs.spacing }

// lost is how long scrapes fail before a restart is seen: from just after the one before it.
func (rs restartStage) lost(i int) (from, to time.Duration) {
	if i == 0 {
		return rs.first - rs.sample, rs.first
	}
	return rs.at(i-1) + rs.sample, rs.at(i)
}

// seen counts the restarts in a window as time goes by.
func (rs restartStage) seen(n int, w time.Duration) []moment {
	times := []time.Duration{0, rs.tile}
	for i := range n {
		from, to := rs.lost(i)
		times = append(times, from, to, rs.at(i)+w)
	}
	slices.Sort(times)
	var moments []moment
	for _, t := range times {
		m := moment{at: t, known: t >= rs.tile}
		for i := range n {
			if rs.at(i) <= t && t < rs.at(i)+w {
				m.value++
			}
			from, to := rs.lost(i)
			m.missing = m.missing || from <= t && t < to
		}
		moments = append(moments, m)
	}
	return moments
}

// jitter moves the start time to and fro by as much as is no restart.
func (rs restartStage) jitter() scenario {
	until := rs.onEvaluation(rs.first+min(rs.wide, 20*rs.tile)) + rs.evaluation
	t := rs.track()
	for i := 0; t.left(until) > 0; i++ {
		t.hold(longAgo+float64(i%2)*restartJitter, time.Duration(i+1)*rs.tile)
	}
	return scenario{
		name: "the clock wanders, the process does not restart", series: []series{t.of(rs.process)}, until: until - rs.evaluation, peak: until - rs.evaluation,
		timeline: same(moment{}, moment{at: rs.tile, known: true}),
	}
}
