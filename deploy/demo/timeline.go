package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// timeline prints what happens, a line an event: since the start, and from the deployment on as T+.
type timeline struct {
	mu       sync.Mutex
	out      io.Writer
	zero     time.Time
	deployed bool
}

func newTimeline(out io.Writer) *timeline { return &timeline{out: out, zero: time.Now()} }

// deploy makes when the new zero.
func (t *timeline) deploy(when time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.zero, t.deployed = when, true
}

// at prints an event with the time it happened, which is not always the time it was seen.
func (t *timeline) at(when time.Time, event, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	elapsed := fmt.Sprintf("%.1fs", when.Sub(t.zero).Seconds())
	if t.deployed {
		elapsed = "T+" + elapsed
	}
	text := strings.ReplaceAll(strings.TrimSpace(fmt.Sprintf(format, args...)), "\n", "\n"+strings.Repeat(" ", 23))
	fmt.Fprintf(t.out, "%9s  %-10s  %s\n", elapsed, event, text)
}

// now prints an event that happens now.
func (t *timeline) now(event, format string, args ...any) { t.at(time.Now(), event, format, args...) }

// chapter prints a heading.
func (t *timeline) chapter(title string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, "\n%s\n", title)
}

// gist is what is shown of an answer.
type gist func(answer string) string

func whole(answer string) string { return answer }

// first is the first line: the sentence before its details, or an error before its hint.
func first(answer string) string {
	line, _, _ := strings.Cut(answer, "\n")
	return line
}

// last is the last line: the verdict after what led to it.
func last(answer string) string { return answer[strings.LastIndex(answer, "\n")+1:] }

// quote prints what somebody asked of a program and what it answered.
func (t *timeline) quote(who, asked, answered string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, "%19s $ %s\n", who, asked)
	for line := range strings.Lines(answered) {
		fmt.Fprintf(t.out, "%19s | %s\n", "", clipped(strings.TrimRight(line, " \n")))
	}
}

// clipped keeps a line of an answer on one line of a terminal.
func clipped(line string) string {
	const columns = 118
	if letters := []rune(line); len(letters) > columns {
		return string(letters[:columns-1]) + "…"
	}
	return line
}
