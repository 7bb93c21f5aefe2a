package doctor_test

import (
	"context"
	"strings"
	"testing"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/doctor"
	"github.com/coclai/cutover/agent/release"
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
