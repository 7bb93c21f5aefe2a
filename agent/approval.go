package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// approve is a person's yes to what was proposed. The branch and the target are looked at again; from then on it is a rollback like every
// other, with its lock in the same append.
func (a *Agent) approve(ctx context.Context, e *environment, state *rollback.Environment, d release.Deed) (release.Answer, error) {
	if state.Forward != nil {
		return release.Answer{}, beingPushed(state.Forward)
	}
	episode, err := state.Proposal(d.Incident, a.now())
	if err != nil {
		return release.Answer{}, noProposal(err)
	}
	seen := a.journal.snapshot().Seq
	c := rollback.Case{Plan: e.plan, Environment: state, Episode: episode, Now: a.now().UTC()}
	decision := e.policy.Approve(c, a.survey(ctx, e, c), d.Author)
	decision.Seen = seen
	if decision.Verdict != rollback.Rollback {
		return release.Answer{}, release.Problemf(refusalOf(decision.Reason), "rollback-agent explain shows all that is known", "not approved (%s): %s", decision.Reason, decision.Text)
	}
	err = a.decided(ctx, e, state, decision)
	switch {
	case errors.Is(err, ledger.ErrTwice):
		return release.Answer{}, release.Problemf(release.Refused, "", "this release was rolled back before")
	case errors.Is(err, errBraked):
		return release.Answer{}, release.Problemf(release.Refused, "look again: rollback-agent status", "not approved: %v", err)
	case err != nil:
		return release.Answer{}, notStored(err)
	}
	id := rollback.IncidentID(state.Release.Commit, state.Release.T0)
	return release.Answer{Message: fmt.Sprintf("approved by %s: %s is locked and goes back to %s; watch it with `rollback-agent explain %s`",
		d.Author, e.name, decision.Target, id), Facts: map[string]string{"incident": id, "target": decision.Target}}, nil
}

// refusalOf says whether a no may become a yes by itself.
func refusalOf(r rollback.Reason) release.Kind {
	if r == rollback.RemoteUnknown {
		return release.Undecided
	}
	return release.Refused
}

func noProposal(err error) error {
	hint := "`rollback-agent status` shows what is proposed; `rollback-agent rollback --to TAG` needs no proposal"
	return &release.Problem{Kind: release.Refused, Message: "nothing to answer", Cause: err, Hint: hint}
}

// cancel is a person's no: to a rollback that was decided and not pushed, or to what is proposed.
func (a *Agent) cancel(ctx context.Context, e *environment, state *rollback.Environment, d release.Deed) (release.Answer, error) {
	why := capped(cmp.Or(strings.TrimSpace(d.Reason), "no reason given"), maxText)
	if i := state.IncidentByID(d.Incident); i != nil && i.Phase != rollback.PhaseOpen {
		return a.cancelRollback(ctx, e, i, d.Author, why)
	}
	episode, err := state.Proposal(d.Incident, a.now())
	if err != nil {
		return release.Answer{}, noProposal(err)
	}
	var noes []rollback.Decision
	for _, one := range state.Proposed(episode, a.now()) {
		c := rollback.Case{Plan: e.plan, Environment: state, Episode: one, Now: a.now().UTC()}
		noes = append(noes, rollback.Dismiss(c, d.Author, why))
	}
	if err := a.decided(ctx, e, state, noes...); err != nil {
		return release.Answer{}, notStored(err)
	}
	return release.Answer{Message: fmt.Sprintf("dismissed by %s: %s is not proposed again while its alert goes on", d.Author, episode.Decision.SLO)}, nil
}

// cancelRollback stops the steps before the push. The lock stays: why a trigger fired is not known yet. A push that had no answer may have
// been taken all the same, so that the remote is asked first.
func (a *Agent) cancelRollback(ctx context.Context, e *environment, i *rollback.Incident, author, why string) (release.Answer, error) {
	if i.Phase != rollback.PhaseDecided && i.Phase != rollback.PhasePrepared {
		return release.Answer{}, release.Problemf(release.Refused, "after the push, roll forward: `rollback-agent release COMMIT`, when the lock is open",
			"incident %s is %s: only before the push can it be cancelled", i.ID, i.Phase)
	}
	if i.Preparation != nil {
		if err := a.mayPush(ctx, e); err != nil { // an agent that acted before may be about to push: after this, the remote refuses it
			return release.Answer{}, remoteProblem("begin the term on the remote", err)
		}
		_, holds, err := e.holds(ctx, i.Preparation)
		if err != nil {
			return release.Answer{}, remoteProblem("see whether it was pushed already", err)
		}
		if holds {
			return release.Answer{}, release.Problemf(release.Refused, "roll forward when the lock is open", "the remote holds the rollback already: %s", short(i.Preparation.Commit))
		}
	}
	if _, err := a.journal.append(ctx, note{environment: e.name, kind: rollback.RollbackCancelled, author: author, incident: i.ID, body: rollback.Remark{Why: why}}); err != nil {
		return release.Answer{}, notStored(err)
	}
	return release.Answer{Message: fmt.Sprintf("the rollback of incident %s is cancelled by %s, nothing was pushed; the lock stays until its cause is known: rollback-agent rca %s",
		i.ID, author, i.ID), Facts: map[string]string{"incident": i.ID}}, nil
}
