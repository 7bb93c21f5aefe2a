package prom_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/coclai/cutover/generator/prom"
	"github.com/coclai/cutover/generator/proof"
	"github.com/coclai/cutover/generator/slo"
)

// unproved are sorts of which mutants live that no scenario kills yet: what was born late among good events, and what last week was like.
var unproved = []string{
	"good events of all", "good events of another metric", "good ratio by tenant and region",
	"ratio against last week", "expression against last week", "baseline of last week",
}

// everySort are specimens of what a runbook can ask for: kinds, baselines and groups, and cells that are bound otherwise. Counts have a
// window of ten minutes here; those of an hour, which take minutes, are among the committed rules (package rules).
func everySort() map[string]slo.Matrix {
	all := map[string]slo.Matrix{}
	for name, s := range kinds() {
		if slices.Contains(unproved, name) {
			continue
		}
		if s.Measure.Count != nil {
			s.Alert.Window = span("10m")
		}
		all[name] = alone(s)
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

// No mistake in one place of any template goes unnoticed, but for those that the table names with the reason.
func TestNoMutantOfAnySortSurvives(t *testing.T) {
	all := everySort()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := mutated(t, all[name])
			for _, s := range m.Survivors {
				t.Errorf("alive: %s of %s: %s: %s -> %s NEAR %s\n%s", s.Rule, s.Group, s.Operator, s.Was, s.Is, s.Near, s.Diff())
			}
			for _, w := range m.Wrong {
				t.Errorf("killed, though listed (%s): %s of %s: %s: %s -> %s", w.Reason, w.Mutant.Rule, w.Mutant.Group, w.Mutant.Operator, w.Mutant.Was, w.Mutant.Is)
			}
			t.Logf("%d mutants, %d killed, %d equivalent, %.1fs", m.Total, m.Killed, len(m.Equivalent), m.Took.Seconds())
		})
	}
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
