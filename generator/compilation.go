package generator

import (
	"errors"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/kubernetes"
	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// Compilation is what the sources say, and the files made of them.
type Compilation struct {
	Sources Sources
	Matrix  slo.Matrix
	Files   []File
}

// Run takes the sources through all stages, up to files that have been read back and are ready to be written or compared. If the
// sources are at fault, the error is a diag.List of everything wrong with them; any other error means that they could not be read.
func Run(o Options) (Compilation, error) {
	sources, problems, err := Parse(o)
	if err != nil {
		return Compilation{}, err
	}
	matrix, more := Resolve(sources)
	problems.Add(more...)
	if err := problems.Err(); err != nil {
		return Compilation{}, err
	}
	files, err := Compile(matrix, sources.Base)
	if err != nil {
		return Compilation{}, tooMuch(sources.Bindings, err)
	}
	if err := Verify(files, matrix); err != nil {
		return Compilation{}, err
	}
	return Compilation{sources, matrix, files}, nil
}

// tooMuch is a diagnostic where the user asked for a form that cannot hold the rules, and the error itself otherwise.
func tooMuch(b runbook.Bindings, err error) error {
	large, ok := errors.AsType[kubernetes.TooLargeError](err)
	if !ok {
		return err
	}
	for _, text := range b.Outputs {
		if text.Value == string(slo.OutputPrometheusRule) {
			return diag.List{b.Diagnostic(text, large.Error(), "drop this output, or split the runbook")}
		}
	}
	return err
}
