package rollback_test

import (
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

var t0 = time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)

const badCommit, badTree, goodTree = "b" + "ad0000000000000000000000000000000000000", "tree-of-the-release", "tree-of-the-stable-tag"

func plan(mode slo.Mode) slo.Plan {
	bound := slo.MustDecimal("0.02")
	return slo.Plan{Service: "checkout", Environment: "production",
		SLOs: []slo.PlanSLO{{ID: "api-error-rate", Component: "runtime",
			Alert: slo.Bound{Op: slo.Greater, Value: &bound, Window: slo.Duration(5 * time.Minute), For: slo.Duration(time.Minute)}}},
		Triggers: []slo.Trigger{{Item: "4.1.1", Mode: mode, SLOs: []string{"api-error-rate"}}}}
}

func environment() *rollback.Environment {
	return &rollback.Environment{Name: "checkout/production", Release: &release.Release{Commit: badCommit, Tree: badTree, T0: t0,
		Target: release.Pin{Ref: "refs/tags/stable-1", Tree: goodTree}}}
}

func firing(startsAt time.Time) *rollback.Episode {
	return &rollback.Episode{Key: "am/0123456789abcdef", First: startsAt, Open: true, Firing: rollback.Firing{Status: "firing",
		Fingerprint: "0123456789abcdef", StartsAt: startsAt, Labels: map[string]string{"service": "checkout", "environment": "production",
			"slo": "api-error-rate", "trigger": "4.1.1"}}}
}

func evidence() rollback.Evidence {
	return rollback.Evidence{
		Reading: release.Reading{SLO: "api-error-rate", Verdict: release.Fail, Value: "0.2", Reason: "api-error-rate is 0.2, > 0.02 (900 events)"},
		Tip:     rollback.Tip{Commit: badCommit, Tree: badTree, Relation: rollback.Same},
	}
}

var policy = rollback.Policy{MaxMode: slo.ModeAuto, PerRelease: 1, PerDay: 1, Cooldown: 30 * time.Minute, ArmAuto: 24 * time.Hour,
	ArmPropose: 48 * time.Hour, Approval: time.Hour}

// setting is one case of the table, to be spoiled in one respect.
type setting struct {
	policy   rollback.Policy
	plan     slo.Plan
	state    *rollback.Environment
	episode  *rollback.Episode
	evidence rollback.Evidence
	now      time.Time
	spent    int
}

func TestDecideRollsBackOnlyWhenEveryAnswerAllowsIt(t *testing.T) {
	for _, test := range []struct {
		name    string
		spoil   func(*setting)
		verdict rollback.Verdict
		reason  rollback.Reason
		text    string
	}{
		{"all answers allow it", func(*setting) {}, rollback.Rollback, rollback.Corroborated, "api-error-rate is 0.2, > 0.02 (900 events); onset 02:04:00Z is 4m0s after T0"},
		{"label of another service", func(s *setting) { s.episode.Firing.Labels["service"] = "cart" }, rollback.Ignore, rollback.Unmatched, "labels"},
		{"slo label disagrees with trigger", func(s *setting) { s.episode.Firing.Labels["slo"] = "p95" }, rollback.Ignore, rollback.Unmatched, ""},
		{"a drill", func(s *setting) { s.episode.Firing.Labels["drill"] = "true" }, rollback.Observe, rollback.Drill, ""},
		{"a drill of no trigger", func(s *setting) {
			s.episode.Firing.Labels = map[string]string{"service": "checkout", "environment": "production", "drill": "true"}
		}, rollback.Observe, rollback.Drill, ""},
		{"a drill of another service", func(s *setting) {
			s.episode.Firing.Labels["drill"], s.episode.Firing.Labels["service"] = "true", "cart"
		}, rollback.Ignore, rollback.Unmatched, ""},
		{"what is nearly called a drill", func(s *setting) { s.episode.Firing.Labels["drill"] = "yes" }, rollback.Rollback, rollback.Corroborated, ""},
		{"other environments have spent it all", func(s *setting) { s.policy.Everywhere, s.spent = 5, 5 }, rollback.Propose, rollback.BudgetSpent, "5 of 5 automatic rollbacks in 24 hours are spent, in all environments"},
		{"other environments have left one", func(s *setting) { s.policy.Everywhere, s.spent = 5, 4 }, rollback.Rollback, rollback.Corroborated, ""},
		{"nothing released", func(s *setting) { s.state.Release = nil }, rollback.Hold, rollback.NoRelease, ""},
		{"this release is in hand", func(s *setting) {
			s.state.Incidents = []*rollback.Incident{{ID: rollback.IncidentID(badCommit, t0), Phase: rollback.PhaseClosed, PushedAt: t0.Add(time.Minute)}}
		}, rollback.Ignore, rollback.AlreadyActing, "at most once"},
		{"its incident was closed without a rollback", func(s *setting) {
			s.state.Incidents = []*rollback.Incident{{ID: rollback.IncidentID(badCommit, t0), Phase: rollback.PhaseClosed}}
		}, rollback.Hold, rollback.AlreadyActing, "a person decides"},
		{"our own Prometheus had it before T0", func(s *setting) { s.evidence.ActiveSince = t0.Add(-time.Second) }, rollback.Hold, rollback.PreExisting, "by our own Prometheus, 1s before T0"},
		{"a month old, and our own Prometheus has it since T0", func(s *setting) {
			s.episode.Firing.StartsAt, s.evidence.ActiveSince = t0.Add(-30*24*time.Hour), t0.Add(3*time.Minute)
		}, rollback.Rollback, rollback.Corroborated, "onset 02:03:00Z is 3m0s after T0"},
		{"a month old, and our own query did not find it at T0", func(s *setting) {
			s.episode.Firing.StartsAt = t0.Add(-30 * 24 * time.Hour)
			s.state.Release.AtT0 = []release.Reading{{SLO: "api-error-rate", Verdict: release.Pass}}
		}, rollback.Rollback, rollback.Corroborated, "onset 02:00:00Z is 0s after T0"},
		{"a month old, and our own query finds only now that it was not so at T0", func(s *setting) {
			s.episode.Firing.StartsAt, s.evidence.AtT0.Verdict = t0.Add(-30*24*time.Hour), release.Pass
		}, rollback.Rollback, rollback.Corroborated, ""},
		{"a month old, and nobody says so or not", func(s *setting) { s.episode.Firing.StartsAt = t0.Add(59 * time.Second) }, rollback.Propose, rollback.CannotTell, "1s before T0"},
		{"a month old, and true no more", func(s *setting) {
			s.episode.Firing.StartsAt, s.evidence.Reading.Verdict = t0.Add(-30*24*time.Hour), release.Pass
		}, rollback.Ignore, rollback.NotCorroborated, ""},
		{"a month old, and Prometheus cannot tell", func(s *setting) {
			s.episode.Firing.StartsAt, s.evidence.Reading.Verdict = t0.Add(-30*24*time.Hour), release.Unknown
		}, rollback.Propose, rollback.CannotTell, "before T0"},
		{"began exactly at T0", func(s *setting) { s.episode.Firing.StartsAt = t0.Add(time.Minute) }, rollback.Rollback, rollback.Corroborated, "0s after T0"},
		{"alert was pending at T0", func(s *setting) { s.state.Release.Alerting = []string{"api-error-rate"} }, rollback.Hold, rollback.PreExisting, "pending or firing"},
		{"condition held at T0", func(s *setting) {
			s.state.Release.AtT0 = []release.Reading{{SLO: "api-error-rate", Verdict: release.Fail, Reason: "api-error-rate is 0.03, > 0.02"}}
		}, rollback.Hold, rollback.PreExisting, "0.03"},
		{"another SLO burned at T0", func(s *setting) {
			s.state.Release.AtT0 = []release.Reading{{SLO: "p95", Verdict: release.Fail}}
		}, rollback.Rollback, rollback.Corroborated, ""},
		{"unknown at T0 is no excuse", func(s *setting) {
			s.state.Release.AtT0 = []release.Reading{{SLO: "api-error-rate", Verdict: release.Unknown}}
		}, rollback.Rollback, rollback.Corroborated, ""},
		{"unknown at T0, and known now", func(s *setting) {
			s.evidence.AtT0 = release.Reading{Verdict: release.Fail, Reason: "api-error-rate is 0.03, > 0.02"}
		}, rollback.Hold, rollback.PreExisting, "0.03"},
		{"Prometheus cannot tell", func(s *setting) {
			s.evidence.Reading = release.Reading{Verdict: release.Unknown, Reason: "connection refused"}
		}, rollback.Propose, rollback.CannotTell, "connection refused"},
		{"our query does not agree", func(s *setting) { s.evidence.Reading.Verdict = release.Pass }, rollback.Ignore, rollback.NotCorroborated, ""},
		{"no reading at all", func(s *setting) { s.evidence.Reading = release.Reading{} }, rollback.Ignore, rollback.NotCorroborated, ""},
		{"silenced", func(s *setting) { s.evidence.Suppressed = "silenced by 1234" }, rollback.Ignore, rollback.Suppressed, "silenced by 1234"},
		{"remote does not answer", func(s *setting) { s.evidence.Tip = rollback.Tip{Problem: "timeout"} }, rollback.Propose, rollback.RemoteUnknown, "timeout"},
		{"rewound", func(s *setting) { s.evidence.Tip.Relation = rollback.Elsewhere }, rollback.Hold, rollback.Rewound, ""},
		{"somebody shipped over it", func(s *setting) {
			s.evidence.Tip = rollback.Tip{Commit: "c", Tree: "another", Relation: rollback.Descendant}
		}, rollback.Hold, rollback.ForeignCommit, ""},
		{"a commit on top with the same content", func(s *setting) {
			s.evidence.Tip = rollback.Tip{Commit: "c", Tree: badTree, Relation: rollback.Descendant}
		}, rollback.Rollback, rollback.Corroborated, ""},
		{"the bad tree is gone", func(s *setting) {
			s.evidence.Tip = rollback.Tip{Commit: "c", Tree: goodTree, Relation: rollback.Descendant}
		}, rollback.Ignore, rollback.Superseded, ""},
		{"the tag moved", func(s *setting) {
			s.evidence.Target = rollback.TargetState{Reason: rollback.TargetMoved, Text: "stable-1 moved"}
		}, rollback.Hold, rollback.TargetMoved, "stable-1 moved"},
		{"the tag cannot be read", func(s *setting) {
			s.evidence.Target = rollback.TargetState{Reason: rollback.RemoteUnknown, Text: "HTTP 502"}
		}, rollback.Propose, rollback.RemoteUnknown, "HTTP 502"},
		{"kill switch", func(s *setting) { s.evidence.KillSwitch = true }, rollback.Observe, rollback.KillSwitch, ""},
		{"the plan says propose", func(s *setting) { s.plan = plan(slo.ModePropose) }, rollback.Propose, rollback.ModeIs, "4.1.1 is propose"},
		{"the agent may only observe", func(s *setting) { s.policy.MaxMode = slo.ModeObserve }, rollback.Observe, rollback.ModeIs, ""},
		{"observing, and cannot tell", func(s *setting) {
			s.policy.MaxMode, s.evidence.Reading.Verdict = slo.ModeObserve, release.Unknown
		}, rollback.Observe, rollback.CannotTell, ""},
		{"a day and a second after T0", func(s *setting) { s.now = t0.Add(24*time.Hour + time.Second) }, rollback.Propose, rollback.OutOfWindow, ""},
		{"two days and a second after T0", func(s *setting) { s.now = t0.Add(48*time.Hour + time.Second) }, rollback.Hold, rollback.OutOfWindow, ""},
		{"too little traffic", func(s *setting) {
			s.evidence.Reading = release.Reading{Verdict: release.Unknown, Lack: release.Traffic, Reason: "only 12 events, fewer than 50"}
		}, rollback.Propose, rollback.TooFewEvents, "only 12 events, fewer than 50"},
		{"a person holds the agent", func(s *setting) {
			s.state.Hold = &rollback.Holding{Until: s.now.Add(time.Minute), By: "kim", Why: "load test"}
		}, rollback.Propose, rollback.OnHold, "kim holds the agent until 02:07:00Z: load test"},
		{"a hold that has expired", func(s *setting) {
			s.state.Hold = &rollback.Holding{Until: s.now, By: "kim"}
		}, rollback.Rollback, rollback.Corroborated, ""},
		{"a person has turned the kill switch", func(s *setting) {
			s.state.Kill = &rollback.Switch{By: "kim", At: t0, Why: "rewriting the branch"}
		}, rollback.Observe, rollback.KillSwitch, "kim turned it at 02:00:00Z, rewriting the branch"},
		{"29 minutes after another release's rollback", func(s *setting) {
			s.policy.PerDay = 9
			s.state.Incidents = []*rollback.Incident{{ID: "inc-before", Phase: rollback.PhaseClosed, PushedAt: s.now.Add(-29 * time.Minute)}}
		}, rollback.Propose, rollback.Cooldown, "29m0s ago, less than 30m0s"},
		{"31 minutes after another release's rollback", func(s *setting) {
			s.policy.PerDay = 9
			s.state.Incidents = []*rollback.Incident{{ID: "inc-before", Phase: rollback.PhaseClosed, PushedAt: s.now.Add(-31 * time.Minute)}}
		}, rollback.Rollback, rollback.Corroborated, ""},
		{"no automatic rollback is allowed at all", func(s *setting) { s.policy.PerRelease = 0 }, rollback.Propose, rollback.BudgetSpent, "no automatic rollback"},
		{"a rollback 23 hours ago", func(s *setting) { s.state.Automatic = []time.Time{s.now.Add(-23 * time.Hour)} }, rollback.Propose, rollback.BudgetSpent, ""},
		{"a rollback 25 hours ago", func(s *setting) { s.state.Automatic = []time.Time{s.now.Add(-25 * time.Hour)} }, rollback.Rollback, rollback.Corroborated, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := setting{policy, plan(slo.ModeAuto), environment(), firing(t0.Add(5 * time.Minute)), evidence(), t0.Add(6 * time.Minute), 0}
			test.spoil(&s)
			d := s.policy.Decide(rollback.Case{Plan: s.plan, Environment: s.state, Episode: s.episode, Now: s.now, Spent: s.spent}, s.evidence)
			if d.Verdict != test.verdict || d.Reason != test.reason || !strings.Contains(d.Text, test.text) {
				t.Errorf("got %s, %s: %s\nwant %s, %s: …%s…", d.Verdict, d.Reason, d.Text, test.verdict, test.reason, test.text)
			}
			if proposed := d.Verdict == rollback.Propose; proposed != d.Stands(s.now.Add(time.Hour-time.Second)) || d.Stands(s.now.Add(time.Hour)) {
				t.Errorf("a proposal stands for an hour, and nothing else does: until %s", d.Until)
			}
			locks := d.Verdict == rollback.Rollback || d.Reason == rollback.TargetMoved
			if d.Locks != locks {
				t.Errorf("locks: got %v, want %v", d.Locks, locks)
			}
		})
	}
}

func TestABrokenTargetLocksNothingThatMayNotAct(t *testing.T) {
	e := evidence()
	e.Target = rollback.TargetState{Reason: rollback.TargetMissing, Text: "gone"}
	p := policy
	p.MaxMode = slo.ModeObserve
	d := p.Decide(rollback.Case{Plan: plan(slo.ModeAuto), Environment: environment(), Episode: firing(t0.Add(5 * time.Minute)), Now: t0.Add(6 * time.Minute)}, e)
	if d.Locks {
		t.Errorf("an agent that may only observe locked: %+v", d)
	}
}

func TestABrokenTargetLocksNothingWhileThatIsStopped(t *testing.T) {
	now := t0.Add(6 * time.Minute)
	for name, stop := range map[string]func(*rollback.Environment){
		"by a person's kill switch": func(e *rollback.Environment) { e.Kill = &rollback.Switch{By: "kim"} },
		"by a hold":                 func(e *rollback.Environment) { e.Hold = &rollback.Holding{Until: now.Add(time.Hour)} },
	} {
		e, state := evidence(), environment()
		e.Target = rollback.TargetState{Reason: rollback.TargetMissing, Text: "gone"}
		stop(state)
		d := policy.Decide(rollback.Case{Plan: plan(slo.ModeAuto), Environment: state, Episode: firing(t0.Add(5 * time.Minute)), Now: now}, e)
		if d.Locks || d.Verdict != rollback.Hold {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestClassifyNamesTheComponentThatBurnedFirst(t *testing.T) {
	p := plan(slo.ModeAuto)
	p.SLOs = append(p.SLOs, slo.PlanSLO{ID: "timeouts", Component: "web"}, slo.PlanSLO{ID: "old", Component: "artifact"})
	p.Triggers = append(p.Triggers, slo.Trigger{Item: "4.1.4", SLOs: []string{"timeouts", "old"}})
	e := environment()
	e.Episodes = map[string]*rollback.Episode{"a": firing(t0.Add(5 * time.Minute)), "b": firing(t0.Add(5 * time.Minute)), "c": firing(t0.Add(-time.Hour))}
	e.Episodes["d"] = firing(t0.Add(time.Minute)) // the first of all, and only a drill
	e.Episodes["d"].Firing.Labels["drill"] = "true"
	e.Episodes["b"].Firing.Labels["slo"], e.Episodes["b"].Firing.Labels["trigger"] = "timeouts", "4.1.4"
	e.Episodes["c"].Firing.Labels["slo"], e.Episodes["c"].Firing.Labels["trigger"] = "old", "4.1.4"
	got := rollback.Classify(p, e)
	want := "02:04:00Z api-error-rate (runtime, trigger 4.1.1)\n02:05:00Z timeouts (web, trigger 4.1.4)"
	if got.Component != "runtime" || strings.Join(got.Evidence, "\n") != want { // fired at the same time, but `for` is a minute
		t.Errorf("got %s\n%s\nwant runtime\n%s", got.Component, strings.Join(got.Evidence, "\n"), want)
	}
}

func TestADrillIsTheSameAsNoRealAlert(t *testing.T) {
	real := firing(t0).Firing
	seen := firing(t0).Firing // as Prometheus tells it: without its external label, and so with another fingerprint
	seen.Fingerprint = "00000000000000aa"
	if !seen.Same(real) {
		t.Error("an alert is not known again")
	}
	drill := firing(t0).Firing
	drill.Labels["drill"] = "true"
	if seen.Same(drill) || drill.Same(seen) {
		t.Error("a drill with all the labels of a real alert stands for it")
	}
}
