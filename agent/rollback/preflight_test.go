package rollback_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// rehearsing folds entries of one environment, a second apart.
func rehearsing(t *testing.T, bodies ...any) *rollback.Environment {
	t.Helper()
	var s rollback.State
	for n, body := range bodies {
		kind := map[string]rollback.Kind{"release.Preflight": rollback.PreflightStarted, "release.PreflightEnd": rollback.PreflightEnded,
			"release.GateResult": rollback.GateRecorded}[fmt.Sprintf("%T", body)]
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Apply(rollback.Entry{Seq: int64(n + 1), At: t0.Add(time.Duration(n) * time.Second), Environment: env, Kind: kind, Body: text}); err != nil {
			t.Fatal(err)
		}
	}
	return s.Environment(env)
}

func gateOf(run, gate string, v release.Verdict) release.GateResult {
	return release.GateResult{Run: run, Gate: gate, Verdict: v, Commit: "aaaa", Excerpt: "output", At: t0}
}

func TestAPreflightGathersItsResultsUntilItEnds(t *testing.T) {
	e := rehearsing(t, release.Preflight{ID: "pf-1", Commit: "aaaa"}, gateOf("pf-1", "1.1", release.Pass), gateOf("", "1.2", release.Fail),
		gateOf("pf-1", "1.1", release.Fail), gateOf("pf-0", "1.3", release.Fail))
	if p := e.PreflightInHand(); p == nil || len(p.Results) != 1 || p.Results[0].Verdict != release.Pass {
		t.Errorf("in hand: %+v", p)
	}
	if r := e.Results[rollback.ResultKey("1.1", "aaaa")]; r.Verdict != release.Fail || r.Excerpt != "" {
		t.Errorf("the last word on the commit is %+v", r)
	}
	e = rehearsing(t, release.Preflight{ID: "pf-1", Commit: "aaaa"}, release.PreflightEnd{ID: "pf-1", Verdict: release.Fail, Reason: "first"},
		release.PreflightEnd{ID: "pf-1", Verdict: release.Pass, Reason: "second"}, release.PreflightEnd{ID: "pf-2", Verdict: release.Pass})
	if p := e.Preflight("pf-1", ""); e.PreflightInHand() != nil || p.Verdict != release.Fail || p.Reason != "first" || !p.Ended.Equal(t0.Add(time.Second)) {
		t.Errorf("ended: %+v", p)
	}
}

func TestOnlyTheLastPreflightsAreRemembered(t *testing.T) {
	var all []any
	for n := range 25 {
		all = append(all, release.Preflight{ID: fmt.Sprint("pf-", n), Commit: fmt.Sprintf("%04d", n)}, release.PreflightEnd{ID: fmt.Sprint("pf-", n), Verdict: release.Pass})
	}
	e := rehearsing(t, all...)
	if len(e.Preflights) != 20 || e.Preflight("pf-4", "") != nil || e.Preflight("", "0005") == nil || e.Preflight("", "").ID != "pf-24" {
		t.Errorf("%d are remembered, the last is %+v", len(e.Preflights), e.Preflight("", ""))
	}
}

func TestAManualGateHasWhatItsOwnerReportedLately(t *testing.T) {
	p := release.Preflight{ID: "pf-1", Commit: "aaaa", Expire: "4h", Gates: []release.PlannedGate{{ID: "1.1"}, {ID: "1.7", Manual: true, Owner: "lee"}, {ID: "1.8"}}}
	e := rehearsing(t, gateOf("", "1.7", release.Pass), p, gateOf("pf-1", "own:rules-loaded", release.Pass), gateOf("pf-1", "1.1", release.Fail))
	ids := func(results []release.GateResult) (all []string) {
		for _, r := range results {
			all = append(all, r.Gate)
		}
		return all
	}
	for after, want := range map[time.Duration][]string{time.Hour: {"1.1", "1.7"}, 5 * time.Hour: {"1.1"}} {
		plan, own := e.Outcomes(e.Preflight("pf-1", ""), t0.Add(after))
		if diff := cmp.Diff([][]string{want, {"own:rules-loaded"}}, [][]string{ids(plan), ids(own)}); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", after, diff)
		}
	}
}
