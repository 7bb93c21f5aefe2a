package agent

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// opened is the cutover that is open, or the refusal of a deed about one.
func opened(state *rollback.Environment) (*release.Cutover, error) {
	if c := state.Cutover; c.Open() {
		return c, nil
	}
	return nil, release.Problemf(release.Refused, "rollback-agent cutover start COMMIT", "no cutover of %s is open", state.Name)
}

// done takes a person's word for an item: what the runbook leaves to persons, the announcement, a milestone that was judged, read or accepted.
func (a *Agent) done(ctx context.Context, e *environment, state *rollback.Environment, d release.Deed) (release.Answer, error) {
	c, err := opened(state)
	if err != nil {
		return release.Answer{}, err
	}
	if err := mayTick(c, d); err != nil {
		return release.Answer{}, err
	}
	t := release.Tick{Item: d.Item, Note: capped(strings.TrimSpace(d.Reason), maxText)}
	if _, err := a.journal.append(ctx, note{environment: e.name, kind: rollback.CutoverDone, author: d.Author, body: t}); err != nil {
		return release.Answer{}, notStored(err)
	}
	now := a.journal.environment(e.name).Cutover
	return release.Answer{Message: fmt.Sprintf("%s is done, says %s; cutover %s: %s", d.Item, d.Author, c.ID, doing(now)),
		Facts: map[string]string{"cutover": c.ID, "item": d.Item, "phase": string(now.Phase)}}, nil
}

// mayTick asks whether an item may be done by a person now.
func mayTick(c *release.Cutover, d release.Deed) error {
	if t := c.Ticked(d.Item); t != nil {
		return release.Problemf(release.Refused, "", "%s is done already, by %s at %s", d.Item, t.By, clock(t.At))
	}
	for n, m := range c.Course.Milestones {
		if m.Item == d.Item {
			return maySettle(c, n, d)
		}
	}
	if step, item := c.NextStep(); step == slo.StepAnnounce && item == d.Item {
		return nil
	}
	var may []string
	for _, s := range c.Course.Checklist {
		person := s.Step == slo.StepAnnounce || s.Step == slo.StepManual || s.By == slo.ByPerson && s.Step != slo.StepDeploy
		switch {
		case s.Item == d.Item && person:
			return nil
		case s.Item == d.Item && s.Step == slo.StepDeploy:
			return release.Problemf(release.Refused, "deploy it; CI can say so with `rollback-agent deployed COMMIT`", "%s is done when the branch is seen at %s", s.Item, short(c.Commit))
		case s.Item == d.Item:
			return release.Problemf(release.Refused, "", "%s (%s) is the agent's to do, and nobody's word replaces it", s.Item, s.Step)
		case person && c.Ticked(s.Item) == nil:
			may = append(may, s.Item)
		}
	}
	for _, r := range c.Reached {
		if r.Settled == nil {
			may = append(may, r.Item)
		}
	}
	hint := "nothing waits for a person now"
	if len(may) > 0 {
		hint = "a person may tick " + strings.Join(may, ", ")
	}
	return release.Problemf(release.Invalid, hint, "the runbook's checklist has no item %q", d.Item)
}

// maySettle asks whether a milestone may be judged, read or accepted now. What did not pass takes a reason.
func maySettle(c *release.Cutover, n int, d release.Deed) error {
	m := c.Course.Milestones[n]
	if n >= len(c.Reached) {
		return release.Problemf(release.Refused, "`rollback-agent cutover status` shows how far the clock has come", "milestone %s (T+%s) is not reached yet", m.Item, m.After)
	}
	r := c.Reached[n]
	if r.Settled != nil {
		return release.Problemf(release.Refused, "", "%s is settled already, by %s at %s", m.Item, r.Settled.By, clock(r.Settled.At))
	}
	if r.Verdict != release.Pass && strings.TrimSpace(d.Reason) == "" {
		return release.Problemf(release.Invalid, "say why it is good all the same with --note; if it is not, `rollback-agent rollback`", "milestone %s is %s", m.Item, r.Verdict)
	}
	return nil
}

// pauseCutover stops the cutover and its clock until a person lets it go on. Triggers stay armed.
func (a *Agent) pauseCutover(ctx context.Context, e *environment, state *rollback.Environment, d release.Deed) (release.Answer, error) {
	c, err := opened(state)
	if err != nil {
		return release.Answer{}, err
	}
	if c.Stop.Sticky() {
		return release.Answer{}, release.Problemf(release.Refused, "rollback-agent cutover resume", "it does not go on already (%s): %s", c.Stop.Reason, c.Stop.Text)
	}
	s := release.Stop{Reason: release.HeldByPerson, Text: because(d)}
	if _, err := a.journal.append(ctx, note{environment: e.name, kind: rollback.CutoverStopped, author: d.Author, body: s}); err != nil {
		return release.Answer{}, notStored(err)
	}
	return release.Answer{Message: fmt.Sprintf("cutover %s is held by %s: its clock stands still, and the triggers stay armed", c.ID, d.Author)}, nil
}

// resumeCutover lets the cutover go on. What is not a person's to wave away is refused.
func (a *Agent) resumeCutover(ctx context.Context, e *environment, state *rollback.Environment, d release.Deed) (release.Answer, error) {
	c, err := opened(state)
	if err != nil {
		return release.Answer{}, err
	}
	on := release.Continuation{Why: because(d)}
	switch {
	case c.Stop == nil:
		return release.Answer{Message: fmt.Sprintf("cutover %s goes on: %s", c.ID, doing(c))}, nil
	case c.Stop.Reason == release.PlanChanged:
		on.Runbook, on.Rules = e.plan.Runbook.SHA256, e.plan.Rules.SHA256
	case !c.Stop.Sticky():
		return release.Answer{}, release.Problemf(release.Refused, "it goes on by itself when that is over; `rollback-agent cutover abort` ends it", "it does not go on (%s): %s", c.Stop.Reason, c.Stop.Text)
	}
	if !c.T0.IsZero() {
		on.From = a.now().UTC().Truncate(time.Millisecond)
	}
	if _, err := a.journal.append(ctx, note{environment: e.name, kind: rollback.CutoverContinued, author: d.Author, body: on}); err != nil {
		return release.Answer{}, notStored(err)
	}
	return release.Answer{Message: fmt.Sprintf("cutover %s goes on: %s", c.ID, doing(a.journal.environment(e.name).Cutover))}, nil
}

// abortCutover ends the cutover. It undoes nothing, and says what stands.
func (a *Agent) abortCutover(ctx context.Context, e *environment, state *rollback.Environment, d release.Deed) (release.Answer, error) {
	c, err := opened(state)
	if err != nil {
		return release.Answer{}, err
	}
	if state.Forward != nil {
		return release.Answer{}, beingPushed(state.Forward)
	}
	if _, err := a.journal.append(ctx, note{environment: e.name, kind: rollback.CutoverEnded, author: d.Author, body: release.End{Phase: release.Aborted, Why: because(d)}}); err != nil {
		return release.Answer{}, notStored(err)
	}
	answer := release.Answer{Message: fmt.Sprintf("cutover %s is aborted", c.ID), Facts: map[string]string{"cutover": c.ID}}
	if c.T0.IsZero() {
		answer.Message += "; nothing was deployed"
	} else {
		answer.Details = append(answer.Details, fmt.Sprintf("%s stays deployed, and nobody observes it any more; its triggers stay armed, and `rollback-agent rollback` puts it back", short(c.Released)))
	}
	if p := state.Pin; p != nil && p.Content() == c.Running {
		answer.Details = append(answer.Details, fmt.Sprintf("the stable tag %s stays on the remote, and pinned", p.Name()))
	}
	return answer, nil
}
