package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTheWholeStoryHappens is the end-to-end test of the product: `make demo` until everything has happened, on real parts, and 48 hours in
// half the time.
func TestTheWholeStoryHappens(t *testing.T) {
	t.Setenv("TMPDIR", openFolder(t))
	ctx, cancel := context.WithTimeout(t.Context(), 9*time.Minute)
	defer cancel()
	var out bytes.Buffer
	if code := run(ctx, []string{"--once", "--speed", "5760"}, &out); code != 0 {
		t.Fatalf("the demo ended with %d:\n%s", code, out.String())
	}
	t.Log(out.String())
	inOrder(t, out.String(), "compiled", "running", "healthy", "doctor --drill", "OK: ", "preflight", "PASS: 13 of 13 gates", "cutover start", "tag (3.1)", "recheck (3.2)", "announce (3.3)",
		"may be deployed", "T0 is", "crossing", "firing", "received", "decided", "locked", "prepared", "pushed", "healthy", "verified", "classified",
		"one rollback commit", "refused: production is locked", "is locked since", "reported", "rca", "a second person must agree", "open again",
		"is the content that incident", "PASS: 13 of 13 gates", "cutover start", "T0 is", "6.1", "T+15s.html", "6.2", "read", "6.3", "accepted", "6.4", "accepted", "closed")
	if lines := strings.Count(out.String(), "\n"); lines > 82 {
		t.Errorf("the story has %d lines, more than a screen and a half", lines)
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) > 0 {
		t.Errorf("the demo left behind: %v %v", left, err)
	}
}

// TestTheMilestonesComeAsSoonAsSpeedSays, in the order of the runbook, and none before there is anything to judge.
func TestTheMilestonesComeAsSoonAsSpeedSays(t *testing.T) {
	for _, test := range []struct {
		speed pace
		want  moments
	}{
		{1, moments{"30m", "2h", "24h", "48h"}},
		{1.5, moments{"20m", "80m", "16h", "32h"}},
		{100, moments{"18s", "72s", "14m", "29m"}},
		{fastMotion, moments{"15s", "20s", "30s", "1m"}},
		{1e9, moments{"15s", "20s", "25s", "30s"}},
	} {
		if got := test.speed.moments(); got != test.want {
			t.Errorf("at --speed %v: %v, want %v", float64(test.speed), got, test.want)
		}
	}
	for _, wrong := range []string{"0", "0.5", "-1", "NaN"} {
		if code := run(t.Context(), []string{"--once", "--speed=" + wrong}, io.Discard); code != 2 {
			t.Errorf("--speed %s ended with %d, want 2", wrong, code)
		}
	}
}

// TestInRealTimeTheRunbookIsTheReferences: at --speed 1 the demo's runbook observes for as long, and has the milestones, that rules/ says.
func TestInRealTimeTheRunbookIsTheReferences(t *testing.T) {
	to := filepath.Join(t.TempDir(), "runbook.md")
	if err := writeTemplate("runbook.md", to, settings{Moments: pace(1).moments()}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	reference, err := os.ReadFile("../../rules/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	inOrder(t, string(text), "Observe intensively for 30m", "Move to 24h of stabilization")
	inOrder(t, string(reference), "Observe intensively for 30 minutes", "stabilisation for 24 hours")
	times := regexp.MustCompile(`(?m)^\d\. (T\+\w+):`)
	if got, want := times.FindAllString(string(text), -1), times.FindAllString(string(reference), -1); len(want) != 4 || !slices.Equal(got, want) {
		t.Errorf("milestones %q, want %q", got, want)
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
	if code := play(t.Context(), &out, options{once: true, speed: fastMotion}, impossible); code != 1 {
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
	if code := play(ctx, &out, options{once: true, speed: fastMotion}, middle); code != 1 {
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
	if code := play(ctx, out, options{speed: fastMotion}, nil); code != 0 {
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
