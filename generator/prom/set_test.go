package prom_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/coclai/cutover/generator/prom"
	"github.com/coclai/cutover/generator/slo"
)

type ruleFile struct {
	Groups []prom.Group `yaml:"groups"`
}

func decode(t *testing.T, rules []byte, file *ruleFile) {
	t.Helper()
	if err := yaml.Unmarshal(rules, file); err != nil {
		t.Fatal(err)
	}
}

func readBack(t *testing.T, m slo.Matrix) []prom.Rule {
	t.Helper()
	var file ruleFile
	decode(t, prom.Rules(m).YAML(), &file)
	var all []prom.Rule
	for _, g := range file.Groups {
		if g.Interval != m.EvaluationInterval {
			t.Errorf("group %s is evaluated every %s, promtool tests all of them every %s", g.Name, g.Interval, m.EvaluationInterval)
		}
		all = append(all, g.Rules...)
	}
	return all
}

func alertNamed(t *testing.T, m slo.Matrix, name string) prom.Rule {
	t.Helper()
	for _, r := range readBack(t, m) {
		if r.Alert == name {
			return r
		}
	}
	t.Fatalf("no alert %s", name)
	return prom.Rule{}
}

func TestEveryExpressionIsPrintedAsItParses(t *testing.T) {
	for _, m := range []slo.Matrix{reference(), short(), awkward()} {
		for _, r := range readBack(t, m) {
			if diff := cmp.Diff(printed(t, r.Expr), r.Expr); diff != "" {
				t.Errorf("%s%s: %s", r.Record, r.Alert, diff)
			}
			if !strings.Contains(string(prom.Rules(m).YAML()), "expr: ") || strings.Contains(r.Expr, "\n") {
				t.Errorf("%s%s is not on one line", r.Record, r.Alert)
			}
		}
	}
}

func TestThePageOfARowOfTheTable(t *testing.T) {
	want := prom.Rule{
		Alert: "CheckoutP95Latency",
		Expr: printed(t, `slo:value:5m{service="checkout",environment="production",slo="p95-latency"}`+
			` > 1.35 * slo:baseline{service="checkout",environment="production",slo="p95-latency"}`+
			` and slo:value:5m{service="checkout",environment="production",slo="p95-latency"}`+
			` - slo:baseline{service="checkout",environment="production",slo="p95-latency"} > 0.02`+
			` and slo:events:increase5m{service="checkout",environment="production",slo="p95-latency"} >= 50`),
		For: span("10m"),
		Labels: map[string]string{
			"service": "checkout", "environment": "production", "slo": "p95-latency", "component": "runtime", "owner": "Runtime on-call",
			"severity": "page", "rollback": "propose", "trigger": "4.1.2",
		},
		Annotations: map[string]string{
			"summary": `p95 latency: {{ $value | printf "%.6g" }}s over 5m is > baseline + 35% for 10m`,
			"description": `checkout in production: p95 latency is {{ $value | printf "%.6g" }}s over 5m (alert when > baseline + 35% for 10m,` +
				` objective <= baseline + 20%; fewer than 50 events prove nothing).`,
			"runbook": "big-bang-cutover.ko.md#L60",
		},
	}
	if diff := cmp.Diff(want, alertNamed(t, reference(), want.Alert)); diff != "" {
		t.Error(diff)
	}
}

// Only a page of a trigger carries a mode; a row that no trigger names is found by its own item.
func TestWhatMayRollBack(t *testing.T) {
	got := map[string]string{}
	for _, r := range readBack(t, reference()) {
		if r.Alert != "" && r.Labels[slo.LabelRollback] != string(slo.ModeNone) {
			got[r.Alert] = r.Labels[slo.LabelRollback] + " " + r.Labels[slo.LabelTrigger]
		}
	}
	want := map[string]string{
		"CheckoutApiErrorRate": "auto 4.1.1", "CheckoutP95Latency": "propose 4.1.2", "CheckoutRuntimeRestarts": "auto 4.1.3",
		"CheckoutIsolationViolations": "auto 4.1.4", "CheckoutApprovalOwnershipViolations": "auto 4.1.4",
		"CheckoutDocContractDrift": "propose 4.1.5", "CheckoutDocContractSync": "propose 4.1.5", "CheckoutSchemaDrift": "propose 4.1.5",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if trigger := alertNamed(t, reference(), "CheckoutApprovalTimeoutRatio").Labels[slo.LabelTrigger]; trigger != "5.4" {
		t.Errorf("a row without a trigger has trigger %q", trigger)
	}
}

func TestAbsenceIsAlertedAsTheRunbookSays(t *testing.T) {
	for noData, want := range map[slo.NoData]string{slo.NoDataOK: "", slo.NoDataHold: slo.SeverityTicket, slo.NoDataAlert: slo.SeverityPage} {
		m := reference()
		m.SLIs = m.SLIs[:1]
		m.SLIs[0].NoData = noData
		got := ""
		for _, r := range readBack(t, m) {
			if r.Alert == "CheckoutApiErrorRate"+slo.SuffixNoData {
				got = r.Labels[slo.LabelSeverity]
			}
		}
		if got != want {
			t.Errorf("no_data: %s gives an alert of severity %q, want %q", noData, got, want)
		}
	}
}

func TestTheSetSaysItsHash(t *testing.T) {
	set := prom.Rules(reference())
	var info []prom.Rule
	for _, r := range readBack(t, reference()) {
		if r.Record == slo.RulesInfo {
			info = append(info, r)
		}
	}
	want := []prom.Rule{{
		Record: slo.RulesInfo, Expr: "vector(1)",
		Labels: map[string]string{"service": "checkout", "environment": "production", "sha256": set.SHA256(), "version": "1"},
	}}
	if diff := cmp.Diff(want, info); diff != "" {
		t.Error(diff)
	}
	changed := reference()
	changed.SLIs[0].Alert.Value = decimal("0.03")
	if prom.Rules(changed).SHA256() == set.SHA256() {
		t.Error("another bound has the same hash")
	}
	for _, r := range readBack(t, reference()) {
		if r.Alert != "" && strings.Contains(strings.Join(keys(r.Labels), " "), "sha256") {
			t.Errorf("%s carries the hash: it would restart at each regeneration", r.Alert)
		}
	}
}

func keys(m map[string]string) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	return all
}

func TestCheckReadsRulesAsPrometheusDoes(t *testing.T) {
	good := string(prom.Rules(reference()).YAML())
	if err := prom.Check([]byte(good)); err != nil {
		t.Errorf("our own rules: %v", err)
	}
	for name, broken := range map[string]string{
		"an expression that does not parse": strings.Replace(good, "> 0.02", "> > 0.02", 1),
		"an unknown key":                    strings.Replace(good, "interval:", "intervall:", 1),
		"a template that does not parse":    strings.Replace(good, "{{ $value", "{{ $valu", 1),
		"no rules at all":                   "groups: []\n",
		"no YAML":                           "\t",
	} {
		if broken == good {
			t.Fatalf("%s: nothing was broken", name)
		}
		if err := prom.Check([]byte(broken)); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// A selector that nothing can be made up for is said so, and its SLI is left untested rather than tested with series it does not pick.
func TestSelectorsWithoutASpecimenAreNamed(t *testing.T) {
	m := reference()
	m.SLIs = m.SLIs[:2]
	m.SLIs[0].Measure.Ratio.Total = `http_requests_total{job=~"[x-z]{3}\\b",job=~"(a|b|c)+",job!=""}`
	tests := string(prom.Rules(m).Tests("rules.yaml")[0].Content)
	if !strings.Contains(tests, "# Not tested: api-error-rate,") {
		t.Error("the file does not say that api-error-rate is not tested")
	}
	if strings.Contains(tests, "api-error-rate: ") {
		t.Error("api-error-rate is tested with series that its selectors do not pick")
	}
}
