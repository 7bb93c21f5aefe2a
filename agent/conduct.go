package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// How often the agent looks before T0.
const (
	proceedEvery = 10 * time.Second // at a step that could not be done
	branchEvery  = 5 * time.Second  // at the branch, for the release: T0 must not be late
)

// proceedAll does the steps before T0 that can be done now, for who has the turn, and says how far it came.
func (a *Agent) proceedAll(ctx context.Context, e *environment) release.Answer {
	answer := release.Answer{Facts: map[string]string{}}
	for {
		c := a.journal.environment(e.name).Cutover
		step, item := c.NextStep()
		if step == "" {
			break
		}
		if err := a.proceed(ctx, e); err != nil {
			answer.Details = append(answer.Details, fmt.Sprintf("%s (%s) is not done, and is tried again: %s", step, item, inOneLine(err)))
			break
		}
		answer.Details = append(answer.Details, fmt.Sprintf("%s (%s): %s", step, item, a.journal.environment(e.name).Cutover.Ticked(item).Note))
	}
	state := a.journal.environment(e.name)
	c := state.Cutover
	answer.Message = fmt.Sprintf("cutover %s has started: %s", c.ID, doing(c))
	answer.Facts["cutover"], answer.Facts["commit"], answer.Facts["phase"] = c.ID, c.Commit, string(c.Phase)
	if state.Pin != nil {
		answer.Facts["tag"] = state.Pin.Name()
	}
	return answer
}

// proceed does the next step before T0, and records it. What keeps it from being done is recorded as well, once.
func (a *Agent) proceed(ctx context.Context, e *environment) error {
	state := a.journal.environment(e.name)
	c := state.Cutover
	step, item := c.NextStep()
	if step == "" || !c.BeforeT0() || c.Stop.Sticky() {
		return nil
	}
	steps := map[string]func(context.Context, *environment, *rollback.Environment) (string, error){
		slo.StepTag: a.tagRunning, slo.StepRecheck: a.recheck, slo.StepAnnounce: a.announce,
	}
	said, err := steps[step](ctx, e, state)
	if err != nil {
		return a.notReady(ctx, e, c, fmt.Errorf("%s (%s): %w", step, item, err))
	}
	notes := []note{{environment: e.name, kind: rollback.CutoverDone, author: self, body: release.Tick{Item: item, Note: said}}}
	if c.Stop != nil {
		notes = append(notes, continued(e, release.Continuation{Why: "it is done"}))
	}
	_, err = a.journal.append(ctx, notes...)
	crashpoint("cutover " + step)
	if err != nil {
		return notStored(err)
	}
	return nil
}

// notReady records why a step before T0 cannot be done, when that is news, and gives the cause back.
func (a *Agent) notReady(ctx context.Context, e *environment, c *release.Cutover, cause error) error {
	if ctx.Err() != nil {
		return cause
	}
	return errors.Join(cause, a.stopCutover(ctx, e, c, release.Stop{Reason: release.NotReady, Text: inOneLine(cause)}))
}

// stopCutover records that a cutover does not go on; nothing when it is known, for this reason.
func (a *Agent) stopCutover(ctx context.Context, e *environment, c *release.Cutover, s release.Stop) error {
	if c.Stop != nil && (c.Stop.Reason == s.Reason && (s.Reason != release.NotReady || c.Stop.Text == s.Text) || c.Stop.Sticky()) {
		return nil
	}
	a.log.Warn("the cutover does not go on", "environment", e.name, "cutover", c.ID, "reason", s.Reason, "text", s.Text)
	_, err := a.journal.append(ctx, note{environment: e.name, kind: rollback.CutoverStopped, author: self, body: s})
	return err
}

func continued(e *environment, on release.Continuation) note {
	return note{environment: e.name, kind: rollback.CutoverContinued, author: self, body: on}
}

// inOneLine is an error with its hint, for a sentence.
func inOneLine(err error) string { return capped(strings.ReplaceAll(err.Error(), "\n", "; "), maxText) }

// tagRunning tags what production runs, pushes and pins the tag (3.1). The branch must hold what it held at the start: anything else nobody has
// measured. A crash costs a second entry of the same pin.
func (a *Agent) tagRunning(ctx context.Context, e *environment, state *rollback.Environment) (string, error) {
	c := state.Cutover
	if p := state.Pin; p != nil && p.Content() == c.Running && !p.At.Before(c.Started) {
		return fmt.Sprintf("%s is the stable tag: commit %s", p.Name(), short(p.Commit)), nil
	}
	tip, err := e.remote.Tip(ctx)
	if err != nil {
		return "", remoteProblem("read the deploy branch", err)
	}
	there, err := e.contentOf(ctx, tip)
	if err != nil {
		return "", err
	}
	if there != c.Running {
		return "", release.Problemf(release.Refused, "abort this cutover, and start another", "the branch moved to %s before the stable tag was made; it was at %s at the start", tip.ID.Short(), short(c.From))
	}
	answer, err := a.stable(ctx, e, state, release.Deed{Act: release.ActStable, Author: self})
	crashpoint("cutover tagged")
	return answer.Message, err
}

// recheck asks every gate again, now that the tag exists, and whether the triggers are quiet (3.2).
func (a *Agent) recheck(ctx context.Context, e *environment, state *rollback.Environment) (string, error) {
	c := state.Cutover
	wanted, err := e.candidate(ctx, gitrepo.ID(c.Commit))
	if err != nil {
		return "", err
	}
	if err := mayDeploy(e.plan, state, wanted, a.now()); err != nil {
		return "", err
	}
	own := a.ownGates(ctx, e, state, c.Commit)
	if err := passed(own); err != nil {
		return "", err
	}
	gates := "gates"
	if len(e.plan.Gates) == 1 {
		gates = "gate"
	}
	return fmt.Sprintf("%d %s of the plan and %d of the agent's own are PASS for %s", len(e.plan.Gates), gates, len(own), short(c.Commit)), nil
}

// doing says what a cutover does or waits for.
func doing(c *release.Cutover) string {
	switch {
	case c.Ended != nil:
		return fmt.Sprintf("%s: %s", c.Ended.Phase, c.Ended.Why)
	case c.Stop != nil:
		return fmt.Sprintf("%s, and does not go on (%s): %s", c.Phase, c.Stop.Reason, c.Stop.Text)
	case c.Phase == release.Waiting:
		return fmt.Sprintf("ready; deploy %s now: `rollback-agent release %s`, or your own deploy job", short(c.Commit), c.Commit)
	}
	return string(c.Phase)
}
