package generator

import (
	"slices"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/runbook"
)

// placeholders refuses what `init` left for a person to fill in, and drops whatever else was said about such a text.
func (r *resolver) placeholders() {
	left := r.bind.Placeholders()
	r.problems = slices.DeleteFunc(r.problems, func(d diag.Diagnostic) bool {
		return slices.ContainsFunc(left, func(text diag.Text) bool {
			return d.At.File == text.At.File && d.At.Line == text.At.Line && d.At.Column >= text.At.Column &&
				d.At.Column <= text.At.Column+len(text.Value)
		})
	})
	for _, text := range left {
		r.blame(text, "this is still the placeholder "+runbook.Placeholder, "write what belongs here; the comment beside it says what")
	}
}
