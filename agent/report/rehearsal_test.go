package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/report"
)

var began = time.Date(2026, 2, 28, 8, 48, 39, 0, time.UTC)

func run() release.Preflight {
	return release.Preflight{ID: "pf-20260228T084839Z-aaaaaaaa", Commit: strings.Repeat("a", 40), Started: began, By: "kim", Expire: "4h", Logs: "/logs/20260228T084839Z",
		Gates: []release.PlannedGate{{ID: "1.1", Name: "release_preflight.sh"}, {ID: "1.3", Name: "run_nightly_opt_in_gate.sh"}, {ID: "1.6", Name: "rg -n TODO crates"},
			{ID: "1.7", Name: "the plan was read", Manual: true, Owner: "Release manager"}, {ID: "1.8", Name: "last.sh"}},
		Ended: began.Add(time.Minute), Verdict: release.Fail, Reason: "1.6 is FAIL"}
}

func results() []release.GateResult {
	return []release.GateResult{
		{Gate: "1.1", Verdict: release.Pass, Reason: "exit status 0", Took: "2s", Run: "pf", Log: "/logs/20260228T084839Z/gate-1.1.log"},
		{Gate: "1.3", Verdict: release.Pass, Reason: "exit status 0", Run: "pf", Kept: []string{"/logs/20260228T084839Z/gate-1.3/target/qa/real_cli_contract.log"}},
		{Gate: "1.6", Verdict: release.Fail, Reason: "something was found: 1 line", Run: "pf", Excerpt: "crates/a.rs:1:// TODO\n"},
		{Gate: "1.7", Verdict: release.Pass, By: "lee", At: began},
	}
}

func TestARehearsalIsRecordedAsTheRunbookDoes(t *testing.T) {
	own := []release.GateResult{{Gate: "own:rules-loaded", Verdict: release.Pass, Reason: "Prometheus evaluates the rules 51ab"}}
	want := "## Rehearsal Record (2026-02-28)\n" + `
- ~release_preflight.sh~: PASS
  - gate: ~1.1~
  - exit status 0, took 2s
  - log: ~/logs/20260228T084839Z/gate-1.1.log~
- ~run_nightly_opt_in_gate.sh~: PASS
  - gate: ~1.3~
  - exit status 0
  - real cli contract log: ~/logs/20260228T084839Z/gate-1.3/target/qa/real_cli_contract.log~
- ~rg -n TODO crates~: FAIL
  - gate: ~1.6~
  - something was found: 1 line

    ~~~
    crates/a.rs:1:// TODO
    ~~~

- ~the plan was read~: PASS
  - gate: ~1.7~
  - reported by lee, 2026-02-28 08:48:39Z
- ~last.sh~: UNKNOWN
  - gate: ~1.8~

### Gates of the agent's own

- ~own:rules-loaded~: PASS
  - Prometheus evaluates the rules 51ab

### The run

- verdict: FAIL (1.6 is FAIL)
- environment: ~checkout/production~
- commit: ~aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa~
- preflight: ~pf-20260228T084839Z-aaaaaaaa~
- by: ~kim~
- started: ~2026-02-28 08:48:39Z~
- ended: ~2026-02-28 08:49:39Z~
- results are of use for: ~4h~
- log root: ~/logs/20260228T084839Z~
`
	if diff := cmp.Diff(strings.ReplaceAll(want, "~", "`"), report.Rehearsal("checkout/production", run(), results(), own)); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestARunInHandSaysSo(t *testing.T) {
	p := run()
	p.Ended, p.Verdict, p.Reason = time.Time{}, "", ""
	got := report.Rehearsal("checkout/production", p, results()[:1], nil)
	for _, want := range []string{"`rg -n TODO crates`: not run yet", "`the plan was read`: waits for Release manager", "- verdict: none yet, it runs"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

func TestOutputNeverBecomesMarkdown(t *testing.T) {
	hostile := "````\n# heading <script>\n- [x] done\n``` ```` `````"
	p := run()
	p.Gates = []release.PlannedGate{{ID: "1.1", Name: "a ``` name `"}}
	got := report.Rehearsal("checkout/production", p, []release.GateResult{{Gate: "1.1", Verdict: release.Fail, Reason: "# x\n- y <b> [z](u) `w`", Excerpt: hostile}}, nil)
	for _, want := range []string{"- ```` a ``` name ` ````: FAIL\n", "  - \\# x - y &lt;b> \\[z](u) \\`w\\`\n",
		"    ``````\n    ````\n    # heading <script>\n    - [x] done\n    ``` ```` `````\n    ``````\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}
