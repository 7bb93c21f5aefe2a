package deploy_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

func load(t *testing.T, path string, into any) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Load(content, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// Every command of the CI sample works on this repository's own rules, but for those that fetch programs, and for the unit tests of the
// rules, which the tests of rules/ run.
func TestTheCommandsOfTheCISampleWork(t *testing.T) {
	var workflow struct {
		Jobs map[string]struct{ Steps []struct{ Run string } }
	}
	load(t, "ci/github-actions.yaml", &workflow)
	w, ran := newWorld(t), 0
	for _, step := range workflow.Jobs["rules"].Steps {
		if step.Run == "" || strings.HasPrefix(step.Run, "go install") || strings.HasPrefix(step.Run, "promtool test") {
			continue
		}
		ran++
		if got := w.run(step.Run); strings.Contains(got, "[exit status") {
			t.Errorf("%s:\n%s", step.Run, got)
		}
	}
	if ran < 3 {
		t.Errorf("%d commands", ran)
	}
}

// The pre-commit hook runs the command that it says, for a change to any of the sources or of what they compile to.
func TestThePreCommitHookWatchesSourcesAndResults(t *testing.T) {
	var hooks []struct{ ID, Entry, Files string }
	load(t, "../.pre-commit-hooks.yaml", &hooks)
	if len(hooks) != 1 {
		t.Fatalf("%d hooks", len(hooks))
	}
	files := regexp.MustCompile(hooks[0].Files)
	for file, want := range map[string]bool{
		"rules/runbook.md": true, "promrulegen.yaml": true, "rules/generated/rules.yaml": true, "main.go": false, "deploy/values.yaml": false,
	} {
		if files.MatchString(file) != want {
			t.Errorf("%s: want %v", file, want)
		}
	}
	w := newWorld(t)
	if got := w.run(hooks[0].Entry + " --config rules/promrulegen.yaml"); strings.Contains(got, "[exit status") {
		t.Error(got)
	}
}
