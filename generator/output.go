package generator

import (
	"slices"

	"github.com/coclai/cutover/generator/slo"
)

// outputs reads which forms of the rules are wanted beside Prometheus's own.
func (r *resolver) outputs() {
	for _, text := range r.bind.Outputs {
		before := len(r.problems)
		output := oneOf(r, text, "output", slo.OutputPrometheusRule, slo.OutputMimir, slo.OutputThanos)
		if len(r.problems) > before {
			continue
		}
		if slices.Contains(r.matrix.Outputs, output) {
			r.blame(text, "the output is named twice", "")
			continue
		}
		r.matrix.Outputs = append(r.matrix.Outputs, output)
	}
}
