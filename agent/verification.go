package agent

import (
	"context"
	"strconv"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// healthGrace is how long the value may take to return, beyond the bound's own window.
const healthGrace = 5 * time.Minute

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
		if one != release.Pass && one != "" { // a rollback by hand need not be about any value
			verdict = release.Unknown
		}
	}
	return verdict
}

// awaitHealth asks until the value that caused the rollback is back within its bound. Counts stay true for their window by design: for
// them one honest reading after the push is enough, whatever it says.
func (a *Agent) awaitHealth(ctx context.Context, e *environment, i *rollback.Incident) release.Reading {
	s, known := e.plan.SLOByID(lastRollback(i).SLO)
	if !known {
		return release.Reading{Reason: "rolled back by hand, about no value: none is waited for", At: a.now()}
	}
	state, began := a.journal.environment(e.name), time.Now()
	patience := s.Alert.Window.Std() + s.Alert.For.Std() + healthGrace
	for {
		r := rested(e.read(ctx, s, state, a.now()), i.PushedAt)
		if r.Verdict == release.Pass {
			return r
		}
		if s.Holds == slo.HoldsSinceOnset && r.Verdict == release.Fail {
			r.Verdict, r.Reason = release.Pass, r.Reason+"; it counts what happened before the rollback, for "+s.Alert.Window.String()
			return r
		}
		late := a.now().After(i.PushedAt.Add(patience)) || time.Since(began) > patience // a clock that is put back does not prolong it
		if late || !sleep(ctx, e.plan.EvaluationInterval.Std()) {
			return r
		}
	}
}

// rested is a reading that rests on something measured after the push; else it says nothing about what was pushed.
func rested(r release.Reading, pushed time.Time) release.Reading {
	if age, err := strconv.ParseFloat(r.Age, 64); err == nil && r.At.Add(-time.Duration(age*float64(time.Second))).After(pushed) || r.Verdict == release.Unknown {
		return r
	}
	r.Verdict, r.Reason = release.Unknown, r.Reason+"; but its newest sample is older than the rollback"
	return r
}
