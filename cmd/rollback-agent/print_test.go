package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/web"
)

var t0 = time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)

func rolledBack() web.Status {
	pin := release.Pin{Ref: "refs/tags/stable", Commit: "aaaaaaaaaaaaaaaa", At: t0.Add(-time.Hour), By: "kim"}
	incident := &rollback.Incident{ID: "inc-20260301T020000Z-bbbbbbbb", Opened: t0.Add(12 * time.Minute), Phase: rollback.PhaseHuman,
		Decisions: []rollback.Decision{{Verdict: rollback.Rollback, Reason: rollback.Corroborated, Trigger: "4.1.1",
			Text: "api-error-rate is 0.051, > 0.02", At: t0.Add(12 * time.Minute)}},
		Preparation:  &rollback.Preparation{Commit: "cccccccccccccccc", Expected: "bbbbbbbbbbbbbbbb", Target: "stable", Opaque: json.RawMessage("null")},
		Push:         &rollback.Push{Commit: "cccccccccccccccc", Tip: "cccccccccccccccc", Outcome: "done"},
		PushedAt:     t0.Add(13 * time.Minute),
		Verification: &rollback.Verification{Verdict: release.Fail, Restored: "cccccccccccccccc", Gates: []rollback.GateRun{{Gate: "1.1", Verdict: release.Fail, Reason: "exit 1", Took: "3s"}}},
		Trouble:      &rollback.Trouble{Reason: rollback.VerificationFail, Text: "the restored tree does not pass"}}
	return web.Status{Ready: "starting", Degraded: []string{"no Watchdog"}, State: rollback.State{Quarantined: 2,
		Environments: map[string]*rollback.Environment{"checkout/production": {Name: "checkout/production",
			Release:  &release.Release{Commit: "bbbbbbbbbbbbbbbb", T0: t0, Target: pin, By: "ci"},
			Gates:    map[string]release.GateResult{"1.1": {Gate: "1.1", Verdict: release.Pass, At: t0, By: "ci"}},
			Episodes: map[string]*rollback.Episode{"k": {Open: true, Firing: rollback.Firing{Labels: map[string]string{"alertname": "Errors\x1b[2J"}, StartsAt: t0, Summary: "two\nlines"}}},
			Lock:     &rollback.Lock{Incident: incident.ID, Since: t0.Add(12 * time.Minute), Reason: "rolled back"}, Incidents: []*rollback.Incident{incident}}}}}
}

func TestStatusIsReadAtAGlance(t *testing.T) {
	var out bytes.Buffer
	p := printer{out: &out, now: func() time.Time { return t0.Add(time.Hour) }}
	if err := p.status(rolledBack(), "checkout/production"); err != nil {
		t.Fatal(err)
	}
	want := `NOT READY: starting
degraded: no Watchdog
2 webhook bodies could not be read: see alerts.quarantined in the history
checkout/production
  released    bbbbbbbbbb since 2026-03-01 02:00:00Z (told by ci), T+1h0m0s
  returns to  stable (commit aaaaaaaaaa, pinned 2026-03-01 01:00:00Z by kim)
  lock        LOCKED inc-20260301T020000Z-bbbbbbbb since 2026-03-01 02:12:00Z (for 48 minutes): rolled back
              find the cause, then: rollback-agent rca inc-20260301T020000Z-bbbbbbbb --environment checkout/production --text '…', and somebody else: rollback-agent unlock
  gate 1.1    PASS  2026-03-01 02:00:00Z  ci
  alert       Errors⟨U+001B⟩[2J  since 2026-03-01 02:00:00Z  two lines
  incident    inc-20260301T020000Z-bbbbbbbb, human, opened 2026-03-01 02:12:00Z
    2026-03-01 02:12:00Z  rollback  trigger 4.1.1: api-error-rate is 0.051, > 0.02 (corroborated)
                          prepared  commit cccccccccc with the tree of stable, on top of bbbbbbbbbb
    2026-03-01 02:13:00Z  pushed: done  commit cccccccccc; the remote was seen to hold cccccccccc
                          verified: FAIL  commit cccccccccc
                          gate 1.1: FAIL  exit 1; took 3s
                          a person must look  the restored tree does not pass (verification_failed)
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestJSONIsWhatTheAgentSaid(t *testing.T) {
	var out bytes.Buffer
	p := printer{out: &out, format: "json", now: time.Now}
	if err := p.status(rolledBack(), ""); err != nil {
		t.Fatal(err)
	}
	var got web.Status
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rolledBack(), got, cmpopts.IgnoreUnexported(rollback.State{}, rollback.Environment{})); diff != "" {
		t.Errorf("-said +printed:\n%s", diff)
	}
}
