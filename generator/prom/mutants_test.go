package prom_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/generator/prom"
	"github.com/coclai/cutover/generator/proof"
	"github.com/coclai/cutover/generator/slo"
)

// unproved are sorts of which mutants live that no scenario kills yet, with their number: what is recorded of last week. Of an expression it
// is its author's, of which nobody can make up the series.
var unproved = map[string]int{"ratio against last week": 59, "expression against last week": 28, "baseline of last week": 10}

// everySort are specimens of what a runbook can ask for: kinds, baselines and groups, error budgets, and cells that are bound otherwise.
// Counts have a window of ten minutes here; those of an hour, which take minutes, are among the committed rules (package rules).
func everySort() map[string]slo.Matrix {
	all := map[string]slo.Matrix{}
	for name, s := range kinds() {
		if s.Measure.Count != nil {
			s.Alert.Window = span("10m")
		}
		all[name] = alone(s)
	}
	for name, s := range budgets() {
		all["budget "+name] = alone(s)
	}
	quick, silentCount := count("timeouts", `timeouts_total{job="checkout"}`, "50", "10m"), silent(isolation())
	quick.Measure.Count.Job, silentCount.Alert.Window = `{job="checkout"}`, span("10m")
	all["count of fifty"], all["count, silent while its target is up"] = alone(quick), alone(silentCount)
	absoluteRow := absolute()
	absoluteRow.MinEvents = slo.DecimalOf(99)
	all["latency, absolute, ninety-nine events"] = alone(absoluteRow)
	m := reference()
	for _, s := range m.SLIs {
		if s.Measure.Count == nil {
			all["reference "+s.ID] = alone(s)
		}
	}
	return all
}

// No mistake in one place of any template goes unnoticed, but for those that the table names with the reason; and SCENARIOS.md says by what.
func TestNoMutantOfAnySortSurvives(t *testing.T) {
	all, results := everySort(), map[string]proof.Mutation{}
	var mutex sync.Mutex
	t.Run("sorts", func(t *testing.T) {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				m := mutated(t, all[name])
				lives(t, name, m)
				mutex.Lock()
				defer mutex.Unlock()
				results[name] = m
			})
		}
	})
	if len(results) == len(all) {
		checkScenarios(t, results)
	}
}

// lives says which mutants live, and which the table calls equivalent wrongly.
func lives(t *testing.T, name string, m proof.Mutation) {
	t.Helper()
	for _, test := range m.Tests {
		if _, trap, found := strings.Cut(test, ": "); !found || trap == "" {
			t.Errorf("the test %q names no trap", test)
		}
	}
	if alive, known := unproved[name]; known {
		if len(m.Survivors) != alive {
			t.Errorf("%d mutants alive, and %d are known", len(m.Survivors), alive)
		}
		m.Survivors = nil
	}
	for _, s := range m.Survivors {
		t.Errorf("alive: %s of %s: %s: %s -> %s NEAR %s\n%s", s.Rule, s.Group, s.Operator, s.Was, s.Is, s.Near, s.Diff())
	}
	for _, w := range m.Wrong {
		t.Errorf("killed, though listed (%s): %s of %s: %s: %s -> %s", w.Reason, w.Mutant.Rule, w.Mutant.Group, w.Mutant.Operator, w.Mutant.Was, w.Mutant.Is)
	}
	t.Logf("%d mutants, %d killed, %d equivalent, %.1fs", m.Total, m.Killed, len(m.Equivalent), m.Took.Seconds())
}

// scenariosFile is the table of scenarios, written anew with UPDATE_SCENARIOS=1.
const scenariosFile = "SCENARIOS.md"

func checkScenarios(t *testing.T, results map[string]proof.Mutation) {
	t.Helper()
	got := scenarioTable(results)
	if os.Getenv("UPDATE_SCENARIOS") != "" {
		if err := os.WriteFile(scenariosFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(scenariosFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is out of date (UPDATE_SCENARIOS=1 writes it; -want +got):\n%s", scenariosFile, diff)
	}
}

// scenarioTable lists the tests of every specimen with the mutants that each is the first to kill.
func scenarioTable(results map[string]proof.Mutation) string {
	var b strings.Builder
	b.WriteString(`# What the generated tests play

Written by UPDATE_SCENARIOS=1 go test ./generator/prom -run TestNoMutantOfAnySortSurvives, and compared by that test. For each specimen the tests
in the order in which they are tried, each named after the trap it is, and the mutants that it is the first to kill, by operator. One without
any plays a trap that mutants in one place do not fall into, or one that a test before it has killed already.
`)
	for _, name := range slices.Sorted(maps.Keys(results)) {
		m := results[name]
		fmt.Fprintf(&b, "\n## %s\n\n%d mutants: %d killed, %d equivalent, %d alive.\n\n| test | first to kill |\n|---|---|\n", name, m.Total, m.Killed,
			len(m.Equivalent), len(m.Survivors))
		for _, test := range m.Tests {
			var kills []string
			for _, o := range slices.Sorted(maps.Keys(m.Killers[test])) {
				kills = append(kills, fmt.Sprintf("%s %d", o, m.Killers[test][o]))
			}
			fmt.Fprintf(&b, "| %s | %s |\n", strings.ReplaceAll(test, "|", "\\|"), strings.Join(kills, ", "))
		}
	}
	return b.String()
}

// mutated breaks the rules of a matrix.
func mutated(t *testing.T, m slo.Matrix) proof.Mutation {
	t.Helper()
	set, suites := prom.Rules(m), []proof.Suite(nil)
	for _, f := range set.Tests("rules.yaml") {
		s, err := proof.Parse(f.Name, f.Content, func(pattern string) (map[string][]byte, error) {
			return map[string][]byte{pattern: set.YAML()}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		suites = append(suites, s)
	}
	result, err := proof.Mutate(t.Context(), suites, proof.Equivalents, nil)
	if err != nil {
		t.Fatal(err)
	}
	return result
}
