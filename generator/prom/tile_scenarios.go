package prom

import (
	"slices"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// tiles are what one tile counts, and the budget that is left.
func (bs budgetStage) tiles() []scenario {
	rs := bs.traffic.counters
	if bs.budget.Raw || rs == nil {
		return nil
	}
	return []scenario{bs.spent(rs), tileStage{bs, rs}.difficult()}
}

// spent is a steady stream with a share of bad events that a binary fraction holds exactly.
func (bs budgetStage) spent(rs *ratioStage) scenario {
	until := 10 * bs.evaluation
	ratio, share := 0.25, bs.budget.Share().Float()
	samples := float64(bs.evaluation / bs.sample)
	tiles := float64((until-2*bs.evaluation)/bs.evaluation + 1) // the first has a whole tile before it, and is cut late
	return scenario{
		name: "budget, a quarter is bad", until: until, series: rs.flow(ratioLevel{"", 1, 3}, until),
		values: []valueTest{
			bs.recorded(slo.BudgetTile(slo.BudgetEvents, tileLength), until, 4*samples),
			bs.recorded(slo.BudgetTile(slo.BudgetBad, tileLength), until, samples),
			bs.recorded(slo.ErrorRatioSeries(bs.budget.Period), until, ratio),
			bs.recorded(slo.BurnRateSeries(bs.budget.Period), until, ratio/share),
			bs.recorded(slo.BudgetRemainingSeries(bs.budget.Period), until, 1-ratio/share),
			bs.recorded(slo.BudgetCoverageSeries(bs.budget.Period), until, tiles/float64(bs.budget.Period/tileLength)),
		},
	}
}

// tileStage counts in tiles what increase() gets wrong. Events are known by the tile in which they happen.
type tileStage struct {
	budgetStage
	rs *ratioStage
}

// grown is how much counters grew by in tiles.
type grown struct{ part, rest float64 }

// middle is a time in the middle of a tile.
func (ts tileStage) middle(tile int) time.Duration {
	return time.Duration(tile)*ts.evaluation - ts.onSample(ts.evaluation/2)
}

// Tiles of note: steady is each, ended the last in which there is anything, and met is when old targets are.
const (
	metIn   = 20
	endedIn = 26
	steady  = 10 // events at each sample
)

// difficult is a series born at 3 on a known target, its reset, a gap of more than the ten minutes of which every scrape is read, old
// targets that are met for the first time, a series born on one of them, and the end of everything.
func (ts tileStage) difficult() scenario {
	until := (endedIn + 1) * ts.evaluation
	c := scenario{name: "budget, births, a reset, gaps, old targets, an end", until: until, series: ts.courses()}
	c.series = append(c.series, ts.neighbours(until+ts.sample, slo.BudgetTile(slo.BudgetEvents, tileLength))...)
	counted := map[int]grown{4: {part: 3}, 6: {part: 1}, 10: {rest: 5}, 16: {part: 50}, 19: {rest: 20}}
	if ts.rs.targets() {
		counted[23] = grown{7, 9}
	}
	for _, tile := range []int{3, 4, 5, 6, 7, 9, 10, 12, 16, 17, 19, metIn, 21, 22, 23, 24} {
		events, bad := ts.counted(counted[tile])
		c.values = append(c.values, ts.cut(slo.BudgetEvents, tile, ts.group, events), ts.cut(slo.BudgetBad, tile, ts.group, bad))
	}
	for _, what := range []string{slo.BudgetEvents, slo.BudgetBad} {
		gone := ts.cut(what, endedIn+1, ts.group, 0)
		gone.Samples = nil
		c.values = append(c.values, gone)
	}
	if ts.second != nil {
		events, bad := ts.counted(grown{})
		c.values = append(c.values, ts.cut(slo.BudgetEvents, 4, ts.second, events), ts.cut(slo.BudgetBad, 4, ts.second, bad))
	}
	return c
}

// counted are the events and the bad ones of a tile in which counters grew by so much more than every one does.
func (ts tileStage) counted(g grown) (events, bad float64) {
	events = g.rest + steady*float64(ts.evaluation/ts.sample)
	if !ts.rs.restIsTotal {
		events += g.part
	}
	if ts.rs.good {
		return events, events - g.part
	}
	return events, g.part
}

// cut is the test of what one tile counts.
func (ts tileStage) cut(what string, tile int, group specimen, value float64) valueTest {
	series := ts.budget.id.in(group, slo.BudgetTile(what, tileLength))
	at := slo.Duration(tile) * slo.Duration(ts.evaluation)
	return valueTest{Expr: canonical(series), EvalTime: at, Samples: []sample{{Labels: series, Value: value}}}
}

// courses are the counters of difficult.
func (ts tileStage) courses() []series {
	rs, end := ts.rs, ts.middle(endedIn)
	ended := func(t *track, value float64) *track { return t.hold(value, end).lose((endedIn + 1) * ts.evaluation) }
	born := func(tile int, value float64) *track { return ended(ts.track().gap(ts.middle(tile)), value) }
	part, rest := rs.target(rs.part, "a"), rs.target(rs.rest, "a")
	steadily := func(s specimen) series {
		return ts.track().rise(0, steady, end).lose((endedIn + 1) * ts.evaluation).of(s)
	}
	reset := ts.track().gap(ts.middle(4)).hold(3, ts.middle(6)).hold(1, ts.middle(8)).lose(ts.middle(16))
	late := ts.track().gap(ts.middle(10)).hold(5, ts.middle(11)).lose(ts.middle(19))
	all := []series{ended(reset, 51).of(part), steadily(rest), ended(late, 25).of(rest.with(rs.apart, "late"))}
	if rs.targets() {
		const old = 1e6
		all = append(all, born(metIn, old).of(rs.target(rs.part, "met")), born(metIn, old).of(rs.target(rs.rest, "met")),
			born(22, old).of(rs.target(rs.rest, "b")), born(23, 7).of(rs.target(rs.part, "b")), born(23, 9).of(rs.target(rs.rest, "b").with(rs.apart, "late")))
	}
	if ts.second != nil {
		all = append(all, steadily(rest.in(ts.second)))
	}
	return all
}

// target puts a series on a target of its own, as far as the selectors leave that open.
func (rs ratioStage) target(s specimen, instance string) specimen {
	for name, value := range map[string]string{"job": "job", "instance": instance} {
		if !slices.Contains(rs.named, name) {
			s = s.with(name, value)
		}
	}
	return s
}

// targets says whether there may be several.
func (rs ratioStage) targets() bool { return !slices.Contains(rs.named, "instance") }
