package generator

import (
	"fmt"
	"slices"

	"github.com/prometheus/common/model"

	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// takenLabels are those that the rules set themselves, or that Prometheus gives a meaning.
var takenLabels = []string{
	slo.LabelService, slo.LabelEnvironment, slo.LabelSLO, slo.LabelComponent, slo.LabelOwner, slo.LabelSeverity, slo.LabelRollback,
	slo.LabelTrigger, slo.LabelGate, slo.LabelDrill, model.AlertNameLabel, "alertstate", model.BucketLabel, model.QuantileLabel,
}

// groups reads the labels by which an SLI is told apart: a bound then holds for each of their values on its own.
func (r *resolver) groups(b runbook.SLIBinding, q quantity) []string {
	var by []string
	for _, label := range b.By {
		switch {
		case !model.LegacyValidation.IsValidLabelName(label.Value) || label.Value == model.MetricNameLabel:
			r.blame(label, fmt.Sprintf("%q is no name of a label", label.Value), "write for instance tenant")
		case slices.Contains(takenLabels, label.Value):
			r.blame(label, fmt.Sprintf("label %q is set by the rules themselves", label.Value), "group by a label of the measured series")
		case slices.Contains(by, label.Value):
			r.blame(label, fmt.Sprintf("label %q is given twice", label.Value), "")
		}
		by = append(by, label.Value)
	}
	if len(by) > 0 && !q.grouped {
		r.blame(b.By[0], fmt.Sprintf("a %s is not told apart by labels: its worst series decides", q.kind), "drop `by`")
	}
	if len(by) > 0 && b.Baseline != nil && b.Baseline.From.Value != slo.BaselineFromFixed {
		r.blame(b.By[0], "a measured baseline is one number, not one for each group", "compare with `from: fixed`, or drop `by`")
	}
	return by
}
