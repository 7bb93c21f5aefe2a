package web

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// explained is an incident with everything in it, closed by two persons.
func explained() (*rollback.Environment, *rollback.Incident) {
	at := func(minute int) time.Time { return t0.Add(time.Duration(minute) * time.Minute) }
	seen := &rollback.Evidence{At: at(12), Reading: release.Reading{SLO: "api-error-rate", Verdict: release.Fail, Value: "0.051", Op: ">", Bound: "0.02", Events: "45102", Age: "3"},
		AtT0: release.Reading{Verdict: release.Pass, Value: "0.001", Op: ">", Bound: "0.02"},
		Tip:  rollback.Tip{Commit: "bbbbbbbbbbbbbbbb", Tree: "2222222222222222", Relation: rollback.Same}}
	yes := rollback.Decision{Verdict: rollback.Rollback, Reason: rollback.Corroborated, Text: "api-error-rate is 0.051, > 0.02", Key: "am/1", SLO: "api-error-rate",
		Trigger: "4.1.1", Onset: at(11), Release: "bbbbbbbbbbbbbbbb", At: at(12), Evidence: seen}
	no := rollback.Decision{Verdict: rollback.Ignore, Reason: rollback.Suppressed, Text: "the alert is silenced by 77", SLO: "p95", Trigger: "4.1.2", At: at(10)}
	i := &rollback.Incident{ID: "inc-1", Release: "bbbbbbbbbbbbbbbb", Opened: at(10), Phase: rollback.PhaseClosed, Decisions: []rollback.Decision{no, yes}, PushedAt: at(13), Attached: 9800,
		Verification: &rollback.Verification{Verdict: release.Pass, Restored: "cccccccccccccccc", Healthy: at(15), Reading: release.Reading{Verdict: release.Pass, Value: "0"},
			Gates: []rollback.GateRun{{Gate: "1.1", Verdict: release.Pass, Reason: "exit status 0", Took: "3s", Output: "ok\n"}}},
		Classification: &rollback.Classification{Component: "runtime", Evidence: []string{"02:11:00Z api-error-rate (runtime, trigger 4.1.1)"}},
		Remote:         &rollback.Reconciliation{Outcome: rollback.Restored, Text: "the remote had lost it"},
		RCA:            &rollback.Analysis{Text: "an index was dropped", By: "kim", At: at(60)}, Cause: "an index was dropped",
		Unlocked: &rollback.Unlock{By: "lee", At: at(70)}}
	e := &rollback.Environment{Name: "checkout/production", Incidents: []*rollback.Incident{i},
		Release: &release.Release{Commit: "bbbbbbbbbbbbbbbb", T0: t0, By: "ci", Target: release.Pin{Ref: "refs/tags/stable-1", Commit: "aaaaaaaaaaaaaaaa"}},
		Episodes: map[string]*rollback.Episode{"am/1": {Key: "am/1", First: at(12), Open: true, Stale: 2, Decision: &yes,
			Firing: rollback.Firing{Labels: map[string]string{"alertname": "Errors"}, StartsAt: at(12), Summary: "5.1 % fail"}}}}
	return e, i
}

func TestAnIncidentIsExplainedWithEveryNumber(t *testing.T) {
	e, i := explained()
	entries := []rollback.Entry{{Seq: 7, At: t0, Kind: rollback.LockSet, Author: "rollback-agent", Incident: "inc-1", Body: json.RawMessage(`{"reason":"corroborated"}`)},
		{Seq: 8, At: t0, Kind: rollback.Decided, Author: "rollback-agent", Incident: "inc-1", Body: json.RawMessage(`{}`)}}
	var b strings.Builder
	for _, s := range Explain(e, i, entries, t0.Add(2*time.Hour)).Sections {
		fmt.Fprintf(&b, "%s\n  %s\n", s.Title, strings.Join(s.Lines, "\n  "))
	}
	want := `In short
  incident inc-1 of checkout/production, opened 2026-03-01 02:10:00Z (1h50m0s ago), now closed
  release bbbbbbbbbb
  T0 2026-03-01 02:00:00Z, told by ci; it goes back to stable-1 (commit aaaaaaaaaa)
  on the remote since: restored, the remote had lost it
What fired
  Errors (trigger 4.1.1, api-error-rate) as am/1; fired 2026-03-01 02:12:00Z, began 2026-03-01 02:11:00Z (T0 + 11m0s); heard 2026-03-01 02:12:00Z; fires still; 2 stale deliveries were ignored; 5.1 % fail
What the agent saw
  2026-03-01 02:12:00Z for api-error-rate: now FAIL, value 0.051, bound > 0.02, events 45102, newest sample, seconds old 3; at T0 PASS, value 0.001, bound > 0.02; tip bbbbbbbbbb (same), tree 2222222222
What it decided to do
  2026-03-01 02:12:00Z rollback (corroborated), trigger 4.1.1, api-error-rate: api-error-rate is 0.051, > 0.02
What it refused, and why
  2026-03-01 02:10:00Z ignore (suppressed), trigger 4.1.2, p95: the alert is silenced by 77
  and 9800 decisions more that are alike
What was done, by the ledger
      7  2026-03-01 02:00:00Z  lock.set            rollback-agent: redeployment refused: corroborated
Verification
  PASS for commit cccccccccc; at the end PASS, value 0
  healthy again at 2026-03-01 02:15:00Z, 2m0s after the push
  gate 1.1: PASS, exit status 0, took 3s
      ok
Which component
  runtime failed first
  02:11:00Z api-error-rate (runtime, trigger 4.1.1)
The lock and the cause
  cause, submitted 2026-03-01 03:00:00Z by kim: an index was dropped
  unlocked 2026-03-01 03:10:00Z by lee
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestExplainNeedsATokenAndAnIncidentThatThereIs(t *testing.T) {
	e, _ := explained()
	view := View{State: rollback.State{Environments: map[string]*rollback.Environment{e.Name: e}},
		Story: func(context.Context, string, string) ([]rollback.Entry, error) { return nil, nil }}
	server := serving(t, &memory{view: view})
	for query, want := range map[string]struct {
		status int
		text   string
	}{
		"": {200, `"incident":"inc-1"`}, "?incident=inc-1&environment=checkout/production": {200, `"title":"What fired"`},
		"?incident=inc-2": {400, "known: inc-1"}, "?environment=elsewhere": {400, "no incident to explain"},
	} {
		if response, body := send(t, server, sent{"GET", "/api/v1/explain" + query, with(kimToken), ""}); response.StatusCode != want.status || !strings.Contains(body, want.text) {
			t.Errorf("%q: %d %s", query, response.StatusCode, body)
		}
	}
	if response, _ := send(t, server, sent{"GET", "/api/v1/explain", nil, ""}); response.StatusCode != 401 {
		t.Errorf("without a token: %d", response.StatusCode)
	}
}
