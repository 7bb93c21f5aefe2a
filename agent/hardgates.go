package agent

import (
	"context"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/verify"
	"github.com/coclai/cutover/generator/slo"
)

const (
	hardLook    = 2 * time.Second // how often it is looked whether a hard gate is due
	hardUntold  = 5 * time.Minute // an UNKNOWN one is run again after that, if not before
	observation = 48 * time.Hour  // of a release without a cutover
)

// keepHardGates runs the plan's hard gates again and again on the commit that is deployed, while its release is observed: a goroutine of its
// own, so that one that hangs delays no judgement and no rollback. What is due is told by the ledger, so that a restart neither forgets
// one nor runs it twice; what the end of ctx interrupts is not recorded, and due at once.
func (a *Agent) keepHardGates(ctx context.Context, e *environment) {
	for hard := e.hardGates(); len(hard) > 0 && ctx.Err() == nil; {
		state := a.journal.environment(e.name)
		if due := e.dueGates(hard, state, a.now()); len(due) > 0 {
			a.runHardGates(ctx, e, state.Release, due)
		}
		if !sleep(ctx, hardLook) {
			return
		}
	}
}

func (e *environment) hardGates() []slo.Gate {
	var hard []slo.Gate
	for _, g := range e.plan.Gates {
		if g.Hard && g.Every > 0 && g.Pass != slo.PassManual {
			hard = append(hard, g)
		}
	}
	return hard
}

// observed says whether a release is out that is still watched: until its cutover has ended, or for 48 hours without one; never once its
// rollback was seen on the remote.
func observed(state *rollback.Environment, now time.Time) bool {
	r := state.Release
	if r == nil {
		return false
	}
	if i := state.IncidentOf(r.Commit, r.T0); i != nil && !i.PushedAt.IsZero() {
		return false
	}
	if c := state.Cutover; c != nil && c.Released == r.Commit && c.T0.Equal(r.T0) {
		return c.Observing()
	}
	return now.Sub(r.T0) < observation
}

// dueGates are those whose last result for the release's commit is older than their interval.
func (e *environment) dueGates(hard []slo.Gate, state *rollback.Environment, now time.Time) []slo.Gate {
	if !observed(state, now) {
		return nil
	}
	var due []slo.Gate
	for _, g := range hard {
		last, known := state.Results[rollback.ResultKey(g.ID, state.Release.Commit)]
		every := g.Every.Std()
		if last.Verdict == release.Unknown {
			every = min(every, hardUntold)
		}
		if age := now.Sub(last.At); !known || age >= every || age < 0 || last.Defined != release.Definition(g) && last.Defined != "" {
			due = append(due, g)
		}
	}
	return due
}

// runHardGates runs what is due, and records each result as it comes. The log of what did not pass is kept.
func (a *Agent) runHardGates(ctx context.Context, e *environment, r *release.Release, due []slo.Gate) {
	done := map[string]bool{}
	record := func(g slo.Gate, run rollback.GateRun) error {
		result := resultOf(g, run)
		result.Commit, result.At = r.Commit, a.now().UTC()
		if result.Verdict != release.Pass {
			result = a.withLog(e, result, run)
		}
		_, err := a.journal.append(ctx, note{environment: e.name, kind: rollback.GateRecorded, author: self, body: result})
		done[g.ID] = err == nil
		return err
	}
	_, err := e.runner.Follow(ctx, r.Commit, due, verify.Watch{Ended: record})
	if err == nil || ctx.Err() != nil {
		return
	}
	a.log.Warn("hard gates were not run to their end", "environment", e.name, "commit", r.Commit, "err", err)
	for _, g := range due {
		if done[g.ID] {
			continue
		}
		if err := record(g, rollback.GateRun{Gate: g.ID, Verdict: release.Unknown, Reason: e.redact(err.Error())}); err != nil {
			a.log.Error("the result of a hard gate was not stored", "environment", e.name, "gate", g.ID, "err", err)
		}
	}
}

// withLog keeps the output of a run on disk and says where.
func (a *Agent) withLog(e *environment, result release.GateResult, run rollback.GateRun) release.GateResult {
	logs, err := e.logs.Open(a.now())
	if err == nil {
		result.Log, err = logs.Write(result.Gate, run.Output)
	}
	if err != nil {
		a.log.Warn("the log of a hard gate was not kept", "environment", e.name, "gate", result.Gate, "err", err)
	}
	return result
}

// exported is the result of a gate by which rules judge: while a release is observed, that of its own commit, or one that was reported
// for no commit; what is found out about the next release must not roll this one back.
func exported(state *rollback.Environment, g release.GateResult, now time.Time) release.GateResult {
	if !observed(state, now) || g.Commit == "" {
		return g
	}
	own, known := state.Results[rollback.ResultKey(g.Gate, state.Release.Commit)]
	if !known {
		return g
	}
	if of := state.Results[rollback.ResultKey(g.Gate, "")]; of.At.After(own.At) {
		return of
	}
	return own
}
