package agent

import (
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

var (
	replayT0     = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	replayPolicy = rollback.Policy{MaxMode: slo.ModeAuto, PerRelease: 1, PerDay: 1, ArmAuto: 24 * time.Hour, ArmPropose: 48 * time.Hour}
)

func replayPlan() slo.Plan {
	bound := func(text string) slo.Bound {
		d := slo.MustDecimal(text)
		return slo.Bound{Op: slo.Greater, Value: &d}
	}
	return slo.Plan{Service: "shop", Environment: "live", EvaluationInterval: slo.Duration(30 * time.Second),
		SLOs: []slo.PlanSLO{
			{ID: "errors", Alert: bound("0.02"), Holds: slo.HoldsNow, AgeMax: slo.Duration(time.Minute)},
			{ID: "violations", Alert: bound("0"), Holds: slo.HoldsSinceOnset, AgeMax: slo.Duration(time.Minute)},
		},
		Triggers: []slo.Trigger{{Item: "1", Mode: slo.ModeAuto, SLOs: []string{"errors"}}, {Item: "2", Mode: slo.ModePropose, SLOs: []string{"violations"}}}}
}

func released(at time.Time, commit, before string) release.Release {
	return release.Release{Commit: commit, Tree: "tree of " + commit, T0: at, Target: release.Pin{Ref: "refs/tags/" + before, Commit: before, Tree: "tree of " + before}}
}

// burning is an episode of ten minutes with a value at each evaluation; NaN-free: a missing value is given by none.
func burning(id, trigger string, at time.Time, values ...float64) PastEpisode {
	e := PastEpisode{Labels: map[string]string{"alertname": id, "service": "shop", "environment": "live", "slo": id, "trigger": trigger, "severity": "page"},
		Onset: at, Fired: at, Ended: at.Add(10 * time.Minute)}
	age := 5.0
	for i, v := range values {
		e.Samples = append(e.Samples, release.Sample{At: at.Add(time.Duration(i) * 30 * time.Second), Value: &v, Age: &age})
	}
	return e
}

func TestReplaySaysWhatTheAgentWouldHaveDecided(t *testing.T) {
	first, second := released(replayT0, "aaaaaaaa", "stable"), released(replayT0.Add(48*time.Hour), "bbbbbbbb", "aaaaaaaa")
	after := func(d time.Duration) time.Time { return replayT0.Add(d) }
	noTarget := first
	noTarget.Target = release.Pin{}
	read := first
	read.AtT0 = []release.Reading{{SLO: "errors", Verdict: release.Fail, Reason: "errors is 0.3, > 0.02"}}
	for _, test := range []struct {
		name     string
		releases []release.Release
		episodes []PastEpisode
		want     []string // verdict and reason, "-" for an episode that never fired
	}{
		{"rolls back", []release.Release{first}, []PastEpisode{burning("errors", "1", after(time.Hour), 0.3)}, []string{"rollback corroborated"}},
		{"nothing was released", nil, []PastEpisode{burning("errors", "1", after(time.Hour), 0.3)}, []string{"hold no_release"}},
		{"burned before", []release.Release{first}, []PastEpisode{burning("errors", "1", after(-time.Minute), 0.3)}, []string{"hold no_release"}},
		{"the value does not agree", []release.Release{first}, []PastEpisode{burning("errors", "1", after(time.Hour), 0.001)}, []string{"ignore not_corroborated"}},
		{"asked again, it agrees", []release.Release{first}, []PastEpisode{burning("errors", "1", after(time.Hour), 0.001, 0.3)}, []string{"rollback corroborated"}},
		{"nothing was measured", []release.Release{first}, []PastEpisode{burning("errors", "1", after(time.Hour))}, []string{"propose cannot_tell"}},
		{"at most once for a release", []release.Release{first}, []PastEpisode{burning("errors", "1", after(time.Hour), 0.3), burning("errors", "1", after(2*time.Hour), 0.3)},
			[]string{"rollback corroborated", "ignore already_acting"}},
		{"once for each release", []release.Release{first, second}, []PastEpisode{burning("errors", "1", after(time.Hour), 0.3), burning("errors", "1", after(50*time.Hour), 0.3)},
			[]string{"rollback corroborated", "rollback corroborated"}},
		{"once in a day", []release.Release{first, released(after(3*time.Hour), "bbbbbbbb", "aaaaaaaa")},
			[]PastEpisode{burning("errors", "1", after(time.Hour), 0.3), burning("errors", "1", after(4*time.Hour), 0.3)}, []string{"rollback corroborated", "propose budget_spent"}},
		{"too late to act", []release.Release{first}, []PastEpisode{burning("errors", "1", after(30*time.Hour), 0.3)}, []string{"propose out_of_window"}},
		{"too late to propose", []release.Release{first}, []PastEpisode{burning("errors", "1", after(50*time.Hour), 0.3)}, []string{"hold out_of_window"}},
		{"the mode allows less", []release.Release{first}, []PastEpisode{burning("violations", "2", after(time.Hour), 1)}, []string{"propose mode"}},
		{"a count that was true since onset", []release.Release{first}, []PastEpisode{burning("violations", "2", after(time.Hour), 1, 0)}, []string{"propose mode"}},
		{"labels of no trigger", []release.Release{first}, []PastEpisode{burning("errors", "9", after(time.Hour), 1)}, []string{"ignore unmatched"}},
		{"nothing to go back to", []release.Release{noTarget}, []PastEpisode{burning("errors", "1", after(time.Hour), 0.3)}, []string{"hold no_target"}},
		{"the condition held at T0", []release.Release{read}, []PastEpisode{burning("errors", "1", after(time.Hour), 0.3)}, []string{"hold pre_existing"}},
	} {
		decisions, err := Replay(replayPlan(), replayPolicy, test.releases, test.episodes)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		var got []string
		for _, d := range decisions {
			got = append(got, string(d.Verdict)+" "+string(d.Reason))
		}
		if strings.Join(got, "; ") != strings.Join(test.want, "; ") {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

// An alert that was pending at T0, and came to firing later, is not the release's fault; neither is one that fired then and again later.
func TestReplayFindsWhatBurnedAtT0(t *testing.T) {
	pending := burning("errors", "1", replayT0.Add(-time.Minute), 0.3)
	pending.Fired = time.Time{}
	again := burning("errors", "1", replayT0.Add(time.Hour), 0.3)
	decisions, err := Replay(replayPlan(), replayPolicy, []release.Release{released(replayT0, "aaaaaaaa", "stable")}, []PastEpisode{pending, again})
	if err != nil {
		t.Fatal(err)
	}
	if decisions[0] != nil {
		t.Errorf("an episode that never fired was judged: %v", decisions[0])
	}
	if d := decisions[1]; d == nil || d.Reason != rollback.PreExisting || !strings.Contains(d.Text, "pending or firing at T0") {
		t.Errorf("got %+v", d)
	}
}
