package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/slo"
)

// referencePlan is the plan as it is compiled from the reference runbook, with its days made seconds and its measurements made rows of the
// test's rules. Nothing is left out of it.
func referencePlan(t *testing.T) slo.Plan {
	t.Helper()
	const file = "../rules/generated/plan.yaml"
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var p slo.Plan
	if problems := diag.DecodeYAML(file, content, &p); len(problems) > 0 {
		t.Fatal(problems)
	}
	soon := map[time.Duration]time.Duration{30 * time.Minute: 3 * time.Second, 2 * time.Hour: 4 * time.Second, 24 * time.Hour: 5 * time.Second, 48 * time.Hour: 6 * time.Second}
	for n, m := range p.Milestones {
		p.Milestones[n].After = slo.Duration(soon[m.After.Std()])
	}
	for n, s := range p.Checklist {
		p.Checklist[n].Until = slo.Duration(soon[s.Until.Std()])
	}
	for n, g := range p.Gates {
		if g.Hard {
			p.Gates[n].Every = slo.Duration(time.Second)
		}
	}
	for n := range p.SLOs {
		s := &p.SLOs[n]
		s.Value, s.Age, s.Alert.For = fmt.Sprintf("max(row{slo=%q})", s.ID), "vector(1)", s.Alert.For/600
		if s.Events != "" {
			s.Events = "vector(1000)"
		}
		if s.Baseline != nil {
			s.Baseline.Value, s.Baseline.Events = s.Value, "vector(1000)"
		}
	}
	p.EvaluationInterval, p.ScrapeInterval, p.Live = slo.Duration(200*time.Millisecond), slo.Duration(200*time.Millisecond), nil
	return p
}

// searching sees to it that the runbook's searches can run: where ripgrep is not installed, grep finds what they look for. How a search is run,
// and what its exit status means, is tested in package verify.
func searching(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("rg"); err == nil {
		return
	}
	dir := openFolder(t)
	if err := os.WriteFile(filepath.Join(dir, "rg"), []byte("#!/bin/sh\nexec grep -rnE --exclude-dir=fixtures -e \"$2\" \"$3\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// rowsOf are the rules that give every row a value.
func rowsOf(p slo.Plan, good bool) []string {
	bad := map[string]string{"ratio": "0.5", "latency": "0.9", "restarts": "5", "count": "1", "state": "1", "gate": "0"}
	well := map[string]string{"latency": "0.18", "gate": "1"}
	rules := []string{strings.ReplaceAll(compiled, strings.Repeat("0", 64), p.Rules.SHA256), trigger("vector(0) > 1", "0s")}
	for _, s := range p.SLOs {
		value := bad[s.Kind]
		if good {
			if value = well[s.Kind]; value == "" {
				value = "0"
			}
		}
		rules = append(rules, fmt.Sprintf(`- {record: row, expr: vector(%s), labels: {slo: %s}}`, value, s.ID))
	}
	return rules
}

// tree is what passes every gate of the runbook.
func tree(name string) map[string]string {
	files := map[string]string{"name.txt": name + "\n", "crates/a.rs": "fn a() {}\n", "crates/tests/fixtures/a.txt": "TODO is allowed here\n",
		"scripts/check_doc_contract_sync.sh": `test "$COCLAI_DOC_SYNC_MODE" = hard && test "$COCLAI_DOC_SYNC_FAIL_ON_MISMATCH" = 1`,
		"scripts/run_nightly_opt_in_gate.sh": "mkdir -p target/qa/nightly_opt_in; echo passed > target/qa/nightly_opt_in/script_smoke.log\n"}
	for _, script := range []string{"release_preflight", "run_micro_bench", "check_schema_drift"} {
		files["scripts/"+script+".sh"] = "true\n"
	}
	return files
}

// fire delivers an alert of every trigger's rows in one body, as one group could bring them; resolved takes them back.
func (r *running) fire(p slo.Plan, status string, startsAt time.Time) {
	r.t.Helper()
	var alerts []any
	ends := time.Time{}
	if status == "resolved" {
		ends = time.Now().UTC()
	}
	for _, trigger := range p.Triggers {
		for _, id := range trigger.SLOs {
			alerts = append(alerts, map[string]any{"status": status, "startsAt": startsAt.UTC(), "endsAt": ends, "fingerprint": fmt.Sprintf("%016x", len(alerts)+1), "labels": map[string]string{
				"alertname": id, "service": "checkout", "environment": "production", "slo": id, "trigger": trigger.Item, "severity": "page", "rollback": string(trigger.Mode)}})
		}
	}
	text, err := json.Marshal(map[string]any{"version": "4", "status": status, "alerts": alerts})
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.Receive(context.Background(), "am", text); err != nil {
		r.t.Fatal(err)
	}
}

// until waits for the cutover.
func (r *running) until(what string, yes func(*release.Cutover) bool) {
	r.t.Helper()
	if !eventually(60*time.Second, func() bool { c := r.state().Cutover; return c != nil && yes(c) }) {
		r.t.Fatalf("the cutover does not come to: %s\n%+v", what, r.state().Cutover)
	}
}

// passes runs the gates on a commit, which must pass them.
func (r *running) passes(commit string) {
	r.t.Helper()
	if p := r.rehearse(commit); p.Verdict != release.Pass {
		r.t.Fatalf("preflight: %s %s: %+v", p.Verdict, p.Reason, p.Results)
	}
}

// told is an entry of the ledger as the table below looks for it.
func (r *running) told() []string {
	entries, err := r.View().Entries(context.Background(), home, 5000)
	if err != nil {
		r.t.Fatal(err)
	}
	slices.Reverse(entries)
	lines := make([]string, len(entries))
	for n, e := range entries {
		lines[n] = fmt.Sprintf("%s by %s: %s", e.Kind, e.Author, e.Body)
	}
	return lines
}

// disposed is the acceptance list of the reference runbook: what becomes of every numbered item, and the entry of the ledger that proves it.
// Where two entries are needed, both stand, in their order.
var disposed = []struct{ item, becomes, proof string }{
	{"1", "refused unless every gate is PASS for this commit", `preflight.ended by rollback-agent: .*"verdict":"PASS" … cutover.started by kim`},
	{"1.1", "gate, command, exit 0", `gate.recorded by rollback-agent: {"gate":"1.1","verdict":"PASS","commit":"NEXT"`},
	{"1.2", "gate, command", `gate.recorded by rollback-agent: {"gate":"1.2","verdict":"PASS","commit":"NEXT"`},
	{"1.3", "gate, command; its logs kept", `gate.recorded by rollback-agent: {"gate":"1.3","verdict":"PASS","commit":"NEXT".*"kept":\["[^"]*script_smoke.log"`},
	{"1.4", "gate, command with environment; hard: run again while observed", `gate.recorded by rollback-agent: {"gate":"1.4","verdict":"PASS","commit":"NEXT" … release.deployed … gate.recorded by rollback-agent: {"gate":"1.4","verdict":"PASS"`},
	{"1.5", "gate, a search without a match", `gate.recorded by rollback-agent: {"gate":"1.5","verdict":"PASS","commit":"NEXT".*nothing was found`},
	{"1.6", "gate, a search without a match, quoting honoured", `gate.recorded by rollback-agent: {"gate":"1.6","verdict":"PASS","commit":"NEXT".*nothing was found`},
	{"2", "rehearsal record, bound to the commit", `preflight.started by kim: .*"commit":"NEXT" … preflight.ended`},
	{"3.1", "tag made, pushed, read back, pinned, on what production runs", `stable.pinned by rollback-agent: {"ref":"refs/tags/pre-bigbang-cutover-[0-9]{8}".*"commit":"BEFORE" … cutover.done by rollback-agent: {"item":"3.1"`},
	{"3.2", "every gate asked again, triggers quiet", `cutover.done by rollback-agent: {"item":"3.2","note":"7 gates`},
	{"3.3", "announced by the agent", `cutover.done by rollback-agent: {"item":"3.3","note":"announced`},
	{"3.4", "deployed by CI or a person, exactly that commit", `release.deployed by (ci|kim|rollback-agent): {"commit":"NEXT"`},
	{"3.5", "intensive observation, to 6.1", `observation.noted .*"slo":"api-error-rate".*"slo":"p95-latency".*"slo":"runtime-restarts" … milestone.reached by rollback-agent: {"item":"6.1"`},
	{"3.6", "stabilisation, to 6.3", `milestone.reached by rollback-agent: {"item":"6.3".*"ends":"stabilisation"`},
	{"4.1", "one trigger suffices", `decided by rollback-agent: {"verdict":"rollback"`},
	{"4.1.1", "alert from the row", `decided by rollback-agent: .*"trigger":"4.1.1"`},
	{"4.1.2", "alert from the row", `decided by rollback-agent: .*"trigger":"4.1.2"`},
	{"4.1.3", "alert from the row", `decided by rollback-agent: .*"trigger":"4.1.3"`},
	{"4.1.4", "two counts", `decided by rollback-agent: .*"trigger":"4.1.4"`},
	{"4.1.5", "the drift row, and the hard gates", `decided by rollback-agent: .*"trigger":"4.1.5"`},
	{"4.2.1", "the rollback", `pushed by rollback-agent: .*"outcome":"done"`},
	{"4.2.2", "gate 1.1 on the restored tree", `verified by rollback-agent: .*"gate":"1.1","verdict":"PASS"`},
	{"4.2.3", "classified by the components of what fired", `classified by rollback-agent: {"component":"(runtime|web|artifact|facade)"`},
	{"4.2.4", "locked until the cause is known", `lock.set by rollback-agent … rca.submitted by kim … lock.cleared by lee`},
	{"5", "six rows judged against their SLO", `observation.noted .*"api-error-rate".*"p95-latency".*"runtime-restarts".*"approval-timeout-ratio".*"artifact-conflict-ratio".*"doc-contract-drift"`},
	{"6.1", "judged; decides by itself when all rows PASS", `milestone.reached by rollback-agent: {"item":"6.1".*"verdict":"PASS" … milestone.reported by rollback-agent: {"item":"6.1","files":\["[^"]*T\+3s.md"`},
	{"6.2", "report with comparison to the baseline; reading it is manual", `milestone.reported by rollback-agent: {"item":"6.2" … cutover.done by kim: {"item":"6.2"`},
	{"6.3", "notes drafted; accepting them is manual", `milestone.reported by rollback-agent: {"item":"6.3" … cutover.done by kim: {"item":"6.3"`},
	{"6.4", "backlog drafted; accepting it is manual", `milestone.reported by rollback-agent: {"item":"6.4" … cutover.done by kim: {"item":"6.4"`},
}

// proves finds the entries of a proof in their order.
func proves(lines []string, proof string) bool {
	for _, step := range strings.Split(proof, " … ") {
		pattern := regexp.MustCompile("^" + strings.ReplaceAll(strings.ReplaceAll(step, "{\"", "\\{\""), ": .*{", ": .*\\{"))
		n := slices.IndexFunc(lines, pattern.MatchString)
		if n < 0 {
			return false
		}
		lines = lines[n+1:]
	}
	return true
}

// TestEveryItemOfTheReferenceRunbookIsDone conducts two releases by the reference runbook, a bad one and a good one, on real parts.
func TestEveryItemOfTheReferenceRunbookIsDone(t *testing.T) {
	searching(t)
	w, load := ruled(t)
	p := referencePlan(t)
	load(rowsOf(p, true)...)
	before := w.git.Commit(t, branch, tree("before"), "feat: what ran before")
	w.git.Git(t, "branch", "main", branch)
	bad := w.git.Commit(t, "main", tree("bad"), "feat(web)!: approvals need two persons")
	c := w.config(t)
	c.Environments[0].Plan, c.Logs, c.Reports = p, filepath.Join(w.dir, "logs"), filepath.Join(w.dir, "reports")
	r := w.start(t, c)
	r.hear(time.Now(), map[string]string{"alertname": slo.Watchdog})
	r.says("triggers-quiet", bad, release.Pass, "")
	if _, err := r.Do(context.Background(), release.Deed{Act: release.ActStart, Commit: bad, Author: "kim"}); err == nil {
		t.Fatal("a cutover starts before its gates have passed")
	}

	r.passes(bad)
	r.do(release.Deed{Act: release.ActStart, Commit: bad})
	r.until("waiting", func(c *release.Cutover) bool { return c.Phase == release.Waiting })
	w.git.Git(t, "update-ref", "refs/heads/"+branch, bad)
	r.as("ci", release.Deed{Act: release.ActDeployed, Commit: bad})
	r.until("a moment judged", func(c *release.Cutover) bool { return c.Observation != nil && len(c.Observation.Rows) > 0 })
	load(rowsOf(p, false)...)
	began := time.Now().Add(2 * time.Second)
	if !eventually(20*time.Second, func() bool {
		row, seen := r.state().Cutover.Observation.Row("api-error-rate")
		return seen && row.Fail > 0 && time.Now().After(began)
	}) {
		t.Fatal("the errors are not seen")
	}
	r.fire(p, "firing", began)
	r.phase(rollback.PhasePushed)
	load(rowsOf(p, true)...)
	incident := r.phase(rollback.PhaseClassified)
	r.until("the whole story", func(c *release.Cutover) bool { return c.Ended != nil && c.Ended.Report != nil })
	r.refused(release.Deed{Act: release.ActRelease, Commit: bad, Author: "kim"}, release.Locked, "")

	r.fire(p, "resolved", began)
	r.do(release.Deed{Act: release.ActRCA, Incident: incident.ID, Cause: "the pool was too small"})
	r.as("lee", release.Deed{Act: release.ActUnlock, Incident: incident.ID})
	good := w.git.Commit(t, "main", tree("good"), "fix: a larger pool")
	r.says("triggers-quiet", good, release.Pass, "")
	r.passes(good)
	r.do(release.Deed{Act: release.ActStart, Commit: good})
	r.until("waiting", func(c *release.Cutover) bool { return c.Commit == good && c.Phase == release.Waiting })
	r.do(release.Deed{Act: release.ActRelease, Commit: good})
	r.until("the last milestone", func(c *release.Cutover) bool { return len(c.Reached) == 4 && c.Reached[3].Report != nil })
	for _, item := range []string{"6.2", "6.3", "6.4"} {
		r.do(release.Deed{Act: release.ActDone, Item: item, Reason: "read"})
	}
	r.until("closed and reported", func(c *release.Cutover) bool { return c.Phase == release.Closed && c.Ended.Report != nil })

	lines := r.told()
	for _, d := range disposed {
		if !proves(lines, strings.NewReplacer("NEXT", bad, "BEFORE", before).Replace(d.proof)) {
			t.Errorf("%s (%s): no entry proves it: %s", d.item, d.becomes, d.proof)
		}
	}
	if t.Failed() {
		t.Log(strings.Join(lines, "\n"))
	}
	var manual []string
	for _, line := range lines {
		if m := regexp.MustCompile(`^cutover.done by kim: \{"item":"([^"]*)"`).FindStringSubmatch(line); m != nil {
			manual = append(manual, m[1])
		}
	}
	if diff := cmp.Diff([]string{"6.2", "6.3", "6.4"}, manual); diff != "" {
		t.Errorf("what persons ticked (-want +got):\n%s", diff)
	}
	checkReports(t, c.Reports, incident.ID)
	first := filesBelow(t, c.Reports)
	if err := os.RemoveAll(filepath.Join(c.Reports, r.state().Cutover.ID)); err != nil {
		t.Fatal(err)
	}
	for _, item := range []string{"6.1", "6.2", "6.3", "6.4"} { // the gates have been run again since, and persons have ticked
		if err := r.ReportAgain(context.Background(), home, item); err != nil {
			t.Error(err)
		}
	}
	for name, again := range filesBelow(t, c.Reports) {
		if diff := cmp.Diff(first[name], again); diff != "" {
			t.Errorf("%s is another when it is written later (-first +again):\n%s", name, diff)
		}
	}
}

func filesBelow(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := fs.WalkDir(os.DirFS(folder), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(folder, path))
		all[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// checkReports reads what the two cutovers left.
func checkReports(t *testing.T, folder, incident string) {
	t.Helper()
	for pattern, wants := range map[string][]string{
		"*/T+3s.md":   {"**PASS** All of 10 rows", "Nothing: it is settled by rollback-agent (every row passed)."},
		"*/T+4s.md":   {"## Compared with what was before", "| p95 latency | 180 ms over 1h (baseline of "},
		"*/T+5s.md":   {"## Release notes (draft)", "### What breaks", "web: approvals need two persons", "### Fixes", "a larger pool"},
		"*/T+6s.md":   {"## Backlog (draft)"},
		"*/T+6s.html": {`<path class="plot-value" d="M`, `<path class="plot-bound"`},
	} {
		matches, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil || len(matches) != 1 {
			t.Errorf("%s: %v, %v", pattern, matches, err)
			continue
		}
		content, err := os.ReadFile(matches[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(content), want) {
				t.Errorf("%s lacks %q:\n%s", pattern, want, content)
			}
		}
	}
	ends, err := filepath.Glob(filepath.Join(folder, "*", "end.md"))
	if err != nil || len(ends) != 2 {
		t.Fatalf("%v, %v", ends, err)
	}
	all := ""
	for _, name := range ends {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all += string(content)
	}
	for _, want := range []string{"**rolled back** The release was taken back at T+", "incident " + incident, "### Verification", "### The lock and the cause", "**closed** The release stays: all of 4 milestones"} {
		if !strings.Contains(all, want) {
			t.Errorf("the ends lack %q:\n%s", want, all)
		}
	}
	if dir := os.Getenv("REPORTS"); dir != "" { // to be looked at
		_ = os.CopyFS(filepath.Join(dir, "run"), os.DirFS(folder))
	}
}
