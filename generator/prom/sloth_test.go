package prom_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/coclai/cutover/generator/prom"
	"github.com/coclai/cutover/generator/slo"
)

// slothRules are what sloth made of the SLO that budgeted(apiErrors(), "0.999", "30d") is.
const slothRules = "testdata/sloth-0.16.0.yaml"

// slothSeries are the names and labels of all that sloth records, with what each is worth while one request in a hundred fails. Of its
// info series only the labels that are the SLO's can be ours.
func slothSeries(t *testing.T) map[string]string {
	t.Helper()
	content, err := os.ReadFile(slothRules)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct{ Rules []prom.Rule }
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		t.Fatal(err)
	}
	worth := map[string]string{
		"slo:objective:ratio": "0.999", "slo:error_budget:ratio": "0.001", "slo:time_period:days": "30", "slo:current_burn_rate:ratio": "10",
		"slo:period_burn_rate:ratio": "10", "slo:period_error_budget_remaining:ratio": "-9", "sloth_slo_info": "1",
	}
	all := map[string]string{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			maps.DeleteFunc(r.Labels, func(name, _ string) bool {
				return slices.Contains([]string{"sloth_mode", "sloth_spec", "sloth_version"}, name)
			})
			value := worth[r.Record]
			if strings.Contains(r.Record, "burn_rate") || strings.Contains(r.Record, "remaining") { // as evaluated: group_left keeps it
				r.Labels["sloth_window"] = map[bool]string{true: "5m", false: "30d"}[strings.Contains(r.Record, "current")]
			}
			if strings.HasPrefix(r.Record, "slo:sli_error:ratio_rate") {
				value = "0.01"
			}
			all[r.Record+labelsIn(r.Labels)] = value
		}
	}
	return all
}

func labelsIn(labels map[string]string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		pairs = append(pairs, fmt.Sprintf("%s=%q", name, labels[name]))
	}
	return "{" + strings.Join(pairs, ", ") + "}"
}

// slothTest is a promtool test that every series is there, with these labels and no others, and worth what it is. It takes strides of an
// hour, through traffic that is the same all the time: how long the windows are does not matter then.
func slothTest(t *testing.T, order string) []byte {
	var out strings.Builder
	fmt.Fprintf(&out, "rule_files: [rules.yaml]\nevaluation_interval: 1h\ngroup_eval_order: [%s]\ntests:\n- interval: 30s\n  input_series:\n", order)
	for code, step := range map[string]int{"500": 1, "200": 99} {
		fmt.Fprintf(&out, "  - {series: 'http_requests_total{job=\"checkout\",code=\"%s\"}', values: '0+%dx2880'}\n", code, step)
	}
	out.WriteString("  promql_expr_test:\n")
	series := slothSeries(t)
	if len(series) != 15 {
		t.Fatalf("sloth records %d series", len(series))
	}
	for _, s := range slices.Sorted(maps.Keys(series)) {
		name, labels, _ := strings.Cut(s, "{")
		expr := fmt.Sprintf("abs(%s - %s) < bool 1e-9", s, series[s])
		if name == slo.SlothInfo {
			expr = fmt.Sprintf("group without (sloth_mode, sloth_spec, sloth_version) (%s)", s)
		}
		fmt.Fprintf(&out, "  - {expr: %q, eval_time: 1d, exp_samples: [{labels: %q, value: 1}]}\n", expr, "{"+labels)
	}
	return []byte(out.String())
}

func TestDashboardsMadeForSlothSurviveAMove(t *testing.T) {
	captured, err := os.ReadFile(slothRules)
	if err != nil {
		t.Fatal(err)
	}
	m := alone(budgeted(apiErrors(), "0.999", "30d"))
	ours := prom.Rules(m).YAML()
	m.Names = slo.NamesSloth
	for name, rules := range map[string]struct {
		file  []byte
		order string // what is read stands before what reads it
	}{
		"sloth": {captured, "sloth-slo-sli-recordings-checkout-api-error-rate, sloth-slo-meta-recordings-checkout-api-error-rate"},
		"ours": {prom.Rules(m).YAML(),
			`"checkout:production:api-error-rate:budget:slow", "checkout:production:api-error-rate:budget:period", "checkout:production:api-error-rate:budget"`},
	} {
		dir := t.TempDir()
		test := filepath.Join(dir, "test.yaml")
		for path, content := range map[string][]byte{filepath.Join(dir, "rules.yaml"): rules.file, test: slothTest(t, rules.order)} {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if out, ok := run(t, "test", "rules", test); !ok {
			t.Errorf("%s: promtool test rules:\n%.4000s", name, out)
		}
	}
	if strings.Contains(string(ours), "sloth") {
		t.Error("sloth's names are recorded though nobody asked for them")
	}
}

func TestGroupsStayGroupsUnderSlothsNames(t *testing.T) {
	m := alone(budgeted(by(otherGood(), "tenant"), "0.99", "7d"))
	m.Names = slo.NamesSloth
	dir := t.TempDir()
	lay(t, dir, prom.Rules(m).YAML())
	if out, ok := run(t, "check", "rules", "--lint=all", "--lint-fatal", filepath.Join(dir, "rules.yaml")); !ok {
		t.Errorf("promtool check rules:\n%s", out)
	}
	if rules := string(prom.Rules(m).YAML()); !strings.Contains(rules, "expr: max by (tenant) (slo:error_ratio:1h{") {
		t.Errorf("no ratio by tenant in\n%s", rules)
	}
}
