package generator

import (
	"fmt"
	"os"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// Examination is what the sources say as far as they can be understood, for those who ask what the program sees in them.
type Examination struct {
	Sources  Sources
	Matrix   slo.Matrix // of what has no problem
	Problems diag.List
	bare     bool
}

// Examine reads the sources and goes on where they are wrong. Without a path of bindings it examines a runbook alone, as it stands.
func Examine(o Options) (Examination, error) {
	if o.Config == "" {
		return examineBare(o.Runbook)
	}
	sources, problems, err := Parse(o)
	if err != nil {
		return Examination{}, err
	}
	matrix, more := Resolve(sources)
	problems.Add(more...)
	return Examination{Sources: sources, Matrix: matrix, Problems: problems}, nil
}

// examineBare reads what stands in the runbook itself; its numbers have nothing yet that they are of.
func examineBare(path string) (Examination, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return Examination{}, fmt.Errorf("read the runbook: %w", err)
	}
	document, problems := runbook.Parse(path, content)
	x := Examination{Sources: Sources{Document: document}, Problems: problems, bare: true}
	r := newResolver(x.Sources)
	r.gates()
	r.checklist()
	r.actions()
	r.milestones()
	r.numbers()
	x.Matrix = r.matrix
	x.Problems.Add(r.problems...)
	return x, nil
}

// Err is the problems as an error where they keep the sources from being compiled. A bare runbook is not meant to be: none is.
func (x Examination) Err() error {
	if x.bare {
		return nil
	}
	return x.Problems.Err()
}

// problemAt is the first problem of a line of the document.
func (x Examination) problemAt(line int) (diag.Diagnostic, bool) {
	for _, d := range x.Problems {
		if d.At.File == x.Sources.Document.File && d.At.Line == line {
			return d, true
		}
	}
	return diag.Diagnostic{}, false
}

// problemIn is the first problem under a cell.
func (x Examination) problemIn(c runbook.Cell) (diag.Diagnostic, bool) {
	whole := c.Diagnose(0, 0, "", "")
	for _, d := range x.Problems {
		inside := d.At.Column >= whole.At.Column && d.At.Column < whole.At.Column+whole.Width
		if d.At.File == whole.At.File && d.At.Line == whole.At.Line && inside {
			return d, true
		}
	}
	return diag.Diagnostic{}, false
}
