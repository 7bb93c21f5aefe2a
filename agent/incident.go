package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/web"
	"github.com/coclai/cutover/generator/slo"
)

// How long and how often the agent tries.
const (
	askAgain     = 10 * time.Second // while a firing cannot be corroborated
	maxAttempts  = 5                // preparations, when the tip keeps moving
	pushDeadline = 5 * time.Minute  // after that a person decides
	healthGrace  = 5 * time.Minute  // beyond the bound's own window, for the value to return
)

// Receive makes a delivery durable, and only that: no git, no command and no query runs before Alertmanager has its answer.
func (a *Agent) Receive(ctx context.Context, source string, body []byte) (web.Receipt, error) {
	d, unreadable := parseDelivery(source, body)
	if len(body) > web.BodyLimit {
		unreadable = fmt.Errorf("it is larger than %d MiB", web.BodyLimit>>20)
	}
	notes := a.split(d)
	if unreadable != nil {
		notes = []note{{kind: rollback.AlertsQuarantined, author: source, body: quarantine(source, body, unreadable)}}
	}
	seq, err := a.journal.append(ctx, notes...)
	crashpoint("received")
	if err != nil {
		a.log.Error("a delivery was not stored, and not acknowledged", "source", source, "err", err)
		return web.Receipt{}, &release.Problem{Kind: release.Unavailable, Message: "not stored", Cause: err, Hint: "it is safe to send it again"}
	}
	if unreadable != nil {
		return web.Receipt{}, release.Problemf(release.Invalid, "the body is kept in quarantine", "%v", unreadable)
	}
	return web.Receipt{Seq: seq, Disposition: "recorded"}, nil
}

// split sorts a delivery's alerts by the environment they speak of: one entry each, in one append. What speaks of none that is
// configured is kept under no name, and has no effect.
func (a *Agent) split(d rollback.Delivery) []note {
	parts, order := map[string]rollback.Delivery{}, []string{}
	for _, f := range d.Firings {
		name := environmentOf(f)
		if a.environment(name) == nil {
			name = ""
		}
		part, known := parts[name]
		if !known {
			order = append(order, name)
			part = rollback.Delivery{Source: d.Source, BodySHA: d.BodySHA, Truncated: d.Truncated}
		}
		part.Firings = append(part.Firings, f)
		parts[name] = part
	}
	notes := make([]note, len(order))
	for i, name := range order {
		notes[i] = note{environment: name, kind: rollback.AlertsReceived, author: d.Source, body: parts[name]}
	}
	return notes
}

// step does the next thing that is to be done for e, and says when to look again. Whatever it did is in the ledger when it returns; a
// crash anywhere in it costs a repetition, never a second commit.
func (a *Agent) step(ctx context.Context, e *environment) time.Duration {
	state := a.journal.environment(e.name)
	if state.Forward != nil {
		return a.retry(ctx, e, "roll forward", a.resumeForward(ctx, e, state))
	}
	for _, i := range state.Incidents {
		if i.Acting() {
			return a.retry(ctx, e, "incident "+i.ID, a.advance(ctx, e, state, i))
		}
	}
	return a.decideDue(ctx, e, state)
}

// retry turns a step's end into the time of the next: at once after progress, with growing patience after trouble.
func (a *Agent) retry(ctx context.Context, e *environment, what string, err error) time.Duration {
	if err == nil {
		e.patience = 0
		return 0
	}
	if ctx.Err() != nil {
		return askAgain
	}
	e.patience = min(max(2*e.patience, time.Second), 30*time.Second)
	a.log.Warn("step not done, trying again", "environment", e.name, "what", what, "in", e.patience, "err", err)
	return e.patience
}

// decideDue judges every episode that waits for it.
func (a *Agent) decideDue(ctx context.Context, e *environment, state *rollback.Environment) time.Duration {
	next := askAgain
	for _, key := range dueKeys(state) {
		wait := e.asked[key].Add(askAgain).Sub(a.now())
		if state.Episodes[key].Decision != nil && wait > 0 {
			next = min(next, wait)
			continue
		}
		e.asked[key] = a.now()
		acts, err := a.judge(ctx, e, key)
		if err != nil {
			return a.retry(ctx, e, "decide", err)
		}
		if acts {
			return 0
		}
	}
	return next
}

// judge decides about one episode, and appends the decision when it says something new. A rollback is decided and locked in the same
// append: whoever sees the one sees the other.
func (a *Agent) judge(ctx context.Context, e *environment, key string) (acts bool, err error) {
	e.deeds.Lock()
	defer e.deeds.Unlock()
	state := a.journal.environment(e.name)
	if state.Forward != nil {
		return true, nil // a release was prepared while we waited for our turn: its push comes first, or we would judge the one before it
	}
	c := rollback.Case{Plan: e.plan, Environment: state, Episode: state.Episodes[key], Now: a.now().UTC()}
	d, settled := e.policy.Triage(c)
	if !settled {
		d = e.policy.Decide(c, a.gather(ctx, e, c))
	}
	if ctx.Err() != nil {
		return false, ctx.Err() // what could not be asked because we are stopping is no evidence
	}
	last := c.Episode.Decision
	if last != nil && last.Verdict == d.Verdict && last.Reason == d.Reason {
		return false, nil
	}
	a.log.Info("decided", "environment", e.name, "verdict", d.Verdict, "reason", d.Reason, "slo", d.SLO, "text", d.Text)
	crashpoint("deciding")
	_, err = a.journal.append(ctx, decisionNotes(e.name, state, d)...)
	crashpoint("decided")
	if errors.Is(err, ledger.ErrTwice) {
		a.log.Error("the ledger refused a second rollback of one release", "environment", e.name, "release", d.Release)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	a.decisions.WithLabelValues(e.plan.Service, e.plan.Environment, string(d.Verdict), string(d.Reason)).Inc()
	return d.Verdict == rollback.Rollback, nil
}

// decisionNotes are a decision, the lock if it locks, and what a person must know if it ends in one.
func decisionNotes(environment string, state *rollback.Environment, d rollback.Decision) []note {
	incident, once := "", ""
	if r := state.Release; r != nil && d.Release != "" {
		incident = rollback.IncidentID(r.Commit, r.T0)
	}
	if d.Verdict == rollback.Rollback {
		once = "rollback " + environment + " " + incident
	}
	notes := []note{{environment: environment, kind: rollback.Decided, author: self, incident: incident, once: once, body: d}}
	if !d.Locks {
		return notes
	}
	notes = append(notes, note{environment: environment, kind: rollback.LockSet, author: self, incident: incident, body: rollback.Lock{
		Incident: incident, Release: d.Release, Tree: state.Release.Tree, Since: d.At, Reason: string(d.Reason)}})
	if d.Verdict != rollback.Rollback {
		notes = append(notes, trouble(environment, incident, d.Reason, d.Text))
	}
	return notes
}

func trouble(environment, incident string, reason rollback.Reason, text string) note {
	return note{environment: environment, kind: rollback.NeedsHuman, author: self, incident: incident, body: rollback.Trouble{Reason: reason, Text: text}}
}

// advance does the next step of an incident: prepare, push, verify, classify.
func (a *Agent) advance(ctx context.Context, e *environment, state *rollback.Environment, i *rollback.Incident) error {
	if (i.Phase == rollback.PhaseDecided || i.Phase == rollback.PhasePrepared) && e.killed() {
		_, err := a.journal.append(ctx, trouble(e.name, i.ID, rollback.KillSwitch, "the kill switch was turned on after the decision: the agent pushes no more"))
		return err
	}
	switch i.Phase {
	case rollback.PhaseDecided:
		return a.prepare(ctx, e, state, i)
	case rollback.PhasePrepared:
		return a.push(ctx, e, i)
	case rollback.PhasePushed:
		return a.verify(ctx, e, i)
	}
	c := rollback.Classify(e.plan, state)
	_, err := a.journal.append(ctx, note{environment: e.name, kind: rollback.Classified, author: self, incident: i.ID, body: c})
	crashpoint("classified")
	return err
}

// prepare makes the commit on the tip as it is now, and stores its bytes. A crash after this point pushes these bytes and no others.
func (a *Agent) prepare(ctx context.Context, e *environment, state *rollback.Environment, i *rollback.Incident) error {
	e.deeds.Lock()
	defer e.deeds.Unlock()
	r, d := state.Release, lastRollback(i)
	tip := e.tip(ctx, r)
	reason, text := mayPrepare(tip, r, i.Attempts)
	if reason == "" {
		target := e.checkTarget(ctx, r.Target)
		reason, text = target.Reason, target.Text
	}
	switch {
	case tip.Problem != "" || reason == rollback.RemoteUnknown:
		return a.orGiveUp(ctx, e, i, i.Decisions[len(i.Decisions)-1].At, fmt.Errorf("%s%s", tip.Problem, text))
	case reason != "":
		_, err := a.journal.append(ctx, trouble(e.name, i.ID, reason, text))
		return err
	}
	p, err := e.rollbackCommit(r, d, i.ID, tip, a.now())
	if err != nil {
		_, err = a.journal.append(ctx, trouble(e.name, i.ID, rollback.PushRejected, err.Error()))
		return err
	}
	crashpoint("preparing")
	_, err = a.journal.append(ctx, note{environment: e.name, kind: rollback.Prepared, author: self, incident: i.ID, body: p})
	crashpoint("prepared")
	return err
}

// mayPrepare holds the tip against what was decided on: the release's own content, wherever the branch has moved meanwhile.
func mayPrepare(tip rollback.Tip, r *release.Release, attempts int) (rollback.Reason, string) {
	switch {
	case tip.Problem != "":
		return "", ""
	case attempts >= maxAttempts:
		return rollback.TooManyAttempts, fmt.Sprintf("the tip moved %d times while the rollback was pushed", attempts)
	case tip.Relation == rollback.Elsewhere:
		return rollback.Rewound, "the branch was put back behind the release; nothing was pushed"
	case tip.Tree == r.Target.Tree:
		return rollback.Superseded, fmt.Sprintf("the tip %.12s holds the tree of %s already; nothing was pushed", tip.Commit, r.Target.Name())
	case tip.Tree != r.Tree:
		return rollback.ForeignCommit, fmt.Sprintf("somebody shipped %.12s over the release; nothing was pushed", tip.Commit)
	}
	return "", ""
}

// push sends the prepared commit, and believes what the remote shows afterwards. A crash before the entry costs a look at the remote:
// the commit is there already, or it is pushed again with the same id.
func (a *Agent) push(ctx context.Context, e *environment, i *rollback.Incident) error {
	e.deeds.Lock()
	defer e.deeds.Unlock()
	var p gitrepo.Prepared
	if err := json.Unmarshal(i.Preparation.Opaque, &p); err != nil {
		return fmt.Errorf("read preparation: %w", err)
	}
	crashpoint("pushing")
	seen, err := e.remote.Push(ctx, p)
	crashpoint("push answered")
	if seen.Outcome == gitrepo.Retry || seen.Outcome == gitrepo.Unknown {
		return a.orGiveUp(ctx, e, i, i.Preparation.At, err)
	}
	pushed := rollback.Push{Commit: string(p.Commit), Tip: string(seen.Tip), Outcome: string(seen.Outcome), Text: seen.Text}
	notes := []note{{environment: e.name, kind: rollback.Pushed, author: self, incident: i.ID, body: pushed}}
	if seen.Outcome == gitrepo.Rejected {
		notes = []note{trouble(e.name, i.ID, rollback.PushRejected, fmt.Sprintf("the remote refused the rollback: %s %v", seen.Text, err))}
	}
	_, err = a.journal.append(ctx, notes...)
	crashpoint("pushed")
	return err
}

// orGiveUp lets a step be tried again until the deadline; then a person decides, and the lock stays.
func (a *Agent) orGiveUp(ctx context.Context, e *environment, i *rollback.Incident, since time.Time, cause error) error {
	if cause == nil {
		cause = errors.New("the remote did not say what became of the push")
	}
	if a.now().Sub(since) < pushDeadline || ctx.Err() != nil {
		return cause
	}
	_, err := a.journal.append(ctx, trouble(e.name, i.ID, rollback.RemoteUnknown,
		fmt.Sprintf("the git remote could not be used for %s: %v", pushDeadline, cause)))
	return err
}

// verify runs the plan's gates on the restored tree and waits for the value to return. Whatever it finds, there is no second rollback.
func (a *Agent) verify(ctx context.Context, e *environment, i *rollback.Incident) error {
	v := rollback.Verification{Restored: i.Push.Commit, Verdict: release.Pass, Reading: a.awaitHealth(ctx, e, i)}
	if v.Reading.Verdict == release.Pass {
		v.Healthy = v.Reading.At
	}
	runs, err := e.runner.Run(ctx, i.Push.Commit, e.restoredGates())
	if ctx.Err() != nil {
		return ctx.Err() // interrupted, not failed: the next start runs it again
	}
	if err != nil {
		runs = append(runs, rollback.GateRun{Gate: "checkout", Verdict: release.Unknown, Reason: err.Error()})
	}
	v.Gates = runs
	v.Verdict = worst(v)
	notes := []note{{environment: e.name, kind: rollback.Verified, author: self, incident: i.ID, body: v}}
	switch v.Verdict {
	case release.Fail:
		notes = append(notes, trouble(e.name, i.ID, rollback.VerificationFail, "the restored tree does not pass its gates, or the value has not returned"))
	case release.Unknown:
		notes = append(notes, trouble(e.name, i.ID, rollback.VerificationOpen, "it could not be told whether the restored tree is healthy"))
	}
	_, err = a.journal.append(ctx, notes...)
	crashpoint("verified")
	return err
}

// worst is FAIL if anything failed, else UNKNOWN if anything is unknown.
func worst(v rollback.Verification) release.Verdict {
	verdict := release.Pass
	all := []release.Verdict{v.Reading.Verdict}
	for _, g := range v.Gates {
		all = append(all, g.Verdict)
	}
	for _, one := range all {
		if one == release.Fail {
			return release.Fail
		}
		if one != release.Pass {
			verdict = release.Unknown
		}
	}
	return verdict
}

func lastRollback(i *rollback.Incident) rollback.Decision {
	for n := len(i.Decisions) - 1; n >= 0; n-- {
		if i.Decisions[n].Verdict == rollback.Rollback {
			return i.Decisions[n]
		}
	}
	return rollback.Decision{}
}

// awaitHealth asks until the value that caused the rollback is back within its bound. Counts stay true for their window by design: for
// them one honest reading after the push is enough, whatever it says.
func (a *Agent) awaitHealth(ctx context.Context, e *environment, i *rollback.Incident) release.Reading {
	s, _ := e.plan.SLOByID(lastRollback(i).SLO)
	state := a.journal.environment(e.name)
	deadline := i.PushedAt.Add(s.Alert.Window.Std() + s.Alert.For.Std() + healthGrace)
	for {
		r := e.read(ctx, s, state, a.now())
		if r.Verdict == release.Pass && r.At.After(i.PushedAt) {
			return r
		}
		if s.Holds == slo.HoldsSinceOnset && r.Verdict == release.Fail {
			r.Verdict, r.Reason = release.Pass, r.Reason+"; it counts what happened before the rollback, for "+s.Alert.Window.String()
			return r
		}
		if a.now().After(deadline) || !sleep(ctx, e.plan.EvaluationInterval.Std()) {
			return r
		}
	}
}
