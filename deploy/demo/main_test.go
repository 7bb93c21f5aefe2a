package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTheWholeStoryHappens is the end-to-end test of the product: `make demo` until everything has happened, on real parts.
func TestTheWholeStoryHappens(t *testing.T) {
	t.Setenv("TMPDIR", openFolder(t))
	ctx, cancel := context.WithTimeout(t.Context(), 9*time.Minute)
	defer cancel()
	var out bytes.Buffer
	if code := run(ctx, []string{"--once"}, &out); code != 0 {
		t.Fatalf("the demo ended with %d:\n%s", code, out.String())
	}
	t.Log(out.String())
	inOrder(t, out.String(), "compiled", "running", "healthy", "stable", "baseline", "gate", "deployed", "crossing", "firing", "received",
		"decided", "locked", "prepared", "pushed", "healthy", "verified", "classified", "one rollback commit", "refused: production is locked",
		"refused", "open again", "deployed", "healthy")
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) > 0 {
		t.Errorf("the demo left behind: %v %v", left, err)
	}
}

// openFolder is a temporary folder that everybody may pass through: gates run as an unprivileged user when the tests run as root.
func openFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for _, f := range []string{folder, filepath.Dir(folder)} {
		if err := os.Chmod(f, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// inOrder fails unless each word stands after the one before it.
func inOrder(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		_, after, found := strings.Cut(text, word)
		if !found {
			t.Fatalf("%q is not in the rest of the story:\n%s", word, text)
		}
		text = after
	}
}

// TestAStoryThatCannotHappenFails: the demo must say which step did not happen, and by when it should have.
func TestAStoryThatCannotHappenFails(t *testing.T) {
	impossible := append(slices.Clone(steps[1:2]), step{"the impossible", time.Second, func(s *story, ctx context.Context) error {
		return until(ctx, "the impossible", func() (bool, error) { return false, nil })
	}})
	t.Setenv("TMPDIR", openFolder(t))
	var out bytes.Buffer
	if code := play(t.Context(), &out, true, impossible); code != 1 {
		t.Fatalf("the demo ended with %d, want 1:\n%s", code, out.String())
	}
	want := regexp.MustCompile(`This did not happen: step "the impossible": waited for the impossible: not within 1s`)
	if !want.MatchString(out.String()) {
		t.Errorf("no line matches %s:\n%s", want, out.String())
	}
}

// TestCtrlCRemovesEverything ends the story in its middle.
func TestCtrlCRemovesEverything(t *testing.T) {
	t.Setenv("TMPDIR", openFolder(t))
	ctx, cancel := context.WithCancel(t.Context())
	var child *process
	middle := []step{{"a program runs", time.Minute, func(s *story, ctx context.Context) error {
		if err := s.run("sleep", "sleep", "600"); err != nil {
			return err
		}
		child = s.running[0]
		cancel()
		return until(ctx, "nothing", func() (bool, error) { return false, nil })
	}}}
	var out bytes.Buffer
	if code := play(ctx, &out, true, middle); code != 1 {
		t.Fatalf("the demo ended with %d, want 1:\n%s", code, out.String())
	}
	if child.cmd.ProcessState == nil {
		t.Error("the program is still running")
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) > 0 {
		t.Errorf("the demo left behind: %v %v", left, err)
	}
}

// TestEverythingRunsUntilCtrlC: after the story the demo shows where to look, and waits.
func TestEverythingRunsUntilCtrlC(t *testing.T) {
	t.Setenv("TMPDIR", openFolder(t))
	ctx, cancel := context.WithCancel(t.Context())
	out := &lines{seen: func(text string) {
		if strings.Contains(text, "until you press Ctrl-C") {
			cancel()
		}
	}}
	if code := play(ctx, out, false, nil); code != 0 {
		t.Errorf("the demo ended with %d, want 0", code)
	}
	if ctx.Err() == nil {
		t.Error("it ended before Ctrl-C")
	}
}

// lines calls seen with each text that is written.
type lines struct{ seen func(string) }

func (l *lines) Write(p []byte) (int, error) {
	l.seen(string(p))
	return len(p), nil
}
