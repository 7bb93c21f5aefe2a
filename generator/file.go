package generator

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/coclai/cutover/generator/alertmanager"
	"github.com/coclai/cutover/generator/atomicfile"
	"github.com/coclai/cutover/generator/grafana"
	"github.com/coclai/cutover/generator/kubernetes"
	"github.com/coclai/cutover/generator/prom"
	"github.com/coclai/cutover/generator/slo"
)

// The files of the output folder.
const (
	rulesFile        = "rules.yaml"
	alertmanagerFile = "alertmanager.yaml"
	planFile         = "plan.yaml"
	dashboardFile    = "dashboard.json"
)

// rulers are the files for other rulers, by what asks for them.
var rulers = map[slo.Output]struct {
	file  string
	write func(slo.Matrix, []byte) ([]byte, error)
}{
	slo.OutputPrometheusRule: {"prometheusrule.yaml", kubernetes.PrometheusRule},
	slo.OutputMimir:          {"mimir.yaml", kubernetes.MimirRules},
	slo.OutputThanos:         {"thanos.yaml", kubernetes.ThanosRules},
}

// File is a file of the output folder, by its name there.
type File struct {
	Name    string
	Content []byte
}

// Compile turns a matrix into files. A matrix is valid, so that it fails in one way only: the rules are too many for a form that was
// asked for, which is a kubernetes.TooLargeError. Any other error is a fault of this program.
func Compile(m slo.Matrix, base alertmanager.Base) ([]File, error) {
	rules := prom.Rules(m)
	var files []File
	add := func(output slo.Output, name string, write func() ([]byte, error)) error {
		if !m.Writes(output) {
			return nil
		}
		content, err := write()
		if err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		files = append(files, File{name, content})
		return nil
	}
	err := errors.Join(
		add(slo.OutputRules, rulesFile, func() ([]byte, error) { return rules.YAML(), nil }),
		add(slo.OutputAlertmanager, alertmanagerFile, func() ([]byte, error) { return alertmanager.Config(m, base), nil }),
		add(slo.OutputDashboard, dashboardFile, func() ([]byte, error) { return grafana.Dashboard(m) }),
		add(slo.OutputPlan, planFile, func() ([]byte, error) { return writePlan(planOf(m, rules.SHA256())), nil }),
	)
	if m.Writes(slo.OutputTests) {
		for _, tests := range rules.Tests(rulesFile) {
			files = append(files, File(tests))
		}
	}
	for _, output := range m.Outputs {
		if ruler, other := rulers[output]; other {
			err = errors.Join(err, add(output, ruler.file, func() ([]byte, error) { return ruler.write(m, rules.YAML()) }))
		}
	}
	return files, err
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
	case dashboardFile:
		if !json.Valid(f.Content) {
			return errors.New("it is not JSON")
		}
	}
	return nil // promtool alone reads its test files; the forms of other rulers hold the groups of rulesFile as they are
}

// Emit puts the files into a folder, all of them or none, and returns the paths of those that changed.
func Emit(files []File, folder string) ([]string, error) {
	set := make([]atomicfile.File, len(files))
	for i, f := range files {
		set[i] = atomicfile.File{Path: filepath.Join(folder, f.Name), Content: f.Content}
	}
	return atomicfile.Write(set)
}
