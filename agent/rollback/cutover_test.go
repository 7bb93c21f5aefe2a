package rollback_test

import (
	"testing"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// out is a history in which a cutover's release is out.
func out(t *testing.T, r release.Release) *history {
	h := &history{t: t}
	h.add(rollback.CutoverStarted, "", release.Cutover{ID: "cut-1", Commit: badCommit, By: "kim", Course: release.Course{
		Rollback:   []slo.RollbackStep{{Item: "4.2.1", Step: slo.RollbackRestore}, {Item: "4.2.2", Step: slo.RollbackGates}, {Item: "4.2.3", Step: slo.RollbackClassify}, {Item: "4.2.4", Step: slo.RollbackLock}},
		Milestones: []slo.Milestone{{Item: "6.1", After: slo.Duration(30 * time.Minute), Ends: slo.EndsIntensive, Needs: slo.NeedsJudgement}}}})
	for _, item := range []string{slo.StepTag, slo.StepRecheck, slo.StepAnnounce} {
		h.add(rollback.CutoverDone, "", release.Tick{Item: item})
	}
	h.add(rollback.ReleaseDeployed, "", r)
	return h
}

func TestARollbackEndsTheCutover(t *testing.T) {
	for name, r := range map[string]release.Release{
		"the commit itself":           {Commit: badCommit, T0: t0},
		"a commit made of it":         {Commit: "made", Of: badCommit, T0: t0},
		"and nothing else starts T0:": {Commit: "other", T0: t0},
	} {
		h := out(t, r)
		c := h.state.Environment(env).Cutover
		if ours := r.Commit != "other"; c.T0.IsZero() == ours {
			t.Errorf("%s: T0 %s", name, c.T0)
			continue
		} else if !ours {
			continue
		}
		id := rollback.IncidentID(r.Commit, t0)
		h.add(rollback.Decided, id, rollback.Decision{Verdict: rollback.Rollback, Release: r.Commit})
		h.add(rollback.LockSet, id, rollback.Lock{Incident: id})
		if c := h.state.Environment(env).Cutover; !c.Observing() {
			t.Errorf("%s: decided is not done yet: %s", name, c.Phase)
		}
		h.add(rollback.Pushed, id, rollback.Push{Outcome: "moved"})
		if c := h.state.Environment(env).Cutover; !c.Open() {
			t.Errorf("%s: a push that lost the race ended it", name)
		}
		h.add(rollback.Pushed, id, rollback.Push{Outcome: "done", Commit: "back"})
		h.add(rollback.Classified, id, rollback.Classification{Component: "web"})
		e := h.state.Environment(env)
		if e.Cutover.Phase != release.RolledBack || e.Cutover.Ended == nil || e.Cutover.Ended.Why != "incident "+id {
			t.Errorf("%s: %s %+v", name, e.Cutover.Phase, e.Cutover.Ended)
		}
		want := map[string]release.ItemState{"4.2.1": release.ItemDone, "4.2.2": release.ItemWaiting, "4.2.3": release.ItemDone, "4.2.4": release.ItemDone, "6.1": release.ItemNever}
		for _, i := range e.Items() {
			if i.State != want[i.Item] {
				t.Errorf("%s: %s %s is %s, want %s", name, i.Item, i.What, i.State, want[i.Item])
			}
		}
	}
}
