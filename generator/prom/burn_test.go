package prom_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/generator/prom"
	"github.com/coclai/cutover/generator/slo"
)

// The factors of 30 days are printed in the SRE Workbook, those of 28 and of 7 days in sloth's catalogues.
func TestBurnWindowsAreThoseOfTheCatalogues(t *testing.T) {
	for _, tt := range []struct {
		period string
		want   []string
	}{
		{"30d", []string{"page 1h/5m 14.4", "page 6h/30m 6", "ticket 1d/2h 3", "ticket 3d/6h 1"}},
		{"28d", []string{"page 1h/5m 13.44", "page 6h/30m 5.6", "ticket 1d/2h 2.8", "ticket 3d/6h 0.9333"}},
		{"7d", []string{"page 1h/5m 13.44", "page 6h/30m 3.5", "ticket 1d/2h 1.4", "ticket 3d/6h 0.98"}},
		{"1d", []string{"page 1h/5m 1.92", "page 6h/30m 0.5"}},
		{"1h", nil},
	} {
		var got []string
		for _, w := range prom.BurnWindows(span(tt.period)) {
			got = append(got, w.Severity+" "+w.Long.String()+"/"+w.Short.String()+" "+w.Factor.String())
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.period, diff)
		}
	}
}

func TestLimitsOfABudgetAreExact(t *testing.T) {
	b := slo.Budget{Objective: slo.MustDecimal("0.9995"), Period: span("30d")}
	var got []string
	for _, w := range prom.BurnWindows(b.Period) {
		got = append(got, w.Limit(b).String())
	}
	if diff := cmp.Diff([]string{"0.0072", "0.003", "0.0015", "0.0005"}, got); diff != "" {
		t.Error(diff)
	}
}

// An alert stands in the group that records its short window, beside the pieces of its interval.
func TestTheGroupsOfABudget(t *testing.T) {
	var file ruleFile
	decode(t, prom.Rules(alone(budgeted(apiErrors(), "0.999", "30d"))).YAML(), &file)
	got := map[string][]string{}
	for _, g := range file.Groups[1:4] {
		name := g.Name + " every " + g.Interval.String() + " at -" + g.QueryOffset.String()
		for _, r := range g.Rules {
			got[name] = append(got[name], r.Record+r.Alert)
		}
	}
	want := map[string][]string{
		"checkout:production:api-error-rate:budget every 30s at -0s": {
			"slo:budget_events:increase1m15s", "slo:budget_bad:increase1m15s",
			"slo:error_ratio:5m", "slo:burn_rate:5m", "slo:error_ratio:30m", "slo:burn_rate:30m",
			"slo:error_ratio:1h", "slo:burn_rate:1h", "slo:budget_events:1h",
			"CheckoutApiErrorRateBurn1h", "CheckoutApiErrorRateBurn6h",
		},
		"checkout:production:api-error-rate:budget:slow every 2m at -30s": {
			"slo:budget_events:tile2m", "slo:budget_bad:tile2m", "slo:error_ratio:2h", "slo:burn_rate:2h",
			"slo:error_ratio:6h", "slo:burn_rate:6h", "slo:budget_events:6h", "slo:error_ratio:1d", "slo:burn_rate:1d", "slo:budget_events:1d",
			"slo:error_ratio:3d", "slo:burn_rate:3d", "slo:budget_events:3d",
			"CheckoutApiErrorRateBurn1d", "CheckoutApiErrorRateBurn3d",
		},
		"checkout:production:api-error-rate:budget:period every 4m at -30s": {
			"slo:error_ratio:30d", "slo:burn_rate:30d", "slo:error_budget_remaining:30d", "slo:error_budget_coverage:30d",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
