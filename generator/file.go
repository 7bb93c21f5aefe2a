package generator

import (
	"fmt"
	"path/filepath"

	"github.com/coclai/cutover/generator/alertmanager"
	"github.com/coclai/cutover/generator/atomicfile"
	"github.com/coclai/cutover/generator/prom"
	"github.com/coclai/cutover/generator/slo"
)

// The files of the output folder.
const (
	rulesFile        = "rules.yaml"
	testsFile        = "rules_test.yaml"
	alertmanagerFile = "alertmanager.yaml"
	planFile         = "plan.yaml"
)

// File is a file of the output folder, by its name there.
type File struct {
	Name    string
	Content []byte
}

// Compile turns a matrix into files. It cannot fail: a matrix is valid.
func Compile(m slo.Matrix, base alertmanager.Base) []File {
	rules := prom.Rules(m)
	return []File{
		{rulesFile, rules.YAML()},
		{testsFile, prom.Tests(m, rulesFile)},
		{alertmanagerFile, alertmanager.Config(m, base)},
		{planFile, writePlan(planOf(m, rules.SHA256()))},
	}
}

// Verify reads the files back with the parsers of those who will read them. An error is a fault of this program.
func Verify(files []File, m slo.Matrix) error {
	for _, f := range files {
		if err := verify(f, m); err != nil {
			return fmt.Errorf("read back %s, which promrulegen should have got right (please report it): %w", f.Name, err)
		}
	}
	return nil
}

func verify(f File, m slo.Matrix) error {
	switch f.Name {
	case rulesFile:
		return prom.Check(f.Content)
	case alertmanagerFile:
		return alertmanager.Check(f.Content, m)
	case planFile:
		_, problems := ReadPlan(f.Name, f.Content)
		return problems.Err()
	}
	return nil // promtool alone reads its test files
}

// Emit puts the files into a folder, all of them or none, and returns the paths of those that changed.
func Emit(files []File, folder string) ([]string, error) {
	set := make([]atomicfile.File, len(files))
	for i, f := range files {
		set[i] = atomicfile.File{Path: filepath.Join(folder, f.Name), Content: f.Content}
	}
	return atomicfile.Write(set)
}
