package doctor_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/doctor"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/verify"
	"github.com/coclai/cutover/generator/slo"
)

// found is what some look of an examination finds, by its check.
func found(look func(*doctor.Examination), env config.Environment) map[string]release.Finding {
	all := map[string]release.Finding{}
	x := &doctor.Examination{Subject: doctor.Subject{Environment: env, Runner: verify.Runner{Redact: func(s string) string { return s }}},
		Listener: doctor.Listener{Redact: func(s string) string { return s }, Doing: func(string) {}, Found: func(f release.Finding) { all[f.Check] = f }}}
	look(x)
	return all
}

func TestTheCommandThatAsksProductionIsTried(t *testing.T) {
	for _, c := range []struct {
		argv   []string
		health release.Health
		says   string
	}{
		{[]string{"echo", "0123456789"}, release.Healthy, "production runs 0123456789"},
		{[]string{"true"}, release.Broken, "prints no commit"},
		{[]string{"false"}, release.Broken, "exit status 1"},
		{[]string{"/no/such/program"}, release.Broken, "is not installed"},
	} {
		env := config.Environment{Plan: slo.Plan{Live: &slo.Live{Argv: c.argv}}}
		got := found(func(x *doctor.Examination) { doctor.Gates(context.Background(), x) }, env)["live"]
		if got.Health != c.health || !strings.Contains(got.Seen, c.says) || (got.Fix == "") != (c.health == release.Healthy) {
			t.Errorf("%q: %+v", c.argv, got)
		}
	}
}

func TestEveryTokenIsSaidToBeSomewhere(t *testing.T) {
	may := []config.Scope{config.Alerts}
	x := &doctor.Examination{}
	x.Config.Web.Tokens = []config.Token{{Name: "one", File: "a", May: may}, {Name: "two", Files: []string{"b", "c"}, May: may}, {Name: "three", Certificate: "am.example.org", May: may}}
	if got, want := doctor.Deliverers(x), "one in a, two in b or c, three by a certificate of am.example.org"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestAForbiddenTargetWasNotMoved: it is the agent's file that says no, and the file that must be named.
func TestAForbiddenTargetWasNotMoved(t *testing.T) {
	env := config.Environment{Plan: slo.Plan{Triggers: []slo.Trigger{{Item: "5.1", SLOs: []string{"errors"}}}, SLOs: []slo.PlanSLO{{ID: "errors", Item: "5.1"}}}}
	all := found(func(x *doctor.Examination) {
		x.Now = time.Now
		x.State = func() *rollback.Environment {
			return &rollback.Environment{Pin: &release.Pin{Ref: "refs/tags/stable-1"}}
		}
		x.Target = func(context.Context, release.Pin) rollback.TargetState {
			return rollback.TargetState{Reason: rollback.TargetForbidden, Text: "it is refused"}
		}
		x.Foretell = func(context.Context, rollback.Firing) (rollback.Decision, error) {
			return rollback.Decision{Verdict: rollback.Hold, Reason: rollback.TargetForbidden, Text: "it is refused"}, nil
		}
		doctor.Target(context.Background(), x)
		doctor.Rehearse(context.Background(), x)
	}, env)
	for check, health := range map[string]release.Health{"git: target": release.Broken, "decision": release.Weak} {
		if got := all[check]; got.Health != health || !strings.Contains(got.Fix, "stable_tags") || strings.Contains(got.Fix, "moved") {
			t.Errorf("%s: %+v", check, got)
		}
	}
}
