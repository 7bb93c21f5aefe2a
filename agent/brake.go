package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

const (
	holdLasts = slo.Duration(4 * time.Hour) // unless a person says for how long
	holdMost  = slo.Duration(7 * 24 * time.Hour)
)

// hold lets the agent wait: what would be a rollback becomes a proposal, until a time that a person names.
func (a *Agent) hold(ctx context.Context, e *environment, state *rollback.Environment, d release.Deed) (release.Answer, error) {
	for _, i := range state.Incidents {
		if i.Phase == rollback.PhaseDecided || i.Phase == rollback.PhasePrepared {
			return release.Answer{}, release.Problemf(release.Refused, "rollback-agent cancel "+i.ID+", before its push",
				"incident %s is in hand (%s), and a hold stops only what comes", i.ID, i.Phase)
		}
	}
	lasts, err := slo.ParseDuration(cmp.Or(d.For, holdLasts.String()))
	if err != nil || lasts <= 0 || lasts > holdMost {
		return release.Answer{}, release.Problemf(release.Invalid, "for example 4h, at most "+holdMost.String()+"; no hold is for ever", "%q cannot be how long", d.For)
	}
	h := rollback.Holding{Until: a.now().Add(lasts.Std()).UTC(), Why: because(d)}
	if _, err := a.journal.append(ctx, note{environment: e.name, kind: rollback.Held, author: d.Author, body: h}); err != nil {
		return release.Answer{}, notStored(err)
	}
	return release.Answer{Message: fmt.Sprintf("%s is held by %s until %s: what fires is proposed, and nothing is rolled back without a person", e.name, d.Author,
		h.Until.Format(time.RFC3339)), Facts: map[string]string{"until": h.Until.Format(time.RFC3339)}}, nil
}

// resume ends a hold before its time.
func (a *Agent) resume(ctx context.Context, e *environment, state *rollback.Environment, d release.Deed) (release.Answer, error) {
	if state.Standing(a.now()) == nil {
		return release.Answer{Message: e.name + " is not held"}, nil
	}
	return a.remark(ctx, e, rollback.Resumed, d, e.name+" is held no longer: the agent acts by itself again")
}

// kill turns the kill switch on: until it is turned off, everything is decided and recorded, and nothing is done.
// A push that has left already cannot be called back, and is said to be under way.
func (a *Agent) kill(ctx context.Context, e *environment, state *rollback.Environment, d release.Deed) (release.Answer, error) {
	answer, err := a.remark(ctx, e, rollback.KillSwitchOn, d, "the kill switch of "+e.name+" is on: the agent decides and records, and acts on nothing")
	for _, i := range state.Incidents {
		if err == nil && i.Phase == rollback.PhasePrepared {
			answer.Details = append(answer.Details, "the rollback of incident "+i.ID+" may be on its way to the remote already: rollback-agent status shows what came of it")
		}
	}
	return answer, err
}

// errBraked says that a person has used a brake while it was decided to act: what was decided is void, and is decided again.
var errBraked = errors.New("somebody has turned a brake meanwhile")

// unbraked is errBraked if a brake was turned since the state was read. Who holds e.brakes can act on the answer.
func (a *Agent) unbraked(e *environment, seen *rollback.Environment) error {
	if now := a.journal.environment(e.name); now.Kill != seen.Kill || now.Hold != seen.Hold {
		return errBraked
	}
	return nil
}

// affordable is errBraked if others have spent meanwhile what the budget of all environments had left. Who holds a.spending can act on the answer.
func (a *Agent) affordable(e *environment, all []rollback.Decision) error {
	automatic := func(d rollback.Decision) bool { return d.Verdict == rollback.Rollback && d.By == "" }
	if e.policy.Everywhere == 0 || !slices.ContainsFunc(all, automatic) {
		return nil
	}
	if a.journal.snapshot().AutomaticSince(a.now().Add(-day)) >= e.policy.Everywhere {
		return errBraked
	}
	return nil
}

// revive turns the kill switch off. The file's is turned off where it is.
func (a *Agent) revive(ctx context.Context, e *environment, state *rollback.Environment, d release.Deed) (release.Answer, error) {
	answer := release.Answer{Message: "the kill switch of " + e.name + " was not on"}
	if state.Kill != nil {
		var err error
		if answer, err = a.remark(ctx, e, rollback.KillSwitchOff, d, "the kill switch of "+e.name+" is off: the agent acts again"); err != nil {
			return answer, err
		}
	}
	if e.killed() {
		answer.Details = append(answer.Details, "the file "+e.kill+" is there still, and keeps the agent from acting until it is removed")
	}
	return answer, nil
}

func (a *Agent) remark(ctx context.Context, e *environment, kind rollback.Kind, d release.Deed, done string) (release.Answer, error) {
	if _, err := a.journal.append(ctx, note{environment: e.name, kind: kind, author: d.Author, body: rollback.Remark{Why: because(d)}}); err != nil {
		return release.Answer{}, notStored(err)
	}
	return release.Answer{Message: done}, nil
}

func because(d release.Deed) string {
	return capped(cmp.Or(strings.TrimSpace(d.Reason), "no reason given"), maxText)
}

// turn is what a deed waits for. Asking needs none; a brake does not wait for a Prometheus or a remote that hangs, only for what is being
// stored just now.
func (e *environment) turn(act release.Act) *sync.Mutex {
	switch act {
	case release.ActGate, release.ActLast, release.ActPreview, release.ActTry:
		return nil
	case release.ActHold, release.ActKill:
		return e.brakes
	}
	return e.deeds
}
