package generator

import (
	"slices"

	"github.com/coclai/cutover/generator/slo"
)

// otherForms are those of the rules for other rulers than Prometheus.
var otherForms = []slo.Output{slo.OutputPrometheusRule, slo.OutputMimir, slo.OutputThanos}

// outputs reads which of the usual files are wanted, if not all, and which forms of the rules beside Prometheus's own.
func (r *resolver) outputs() {
	for _, text := range r.bind.Outputs {
		before := len(r.problems)
		output := oneOf(r, text, "output", slices.Concat(slo.UsualOutputs, otherForms)...)
		if len(r.problems) > before {
			continue
		}
		if slices.Contains(r.matrix.Outputs, output) {
			r.blame(text, "the output is named twice", "")
			continue
		}
		r.matrix.Outputs = append(r.matrix.Outputs, output)
	}
	r.matrix.Names = oneOf(r, r.bind.Names, "scheme of names", slo.NamesOurs, slo.NamesSloth)
}
