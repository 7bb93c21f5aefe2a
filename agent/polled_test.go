package agent

import (
	"testing"
	"time"
)

// TestSilenceIsMeasuredWhileSomethingIsWatched: from when watching began if nobody has answered yet, and not beyond its end.
func TestSilenceIsMeasuredWhileSomethingIsWatched(t *testing.T) {
	minute := func(n int) time.Time { return fired.Add(time.Duration(n) * time.Minute) }
	p := &polled{}
	for n, step := range []struct {
		what func(time.Time)
		want int // minute, -1 for none
	}{
		{p.answered, -1}, // out of turn
		{func(now time.Time) { p.watch(false, now) }, -1},
		{func(now time.Time) { p.watch(true, now) }, 2},
		{func(now time.Time) { p.watch(true, now) }, 2},
		{p.answered, 4},
		{func(now time.Time) { p.watch(true, now) }, 4},
		{func(now time.Time) { p.watch(false, now) }, -1},
		{func(now time.Time) { p.watch(true, now) }, 7},
	} {
		step.what(minute(n))
		if at, watched := p.last(); watched != (step.want >= 0) || watched && !at.Equal(minute(step.want)) {
			t.Errorf("step %d: %s, %t", n, at, watched)
		}
	}
}
