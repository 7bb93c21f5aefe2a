package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/evidence"
	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/verify"
	"github.com/coclai/cutover/generator/slo"
)

// mayPush asks whether the agent itself may put a commit on the branch while a cutover is open: its own, when all before T0 is done.
func mayPush(state *rollback.Environment, commit string) error {
	if err := mayDuring(state, commit); err != nil {
		return err
	}
	if c := state.Cutover; c.BeforeT0() && (c.Phase != release.Waiting || c.Stop != nil) {
		return release.Problemf(release.Refused, "`rollback-agent cutover status` shows what it waits for", "cutover %s is not ready for the deploy: %s", c.ID, doing(c))
	}
	return nil
}

// awaitDeploy looks whether the branch has moved, for who has the turn (3.4): to exactly the release's commit, which is T0; or to something
// else, which stops the cutover until it is gone. A crash costs a look, and T0 is the later by it.
func (a *Agent) awaitDeploy(ctx context.Context, e *environment) error {
	state := a.journal.environment(e.name)
	c := state.Cutover
	if !c.BeforeT0() || c.Phase != release.Waiting || state.Forward != nil {
		return nil // it was deployed, or is being pushed, or was ended, while we waited for our turn
	}
	tip, err := e.remote.Tip(ctx)
	if err != nil {
		return fmt.Errorf("await the deploy: %w", err)
	}
	if out, err := e.isOut(ctx, c, tip); err != nil {
		return fmt.Errorf("await the deploy: %w", err)
	} else if out { // also while a person holds the cutover: what is out must be watched for its triggers
		_, err := a.deployed(ctx, e, state, release.Deed{Act: release.ActDeployed, Commit: string(tip.ID), Author: self})
		crashpoint("cutover deployed")
		if err != nil {
			return a.notReady(ctx, e, c, err)
		}
		return nil
	}
	stop, err := a.unready(ctx, e, state, tip)
	switch {
	case err != nil || c.Stop.Sticky():
		return err
	case stop != nil:
		return a.stopCutover(ctx, e, c, *stop)
	case c.Stop != nil:
		_, err = a.journal.append(ctx, continued(e, release.Continuation{Why: "its cause is gone"}))
	}
	return err
}

// isOut says whether the branch has moved to exactly the release's commit; or to one on top of it that holds just what it holds: the merge
// that a forge makes of it, or the work of others, where only some paths are this environment's.
func (e *environment) isOut(ctx context.Context, c *release.Cutover, tip gitrepo.Commit) (bool, error) {
	if string(tip.ID) == c.Commit {
		return true, nil
	}
	there, err := e.contentOf(ctx, tip)
	if err != nil || there != c.Content {
		return false, err
	}
	return e.remote.IsAncestor(ctx, gitrepo.ID(c.Commit), tip.ID)
}

// unready says why the release must not be deployed now: somebody else's commit is on the branch, another plan is in force, a gate has expired.
func (a *Agent) unready(ctx context.Context, e *environment, state *rollback.Environment, tip gitrepo.Commit) (*release.Stop, error) {
	c := state.Cutover
	there, err := e.contentOf(ctx, tip)
	if err != nil {
		return nil, err
	}
	if there != state.Pin.Content() {
		return &release.Stop{Reason: release.Foreign, Text: fmt.Sprintf("the branch is at %s, which is neither what %s holds nor %s: only the release may be deployed",
			tip.ID.Short(), state.Pin.Name(), short(c.Commit))}, nil
	}
	if s := otherPlan(e, c); s != nil {
		return s, nil
	}
	wanted, err := e.candidate(ctx, gitrepo.ID(c.Commit))
	if err != nil {
		return nil, err
	}
	if err := mayDeploy(e.plan, state, wanted, a.now()); err != nil {
		return &release.Stop{Reason: release.NotReady, Text: inOneLine(err)}, nil
	}
	return nil, nil
}

// otherPlan says whether the plan in force is not the one that the cutover began under; nil if it is.
func otherPlan(e *environment, c *release.Cutover) *release.Stop {
	if e.plan.Runbook.SHA256 == c.Course.Runbook && e.plan.Rules.SHA256 == c.Course.Rules {
		return nil
	}
	return &release.Stop{Reason: release.PlanChanged, Text: fmt.Sprintf("the plan in force is of runbook %.10s and rules %.10s; the cutover began under %.10s and %.10s: put it back, or accept it with `rollback-agent cutover resume`",
		e.plan.Runbook.SHA256, e.plan.Rules.SHA256, c.Course.Runbook, c.Course.Rules)}
}

// isLive asks production itself, during a cutover whose plan says how: T0 is when the first of it runs the release. Where it does not say the
// branch's word is taken, and for what the agent pushes itself the moment before.
func (a *Agent) isLive(ctx context.Context, e *environment, state *rollback.Environment, commit string) error {
	if e.plan.Live == nil || !state.Cutover.BeforeT0() {
		return nil
	}
	running, err := e.running(ctx, *e.plan.Live, a.now())
	if err != nil {
		return unsaid(err)
	}
	if slices.ContainsFunc(running, func(v string) bool { return len(v) >= shortest && strings.HasPrefix(commit, v) }) {
		return nil
	}
	slices.Sort(running)
	return release.Problemf(release.Undecided, "the agent asks again by itself", "the branch is at %s, and production does not run it yet: it says %s", short(commit), strings.Join(slices.Compact(running), ", "))
}

// unsaid is why production could not be asked, in words that are the same at each look: they become the text of a stop, and another text is
// another stop, of which people are told. What was printed is for the doctor to show.
func unsaid(err error) error {
	why := "Prometheus gave no answer that can be read"
	if u, ok := errors.AsType[*verify.Unsaid](err); ok {
		why = u.Reason
	} else if evidence.IsBadQuery(err) {
		why = "Prometheus cannot evaluate the query"
	}
	return release.Problemf(release.Undecided, "the agent asks again by itself; `rollback-agent doctor` shows the answer", "it cannot be told what production runs: %s", why)
}

// running is what production says that it runs.
func (e *environment) running(ctx context.Context, l slo.Live, now time.Time) ([]string, error) {
	if len(l.Argv) > 0 {
		return e.runner.Commits(ctx, l)
	}
	return e.prometheus.Live(ctx, l, now)
}

// shortest is how much of a commit's id must be in a label to be taken for it.
const shortest = 7

// watchdogSeen is when the Watchdog was heard last, or since when it could have been.
func (a *Agent) watchdogSeen(state *rollback.Environment) time.Time {
	seen := a.started
	for _, episode := range state.Episodes {
		if episode.Firing.Labels["alertname"] == slo.Watchdog && episode.Last.After(seen) {
			seen = episode.Last
		}
	}
	return seen
}
