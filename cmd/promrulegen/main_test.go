package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"promrulegen": main})
}

// TestStories runs the command as its users do. Each story begins with a copy of testdata/runbooks, and of this repository's rules/ with
// the files generated from them in rules/generated. The commands of the stories, besides testscript's own:
//
//	replace FILE OLD NEW          replaces the one passage OLD; \n in OLD and NEW is the end of a line
//	fill FILE VALUES              puts the lines of VALUES in place of the placeholders of FILE, one each, in their order
//	exits CODE COMMAND...         like exec, with the exact exit code
//	untouched                     the files in rules/generated are those that were there at the beginning, with their times
//	touched FILE...               exactly these files of rules/generated were written since
//	past DIR [KIND=START,LENGTH]...  writes two days of the shop's metrics as a TSDB directory, with incidents
//	tags DIR NAME=TIME...         makes a git repository with a tag for each name
func TestStories(t *testing.T) {
	rules := filepath.Join(t.TempDir(), "rules")
	if err := os.CopyFS(rules, os.DirFS("../../rules")); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(rules, "promrulegen.yaml")
	if code := run(t.Context(), streams{t.Output(), t.Output()}, []string{"generate", "--config", config}); code != exitYes {
		t.Fatalf("generate exits %d", code)
	}
	testscript.Run(t, testscript.Params{
		Dir:   "../../testdata/promrulegen",
		Setup: func(e *testscript.Env) error { return begin(e, rules) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"replace": replace, "fill": fill, "exits": exits, "untouched": untouched, "touched": touched, "past": past, "tags": tags,
		},
	})
}

type beginningKey struct{}

func begin(e *testscript.Env, rules string) error {
	if err := os.CopyFS(filepath.Join(e.WorkDir, "runbooks"), os.DirFS("../../testdata/runbooks")); err != nil {
		return err
	}
	folder := filepath.Join(e.WorkDir, "rules")
	if err := os.CopyFS(folder, os.DirFS(rules)); err != nil {
		return err
	}
	state, err := stateOf(filepath.Join(folder, "generated"))
	e.Values[beginningKey{}] = state
	return err
}

// stateOf is every file of a folder with what would show that it was touched: its content and its time.
func stateOf(folder string) (map[string]string, error) {
	state := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		state[filepath.Base(path)] = fmt.Sprintf("%x %v", sha256.Sum256(content), info.ModTime())
		return nil
	})
	return state, err
}

func touchedFiles(ts *testscript.TestScript) map[string]bool {
	before, ok := ts.Value(beginningKey{}).(map[string]string)
	if !ok || len(before) == 0 {
		ts.Fatalf("rules/generated was empty at the beginning")
	}
	after, err := stateOf(ts.MkAbs("rules/generated"))
	ts.Check(err)
	files := map[string]bool{}
	for name := range before {
		if after[name] != before[name] {
			files[name] = true
		}
	}
	for name := range after {
		if before[name] == "" {
			files[name] = true
		}
	}
	return files
}

func untouched(ts *testscript.TestScript, _ bool, _ []string) {
	if files := touchedFiles(ts); len(files) > 0 {
		ts.Fatalf("touched: %v", files)
	}
}

func touched(ts *testscript.TestScript, _ bool, want []string) {
	files := touchedFiles(ts)
	for _, name := range want {
		if !files[name] {
			ts.Fatalf("%s was not written; written were %v", name, files)
		}
	}
	if len(files) != len(want) {
		ts.Fatalf("written were %v, not only %v", files, want)
	}
}

func replace(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: replace FILE OLD NEW")
	}
	text := ts.ReadFile(args[0])
	lines := strings.NewReplacer(`\n`, "\n")
	from, to := lines.Replace(args[1]), lines.Replace(args[2])
	if n := strings.Count(text, from); n != 1 {
		ts.Fatalf("%q stands %d times in %s, not once", from, n, args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, from, to, 1)), 0o600))
}

func fill(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: fill FILE VALUES")
	}
	text, values := ts.ReadFile(args[0]), strings.Split(strings.TrimSpace(ts.ReadFile(args[1])), "\n")
	if n := strings.Count(text, "CHANGE_ME"); n != len(values) {
		ts.Fatalf("%d placeholders in %s, and %d values", n, args[0], len(values))
	}
	for _, value := range values {
		text = strings.Replace(text, "CHANGE_ME", value, 1)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		got = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}
