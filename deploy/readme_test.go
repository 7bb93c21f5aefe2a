package deploy_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// block is a fenced block of the README: its info string and its lines.
type block struct {
	info  string
	lines []string
	line  int // of the README, of its first line
}

func readmeBlocks(t *testing.T) []block {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []block
	var open *block
	for n, line := range strings.Split(string(text), "\n") {
		info, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && open == nil:
			open = &block{info: info, line: n + 2}
		case fence:
			blocks, open = append(blocks, *open), nil
		case open != nil:
			open.lines = append(open.lines, line)
		}
	}
	if len(blocks) == 0 {
		t.Fatal("the README has no blocks")
	}
	return blocks
}

// TestTheReadmeQuotesWhatThereIs: a block ```LANGUAGE FILE quotes FILE: each of its lines stands there, in this order; … leaves some out.
func TestTheReadmeQuotesWhatThereIs(t *testing.T) {
	quotes := 0
	for _, b := range readmeBlocks(t) {
		_, file, quoted := strings.Cut(b.info, " ")
		if !quoted {
			continue
		}
		quotes++
		text, err := os.ReadFile(filepath.Join("..", file))
		if err != nil {
			t.Errorf("README.md:%d: %v", b.line, err)
			continue
		}
		rest := strings.Split(string(text), "\n")
		for i, line := range b.lines {
			if strings.TrimSpace(line) == "…" || line == "" {
				continue
			}
			at := slices.IndexFunc(rest, func(l string) bool { return strings.TrimSpace(l) == strings.TrimSpace(line) })
			if at < 0 {
				t.Errorf("README.md:%d: %s does not say (there): %s", b.line+i, file, line)
				continue
			}
			rest = rest[at+1:]
		}
	}
	if quotes == 0 {
		t.Error("the README quotes no file")
	}
}

// TestTheReadmesCommandsDoWhatItShows runs every ```console block in a copy of what it speaks of: lines after "$ " are commands, the
// others what they print, … in them stands for anything. All blocks share the copy, so that they can tell one story.
func TestTheReadmesCommandsDoWhatItShows(t *testing.T) {
	world := newWorld(t)
	ran := 0
	for _, b := range readmeBlocks(t) {
		if b.info != "console" {
			continue
		}
		for _, c := range commandsOf(b) {
			ran++
			got, want := world.run(c.line), strings.TrimSpace(c.output)
			if !matches(want, got) {
				t.Errorf("README.md:%d: $ %s\nprints:\n%s\nthe README says:\n%s", c.at, c.line, got, want)
			}
		}
	}
	if ran == 0 {
		t.Error("the README shows no command")
	}
}

type shown struct {
	line, output string
	at           int
}

func commandsOf(b block) []shown {
	var all []shown
	for i, line := range b.lines {
		if command, yes := strings.CutPrefix(line, "$ "); yes {
			all = append(all, shown{line: command, at: b.line + i})
			continue
		}
		if len(all) > 0 {
			all[len(all)-1].output += line + "\n"
		}
	}
	return all
}

// matches compares line by line; … is any text within a line, and any lines when it stands alone.
func matches(want, got string) bool {
	pattern := regexp.QuoteMeta(want)
	pattern = regexp.MustCompile(`(?m)^…$`).ReplaceAllString(pattern, `(?s:.*)`)
	pattern = strings.ReplaceAll(pattern, "…", ".*")
	return regexp.MustCompile(`^` + pattern + `$`).MatchString(strings.TrimSpace(got))
}

// programs is the folder of our two programs, built once for all tests.
var programs string

func TestMain(m *testing.M) {
	var err error
	if programs, err = os.MkdirTemp("", "programs-"); err == nil {
		var out []byte
		if out, err = exec.Command("go", "build", "-o", programs, "../cmd/promrulegen", "../cmd/rollback-agent").CombinedOutput(); err == nil {
			code := m.Run()
			_ = os.RemoveAll(programs)
			os.Exit(code)
		}
		err = fmt.Errorf("%w\n%s", err, out)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}

// world is a folder with a copy of rules/, deploy/sample and testdata/runbooks, and a PATH with our two programs and Prometheus's tools.
type world struct {
	folder, path string
}

func newWorld(t *testing.T) world {
	t.Helper()
	w := world{folder: t.TempDir()}
	tools, err := filepath.Abs("../.tools/bin")
	if err != nil {
		t.Fatal(err)
	}
	w.path = strings.Join([]string{programs, os.Getenv("PATH"), tools}, string(os.PathListSeparator))
	for _, folder := range []string{"rules", "deploy/sample", "testdata/runbooks"} {
		if err := os.CopyFS(filepath.Join(w.folder, folder), os.DirFS(filepath.Join("..", folder))); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// run gives a line to the shell and returns what a terminal would show, with the exit status when it is not 0.
func (w world) run(line string) string {
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = w.folder
	cmd.Env = append(os.Environ(), "PATH="+w.path)
	out, err := cmd.CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil {
		text += fmt.Sprintf("\n[%v]", err)
	}
	return strings.TrimSpace(text)
}

// TestTheMakefileHasWhatTheReadmePromises: the two commands exist, and `make help` explains them.
func TestTheMakefileHasWhatTheReadmePromises(t *testing.T) {
	out, err := exec.Command("make", "-C", "..", "--no-print-directory", "help").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, target := range []string{"help", "build", "test", "check", "demo", "rules", "golden", "bench"} {
		if !regexp.MustCompile(`(?m)^  make ` + target + ` +\S`).Match(out) {
			t.Errorf("make help does not explain %s:\n%s", target, out)
		}
	}
}
