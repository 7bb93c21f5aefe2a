package agent

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// startCutover begins the cutover to a commit: refused with every reason at its place, or begun whole. The baselines are captured first, and
// stored in the same append; a crash before it costs nothing, a crash after it the answer. The steps that follow are taken up from the ledger.
func (a *Agent) startCutover(ctx context.Context, e *environment, state *rollback.Environment, d release.Deed) (release.Answer, error) {
	if err := a.mayStart(e, state); err != nil {
		return release.Answer{}, err
	}
	c, err := a.chosen(ctx, e, state, d)
	if err != nil {
		return release.Answer{}, err
	}
	if c.Own = a.ownGates(ctx, e, state, c.Commit); len(c.Own) > 0 {
		if err := passed(c.Own); err != nil {
			return release.Answer{}, err
		}
	}
	baselines, captured, err := a.captured(ctx, e)
	if err != nil {
		return release.Answer{}, err
	}
	crashpoint("starting")
	if _, err := a.journal.append(ctx, note{environment: e.name, kind: rollback.BaselineCaptured, author: d.Author, body: baselines},
		note{environment: e.name, kind: rollback.CutoverStarted, author: d.Author, body: c}); err != nil {
		return release.Answer{}, notStored(err)
	}
	crashpoint("started")
	answer := a.proceedAll(ctx, e)
	answer.Details = append(captured, answer.Details...)
	return answer, nil
}

// mayStart asks what the state alone says.
func (a *Agent) mayStart(e *environment, state *rollback.Environment) error {
	now := a.now()
	switch c, hold := state.Cutover, state.Standing(now); {
	case c.Open():
		return release.Problemf(release.Refused, "`rollback-agent cutover status` shows it; it ends with its last milestone, or by `rollback-agent cutover abort`",
			"cutover %s of commit %s is open (%s)", c.ID, short(c.Commit), c.Phase)
	case state.Forward != nil:
		return beingPushed(state.Forward)
	case state.Lock != nil:
		return locked(state)
	case hold != nil:
		return release.Problemf(release.Refused, "rollback-agent resume, when it is over", "%s holds the agent until %s: %s", hold.By, clock(hold.Until), hold.Why)
	case state.Kill != nil:
		return release.Problemf(release.Refused, "rollback-agent kill-switch off", "the kill switch is on: nothing could be rolled back")
	case e.killed():
		return release.Problemf(release.Refused, "remove the file", "the kill switch %s is there: nothing could be rolled back", e.kill)
	case len(e.plan.Milestones) == 0:
		return release.Problemf(release.Refused, "list them in the runbook, or use `rollback-agent stable` and `deployed` without a cutover", "the plan has no milestone: there would be nothing to observe for")
	}
	return samePlan(e.plan, state.Rulebook)
}

// samePlan asks whether the plan in force is the one that is on record: the conductor adopts it within a second of a start or a reload.
func samePlan(p slo.Plan, book *rollback.Rulebook) error {
	if book == nil || book.Plan.Runbook != p.Runbook || book.Plan.Rules != p.Rules {
		return release.Problemf(release.Undecided, "try again in a moment", "the plan of runbook %.10s is not adopted yet", p.Runbook.SHA256)
	}
	return nil
}

// chosen asks the remote and the gates, and makes the cutover.
func (a *Agent) chosen(ctx context.Context, e *environment, state *rollback.Environment, d release.Deed) (release.Cutover, error) {
	id, now := gitrepo.ID(d.Commit), a.now().UTC()
	c := release.Cutover{ID: a.cutoverID(d.Commit, now), Commit: d.Commit, Course: release.CourseOf(e.plan), Started: now, By: d.Author, Phase: release.Preparing}
	if err := id.Validate(); err != nil {
		return c, release.Problemf(release.Invalid, "git rev-parse COMMIT prints it", "a commit is 40 hexadecimal digits: %v", err)
	}
	if err := e.lockedOnRemote(ctx, ""); err != nil {
		return c, err
	}
	wanted, err := e.candidate(ctx, id)
	if err != nil {
		return c, pushedFirst(id, err)
	}
	tip, err := e.remote.Tip(ctx)
	if err != nil {
		return c, remoteProblem("read the deploy branch", err)
	}
	running, err := e.contentOf(ctx, tip)
	if err != nil {
		return c, err
	}
	c.Content, c.From, c.Running = wanted.content, string(tip.ID), running
	if tip.ID == id || running == wanted.content {
		return c, release.Problemf(release.Refused, "start it before the deploy: the stable tag belongs on what ran before the release",
			"production runs what %s holds already", id.Short())
	}
	if err := mayDeploy(e.plan, state, wanted, now); err != nil {
		return c, err
	}
	return c, a.canSayLive(ctx, e)
}

// canSayLive asks the plan's command once: one that can never answer would be found only when the release is out, and there is no T0.
func (a *Agent) canSayLive(ctx context.Context, e *environment) error {
	if e.plan.Live == nil || len(e.plan.Live.Argv) == 0 {
		return nil
	}
	if _, err := e.running(ctx, *e.plan.Live, a.now()); err != nil {
		return &release.Problem{Kind: release.Undecided, Message: "T0 could not be told", Cause: err,
			Hint: "mend `live:` in promrulegen.yaml, or what its command needs; nothing was started"}
	}
	return nil
}

// passed is nil when every gate is PASS; else it names all that are not.
func passed(all []release.GateResult) error {
	kind, not := release.Undecided, []string{}
	for _, g := range all {
		if g.Verdict == release.Pass {
			continue
		}
		if g.Verdict == release.Fail {
			kind = release.Refused
		}
		not = append(not, fmt.Sprintf("%s is %s: %s", g.Gate, g.Verdict, g.Reason))
	}
	if len(not) == 0 {
		return nil
	}
	return release.Problemf(kind, "`rollback-agent preflight COMMIT` shows each; nothing was started", "%s", strings.Join(not, "; "))
}

// captured measures every baseline of the plan, and stores nothing. One that cannot be captured is a gate that is UNKNOWN.
func (a *Agent) captured(ctx context.Context, e *environment) (rollback.Baselines, []string, error) {
	var body rollback.Baselines
	var lines []string
	for _, s := range e.plan.SLOs {
		if s.Baseline == nil {
			continue
		}
		b, err := e.prometheus.Capture(ctx, s, a.now())
		if err != nil {
			body.Missing = append(body.Missing, fmt.Sprintf("%s: %v", s.ID, err))
			continue
		}
		body.Baselines = append(body.Baselines, b)
		lines = append(lines, fmt.Sprintf("%s: %s %s over %s (%s events)", s.ID, b.Value, s.Unit, b.Over, b.Events))
	}
	if len(body.Missing) > 0 {
		return body, nil, release.Problemf(release.Undecided, "nothing was stored; capture it when there is traffic", "no baseline: %s", strings.Join(body.Missing, "; "))
	}
	return body, lines, nil
}

// standsFor is the commit that a cutover waits for, if another one that is on the branch now holds just that; else "".
func standsFor(state *rollback.Environment, commit, content string) string {
	if c := state.Cutover; c.BeforeT0() && c.Commit != commit && c.Content == content {
		return c.Commit
	}
	return ""
}

// mayDuring asks whether an open cutover lets a commit be deployed: its own, once.
func mayDuring(state *rollback.Environment, commit string) error {
	c := state.Cutover
	switch {
	case !c.Open() || c.BeforeT0() && c.Commit == commit:
		return nil
	case c.BeforeT0():
		return release.Problemf(release.Refused, "rollback-agent cutover abort, if that one is not to be released", "cutover %s releases %s, and nothing else", c.ID, short(c.Commit))
	case commit == c.Commit || commit == c.Released:
		return nil // said again
	}
	return release.Problemf(release.Refused, "roll it back, or end the cutover with `rollback-agent cutover abort`", "cutover %s observes %s since %s", c.ID, short(c.Released), c.T0.Format(time.RFC3339))
}
