package agent

import (
	"context"
	"fmt"
	"time"

	"github.com/coclai/cutover/agent/evidence"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// answersLast is for how long one answer serves several decisions of one pass: a flood of alerts about one SLO is one question.
const answersLast = 5 * time.Second

// answers are what was asked in one pass over the episodes. Its zero value is of use.
type answers struct {
	since    time.Time
	readings map[string]release.Reading
	alerts   *evidence.Alerts
	tip      *rollback.Tip
	target   *rollback.TargetState
	active   []rollback.Firing // what Prometheus has pending or firing
	asked    bool              // for those
}

// fresh forgets answers that are too old to decide on.
func (w *answers) fresh(now time.Time) {
	if w.readings == nil || !recent(w.since, now, answersLast) {
		*w = answers{since: now, readings: map[string]release.Reading{}}
	}
}

func (w *answers) reading(name string, ask func() release.Reading) release.Reading {
	if r, known := w.readings[name]; known {
		return r
	}
	w.readings[name] = ask()
	return w.readings[name]
}

// gather asks all that Decide wants to know.
func (a *Agent) gather(ctx context.Context, e *environment, c rollback.Case, w *answers) rollback.Evidence {
	w.fresh(c.Now)
	s, _, _ := c.SLO()
	found := rollback.Evidence{At: c.Now, KillSwitch: e.killed()}
	found.Reading = w.reading(s.ID+" since "+e.since(s, c).String(), func() release.Reading { return e.readSince(ctx, s, c) })
	if found.Reading.Verdict != release.Fail {
		return found // nothing can come of it: the remote need not be asked
	}
	found.ActiveSince = a.activeSince(ctx, e, c, w)
	found.AtT0 = w.reading(s.ID+" at T0", func() release.Reading { return e.lateT0(ctx, s, c.Environment) })
	if w.alerts == nil {
		alerts, err := e.alertmanagers.Alerts(ctx)
		if err != nil {
			found.Reading.Verdict = release.Unknown
			found.Reading.Reason += fmt.Sprintf("; but no Alertmanager says whether the alert is silenced: %v", err)
			return found
		}
		w.alerts = &alerts
	}
	found.Suppressed = w.alerts.Suppressing(c.Episode.Firing)
	if w.tip == nil {
		tip, target := e.look(ctx, c.Environment.Release)
		w.tip, w.target = &tip, &target
	}
	found.Tip, found.Target = *w.tip, *w.target
	return found
}

// activeSince is since when our own Prometheus has had the alert pending or firing; zero when it has not, or does not say.
func (a *Agent) activeSince(ctx context.Context, e *environment, c rollback.Case, w *answers) time.Time {
	if !w.asked {
		var err error
		if w.active, err = e.prometheus.Active(ctx, e.plan.Service, e.plan.Environment); err != nil && ctx.Err() == nil {
			a.log.Warn("cannot tell since when an alert is active", "environment", e.name, "err", err)
		}
		w.asked = true
	}
	var since time.Time
	for _, f := range w.active {
		if f.Same(c.Episode.Firing) && (since.IsZero() || f.StartsAt.Before(since)) {
			since = f.StartsAt
		}
	}
	return since
}

// survey is what a person's yes rests on: the branch and the target, and what the measurements say, whatever that is.
func (a *Agent) survey(ctx context.Context, e *environment, c rollback.Case) rollback.Evidence {
	found := rollback.Evidence{At: c.Now, KillSwitch: e.killed()}
	if s, _, ok := c.SLO(); ok {
		found.Reading = e.readSince(ctx, s, c)
	}
	if r := c.Environment.Release; r != nil {
		found.Tip, found.Target = e.look(ctx, r)
	}
	return found
}

// lateT0 asks for the condition at T0 if it could not be told then: Prometheus may know now. Zero if it was known.
func (e *environment) lateT0(ctx context.Context, s slo.PlanSLO, state *rollback.Environment) release.Reading {
	if atT0(state.Release, s.ID).Verdict != release.Unknown {
		return release.Reading{}
	}
	return e.read(ctx, s, state, state.Release.T0)
}

// since is where a condition that need hold only once is looked for from; zero for one that must hold now.
func (e *environment) since(s slo.PlanSLO, c rollback.Case) time.Time {
	if s.Holds != slo.HoldsSinceOnset {
		return time.Time{}
	}
	return c.From(s)
}
