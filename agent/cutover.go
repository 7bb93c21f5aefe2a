package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// Do carries out what a person or CI asks. One deed or decision at a time is done in an environment: what a deed checked still holds
// when it acts. Where several agents share a ledger, the one that acts does it.
func (a *Agent) Do(ctx context.Context, d release.Deed) (release.Answer, error) {
	if a.replica == nil {
		return a.here(ctx, d)
	}
	if asks(d.Act) {
		if err := a.journal.catchUp(ctx); err != nil { // no yes on the strength of what another agent may have changed
			return release.Answer{}, &release.Problem{Kind: release.Undecided, Message: "the ledger cannot be read", Cause: err}
		}
		return a.here(ctx, d)
	}
	leave, acts := a.replica.enter()
	if !acts {
		return a.send(ctx, d)
	}
	defer leave()
	return a.here(ctx, d)
}

// asks says whether an act only looks, and needs no turn.
func asks(act release.Act) bool {
	return act == release.ActGate || act == release.ActLast || act == release.ActPreview
}

// here carries a deed out in this process.
func (a *Agent) here(ctx context.Context, d release.Deed) (release.Answer, error) {
	e, err := a.addressed(d.Environment)
	if err != nil {
		return release.Answer{}, err
	}
	acts := map[release.Act]func(context.Context, *environment, *rollback.Environment, release.Deed) (release.Answer, error){
		release.ActStable: a.stable, release.ActBaseline: a.baseline, release.ActDeployed: a.deployed, release.ActGate: a.gate, release.ActPreflight: a.preflight,
		release.ActRecord: a.record, release.ActUnlock: a.unlock, release.ActRelease: a.release,
		release.ActLast: a.last, release.ActPreview: a.preview, release.ActRollback: a.rollbackByHand,
		release.ActRCA: a.analyse, release.ActBreak: a.breakGlass, release.ActApprove: a.approve, release.ActCancel: a.cancel,
		release.ActHold: a.hold, release.ActResume: a.resume, release.ActKill: a.kill, release.ActRevive: a.revive,
		release.ActStart: a.startCutover, release.ActDone: a.done, release.ActPause: a.pauseCutover, release.ActProceed: a.resumeCutover, release.ActAbort: a.abortCutover,
		release.ActTry: a.try,
	}
	act, ok := acts[d.Act]
	if !ok {
		return release.Answer{}, release.Problemf(release.Invalid, "", "unknown act %q", string(d.Act))
	}
	if turn := e.turn(d.Act); turn != nil {
		turn.Lock()
		defer turn.Unlock()
	}
	state := a.journal.environment(e.name)
	if d.Expected != "" && d.Expected != state.Mark(d) {
		return release.Answer{}, release.Problemf(release.Refused, "load the page again, and decide on what it shows then", "nothing was done: what you saw has changed since")
	}
	return act(ctx, e, state, d)
}

// addressed finds the environment a deed is about; one need not name the only one.
func (a *Agent) addressed(name string) (*environment, error) {
	all := a.all()
	if name == "" && len(all) == 1 {
		return all[0], nil
	}
	if e := a.environment(name); e != nil {
		return e, nil
	}
	names := make([]string, len(all))
	for i, e := range all {
		names[i] = e.name
	}
	return nil, release.Problemf(release.Invalid, "one of "+strings.Join(names, ", "), "no environment %q is configured", name)
}

// stable tags what production runs, the tip of the deploy branch, and pins the tag as the target of a rollback. A tag that exists
// already is pinned as it is.
func (a *Agent) stable(ctx context.Context, e *environment, state *rollback.Environment, d release.Deed) (release.Answer, error) {
	if state.Forward != nil {
		return release.Answer{}, beingPushed(state.Forward) // the tip may be the release already, and is not what ran before it
	}
	if err := e.remote.Probe(ctx); err != nil { // a remote that would refuse the rollback is found out now, not at 3 a.m.
		return release.Answer{}, remoteProblem("try the remote", err)
	}
	tip, err := e.remote.Tip(ctx)
	if err != nil {
		return release.Answer{}, remoteProblem("read the deploy branch", err)
	}
	name, pin, err := d.Tag, gitrepo.Pin{}, error(nil)
	if name == "" {
		pin, err = e.createStable(ctx, tip.ID, a.now())
	} else if pin, err = e.remote.ReadTag(ctx, name); errors.Is(err, gitrepo.ErrTagMissing) {
		pin, err = e.remote.CreateTag(ctx, name, tip.ID, stableMessage(e, tip.ID), a.now())
	}
	if err != nil {
		return release.Answer{}, remoteProblem("tag "+short(string(tip.ID)), err)
	}
	p, err := a.pinOf(ctx, e, pin, d.Author)
	if err != nil {
		return release.Answer{}, err
	}
	if err := e.mayPin(ctx, state, p, tip); err != nil {
		return release.Answer{}, err
	}
	if _, err := a.journal.append(ctx, note{environment: e.name, kind: rollback.StablePinned, author: d.Author, body: p}); err != nil {
		return release.Answer{}, notStored(err)
	}
	answer := release.Answer{Message: fmt.Sprintf("%s is the stable tag: commit %s", p.Name(), short(p.Commit)),
		Facts: map[string]string{"tag": p.Name(), "commit": p.Commit, "tree": p.Tree, "object": p.Object}}
	if p.Signer != "" {
		answer.Message += ", signed by " + p.Signer
		answer.Facts["signer"] = p.Signer
	}
	return answer, nil
}

func stableMessage(e *environment, at gitrepo.ID) string {
	return fmt.Sprintf("%s ran %s before the release that follows", e.name, at)
}

// baseline captures what every SLO that is judged against one has been, over the window that ends now.
func (a *Agent) baseline(ctx context.Context, e *environment, _ *rollback.Environment, d release.Deed) (release.Answer, error) {
	body, lines, err := a.captured(ctx, e)
	if err != nil {
		return release.Answer{}, err
	}
	answer := release.Answer{Facts: map[string]string{}, Details: lines}
	for _, b := range body.Baselines {
		answer.Facts[b.SLO] = b.Value
	}
	if _, err := a.journal.append(ctx, note{environment: e.name, kind: rollback.BaselineCaptured, author: d.Author, body: body}); err != nil {
		return release.Answer{}, notStored(err)
	}
	answer.Message = fmt.Sprintf("captured %d baseline(s)", len(body.Baselines))
	return answer, nil
}

// deployed takes CI's word that the branch has moved to the commit, after looking: T0 is now, and every condition is measured as it is.
func (a *Agent) deployed(ctx context.Context, e *environment, state *rollback.Environment, d release.Deed) (release.Answer, error) {
	if err := e.mayPassLock(ctx, state, ""); err != nil {
		return release.Answer{}, err
	}
	tip, err := e.remote.Tip(ctx)
	if err != nil {
		return release.Answer{}, remoteProblem("read the deploy branch", err)
	}
	if string(tip.ID) != d.Commit {
		return release.Answer{}, release.Problemf(release.Refused, "give the full id of the commit that the branch points at",
			"the deploy branch is at %s, not at %s", short(string(tip.ID)), short(d.Commit))
	}
	if state.Release != nil && state.Release.Commit == d.Commit {
		return release.Answer{Message: fmt.Sprintf("%s was declared deployed at %s already", short(d.Commit), state.Release.T0.Format(time.RFC3339))}, nil
	}
	r := release.Release{Commit: d.Commit, Tree: string(tip.Tree), T0: a.now().UTC(), By: d.Author}
	if r.Paths, err = e.content(ctx, tip.Tree); err != nil {
		return release.Answer{}, remoteProblem("read the paths", err)
	}
	r.Of = standsFor(state, r.Commit, r.Content())
	if err := mayDuring(state, cmp.Or(r.Of, r.Commit)); err != nil {
		return release.Answer{}, err
	}
	if err := mayRelease(state, r.Commit, r.Content()); err != nil {
		return release.Answer{}, err
	}
	if err := a.isLive(ctx, e, state, r.Commit); err != nil {
		return release.Answer{}, err
	}
	ancestor, err := e.remote.IsAncestor(ctx, gitrepo.ID(state.Pin.Commit), tip.ID)
	if err != nil {
		return release.Answer{}, remoteProblem("compare with the stable tag", err)
	}
	if !ancestor {
		return release.Answer{}, release.Problemf(release.Refused, "", "the stable tag %s is no ancestor of %s", state.Pin.Name(), short(d.Commit))
	}
	r.AtT0, r.Alerting = a.measure(ctx, e, state, r.T0)
	return a.declare(ctx, e, state, r)
}

// declare records a release: its target and the baselines captured before it go with it.
func (a *Agent) declare(ctx context.Context, e *environment, state *rollback.Environment, r release.Release) (release.Answer, error) {
	var stale []string
	r.Target = *state.Pin
	r.Baselines, stale = release.Fresh(state.NextBaselines(), r.T0, e.plan.GatesExpire.Std())
	_, err := a.journal.append(ctx, note{environment: e.name, kind: rollback.ReleaseDeployed, author: r.By, body: r})
	crashpoint("deployed")
	if err != nil {
		return release.Answer{}, notStored(err)
	}
	answer := release.Answer{Message: fmt.Sprintf("T0 is %s: %s is deployed; it goes back to %s", r.T0.Format(time.RFC3339), short(r.Commit), r.Target.Name()),
		Facts: map[string]string{"commit": r.Commit, "t0": r.T0.Format(time.RFC3339), "target": r.Target.Name()}}
	answer.Details = append(answer.Details, stale...)
	for _, reading := range r.AtT0 {
		if reading.Verdict != release.Pass {
			answer.Details = append(answer.Details, fmt.Sprintf("%s at T0: %s", reading.Verdict, reading.Reason))
		}
	}
	return answer, nil
}

// measure reads every SLO's condition against the baselines of the release that is about to be declared, and which alerts burn: what
// burns before a release is not its fault.
func (a *Agent) measure(ctx context.Context, e *environment, state *rollback.Environment, at time.Time) ([]release.Reading, []string) {
	var all []release.Reading
	baselines, _ := release.Fresh(state.NextBaselines(), at, e.plan.GatesExpire.Std())
	for _, s := range e.plan.SLOs {
		all = append(all, e.prometheus.Read(ctx, s, baselineOf(baselines, s.ID), at))
	}
	alerting, err := e.prometheus.Alerting(ctx, e.plan.Service, e.plan.Environment)
	if err != nil {
		a.log.Warn("cannot tell which alerts burned at T0", "environment", e.name, "err", err)
	}
	return all, alerting
}

// gate answers whether a commit may be deployed. What cannot be told is a no.
func (a *Agent) gate(ctx context.Context, e *environment, state *rollback.Environment, d release.Deed) (release.Answer, error) {
	id := gitrepo.ID(d.Commit)
	if err := id.Validate(); err != nil {
		return release.Answer{}, release.Problemf(release.Invalid, "git rev-parse COMMIT prints it", "a commit is 40 hexadecimal digits: %v", err)
	}
	if err := e.mayPassLock(ctx, state, id); err != nil {
		return release.Answer{}, err
	}
	c, err := e.candidate(ctx, id)
	if err != nil {
		return release.Answer{}, err
	}
	if err := mayDeploy(e.plan, state, c, a.now()); err != nil {
		return release.Answer{}, err
	}
	return release.Answer{Message: fmt.Sprintf("%s may be deployed to %s", id.Short(), e.name)}, nil
}

// allowed says whether the commit is the rollback itself, the one tip that a lock admits.
func allowed(state *rollback.Environment, commit string) bool {
	if state.Lock == nil {
		return false
	}
	i := state.IncidentByID(state.Lock.Incident)
	return i != nil && i.Preparation != nil && i.Preparation.Commit == commit
}

// record keeps what CI says of a gate, for the rules and the next decision to deploy.
func (a *Agent) record(ctx context.Context, e *environment, _ *rollback.Environment, d release.Deed) (release.Answer, error) {
	gate, ok := e.plan.GateByID(d.Gate)
	if !ok {
		var known []string
		for _, g := range e.plan.Gates {
			known = append(known, g.ID)
		}
		return release.Answer{}, release.Problemf(release.Invalid, "one of "+strings.Join(known, ", "), "the plan has no gate %q", d.Gate)
	}
	if !d.Verdict.Valid() {
		return release.Answer{}, release.Problemf(release.Invalid, "", "verdict %q is none of PASS, FAIL, UNKNOWN", string(d.Verdict))
	}
	if d.Commit != "" && gitrepo.ID(d.Commit).Validate() != nil {
		return release.Answer{}, release.Problemf(release.Invalid, "", "a commit is 40 hexadecimal digits, not %q", d.Commit)
	}
	g := release.GateResult{Gate: d.Gate, Verdict: d.Verdict, Commit: d.Commit, Log: d.Log, At: a.now().UTC(), By: d.Author, Defined: release.Definition(gate)}
	if _, err := a.journal.append(ctx, note{environment: e.name, kind: rollback.GateRecorded, author: d.Author, body: g}); err != nil {
		return release.Answer{}, notStored(err)
	}
	return release.Answer{Message: fmt.Sprintf("gate %s: %s", g.Gate, g.Verdict)}, nil
}

// release deploys a commit, or rolls forward to it: a commit with its tree and the parents (tip, commit). A plain merge after a rollback
// would leave out in silence all that the bad release contained.
func (a *Agent) release(ctx context.Context, e *environment, state *rollback.Environment, d release.Deed) (release.Answer, error) {
	if state.Forward != nil {
		return release.Answer{}, beingPushed(state.Forward)
	}
	id := gitrepo.ID(d.Commit)
	if err := id.Validate(); err != nil {
		return release.Answer{}, release.Problemf(release.Invalid, "git rev-parse COMMIT prints it", "a commit is 40 hexadecimal digits: %v", err)
	}
	if err := e.mayPassLock(ctx, state, ""); err != nil {
		return release.Answer{}, err
	}
	if err := mayPush(state, d.Commit); err != nil {
		return release.Answer{}, err
	}
	c, err := e.candidate(ctx, id)
	if err != nil {
		return release.Answer{}, err
	}
	p, err := a.forwardCommit(ctx, e, state, c, d.Author)
	if err != nil {
		return release.Answer{}, err
	}
	p.AtT0, p.Alerting = a.measure(ctx, e, state, p.At)
	if _, err := a.journal.append(ctx, note{environment: e.name, kind: rollback.ForwardPrepared, author: d.Author, body: p}); err != nil {
		return release.Answer{}, notStored(err)
	}
	crashpoint("forward prepared")
	return a.forward(ctx, e, state, p, d.Author)
}

// forward pushes a prepared release commit and declares it deployed: T0 is when it was prepared, just before the branch
// moved: each later try prepares it again.
func (a *Agent) forward(ctx context.Context, e *environment, state *rollback.Environment, p rollback.Preparation, author string) (release.Answer, error) {
	var prepared gitrepo.Prepared
	if err := json.Unmarshal(p.Opaque, &prepared); err != nil {
		return release.Answer{}, fmt.Errorf("read preparation: %w", err)
	}
	seen, err := e.remote.Push(ctx, prepared)
	crashpoint("forward pushed")
	switch seen.Outcome {
	case gitrepo.Done:
		return a.declare(ctx, e, state, release.Release{Commit: p.Commit, Tree: p.Tree, Paths: p.Content, T0: p.At, AtT0: p.AtT0, Alerting: p.Alerting, By: author, Of: p.Target})
	case gitrepo.Retry, gitrepo.Unknown:
		return release.Answer{}, &release.Problem{Kind: release.Undecided, Message: "the push has no outcome yet; it is tried again",
			Cause: err, Hint: "rollback-agent status shows what came of it"}
	}
	text := fmt.Sprintf("%s: the branch is at %s; %s %v", seen.Outcome, seen.Tip.Short(), seen.Text, err)
	if err := a.forwardFailed(ctx, e, author, text); err != nil {
		return release.Answer{}, notStored(err)
	}
	return release.Answer{}, release.Problemf(release.Refused, "", "the release was not pushed: %s", text)
}

func (a *Agent) forwardFailed(ctx context.Context, e *environment, author, text string) error {
	_, err := a.journal.append(ctx, note{environment: e.name, kind: rollback.ForwardFailed, author: author,
		body: rollback.Trouble{Reason: rollback.PushRejected, Text: text}})
	return err
}

// resumeForward takes up a release whose push has no outcome in the ledger: after a crash, or when the remote did not answer.
func (a *Agent) resumeForward(ctx context.Context, e *environment, _ *rollback.Environment) error {
	e.deeds.Lock()
	defer e.deeds.Unlock()
	state := a.journal.environment(e.name)
	if state.Forward == nil {
		return nil // the deed itself came to its end meanwhile
	}
	p := *state.Forward
	tip, err := e.remote.Tip(ctx)
	if err != nil {
		return remoteProblem("read the deploy branch", err)
	}
	if string(tip.ID) == p.Expected {
		p.Since = cmp.Or(p.Since, p.At)
		if a.now().Sub(p.Since) > pushDeadline { // nobody expects it any more
			return a.forwardFailed(ctx, e, self, fmt.Sprintf("it could not be pushed for %s; release it again", pushDeadline))
		}
		if err := e.lockedOnRemote(ctx, ""); err != nil {
			return a.orForgo(ctx, e, err)
		}
		if a.now().Sub(p.At) > askAgain { // not at each try: what is appended wakes the conductor, and its patience would be none
			if p, err = a.prepareAgain(ctx, e, state, p); err != nil {
				return err
			}
		}
	}
	_, err = a.forward(ctx, e, state, p, self)
	var problem *release.Problem
	if errors.As(err, &problem) && problem.Kind == release.Refused {
		return nil
	}
	return err
}

// orForgo gives up a release that a lock forbids; what cannot be told yet is asked again.
func (a *Agent) orForgo(ctx context.Context, e *environment, cause error) error {
	var problem *release.Problem
	if errors.As(cause, &problem) && problem.Kind == release.Locked {
		return a.forwardFailed(ctx, e, self, problem.Error())
	}
	return cause
}

// prepareAgain moves the T0 of a release that is not on the branch yet: what began to burn while it could not be pushed is not its fault.
func (a *Agent) prepareAgain(ctx context.Context, e *environment, state *rollback.Environment, p rollback.Preparation) (rollback.Preparation, error) {
	p.At = a.now().UTC()
	p.AtT0, p.Alerting = a.measure(ctx, e, state, p.At)
	_, err := a.journal.append(ctx, note{environment: e.name, kind: rollback.ForwardPrepared, author: self, body: p})
	crashpoint("forward prepared again")
	return p, err
}
