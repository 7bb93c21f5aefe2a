package prom_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/coclai/cutover/generator/prom"
	"github.com/coclai/cutover/generator/slo"
)

// TestPintHasNothingToSay lints rules of every kind, with every sort of budget and baseline, under our names and sloth's.
func TestPintHasNothingToSay(t *testing.T) {
	program, err := exec.LookPath("pint")
	if err != nil {
		if program, err = filepath.Abs("../../.tools/bin/pint"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("pint is not there (make tools): %v", err)
	}
	m := reference()
	m.Names = slo.NamesSloth
	for _, all := range []map[string]slo.SLI{kinds(), budgets()} {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			s := all[name]
			s.ID = fmt.Sprintf("kind-%d", len(m.SLIs))
			m.SLIs = append(m.SLIs, s)
		}
	}
	file := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(file, prom.Rules(m).YAML(), 0o600); err != nil {
		t.Fatal(err)
	}
	lint := func() (string, bool) {
		out, err := exec.Command(program, "--no-color", "--offline", "lint", "--min-severity=warning", "--fail-on=warning", "--show-duplicates", file).CombinedOutput()
		return string(out), err == nil
	}
	if out, ok := lint(); !ok {
		t.Errorf("pint:\n%.9000s", out)
	}
	if err := os.WriteFile(file, []byte("groups:\n- name: a\n  rules:\n  - {record: x, expr: sum(foo) without(job}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, ok := lint(); ok {
		t.Errorf("pint says nothing of rules that are none:\n%s", out)
	}
}
