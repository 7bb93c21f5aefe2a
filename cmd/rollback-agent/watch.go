package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/coclai/cutover/agent/web"
)

const (
	watchEvery   = time.Second
	watchEntries = "100" // of those since the last look; what is more is counted
)

// Control sequences of every terminal since the VT220 (xterm, ctlseqs): another screen without a cursor, on which long lines are cut rather
// than folded; and back to the one before.
const (
	screenOn  = "\x1b[?1049h\x1b[?25l\x1b[?7l"
	screenOff = "\x1b[?7h\x1b[?25h\x1b[?1049l"
)

// watch shows the status until Ctrl-C: on a terminal redrawn whenever it or the window changes, elsewhere as lines that are added.
type watch struct {
	client *client
	format string
	now    func() time.Time
	out    io.Writer
	screen *os.File // nil when out is no terminal
}

func newWatch(c *cli, env streams) *watch {
	w := &watch{client: c.client, format: c.printer.format, now: c.printer.now, out: env.out}
	if f, ok := env.out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		w.screen = f
	}
	return w
}

// run watches until ctx ends or a signal comes, which is how a watch ends well. An agent that cannot be reached at first is an error; one that
// goes away later is waited for.
func (w *watch) run(ctx context.Context) error {
	if w.format == "json" {
		return unable("a status that is watched is text", "`rollback-agent status --output json` gives one status")
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	first, err := w.look(ctx)
	if err != nil {
		return err
	}
	if w.screen == nil {
		return w.lines(ctx, first)
	}
	return w.redraw(ctx, first)
}

func (w *watch) look(ctx context.Context) (web.Status, error) {
	var s web.Status
	err := w.client.ask(ctx, "/api/v1/state", map[string]string{"rows": "true"}, &s)
	return s, err
}

// text is the status as it is printed once.
func (w *watch) text(s web.Status) (string, error) {
	var b strings.Builder
	err := (&printer{out: &b, now: w.now}).status(s, w.client.environment)
	return b.String(), err
}

// redraw keeps a screen of its own up to date, and gives the one before it back.
func (w *watch) redraw(ctx context.Context, s web.Status) error {
	if _, err := io.WriteString(w.out, screenOn); err != nil {
		return err
	}
	defer func() { _, _ = io.WriteString(w.out, screenOff) }()
	shown, trouble := "", ""
	for {
		text, err := w.text(s)
		if err != nil {
			return err
		}
		_, height, err := term.GetSize(int(w.screen.Fd()))
		if err != nil {
			height = 24
		}
		if frame := framed(trouble+text, height); frame != shown {
			shown = frame
			if _, err := io.WriteString(w.out, frame); err != nil {
				return err
			}
		}
		if !sleep(ctx, watchEvery) {
			return nil
		}
		trouble = ""
		if next, err := w.look(ctx); err == nil {
			s = next
		} else if ctx.Err() == nil {
			trouble = web.Plain("OUT OF DATE: " + firstLine(err) + "\n")
		}
	}
}

// framed is a text that replaces what a screen of this height shows.
func framed(text string, height int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if height > 1 && len(lines) > height {
		lines = append(lines[:height-1:height-1], fmt.Sprintf("… %d more lines: rollback-agent status", len(lines)-height+1))
	}
	return "\x1b[H" + strings.Join(lines, "\x1b[K\r\n") + "\x1b[K\x1b[J"
}

// lines prints the status once, and then a line for each entry of the ledger and for whatever else changes.
func (w *watch) lines(ctx context.Context, s web.Status) error {
	text, err := w.text(s)
	if err != nil {
		return err
	}
	for {
		if _, err := io.WriteString(w.out, text); err != nil {
			return err
		}
		if !sleep(ctx, watchEvery) {
			return nil
		}
		if text, s = w.changes(ctx, s); ctx.Err() != nil {
			return nil
		}
	}
}

// changes are what is new since a status, a line each, and the status now.
func (w *watch) changes(ctx context.Context, before web.Status) (string, web.Status) {
	var b strings.Builder
	now, err := w.look(ctx)
	if err != nil {
		if before.Ready == firstLine(err) {
			return "", before
		}
		before.Ready = firstLine(err)
		return web.Plain("out of reach: " + before.Ready + "\n"), before
	}
	if now.Ready != before.Ready {
		fmt.Fprintf(&b, "not ready: %s\n", orNot(now.Ready))
	}
	if !slices.Equal(now.Degraded, before.Degraded) {
		fmt.Fprintf(&b, "degraded: %s\n", orNot(strings.Join(now.Degraded, "; ")))
	}
	for _, name := range slices.Sorted(maps.Keys(now.Rows)) {
		for n, r := range now.Rows[name] {
			if old := before.Rows[name]; n >= len(old) || old[n].Verdict != r.Verdict {
				fmt.Fprintf(&b, "row  %s  %s\n", name, rowLine(r))
			}
		}
	}
	b.WriteString(w.entries(ctx, before, now))
	return web.Plain(b.String()), now
}

// entries are those of the ledger since a status, the oldest first.
func (w *watch) entries(ctx context.Context, before, now web.Status) string {
	if now.State.Seq == before.State.Seq {
		return ""
	}
	var h web.History
	if err := w.client.ask(ctx, "/api/v1/history", map[string]string{"environment": w.client.environment, "limit": watchEntries}, &h); err != nil {
		return ""
	}
	var b strings.Builder
	for _, e := range slices.Backward(h.Entries) {
		if e.Seq > before.State.Seq && e.Seq <= now.State.Seq {
			b.WriteString(entryLine(e))
		}
	}
	return b.String()
}

func orNot(text string) string {
	if text == "" {
		return "no longer"
	}
	return text
}

func firstLine(err error) string {
	if f, ok := errors.AsType[*failure](err); ok {
		return f.message
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return first
}

// sleep waits, and says whether it was not interrupted.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
