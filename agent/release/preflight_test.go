package release_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/generator/slo"
)

func TestOneFailureIsAFailureAndOneUnknownIsNoPass(t *testing.T) {
	of := func(verdicts ...release.Verdict) []release.GateResult {
		var all []release.GateResult
		for n, v := range verdicts {
			all = append(all, release.GateResult{Gate: string(rune('a' + n)), Verdict: v})
		}
		return all
	}
	for _, c := range []struct {
		results []release.GateResult
		want    release.Verdict
		reason  string
	}{
		{of(release.Pass, release.Pass), release.Pass, "2 of 2 gates passed"},
		{of(release.Pass, release.Unknown), release.Unknown, "b is UNKNOWN"},
		{of(release.Fail, release.Unknown), release.Fail, "a is FAIL, b is UNKNOWN"},
		{of(release.Unknown, release.Fail, release.Unknown), release.Fail, "a is UNKNOWN, b is FAIL, c is UNKNOWN"},
		{nil, release.Pass, "0 of 0 gates passed"},
	} {
		if got, reason := release.Conclude(c.results); got != c.want || reason != c.reason {
			t.Errorf("%v: %s (%s), want %s (%s)", c.results, got, reason, c.want, c.reason)
		}
	}
}

func TestAGateIsNamedAsTheRunbooksRecordNamesIt(t *testing.T) {
	for _, c := range []struct {
		argv          []string
		name, command string
	}{
		{[]string{"bash", "scripts/release_preflight.sh"}, "release_preflight.sh", "bash scripts/release_preflight.sh"},
		{[]string{"/bin/sh", "a b.sh", "--fast"}, "a b.sh", "/bin/sh 'a b.sh' --fast"},
		{[]string{"bash", "-c", "exit 0"}, "bash -c 'exit 0'", "bash -c 'exit 0'"},
		{[]string{"rg", "-n", `todo!\(|unimplemented!\(`, "crates"}, `rg -n 'todo!\(|unimplemented!\(' crates`, `rg -n 'todo!\(|unimplemented!\(' crates`},
		{[]string{"make", "it's", ""}, `make 'it'\''s' ''`, `make 'it'\''s' ''`},
	} {
		got := release.Planned(slo.Gate{ID: "1.1", Argv: c.argv, Pass: slo.PassExit0})
		if diff := cmp.Diff(release.PlannedGate{ID: "1.1", Name: c.name, Command: c.command}, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.argv, diff)
		}
	}
	manual := release.Planned(slo.Gate{ID: "1.7", Title: "the plan was read", Owner: "lee", Pass: slo.PassManual})
	if diff := cmp.Diff(release.PlannedGate{ID: "1.7", Name: "the plan was read", Manual: true, Owner: "lee"}, manual); diff != "" {
		t.Errorf("a manual one (-want +got):\n%s", diff)
	}
}

func TestAGatesDefinitionIsWhatItRunsAndWhatPasses(t *testing.T) {
	g := slo.Gate{ID: "1.1", Argv: []string{"bash", "a.sh"}, Env: map[string]string{"A": "1"}, Pass: slo.PassExit0}
	same := g
	same.ID, same.Line, same.Timeout, same.Every = "1.2", 7, slo.Duration(time.Hour), slo.Duration(time.Hour)
	if release.Definition(g) != release.Definition(same) {
		t.Error("where it stands, and how long it may take, is part of it")
	}
	for name, change := range map[string]func(*slo.Gate){
		"command":     func(g *slo.Gate) { g.Argv = []string{"bash", "b.sh"} },
		"words":       func(g *slo.Gate) { g.Argv = []string{"bash a.sh"} },
		"environment": func(g *slo.Gate) { g.Env = map[string]string{"A": "2"} },
		"pass":        func(g *slo.Gate) { g.Pass = slo.PassNoMatch },
	} {
		other := g
		if change(&other); release.Definition(g) == release.Definition(other) {
			t.Errorf("another %s is the same definition", name)
		}
	}
}

func TestAResultIsOfUseForSoLong(t *testing.T) {
	at := time.Date(2026, 2, 28, 8, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		expire string
		age    time.Duration
		want   bool
	}{{"4h", 4 * time.Hour, true}, {"4h", 4*time.Hour + 1, false}, {"", 1000 * time.Hour, true}, {"1d", 23 * time.Hour, true}} {
		if got := (release.Preflight{Expire: c.expire}).Fresh(release.GateResult{At: at}, at.Add(c.age)); got != c.want {
			t.Errorf("%s after %s: %t", c.expire, c.age, got)
		}
	}
}
