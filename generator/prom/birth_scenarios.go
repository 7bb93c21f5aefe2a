package prom

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// birthStage plays counters that are born late, which a share of good events counts from 0 where their target was known. Nothing else happens.
type birthStage struct {
	ratioStage
	window      time.Duration
	events, bad string // the recorded series that are looked at
}

// newborn are so many events of a series that stands at them from the first sample on.
type newborn struct {
	born, known time.Duration // known: since when its target is
	brief       bool          // it is scraped once
	old         bool          // it is none: it stood at 0 before
	part        bool
	n           float64
}

// births are those in the windows of the SLI itself.
func (rs ratioStage) births() []scenario {
	if !rs.good || !rs.targets() {
		return nil
	}
	var all []scenario
	for _, w := range windows(rs.sli) {
		all = append(all, birthStage{rs, w.Std(), slo.EventsSeries(w), slo.BadSeries(w)}.born())
	}
	return all
}

// counts says whether a window that ends then counts a newborn: it was not there when the window began, and its target was.
func (bs birthStage) counts(b newborn, at time.Duration) bool {
	began := at - bs.window
	if b.old {
		return b.born <= at && b.born-bs.sample > began
	}
	return b.born > began && b.born <= at && b.known <= began
}

// newborns are one that is scraped once, one that stays, and one on a target that is met a little earlier; each of both kinds. Two that
// are old grow meanwhile, one by so many bad events that there are more of those than of all others.
func (bs birthStage) newborns() []newborn {
	first := bs.onEvaluation(bs.window) + 2*bs.evaluation
	met := first + bs.evaluation
	var all []newborn
	size := 1.0
	for _, part := range []bool{true, false} {
		for _, b := range []newborn{
			{born: first + bs.offGrid(), brief: true}, {born: first}, {born: met + bs.evaluation, known: met},
		} {
			b.part, b.n = part, size
			all, size = append(all, b), 10*size
		}
	}
	return append(all, newborn{born: met, old: true, part: true, n: size}, newborn{born: met + bs.evaluation, old: true, n: 10 * size})
}

// offGrid is how long after an evaluation a sample must come so that some window begins behind it, and one that is an evaluation longer
// before it.
func (bs birthStage) offGrid() time.Duration {
	for d := time.Duration(0); d < bs.evaluation; d += bs.sample {
		behind := (2*bs.onEvaluation(bs.window) - bs.window - d) % bs.evaluation
		if behind >= bs.sample || bs.sample == bs.evaluation && behind == 0 {
			return d
		}
	}
	return 0
}

// born is the scenario of one window. It is looked at on both sides of every time at which it begins to see something, or no longer does.
// At its end a target has counted less than nothing, as when two scrapes catch one request at its two ends: that is no good event.
func (bs birthStage) born() scenario {
	all := bs.newborns()
	last := bs.onEvaluation(all[len(all)-1].born+bs.window) + 2*bs.evaluation
	c := scenario{name: "births of series", until: last + bs.evaluation}
	c.series = append(bs.courses(all, c.until), bs.neighbours(c.until+bs.sample, bs.events)...)
	for at := all[1].born; at <= last; at += bs.evaluation {
		events, bad := bs.counted(all, at)
		before, badBefore := bs.counted(all, at-bs.evaluation)
		after, badAfter := bs.counted(all, at+bs.evaluation)
		if events != before || events != after || bad != badBefore || bad != badAfter {
			c.values = append(c.values, bs.stands(bs.group, bs.events, at, events), bs.stands(bs.group, bs.bad, at, bad))
		}
	}
	c.values = append(c.values, bs.stands(bs.group, bs.bad, c.until, 0))
	for _, group := range bs.others() {
		c.values = append(c.values, bs.stands(group, bs.bad, all[1].born+bs.evaluation, failedElsewhere))
		bs.group = group
		c.series = append(c.series, bs.neighbours(c.until+bs.sample, bs.events)...)
	}
	return c
}

// failedElsewhere are events of another group, of which none was good.
const failedElsewhere = 100

// counted are the events, and the bad ones, of a window that ends then.
func (bs birthStage) counted(all []newborn, at time.Duration) (events, bad float64) {
	good := 0.0
	for _, b := range all {
		if !bs.counts(b, at) {
			continue
		}
		if b.part {
			good += b.n
		}
		if !b.part || !bs.restIsTotal {
			events += b.n
		}
	}
	return events, max(0, events-good)
}

func (bs birthStage) courses(all []newborn, until time.Duration) []series {
	end := until + bs.sample
	jump := func(s specimen, when time.Duration, by float64) series {
		return bs.track().hold(0, when).hold(by, end).of(s)
	}
	out := []series{jump(bs.target(bs.rest, "a"), until, -1)}
	for i, b := range all {
		s, target := bs.rest, "a"
		if b.part {
			s = bs.part
		}
		if b.known > 0 {
			target = "late"
		}
		t := bs.track().gap(b.born)
		switch {
		case b.brief:
			t.hold(b.n, b.born+bs.sample).lose(end)
		case b.old:
			t = bs.track().hold(0, b.born)
		}
		out = append(out, t.hold(b.n, end).of(bs.target(s, target).with(bs.apart, fmt.Sprintf("newborn-%d", i))))
	}
	late, met := all[2].known, all[1].born
	out = append(out, bs.track().gap(late).hold(0, end).of(bs.target(bs.rest, "late")))
	for _, s := range []specimen{bs.part, bs.rest} { // of an old target
		out = append(out, bs.track().gap(met).hold(1e6, end).of(bs.target(s, "met")))
	}
	for _, group := range bs.others() {
		out = append(out, jump(bs.target(bs.rest, "a").in(group), met, failedElsewhere))
	}
	return out
}

// others are the second group, and those that differ from the first in one label only.
func (bs birthStage) others() []specimen {
	if bs.second == nil {
		return nil
	}
	all := []specimen{bs.second}
	for name, value := range bs.second {
		if len(bs.second) > 1 {
			all = append(all, bs.group.with(name, value))
		}
	}
	slices.SortFunc(all, func(a, b specimen) int { return strings.Compare(a.String(), b.String()) })
	return all
}
