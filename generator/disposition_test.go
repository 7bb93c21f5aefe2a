package generator

import (
	"strings"
	"testing"
)

// disposition is ../shared/seed/disposition.md, the acceptance list of the reference runbook: each item of it, the fate that it gives,
// and what it promises in the words of explain. Only what it marks manual may be manual.
var disposition = []struct {
	item string
	as   Fate
	says string
}{
	{"1", FateRule, "all must be PASS for the commit before it is deployed"},
	{"1.1", FateGate, `["bash" "scripts/release_preflight.sh"] passes with exit status 0`},
	{"1.2", FateGate, `["bash" "scripts/run_micro_bench.sh"] passes with exit status 0`},
	{"1.3", FateGate, "exit status 0; logs in target/qa/nightly_opt_in"},
	{"1.4", FateGate, "with 2 variables set; run again every 30m while the release is observed"},
	{"1.5", FateGate, `["rg" "-n" "todo!\\(|unimplemented!\\(" "crates"] passes when it finds nothing`},
	{"1.6", FateGate, `["rg" "-n" "TODO" "crates" "--glob" "!**/tests/fixtures/**"] passes when it finds nothing`},
	{"2", FateIgnored, "a record of what has taken place"},
	{"2.1", FateIgnored, "part of a record"},
	{"2.2", FateIgnored, "part of a record"},
	{"2.2.1", FateIgnored, "part of a record"},
	{"2.3", FateIgnored, "part of a record"},
	{"2.3.1", FateIgnored, "part of a record"},
	{"2.3.2", FateIgnored, "part of a record"},
	{"2.3.3", FateIgnored, "part of a record"},
	{"3", FateRule, "the steps of the cutover, in this order"},
	{"3.1", FateAgent, "tags what production runs, as pre-bigbang-cutover-{date:20060102} (Asia/Seoul)"},
	{"3.2", FateAgent, "every gate is still PASS for this commit"},
	{"3.3", FateAgent, "announces the window"},
	{"3.4", FateManual, "a person or CI deploys and says so: `rollback-agent deployed COMMIT` is T0"},
	{"3.5", FateAgent, "observes until T+30m: api-error-rate, p95-latency, runtime-restarts, the others too"},
	{"3.6", FateAgent, "observes until T+24h: all rows"},
	{"4", FateIgnored, "a heading over other sections"},
	{"4.1", FateRule, "any one of them suffices"},
	{"4.1.1", FateAlert, "CheckoutApiErrorRate (> 2% (5m))"},
	{"4.1.2", FateAlert, "CheckoutP95Latency (baseline + > 35% (5m) for 10m)"},
	{"4.1.3", FateAlert, "CheckoutRuntimeRestarts (>= 3 (20m))"},
	{"4.1.4", FateAlert, "CheckoutIsolationViolations (>= 1 (1h)), CheckoutApprovalOwnershipViolations (>= 1 (1h))"},
	{"4.1.5", FateAlert, "CheckoutDocContractDrift (> 0), CheckoutDocContractSync (< 1), CheckoutSchemaDrift (< 1)"},
	{"4.2", FateRule, "the steps of a rollback, in this order"},
	{"4.2.1", FateAgent, "puts the deploy branch back to the stable tag's tree"},
	{"4.2.2", FateAgent, "runs gate 1.1 on the restored tree"},
	{"4.2.3", FateAgent, "classifies by the component of what fired: runtime, web, artifact, facade"},
	{"4.2.4", FateAgent, "locks: redeployment is refused"},
	{"5", FateRule, "each row has an objective (a ticket when it is missed) and an alert (a page)"},
	{"5.1", FateAlert, "Runtime on-call when > 2% (5m), and rolls back (auto) by 4.1.1; a ticket unless <= 1% (5m)"},
	{"5.2", FateAlert, "Runtime on-call when baseline + > 35% (5m) for 10m, and rolls back (propose) by 4.1.2; a ticket unless baseline + <= 20% (5m)"},
	{"5.3", FateAlert, "Runtime on-call when >= 3 (20m), and rolls back (auto) by 4.1.3; a ticket unless == 0 (20m)"},
	{"5.4", FateAlert, "Web on-call when > 1% (15m); a ticket unless <= 0.5% (15m)"},
	{"5.5", FateAlert, "Artifact on-call when > 5% (15m); a ticket unless <= 2% (15m)"},
	{"5.6", FateAlert, "Release manager when > 0, and rolls back (propose) by 4.1.5; a ticket unless == 0"},
	{"6", FateRule, "points after T0 at which the numbers, or a person, decide"},
	{"6.1", FateAgent, "due at T+30m, needs judgement, ends intensive"},
	{"6.2", FateAgent, "due at T+2h, needs reading"},
	{"6.3", FateAgent, "due at T+24h, needs acceptance, ends stabilisation, drafts release_notes"},
	{"6.4", FateAgent, "due at T+48h, needs acceptance, ends watch, drafts backlog"},
}

func TestExplainAccountsForTheReferenceRunbookAsItsDispositionSays(t *testing.T) {
	all := accounts(t, Options{Config: bindings, Runbook: reference(t, "seed/big-bang-cutover.ko.md")})
	for i, a := range all {
		if a.Text == "" || a.Line == 0 {
			t.Errorf("item %s: an account is empty: %+v", a.Item, a)
		}
		if i >= len(disposition) || a.Item != disposition[i].item {
			t.Fatalf("item %s is not the next of the disposition", a.Item)
		}
		want := disposition[i]
		if a.As != want.as || !strings.Contains(a.Becomes, want.says) {
			t.Errorf("item %s is %s: %s\nthe disposition says %s: %s", a.Item, a.As, a.Becomes, want.as, want.says)
		}
	}
	if len(all) != len(disposition) {
		t.Errorf("%d items of %d", len(all), len(disposition))
	}
}

// What a person would read off the reference runbook's table and triggers, exactly.
func TestTheNumbersOfTheReferenceRunbookAreReadExactly(t *testing.T) {
	path := reference(t, "seed/big-bang-cutover.ko.md")
	for name, o := range map[string]Options{"alone": {Runbook: path}, "with bindings": {Config: bindings, Runbook: path}} {
		x, err := Examine(o)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range x.Readings() {
			got = append(got, strings.Join([]string{string(r.Sense), string(r.Op), r.Value, string(r.Unit), r.Quantile, r.Window, r.For, string(r.Verdict)}, " "))
		}
		want := []string{
			"target <= 0.01 ratio  5m  ok", "alert > 0.02 ratio  5m  ok",
			"target <= 0.2 ratio 0.95   ok", "alert > 0.35 ratio 0.95  10m ok",
			"target == 0 count    ok", "alert >= 3 count    ok",
			"target <= 0.005 ratio    ok", "alert > 0.01 ratio  15m  ok",
			"target <= 0.02 ratio    ok", "alert > 0.05 ratio  15m  ok",
			"target == 0 count    ok", "alert > 0 count    ok",
			"alert > 0.02 ratio  5m  ok", "alert > 0.35 ratio 0.95  10m ok", "alert >= 3 count    ok", "alert >= 1 count    ok",
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
