package prom_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/coclai/cutover/generator/prom"
	"github.com/coclai/cutover/generator/proof"
	"github.com/coclai/cutover/generator/slo"
)

// kinds are SLIs of which the reference runbook has none, each by what is special about it.
func kinds() map[string]slo.SLI {
	return map[string]slo.SLI{
		"good events of all": goodRatio(), "good events of another metric": otherGood(), "availability": availability(),
		"availability of few targets": fewTargets(), "expression": expression(), "expression in percent": percentage(),
		"ratio against the release":           compared(apiErrors(), slo.BaselineFromRelease, ""),
		"ratio against a fixed baseline":      compared(by(apiErrors(), "tenant"), slo.BaselineFromFixed, "0.004"),
		"ratio against last week":             compared(goodRatio(), slo.BaselineFromLastWeek, ""),
		"expression against the release":      compared(expression(), slo.BaselineFromRelease, ""),
		"expression against a fixed baseline": compared(by(expression(), "tenant"), slo.BaselineFromFixed, "12"),
		"expression against last week":        compared(expression(), slo.BaselineFromLastWeek, ""),
		"native histogram":                    native(), "fixed baseline": fixed(), "baseline of last week": lastWeek(),
		"ratio by tenant": by(apiErrors(), "tenant"), "good ratio by tenant and region": by(goodRatio(), "tenant", "region"),
		"count by tenant": by(silent(isolation()), "tenant"), "count by scope, which its selector names": by(isolation(), "scope"),
		"latency by tenant": by(absolute(), "tenant"), "native latency by tenant": by(absoluteNative(), "tenant"),
		"latency by tenant against a fixed baseline": by(fixed(), "tenant"), "availability by tenant": by(fewTargets(), "tenant"),
		"expression by tenant": by(expression(), "tenant"),
	}
}

// budgets are SLIs with an error budget.
func budgets() map[string]slo.SLI {
	raw := budgeted(apiErrors(), "0.999", "30d")
	raw.Budget.Raw = true
	return map[string]slo.SLI{
		"of a ratio, over 30 days": budgeted(apiErrors(), "0.999", "30d"), "over 28 days": budgeted(unguarded(), "0.995", "28d"),
		"over a week, of good events, by tenant": budgeted(by(otherGood(), "tenant"), "0.99", "7d"),
		"of an availability":                     budgeted(availability(), "0.999", "30d"), "of raw series": raw,
	}
}

func goodRatio() slo.SLI {
	s := apiErrors()
	s.Measure.Ratio = &slo.RatioMeasure{Good: `http_requests_total{job="checkout",code!~"5.."}`, Total: `http_requests_total{job="checkout"}`}
	return s
}

func otherGood() slo.SLI {
	s := apiErrors()
	s.Measure.Ratio = &slo.RatioMeasure{Good: `orders_placed_total{job="checkout"}`, Total: `orders_tried_total{job="checkout"}`}
	return s
}

func unguarded() slo.SLI {
	s := apiErrors()
	s.MinEvents = slo.Decimal{}
	return s
}

func availability() slo.SLI {
	s := apiErrors()
	s.Measure = slo.Measure{Availability: &slo.AvailabilityMeasure{Up: `probe_success{job="blackbox"}`}}
	s.MinEvents = slo.DecimalOf(10)
	return s
}

func fewTargets() slo.SLI {
	s := availability()
	s.Measure.Availability.Up, s.MinEvents = `up{job="checkout"}`, slo.Decimal{}
	s.Alert, s.SLO = bound(slo.AtLeast, "0.5", "2m"), objective(slo.Less, "0.25", "5m")
	s.Alert.For = span("3m")
	return s
}

func expression() slo.SLI {
	s := drift()
	s.Measure = slo.Measure{Expr: &slo.ExprMeasure{
		Expr: `max by (tenant) (queue_length{job="checkout"}) / ignoring (x) queue_size`, Unit: slo.State,
	}}
	s.Alert = bound(slo.Greater, "0.9", "")
	s.Alert.For = span("2m")
	return s
}

func percentage() slo.SLI {
	s := expression()
	s.Measure.Expr = &slo.ExprMeasure{Expr: `100 * disk_used_share`, Unit: slo.Ratio, Percent: true}
	s.SLO, s.Alert = objective(slo.AtMost, "80", ""), bound(slo.AtLeast, "92.5", "")
	return s
}

func absolute() slo.SLI {
	s := latency()
	s.Baseline = nil
	s.SLO, s.Alert = objective(slo.AtMost, "0.3", "5m"), bound(slo.Greater, "0.5", "5m")
	return s
}

func absoluteNative() slo.SLI {
	s := absolute()
	s.Measure.Latency.Native = true
	return s
}

func native() slo.SLI {
	s := latency()
	s.Measure.Latency.Native = true
	return s
}

func fixed() slo.SLI {
	s := latency()
	s.Baseline.From, s.Baseline.Value = slo.BaselineFromFixed, slo.MustDecimal("0.22")
	return s
}

func lastWeek() slo.SLI {
	s := latency()
	s.Baseline.From = slo.BaselineFromLastWeek
	return s
}

// compared is an SLI with relative bounds: 20 % more is missed, 35 % more bad.
func compared(s slo.SLI, from, value string) slo.SLI {
	s.Baseline = &slo.Baseline{From: from, Over: span("1h"), MinEvents: slo.DecimalOf(500)}
	if value != "" {
		s.Baseline = &slo.Baseline{From: from, Value: slo.MustDecimal(value), Floor: slo.MustDecimal("0.0005")}
	}
	s.SLO = &slo.Bound{Op: slo.AtMost, Relative: decimal("0.20"), Window: s.Alert.Window}
	s.Alert = slo.Bound{Op: slo.Greater, Relative: decimal("0.35"), Window: s.Alert.Window, For: s.Alert.For}
	return s
}

func silent(s slo.SLI) slo.SLI {
	s.NoData = slo.NoDataHold
	return s
}

func by(s slo.SLI, labels ...string) slo.SLI {
	s.By = labels
	return s
}

func budgeted(s slo.SLI, objective, period string) slo.SLI {
	s.Budget = &slo.Budget{Objective: slo.MustDecimal(objective), Period: span(period)}
	return s
}

// alone is a matrix of one SLI.
func alone(s slo.SLI) slo.Matrix {
	m := reference()
	m.SLIs = []slo.SLI{s}
	return m
}

func TestEveryKindPassesItsTests(t *testing.T) {
	for name, s := range kinds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prove(t, alone(s))
		})
	}
}

func TestEveryBudgetPassesItsTests(t *testing.T) {
	for name, s := range budgets() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prove(t, alone(s))
		})
	}
}

// prove lets promtool look at the rules, and runs their tests as it would.
func prove(t *testing.T, m slo.Matrix) {
	t.Helper()
	dir := t.TempDir()
	tests := lay(t, dir, prom.Rules(m).YAML(), prom.Rules(m).Tests("rules.yaml")...)
	if out, ok := run(t, "check", "rules", "--lint=all", "--lint-fatal", filepath.Join(dir, "rules.yaml")); !ok {
		t.Errorf("promtool check rules:\n%s", out)
	}
	for _, f := range failures(t, tests...) {
		t.Errorf("%s: %s at %s in %.80s: %s\nwant %s\ngot  %s", f.At, f.Subject, f.Time, f.Test, f.Problem, f.Want, f.Got)
	}
}

// failures are those of test files.
func failures(t *testing.T, tests ...string) []proof.Failure {
	t.Helper()
	var suites []proof.Suite
	for _, path := range tests {
		s, err := proof.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		suites = append(suites, s)
	}
	report, err := proof.Run(t.Context(), suites, nil)
	if err != nil || report.Cases == 0 {
		t.Fatalf("%d cases, error %v", report.Cases, err)
	}
	return report.Failures
}

// TestGeneratedTestsKillWrongTemplates breaks what is easily got wrong in a template, everywhere in it at once.
func TestGeneratedTestsKillWrongTemplates(t *testing.T) {
	kinds, budgets := kinds(), budgets()
	thirty := budgets["of a ratio, over 30 days"]
	for _, tt := range []struct {
		name, right, wrong string
		sli                slo.SLI
		in                 string // the test file that knows
	}{
		{"births of good events missed", "max_over_time(http_requests_total{code", "0 * max_over_time(http_requests_total{code",
			kinds["good events of all"], "rules_test.yaml"},
		{"no good event is no value", " or on () 0 * slo:events", " unless on () 0 * slo:events", kinds["good events of all"], "rules_test.yaml"},
		{"a share of the wrong window", "sum_over_time(probe_success{job=\"blackbox\"}[5m])",
			"sum_over_time(probe_success{job=\"blackbox\"}[4m])", kinds["availability"], "rules_test.yaml"},
		{"a matcher lost", `{job="blackbox"}`, `{job=~".*"}`, kinds["availability"], "rules_test.yaml"},
		{"groups thrown together", "sum by (tenant) (", "sum(", kinds["ratio by tenant"], "rules_test.yaml"},
		{"latencies thrown together", "sum by (tenant) (", "sum(", kinds["native latency by tenant"], "rules_test.yaml"},
		{"last week without its guard", " >= 500", " >= 499", kinds["baseline of last week"], "rules_6h_test.yaml"},
		{"two weeks ago", "offset 1w", "offset 2w", kinds["baseline of last week"], "rules_6h_test.yaml"},
		{"last week's share of few", ">= 500", ">= 499", kinds["ratio against last week"], "rules_6h_test.yaml"},
		{"last week's share of two weeks ago", "offset 1w", "offset 2w", kinds["ratio against last week"], "rules_6h_test.yaml"},
		{"a share's baseline too great", "1.35 * slo:baseline", "1.37 * slo:baseline", kinds["ratio against the release"], "rules_test.yaml"},
		{"a share's fixed baseline too great", "> 0.0054", "> 0.0055", kinds["ratio against a fixed baseline"], "rules_test.yaml"},
		{"a query's baseline too small", "1.35 * slo:baseline", "1.33 * slo:baseline", kinds["expression against last week"], "rules_test.yaml"},
		{"a fixed baseline shifted", "> 0.297", "> 0.298", kinds["fixed baseline"], "rules_test.yaml"},
		{"a limit shifted", "> 0.0144", "> 0.0145", thirty, "rules_test.yaml"},
		{"a limit not exceeded", "> 0.003", ">= 0.003", thirty, "rules_2m_test.yaml"},
		{"a short window too long", "tile2m{environment=\"production\",service=\"checkout\",slo=\"api-error-rate\"}[2h]",
			"tile2m{environment=\"production\",service=\"checkout\",slo=\"api-error-rate\"}[3h]", thirty, "rules_2m_test.yaml"},
		{"a long window too short", "slo=\"api-error-rate\"}[3d]", "slo=\"api-error-rate\"}[2d]", thirty, "rules_6h_test.yaml"},
		{"a period too short", "slo=\"api-error-rate\"}[30d]", "slo=\"api-error-rate\"}[29d]", thirty, "rules_6h_test.yaml"},
		{"tiles without births", "and on (job, instance) group by", "unless on (job, instance) group by", thirty, "rules_2m_test.yaml"},
		{"tiles that overlap", "offset 2m", "offset 2m30s", thirty, "rules_2m_test.yaml"},
		{"a guard that is none", ">= 50", ">= 5", thirty, "rules_test.yaml"},
		{"raw windows of bad events only", "/ (sum(increase", "/ (1 + sum(increase", budgets["of raw series"], "rules_test.yaml"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := alone(tt.sli)
			right := string(prom.Rules(m).YAML())
			wrong := strings.ReplaceAll(right, tt.right, tt.wrong)
			if wrong == right {
				t.Fatalf("%q is nowhere in the rules", tt.right)
			}
			dir := t.TempDir()
			lay(t, dir, []byte(wrong), prom.Rules(m).Tests("rules.yaml")...)
			if f := failures(t, filepath.Join(dir, tt.in)); len(f) == 0 || f[0].Got == "" {
				t.Errorf("survived, or was no rule: %v", f)
			}
		})
	}
}
