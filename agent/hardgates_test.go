package agent_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/coclai/cutover/agent"
	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// hard is a configuration with a hard gate 1.4 that runs a script, beside the gate 1.1.
func (w *world) hard(t *testing.T, script string, every time.Duration) config.Config {
	c := w.config(t)
	c.Environments[0].Plan.Gates = append(c.Environments[0].Plan.Gates, slo.Gate{ID: "1.4", Argv: []string{"sh", "-c", script}, Env: map[string]string{}, Pass: slo.PassExit0,
		Timeout: slo.Duration(time.Hour), Hard: true, Every: slo.Duration(every)})
	c.Environments[0].Plan.GatesExpire = slo.Duration(100 * time.Hour)
	return c
}

// resting is an agent that does deeds and nothing by itself, until end is called.
func (w *world) resting(t *testing.T, c config.Config, file string) (r *running, end func()) {
	t.Helper()
	l, err := ledger.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	r = &running{t: t, log: &lines{}, passed: w.passed}
	if r.Agent, err = agent.New(agent.Options{Config: c, Ledger: l, Logger: r.log.logger(), Now: w.now}); err != nil {
		t.Fatal(err)
	}
	return r, func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

// gates reports results for a commit.
func (r *running) gates(commit string, verdicts map[string]release.Verdict) {
	r.t.Helper()
	for gate, v := range verdicts {
		r.do(release.Deed{Act: release.ActRecord, Gate: gate, Verdict: v, Commit: commit})
	}
}

var bothPass = map[string]release.Verdict{"1.1": release.Pass, "1.4": release.Pass}

func TestAHardGateIsDueByItsLastResultForTheRelease(t *testing.T) {
	w := bare(t)
	w.now = w.later()
	file, c := filepath.Join(t.TempDir(), "ledger.db"), w.hard(t, "true", 30*time.Minute)
	r, end := w.resting(t, c, file)
	due := func(when string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, r.DueGates(home)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	next := w.release(t, 0, "next")
	r.do(release.Deed{Act: release.ActStable})
	r.gates(next, bothPass)
	due("before the release")
	r.do(release.Deed{Act: release.ActRelease, Commit: next})
	commit := r.state().Release.Commit
	due("after it: no result is about the commit that was pushed", "1.4")
	r.gates(commit, bothPass)
	due("when it has passed")
	w.pass(29 * time.Minute)
	due("before its interval is over")
	r.gates(w.good, bothPass)
	w.pass(2 * time.Minute)
	due("afterwards, whatever was found of another commit", "1.4")
	end()
	r, end = w.resting(t, c, file)
	defer end()
	due("after a restart", "1.4")
	r.gates(commit, map[string]release.Verdict{"1.4": release.Unknown})
	w.pass(4 * time.Minute)
	due("while an UNKNOWN is young")
	w.pass(2 * time.Minute)
	due("when it is not", "1.4")
	w.pass(47 * time.Hour)
	due("an hour before the end", "1.4")
	w.pass(time.Hour)
	due("when the release is observed no more")
}

func TestAHangingHardGateDelaysNoRollback(t *testing.T) {
	w := bare(t)
	begun := filepath.Join(openFolder(t), "begun")
	r := w.start(t, w.hard(t, "echo begun >> "+begun+"; exec sleep 600", time.Millisecond))
	next := w.release(t, 0, "next")
	tag := r.do(release.Deed{Act: release.ActStable}).Facts["tag"]
	r.gates(next, bothPass)
	r.do(release.Deed{Act: release.ActRelease, Commit: next})
	if !eventually(30*time.Second, func() bool { _, err := os.Stat(begun); return err == nil }) {
		t.Fatal("the hard gate was not run on the release")
	}
	r.do(release.Deed{Act: release.ActRollback, Tag: tag, Tip: w.git.Tip(t, branch), Reason: "it hangs"})
	r.phase(rollback.PhaseClassified)
	if due := r.DueGates(home); len(due) > 0 {
		t.Errorf("after the rollback %v is due", due)
	}
	if text, _ := os.ReadFile(begun); string(text) != "begun\n" {
		t.Errorf("it was run more than once at a time: %q", text)
	}
}

func TestAHardGateThatFailsIsRecordedAndExportedForTheReleaseAlone(t *testing.T) {
	w := bare(t)
	broken := filepath.Join(openFolder(t), "broken")
	c := w.hard(t, "echo checked; test ! -e "+broken, time.Second)
	c.Logs = filepath.Join(t.TempDir(), "logs")
	r := w.start(t, c)
	next, other := w.release(t, 0, "next"), w.release(t, 0, "other")
	r.do(release.Deed{Act: release.ActStable})
	r.gates(next, bothPass)
	r.do(release.Deed{Act: release.ActRelease, Commit: next})
	of := func() release.GateResult {
		return r.state().Results[rollback.ResultKey("1.4", r.state().Release.Commit)]
	}
	if !eventually(30*time.Second, func() bool { return of().Verdict == release.Pass }) {
		t.Fatalf("it was not run: %+v", of())
	}
	r.gates(other, map[string]release.Verdict{"1.4": release.Fail})
	if got := exportedGate(t, r, "1.4"); got != 1 {
		t.Errorf("what fails of the next release is exported as %v of this one", got)
	}
	write(t, broken, "")
	if !eventually(30*time.Second, func() bool { return of().Verdict == release.Fail }) {
		t.Fatalf("it was not run again: %+v", of())
	}
	if text, err := os.ReadFile(of().Log); err != nil || string(text) != "checked\n" || of().By != "rollback-agent" {
		t.Errorf("log %q, %v of %+v", text, err, of())
	}
	r.gates(other, map[string]release.Verdict{"1.4": release.Pass})
	if got := exportedGate(t, r, "1.4"); got != 0 {
		t.Errorf("what passes of the next release is exported as %v of this one", got)
	}
}

// exportedGate is a gate's result as rules read it; -1 for none.
func exportedGate(t *testing.T, r *running, gate string) float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(r.Agent)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != slo.AgentGateResult {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == slo.LabelGate && l.GetValue() == gate {
					return m.GetGauge().GetValue()
				}
			}
		}
	}
	return -1
}

// openFolder is one that gates can write into, whoever they run as.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "hard-gate-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// rehearse runs a preflight to its end.
func (r *running) rehearse(commit string) release.Preflight {
	r.t.Helper()
	id := r.do(release.Deed{Act: release.ActPreflight, Commit: commit}).Facts["id"]
	if !eventually(60*time.Second, func() bool { return !r.state().Preflight(id, "").InHand() }) {
		r.t.Fatal("the preflight does not end")
	}
	return *r.state().Preflight(id, "")
}

func TestAPreflightProvesACommitUntilItsResultsExpireOrThePlanChanges(t *testing.T) {
	w := bare(t)
	w.now = w.later()
	c := w.config(t)
	c.Environments[0].Plan.Gates[0].Argv = []string{"sh", "-c", "test -e service.txt"}
	r := w.start(t, c)
	next := w.release(t, 0, "next")
	r.refused(release.Deed{Act: release.ActGate, Commit: next}, release.Undecided, "nobody has reported gate 1.1")
	p := r.rehearse(next)
	if g, _ := p.Result("1.1"); g.Verdict != release.Pass || p.Verdict != release.Unknown || !strings.Contains(p.Reason, "own:triggers-quiet is UNKNOWN") {
		t.Errorf("without a Prometheus the gates of our own are not PASS: %+v", p)
	}
	if p.Content != w.tree(t, next) {
		t.Errorf("it is bound to %q", p.Content)
	}
	r.do(release.Deed{Act: release.ActGate, Commit: next}) // what is asked at a cutover's start alone does not count here
	w.pass(61 * time.Minute)
	r.refused(release.Deed{Act: release.ActGate, Commit: next}, release.Undecided, "longer than 1h")
	r.rehearse(next)
	r.do(release.Deed{Act: release.ActGate, Commit: next})
	c.Environments[0].Plan.Gates[0].Argv = []string{"sh", "-c", "test -d ."}
	if err := r.Reload(c); err != nil {
		t.Fatal(err)
	}
	r.refused(release.Deed{Act: release.ActGate, Commit: next}, release.Undecided, "as an earlier plan had it")
	r.rehearse(next)
	r.do(release.Deed{Act: release.ActGate, Commit: next})
}

func TestAPreflightNeedsAnAgentThatRuns(t *testing.T) {
	w := bare(t)
	r, end := w.resting(t, w.config(t), filepath.Join(t.TempDir(), "ledger.db"))
	defer end()
	r.refused(release.Deed{Act: release.ActPreflight, Commit: w.good, Author: "kim"}, release.Unavailable, "the agent is about to end")
	if _, err := r.Do(context.Background(), release.Deed{Act: release.ActPreflight, Commit: w.good}); err == nil {
		t.Error("a second one is in hand")
	}
}

func TestAnExcerptIsTheBeginningOfASearchAndTheEndOfACommand(t *testing.T) {
	search, command := slo.Gate{Pass: slo.PassNoMatch}, slo.Gate{Pass: slo.PassExit0}
	many := strings.Repeat("a\n", 20) + strings.Repeat("b\n", 20)
	long := strings.Repeat("x", 3000) + "é" + strings.Repeat("y", 3000)
	for _, c := range []struct {
		name string
		gate slo.Gate
		from string
		want string
	}{
		{"short", search, "one\ntwo\n", "one\ntwo"},
		{"nothing", command, "", ""},
		{"many found", search, many, strings.Repeat("a\n", 20) + strings.Repeat("b\n", 10) + "…"},
		{"much said", command, many, "…\n" + strings.Repeat("a\n", 10) + strings.TrimSuffix(strings.Repeat("b\n", 20), "\n")},
		{"one long line found", search, long, long[:4096] + "\n…"},
		{"one long line said", command, long, "…\n" + long[len(long)-4096:]},
	} {
		if diff := cmp.Diff(c.want, agent.Excerpt(c.gate, c.from)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
