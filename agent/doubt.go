package agent

import (
	"context"
	"fmt"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// evidenceLasts is for how long a decision can be acted on without asking again. Until then the agent would have gone on trying anyhow; what
// is older was left by an agent that was down, and the world has gone on meanwhile.
const evidenceLasts = pushDeadline

// doubted asks again about a rollback that is not pushed yet and was decided long ago, and stops it for a person when it is not so any more.
// A person's own rollback is not doubted; what a person approved is stopped only by a clear no. A crash costs the questions.
func (a *Agent) doubted(ctx context.Context, e *environment, state *rollback.Environment, i *rollback.Incident) (stopped bool, err error) {
	d, now := lastRollback(i), a.now()
	waits := i.Phase == rollback.PhaseDecided || i.Phase == rollback.PhasePrepared
	if !waits || byHand(i) || recent(d.At, now, evidenceLasts) || recent(e.confirmed, now, evidenceLasts) {
		return false, nil
	}
	if i.Preparation != nil {
		_, holds, err := e.holds(ctx, i.Preparation)
		if err != nil {
			return true, a.orGiveUp(ctx, e, i, i.Preparation.At, err)
		}
		if holds {
			return false, nil // to be found by the push, which pushes nothing then
		}
	}
	reason, text := a.askAgain(ctx, e, state, d)
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case reason == rollback.CannotTell && d.By == "" && now.Sub(a.started) < pushDeadline:
		return false, fmt.Errorf("what was decided at %s cannot be confirmed: %s", clock(d.At), text)
	case reason == "", reason == rollback.CannotTell && d.By != "":
		e.confirmed = now
		return false, nil
	}
	_, err = a.journal.append(ctx, trouble(e.name, i.ID, reason, fmt.Sprintf("decided at %s, taken up %s later, and not pushed: %s; rollback-agent rollback does it by hand",
		clock(d.At), now.Sub(d.At).Round(time.Second), text)))
	return true, err
}

// askAgain is why a decision would not be taken any more, "" if it would.
func (a *Agent) askAgain(ctx context.Context, e *environment, state *rollback.Environment, d rollback.Decision) (rollback.Reason, string) {
	s, planned := e.plan.SLOByID(d.SLO)
	episode := state.Episodes[d.Key]
	if !planned || episode == nil || state.Release == nil {
		return rollback.Unmatched, "the plan has no " + d.SLO + " any more, or the alert is forgotten"
	}
	c := rollback.Case{Plan: e.plan, Environment: state, Episode: episode, Now: a.now().UTC()}
	if late := c.Now.Sub(state.Release.T0); d.By == "" && late > e.policy.ArmAuto {
		return rollback.OutOfWindow, fmt.Sprintf("%s after T0 nothing is rolled back without a person", late.Round(time.Second))
	}
	reading := e.readSince(ctx, s, c)
	switch reading.Verdict {
	case release.Pass:
		return rollback.NotCorroborated, "our own query does not agree any more: " + reading.Reason
	case release.Unknown:
		return rollback.CannotTell, "our own query cannot tell any more: " + reading.Reason
	}
	alerts, err := e.alertmanagers.Alerts(ctx)
	if err != nil {
		return rollback.CannotTell, "no Alertmanager says whether the alert is silenced: " + err.Error()
	}
	if by := alerts.Suppressing(episode.Firing); by != "" && d.By == "" {
		return rollback.Suppressed, "the alert is " + by
	}
	return "", ""
}
