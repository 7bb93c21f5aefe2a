package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/report"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/verify"
	"github.com/coclai/cutover/agent/web"
	"github.com/coclai/cutover/generator/slo"
)

// interrupted is why a preflight, and a gate that it had not come to the end of, is UNKNOWN when the agent ended first.
const interrupted = "interrupted: the agent ended before it did"

// preflight begins a run of the plan's gates, and of our own, on a commit that the remote has. It is answered at once; the results are
// entries of the ledger as they come. A crash between the entry and the run costs the run: the next start says that it was interrupted.
func (a *Agent) preflight(ctx context.Context, e *environment, state *rollback.Environment, d release.Deed) (release.Answer, error) {
	id := gitrepo.ID(d.Commit)
	if err := id.Validate(); err != nil {
		return release.Answer{}, release.Problemf(release.Invalid, "git rev-parse COMMIT prints it; what is not committed is in no commit", "a commit is 40 hexadecimal digits: %v", err)
	}
	if p := state.PreflightInHand(); p != nil {
		return release.Answer{}, release.Problemf(release.Refused, "rollback-agent preflight, without a commit, watches it", "preflight %s of %s by %s is in hand since %s",
			p.ID, short(p.Commit), p.By, clock(p.Started))
	}
	c, err := e.candidate(ctx, id)
	if err != nil {
		return release.Answer{}, pushedFirst(id, err)
	}
	logs, err := e.logs.Open(a.now())
	if err != nil {
		return release.Answer{}, &release.Problem{Kind: release.Undecided, Message: "no log could be kept", Cause: err, Hint: "`logs` in the agent's file names the folder"}
	}
	p := e.rehearsalOf(state, c, logs.Folder, d.Author, a.now().UTC())
	if _, err := a.journal.append(ctx, note{environment: e.name, kind: rollback.PreflightStarted, author: d.Author, body: p}); err != nil {
		logs.Discard()
		return release.Answer{}, notStored(err)
	}
	crashpoint("preflight started")
	r := &rehearsal{agent: a, e: e, p: p, logs: logs}
	if !a.works.begin("preflight "+e.name, p.ID, r.run) {
		return release.Answer{}, release.Problemf(release.Unavailable, "ask again", "the agent is about to end")
	}
	return release.Answer{Message: fmt.Sprintf("preflight %s runs %d gates on %s", p.ID, len(p.Gates), id.Short()),
		Facts: map[string]string{"id": p.ID, "commit": p.Commit, "logs": p.Logs}}, nil
}

// pushedFirst says what to do about a commit that the remote does not have.
func pushedFirst(id gitrepo.ID, err error) error {
	if !errors.Is(err, gitrepo.ErrNoCommit) {
		return err
	}
	return release.Problemf(release.Refused, "commit and push it first: gates run on what the remote has, not on what a working tree holds",
		"the remote has no commit %s", id.Short())
}

// rehearsalOf is a preflight before its first gate.
func (e *environment) rehearsalOf(state *rollback.Environment, c candidate, logs, author string, now time.Time) release.Preflight {
	p := release.Preflight{Commit: c.commit, Content: c.content, Logs: logs, Started: now, By: author}
	if e.plan.GatesExpire > 0 {
		p.Expire = e.plan.GatesExpire.String()
	}
	for _, g := range e.plan.Gates {
		p.Gates = append(p.Gates, release.Planned(g))
	}
	p.ID = fmt.Sprintf("pf-%s-%.8s", now.Format("20060102T150405Z"), c.commit)
	for n := 2; state.Preflight(p.ID, "") != nil; n++ {
		p.ID = fmt.Sprintf("pf-%s-%.8s-%d", now.Format("20060102T150405Z"), c.commit, n)
	}
	return p
}

// rehearsal is one preflight in hand.
type rehearsal struct {
	agent *Agent
	e     *environment
	p     release.Preflight
	logs  verify.RunLogs
}

// run runs the plan's gates and then asks our own: what is quiet must be quiet at the end.
func (r *rehearsal) run(ctx context.Context) {
	a, name := r.agent, r.e.name
	_, err := r.e.runner.Follow(ctx, r.p.Commit, r.commands(), verify.Watch{
		Begins: func(g slo.Gate) { a.works.comes("preflight "+name, g.ID, a.now()) },
		Ended:  func(g slo.Gate, run rollback.GateRun) error { return r.record(ctx, r.result(g, run)) }, Logs: r.logs})
	if ctx.Err() != nil {
		return // interrupted, and said so at the next start
	}
	a.works.comes("preflight "+name, "own", a.now())
	ours := r.ours(ctx)
	if ctx.Err() != nil {
		return
	}
	reason := ""
	if err = errors.Join(err, r.record(ctx, ours...)); err != nil {
		a.log.Warn("preflight ended early", "environment", name, "preflight", r.p.ID, "err", err)
		reason = r.e.redact(err.Error())
	}
	if err := a.endPreflight(ctx, r.e, r.p.ID, reason); err != nil {
		a.log.Error("the end of a preflight was not stored; it is tried again", "environment", name, "preflight", r.p.ID, "err", err)
	}
}

// commands are the gates that are run; a manual one waits for its owner.
func (r *rehearsal) commands() []slo.Gate {
	var gates []slo.Gate
	for _, g := range r.e.plan.Gates {
		if g.Pass != slo.PassManual {
			gates = append(gates, g)
		}
	}
	return gates
}

func (r *rehearsal) record(ctx context.Context, results ...release.GateResult) error {
	var notes []note
	for _, g := range results {
		notes = append(notes, note{environment: r.e.name, kind: rollback.GateRecorded, author: self, body: g})
	}
	if len(notes) == 0 {
		return nil
	}
	_, err := r.agent.journal.append(ctx, notes...)
	crashpoint("gate recorded")
	return err
}

func (r *rehearsal) result(g slo.Gate, run rollback.GateRun) release.GateResult {
	result := resultOf(g, run)
	result.Commit, result.Run, result.At = r.p.Commit, r.p.ID, r.agent.now().UTC()
	return result
}

func (r *rehearsal) ours(ctx context.Context) []release.GateResult {
	results := r.agent.ownGates(ctx, r.e, r.agent.journal.environment(r.e.name), r.p.Commit)
	for n := range results {
		results[n].Run = r.p.ID
	}
	return results
}

// What is kept in the ledger of a gate's output: enough for a person to see what was found; the log has more.
const (
	excerptLimit = 4 << 10
	excerptLines = 30
)

// resultOf is a gate's run as it is recorded.
func resultOf(g slo.Gate, run rollback.GateRun) release.GateResult {
	r := release.GateResult{Gate: g.ID, Verdict: run.Verdict, By: self, Defined: release.Definition(g), Reason: run.Reason, Took: run.Took, Log: run.Log, Kept: run.Kept}
	if run.Verdict != release.Pass {
		r.Excerpt = excerpt(g, run.Output)
	}
	return r
}

// excerpt is the beginning of what a search found, or the end of what a command said.
func excerpt(g slo.Gate, output string) string {
	lines := strings.SplitAfter(strings.TrimRight(output, "\n"), "\n")
	first := g.Pass == slo.PassNoMatch
	left := max(0, len(lines)-excerptLines)
	if first {
		lines = lines[:len(lines)-left]
	} else {
		lines = lines[left:]
	}
	text := strings.Join(lines, "")
	if len(text) <= excerptLimit && left == 0 {
		return text
	}
	if cut := len(text) - excerptLimit; cut > 0 && first {
		text = text[:excerptLimit]
	} else if cut > 0 {
		text = text[cut:]
	}
	if text = strings.ToValidUTF8(text, ""); first {
		return strings.TrimRight(text, "\n") + "\n…"
	}
	return "…\n" + text
}

// endPreflight closes a run: what it did not come to is UNKNOWN for this commit, whatever an earlier run found, and so is the run. With
// reason "" it came to its end.
func (a *Agent) endPreflight(ctx context.Context, e *environment, id, reason string) error {
	state := a.journal.environment(e.name)
	p := state.Preflight(id, "")
	if p == nil || !p.InHand() {
		return nil
	}
	var notes []note
	now := a.now().UTC()
	plan, own := state.Outcomes(p, now)
	var judged []release.GateResult
	for _, g := range p.Gates {
		result, known := release.Preflight{Results: plan}.Result(g.ID)
		if !known {
			result = release.GateResult{Gate: g.ID, Verdict: release.Unknown, Commit: p.Commit, At: now, By: self, Run: p.ID, Reason: reason}
		}
		if !known && !g.Manual {
			notes = append(notes, note{environment: e.name, kind: rollback.GateRecorded, author: self, body: result})
		}
		judged = append(judged, result)
	}
	end := release.PreflightEnd{ID: p.ID}
	end.Verdict, end.Reason = release.Conclude(append(judged, own...))
	if reason != "" {
		end.Reason = reason + "; " + end.Reason
		if end.Verdict == release.Pass {
			end.Verdict = release.Unknown
		}
	}
	_, err := a.journal.append(ctx, append(notes, note{environment: e.name, kind: rollback.PreflightEnded, author: self, body: end})...)
	crashpoint("preflight ended")
	return err
}

// keepPreflight ends a run that nobody is at any more: the agent, or the ledger, ended before it did.
func (a *Agent) keepPreflight(ctx context.Context, e *environment, state *rollback.Environment) error {
	p := state.PreflightInHand()
	if p == nil {
		return nil
	}
	e.deeds.Lock() // who begins one stores it first
	defer e.deeds.Unlock()
	if one, busy := a.works.inHand("preflight " + e.name); busy && one.id == p.ID {
		return nil
	}
	return a.endPreflight(ctx, e, p.ID, interrupted)
}

// rehearse is a preflight as it stands at this moment.
func (a *Agent) rehearse(environment string, p release.Preflight) web.Rehearsal {
	r := web.Rehearsal{Environment: environment, Preflight: p}
	at := p.Ended
	if p.InHand() {
		at = a.now()
	}
	r.Gates, r.Own = a.journal.environment(environment).Outcomes(&p, at)
	if one, busy := a.works.inHand("preflight " + environment); busy && one.id == p.ID {
		r.Gate, r.Since = one.at, one.from
	}
	r.Record = report.Rehearsal(environment, p, r.Gates, r.Own)
	return r
}
