package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/coclai/cutover/agent/release"
)

// clockSlack is what a clock that is kept by NTP never comes near.
const clockSlack = time.Second

// reading is what another machine said of the time, and what ours was then.
type reading struct {
	said, before, after time.Time
	grain               time.Duration // of what was said
}

// off is how far apart the clocks are at the least: 0 while what was said may have been true at some time between question and answer.
func (r reading) off() time.Duration {
	switch {
	case r.said.After(r.after):
		return r.said.Sub(r.after)
	case r.said.Add(r.grain).Before(r.before):
		return r.said.Add(r.grain).Sub(r.before)
	}
	return 0
}

// timed asks for the time.
func (x *Examination) timed(grain time.Duration, ask func() (time.Time, error)) (reading, error) {
	r := reading{grain: grain, before: x.Now()}
	var err error
	r.said, err = ask()
	r.after = x.Now()
	return r, err
}

const fixClock = "keep both machines' clocks by NTP: `timedatectl` or `chronyc tracking` on each shows which of them is off"

// clockIs tells how far another clock is off. Beyond limit it is broken; 0: nothing rests on it.
func (x *Examination) clockIs(check, whose string, r reading, limit time.Duration) {
	off := r.off()
	seen := fmt.Sprintf("%s clock and the agent's differ by less than %s", whose, max(r.after.Sub(r.before)+r.grain,
		time.Millisecond).Round(time.Millisecond))
	if off != 0 {
		ahead := "ahead of"
		if off < 0 {
			ahead = "behind"
		}
		seen = fmt.Sprintf("%s clock is %s %s the agent's", whose, off.Abs().Round(time.Millisecond), ahead)
	}
	switch {
	case r.said.IsZero():
		x.found(check, release.Untold, whose+" clock is not shown", "compare them by hand, if you doubt them")
	case limit > 0 && off.Abs() > limit:
		x.found(check, release.Broken, seen+fmt.Sprintf(", more than %s: what began before T0 and what after cannot be told apart", limit), fixClock)
	case off.Abs() > clockSlack:
		x.found(check, release.Weak, seen, fixClock)
	default:
		x.found(check, release.Healthy, seen, "")
	}
}

// clockLimit is how far Prometheus's and Alertmanager's clocks may be off: an onset is compared with T0, and rules tell the one to an
// evaluation.
func (x *Examination) clockLimit() time.Duration {
	return max(x.plan().EvaluationInterval.Std(), 2*clockSlack)
}

// gitClock is of consequence for the dates of commits alone; ssh does not show it, and then there is nothing to say.
func (x *Examination) gitClock(ctx context.Context) {
	r, err := x.timed(time.Second, func() (time.Time, error) { return x.Remote.Clock(ctx) })
	if err != nil || r.said.IsZero() {
		return // what is wrong with the remote is told by who uses it
	}
	x.clockIs("git: clock", "the git server's", r, 0)
}
