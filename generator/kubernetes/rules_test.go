package kubernetes_test

import (
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"

	"github.com/coclai/cutover/generator/kubernetes"
	"github.com/coclai/cutover/generator/slo"
)

func matrix() slo.Matrix {
	return slo.Matrix{Service: "checkout", Environment: "production", Runbook: slo.Source{File: "runbook.md"}}
}

// compiled are the rules of this repository's own runbook.
func compiled(t *testing.T) []byte {
	t.Helper()
	rules, err := os.ReadFile("../../rules/generated/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// parsed is a rule file as Prometheus reads it; a key that Prometheus does not know is an error unless another ruler does.
func parsed(t *testing.T, file []byte, othersKeys bool) []rulefmt.RuleGroup {
	t.Helper()
	promql := parser.NewParser(parser.Options{})
	groups, errs := rulefmt.Parse(file, othersKeys, model.UTF8Validation, promql, slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		t.Fatal(errors.Join(errs...))
	}
	return groups.Groups
}

func prometheusRule(t *testing.T, m slo.Matrix, rules []byte) monitoring.PrometheusRule {
	t.Helper()
	out, err := kubernetes.PrometheusRule(m, rules)
	if err != nil {
		t.Fatal(err)
	}
	var object monitoring.PrometheusRule
	if err := yaml.UnmarshalStrict(out, &object); err != nil {
		t.Fatal(err)
	}
	return object
}

func TestPrometheusRuleIsWhatTheOperatorReads(t *testing.T) {
	object := prometheusRule(t, matrix(), compiled(t))
	if object.APIVersion != "monitoring.coreos.com/v1" || object.Kind != monitoring.PrometheusRuleKind {
		t.Errorf("it is a %s of %s", object.Kind, object.APIVersion)
	}
	if object.Name != "checkout--production" || object.Namespace != "" {
		t.Errorf("name %q, namespace %q", object.Name, object.Namespace)
	}
	want := map[string]string{
		"app.kubernetes.io/managed-by": "promrulegen",
		"app.kubernetes.io/part-of":    "checkout",
		"app.kubernetes.io/instance":   "checkout--production",
	}
	if diff := cmp.Diff(want, object.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}

// The operator writes the groups of its own types into the rule file that Prometheus reads, so the way through them is taken here.
func TestPrometheusRuleHoldsTheRulesAsCompiled(t *testing.T) {
	rules := compiled(t)
	file, err := yaml.Marshal(prometheusRule(t, matrix(), rules).Spec)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(parsed(t, rules, false), parsed(t, file, false)); diff != "" {
		t.Errorf("groups (-compiled +loaded):\n%s", diff)
	}
}

func TestNamesAreKubernetesNames(t *testing.T) {
	for _, names := range [][2]string{
		{"checkout", "production"}, {"check.out", "eu_west-1"}, {"결제", "운영"}, {"-", "."}, {strings.Repeat("long", 40), "production"},
	} {
		m := matrix()
		m.Service, m.Environment = names[0], names[1]
		object := prometheusRule(t, m, compiled(t))
		if faults := validation.IsDNS1123Label(object.Name); len(faults) > 0 {
			t.Errorf("%q: name %q: %s", names, object.Name, faults)
		}
		for key, value := range object.Labels {
			if faults := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...); len(faults) > 0 {
				t.Errorf("%q: label %s=%q: %s", names, key, value, faults)
			}
		}
	}
}

func TestPrometheusRuleIsRefusedWhereTheOperatorWouldRefuseIt(t *testing.T) {
	long := "groups:\n- name: one\n  rules:\n  - record: x\n    expr: vector(1)\n    labels: {text: " + strings.Repeat("x", kubernetes.MaxSize) + "}\n"
	_, err := kubernetes.PrometheusRule(matrix(), []byte(long))
	var large kubernetes.TooLargeError
	if !errors.As(err, &large) || large.Size <= kubernetes.MaxSize {
		t.Errorf("the error is %v", err)
	}
	if _, err := kubernetes.MimirRules(matrix(), []byte(long)); err != nil {
		t.Errorf("Mimir has no such limit: %v", err)
	}
}

func TestMimirRulesAreANamespace(t *testing.T) {
	rules := compiled(t)
	out, err := kubernetes.MimirRules(matrix(), rules)
	if err != nil {
		t.Fatal(err)
	}
	// mimirtool: pkg/mimirtool/rules, RuleNamespace.
	var file struct {
		Namespace string `json:"namespace"`
		Groups    []any  `json:"groups"`
	}
	if err := yaml.UnmarshalStrict(out, &file); err != nil {
		t.Fatal(err)
	}
	if file.Namespace != "checkout--production" {
		t.Errorf("the namespace is %q", file.Namespace)
	}
	if diff := cmp.Diff(parsed(t, rules, false), parsed(t, out, true)); diff != "" {
		t.Errorf("groups (-compiled +loaded):\n%s", diff)
	}
}

func TestThanosRulesAbortOnAPartialAnswer(t *testing.T) {
	rules := compiled(t)
	out, err := kubernetes.ThanosRules(matrix(), rules)
	if err != nil {
		t.Fatal(err)
	}
	var file monitoring.PrometheusRuleSpec // has Thanos's key beside Prometheus's
	if err := yaml.UnmarshalStrict(out, &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		if g.PartialResponseStrategy != "abort" {
			t.Errorf("group %s: the strategy is %q", g.Name, g.PartialResponseStrategy)
		}
	}
	if diff := cmp.Diff(parsed(t, rules, false), parsed(t, out, true)); diff != "" {
		t.Errorf("groups (-compiled +loaded):\n%s", diff)
	}
}

func TestWhatIsNoRuleFileIsRefused(t *testing.T) {
	for _, text := range []string{"", "groups:", "groups: []", "groups: 5", "rules: []", "groups: [", "- a"} {
		for name, write := range map[string]func(slo.Matrix, []byte) ([]byte, error){
			"PrometheusRule": kubernetes.PrometheusRule, "MimirRules": kubernetes.MimirRules, "ThanosRules": kubernetes.ThanosRules,
		} {
			if out, err := write(matrix(), []byte(text)); err == nil {
				t.Errorf("%s made of %q:\n%s", name, text, out)
			}
		}
	}
}

// expressions are the lines of a file that hold one.
func expressions(file []byte) []string {
	var lines []string
	for line := range strings.Lines(string(file)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "expr: ") {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestEveryFileIsGeneratedAndKeepsExpressionsOnTheirLines(t *testing.T) {
	rules := compiled(t)
	for name, write := range map[string]func(slo.Matrix, []byte) ([]byte, error){
		"PrometheusRule": kubernetes.PrometheusRule, "MimirRules": kubernetes.MimirRules, "ThanosRules": kubernetes.ThanosRules,
	} {
		out, err := write(matrix(), rules)
		if err != nil {
			t.Fatal(err)
		}
		if first, _, _ := strings.Cut(string(out), "\n"); first != "# Code generated by promrulegen from runbook.md; DO NOT EDIT." {
			t.Errorf("%s begins with %q", name, first)
		}
		for _, line := range expressions(rules) {
			if !slices.Contains(expressions(out), line) {
				t.Errorf("%s folds or changes %s", name, line)
			}
		}
		if again, _ := write(matrix(), rules); string(again) != string(out) {
			t.Errorf("%s differs from one time to the next", name)
		}
	}
}
