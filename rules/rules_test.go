// Package rules proves that what is committed under generated/ is what the sources beside it compile to, and that the programs which
// will read it accept it.
package rules

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/coclai/cutover/generator"
	"github.com/coclai/cutover/generator/proof"
)

func TestGeneratedFilesAgreeWithTheirSources(t *testing.T) {
	for _, runbook := range []string{"", "runbook.ko.md"} {
		c, err := generator.Run(generator.Options{Config: "promrulegen.yaml", Runbook: runbook})
		if err != nil {
			t.Fatal(err)
		}
		if runbook != "" {
			continue // it must compile; generated/ comes from runbook.md
		}
		differences, err := generator.Compare(c.Files, c.Matrix.Runbook.File, "generated")
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range differences {
			t.Errorf("%s: run `make rules`, and read the diff\n%s", d.Path, d.Excerpt)
		}
	}
}

func TestPrometheusAndAlertmanagerAcceptTheGeneratedFiles(t *testing.T) {
	for name, command := range map[string][]string{
		"the rules":                    {"promtool", "check", "rules", "--lint=all", "--lint-fatal", "generated/rules.yaml"},
		"the tests of the rules":       {"promtool", "test", "rules", "generated/rules_test.yaml"},
		"the Alertmanager file":        {"amtool", "check-config", "generated/alertmanager.yaml"},
		"the user's own, as committed": {"amtool", "check-config", "alertmanager.base.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := exec.Command(tool(t, command[0]), command[1:]...).CombinedOutput()
			if err != nil {
				t.Errorf("%v: %v\n%s", command, err, out)
			}
		})
	}
}

// Every mistake in one place of one rule is noticed by a test, or stands in the table of those that cannot be, with the reason.
func TestNoMutantOfTheRulesSurvives(t *testing.T) {
	suite, err := proof.Open("generated/rules_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m, err := proof.Mutate(t.Context(), []proof.Suite{suite}, proof.Equivalents, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range m.Survivors {
		t.Errorf("alive: %s of %s: %s: %s -> %s\n%s", s.Rule, s.Group, s.Operator, s.Was, s.Is, s.Diff())
	}
	for _, w := range m.Wrong {
		t.Errorf("killed, though listed (%s): %s of %s: %s: %s -> %s", w.Reason, w.Mutant.Rule, w.Mutant.Group, w.Mutant.Operator, w.Mutant.Was, w.Mutant.Is)
	}
	t.Logf("%d mutants, %d killed, %d equivalent, %.0f a second", m.Total, m.Killed, len(m.Equivalent), m.PerSecond())
}

// The schema that Grafana's own SDK carries reads it; it does not open one, and so this is as near as a test comes.
func TestGrafanaReadsTheDashboard(t *testing.T) {
	content, err := os.ReadFile("generated/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard.Dashboard
	if err := json.Unmarshal(content, &d); err != nil {
		t.Fatal(err)
	}
	if d.Title == nil || *d.Title != "checkout in production: release" || len(d.Panels) == 0 {
		t.Errorf("title %v, %d panels", d.Title, len(d.Panels))
	}
}

// tool finds a program on PATH or among the pinned ones.
func tool(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	path, err := filepath.Abs(filepath.Join("..", ".tools", "bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s is neither on PATH nor built: run `make tools` (%v)", name, err)
	}
	return path
}
