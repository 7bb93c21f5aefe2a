package web

import (
	"testing"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// TestWhatWaitsHasItsButton: for each thing that a person must answer, the deed of its first form; none where nobody's word replaces what is done.
func TestWhatWaitsHasItsButton(t *testing.T) {
	course := release.Course{Checklist: []slo.Step{{Item: "3.4", Step: slo.StepDeploy, By: slo.ByPerson}, {Item: "3.5", Step: slo.StepManual, By: slo.ByPerson}},
		Milestones: []slo.Milestone{{Item: "6.1", Needs: slo.NeedsJudgement}}}
	deployed := &release.Cutover{ID: "cut-1", Phase: release.Waiting, Course: course, Ticks: []release.Tick{{Item: "tag"}, {Item: "recheck"}, {Item: "announce"}, {Item: "3.5"}}}
	stopped := func(s release.Stop) *rollback.Environment {
		return &rollback.Environment{Cutover: &release.Cutover{ID: "cut-1", Stop: &s}}
	}
	for name, c := range map[string]struct {
		e    *rollback.Environment
		want release.Act
		item string
	}{
		"a manual item":          {&rollback.Environment{Cutover: &release.Cutover{Course: release.Course{Checklist: course.Checklist[1:]}}}, release.ActDone, "3.5"},
		"the deploy":             {&rollback.Environment{Cutover: deployed}, "", ""},
		"a milestone":            {&rollback.Environment{Cutover: &release.Cutover{Course: release.Course{Milestones: course.Milestones}, Reached: []release.Result{{Item: "6.1", Verdict: release.Fail}}}}, release.ActDone, "6.1"},
		"held by a person":       {stopped(release.Stop{Reason: release.HeldByPerson}), release.ActProceed, ""},
		"another plan":           {stopped(release.Stop{Reason: release.PlanChanged}), release.ActProceed, ""},
		"stopped without data":   {stopped(release.Stop{Reason: release.Unmeasured}), "", ""},
		"about to be pushed":     {&rollback.Environment{Incidents: []*rollback.Incident{{ID: "inc-1", Phase: rollback.PhasePrepared}}}, release.ActCancel, ""},
		"given up":               {&rollback.Environment{Incidents: []*rollback.Incident{{ID: "inc-1", Phase: rollback.PhaseHuman, Trouble: &rollback.Trouble{}}}}, "", ""},
		"killed":                 {&rollback.Environment{Kill: &rollback.Switch{}}, release.ActRevive, ""},
		"held":                   {&rollback.Environment{Hold: &rollback.Holding{Until: t0.Add(time.Hour)}}, release.ActResume, ""},
		"locked, and still busy": {&rollback.Environment{Lock: &rollback.Lock{Incident: "i"}, Incidents: []*rollback.Incident{{ID: "i", Phase: rollback.PhasePushed}}}, "", ""},
	} {
		all := desk{e: c.e, who: mighty()[0], now: t0}.waits()
		if len(all) != 1 {
			t.Errorf("%s: %d things wait, want one: %+v", name, len(all), all)
			continue
		}
		if len(all[0].Forms) == 0 {
			if c.want != "" {
				t.Errorf("%s: no form, want %s", name, c.want)
			}
			continue
		}
		f := all[0].Forms[0]
		if f.Act != c.want || f.Item != c.item || !f.May || f.Expected == "" {
			t.Errorf("%s: %s of %q, may %v, want %s of %q", name, f.Act, f.Item, f.May, c.want, c.item)
		}
		if name == "a milestone" && !f.Fields[0].Required {
			t.Error("a milestone that failed is waved through without a word")
		}
	}
}
