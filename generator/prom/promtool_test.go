package prom_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/generator/prom"
	"github.com/coclai/cutover/generator/slo"
)

// promtool is the real one: from PATH, or as `make` built it.
func promtool(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("promtool"); err == nil {
		return path
	}
	path, err := filepath.Abs("../../.tools/bin/promtool")
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Fatalf("promtool is neither on PATH nor in .tools/bin (make builds it): %v", err)
	}
	return path
}

// lay writes rules and their tests into a folder and gives the paths of the tests.
func lay(t *testing.T, dir string, rules []byte, tests ...prom.TestFile) []string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, f := range append(tests, prom.TestFile{Name: "rules.yaml", Content: rules}) {
		path := filepath.Join(dir, f.Name)
		if err := os.WriteFile(path, f.Content, 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths[:len(tests)]
}

func run(t *testing.T, args ...string) (string, bool) {
	t.Helper()
	out, err := exec.Command(promtool(t), args...).CombinedOutput()
	return string(out), err == nil
}

func TestGeneratedRulesPassTheirGeneratedTests(t *testing.T) {
	for name, m := range map[string]slo.Matrix{
		"reference": reference(), "short windows": short(), "awkward": awkward(), "tight": tight(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prove(t, m)
		})
	}
}

// TestPromtoolSaysTheSame runs the tests of every kind with promtool and in process, as they are and with something broken, so that they
// fail.
func TestPromtoolSaysTheSame(t *testing.T) {
	dir, args := t.TempDir(), []string{"test", "rules"}
	var want []bool
	for name, s := range kinds() {
		m := alone(s)
		right := prom.Rules(m).YAML()
		for broken, rules := range map[string][]byte{"": right, " broken": bytes.Replace(right, []byte("for: 5m"), []byte("for: 6m"), 1)} {
			path := lay(t, filepath.Join(dir, name+broken), rules, prom.Rules(m).Tests("rules.yaml")[0])[0]
			args, want = append(args, path), append(want, len(failures(t, path)) == 0)
		}
	}
	out, _ := run(t, args...)
	var got []bool
	for _, v := range verdict.FindAllStringSubmatch(out, -1) {
		got = append(got, v[1] == "SUCCESS")
	}
	if diff := cmp.Diff(got, want); diff != "" || !slices.Contains(want, false) {
		t.Errorf("promtool and this differ, or nothing failed: %s\n%.2000s", diff, out)
	}
}

// verdict is what promtool says of one file.
var verdict = regexp.MustCompile(`(?m)^  (SUCCESS|FAILED:)$`)

// TestGeneratedTestsKillWrongRules breaks one rule at a time, of one SLI of each kind.
func TestGeneratedTestsKillWrongRules(t *testing.T) {
	m := short()
	for _, i := range []int{0, 1, 2, 5, 7, 8} {
		alone := m
		alone.SLIs = m.SLIs[i : i+1]
		t.Run(alone.SLIs[0].ID, func(t *testing.T) {
			t.Parallel()
			rules, tests := prom.Rules(alone).YAML(), prom.Rules(alone).Tests("rules.yaml")
			all := mutants(string(rules))
			for n, m := range all {
				path := lay(t, filepath.Join(t.TempDir(), strconv.Itoa(n)), []byte(m.rules), tests[0])[0]
				if len(failures(t, path)) == 0 {
					t.Errorf("survived: %s", m.name)
				}
			}
			t.Logf("%d mutants", len(all))
		})
	}
}

type mutant struct{ name, rules string }

// slips are what a careless template would write instead.
var slips = []struct{ name, right, wrong string }{
	{"strict", " >= ", " > "}, {"not strict", " > ", " >= "}, {"not strict", " < ", " <= "}, {"turned round", " != ", " == "},
	{"either", " and ", " or "},
}

var numbers = regexp.MustCompile(` [0-9.]+( |$)`)

// mutants breaks the expression of every alert that has a bound, once by each slip and once in each number, and drops every `for`.
func mutants(rules string) []mutant {
	var all []mutant
	lines := strings.Split(rules, "\n")
	alert := ""
	for i, line := range lines {
		mutate := func(what, broken string) {
			other := append([]string(nil), lines...)
			other[i] = broken
			all = append(all, mutant{alert + ": " + what, strings.Join(other, "\n")})
		}
		switch key, value, _ := strings.Cut(strings.TrimLeft(line, " -"), ": "); {
		case key == "record":
			alert = ""
		case key == "alert":
			alert = value
		case key == "expr" && alert != "":
			breakExpr(line, mutate)
		case key == "for":
			mutate("no for", strings.Replace(line, value, "0s", 1))
		}
	}
	return all
}

func breakExpr(line string, mutate func(what, broken string)) {
	for _, slip := range slips {
		if n := strings.Index(line, slip.right); n >= 0 {
			mutate(slip.name, line[:n]+slip.wrong+line[n+len(slip.right):])
		}
	}
	for _, at := range numbers.FindAllStringIndex(line, -1) {
		number := strings.TrimSpace(line[at[0]:at[1]])
		greater := number + "1" // 0.02 becomes 0.021
		if !strings.Contains(number, ".") {
			greater = number + ".5"
		}
		mutate("a greater "+number, line[:at[0]+1]+greater+line[at[0]+1+len(number):])
	}
}

func TestGeneratedFilesAreTheSameEveryTime(t *testing.T) {
	for range 5 {
		m := reference()
		if !bytes.Equal(prom.Rules(m).YAML(), prom.Rules(reference()).YAML()) {
			t.Fatal("rules differ between two runs")
		}
		if diff := cmp.Diff(prom.Rules(m).Tests("rules.yaml"), prom.Rules(reference()).Tests("rules.yaml")); diff != "" {
			t.Fatal("tests differ between two runs: ", diff)
		}
	}
}
