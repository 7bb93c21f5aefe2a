package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/web"
)

// How a preflight is watched. An agent that is being restarted is away for a moment, and then says what became of the run.
const (
	lookEvery  = 500 * time.Millisecond
	awayAtMost = 30 * time.Second
)

// rehearse declares the run of the gates, and the record of one.
func (c *cli) rehearse(env streams) {
	cmd := c.ask("preflight", "Run the plan's gates on a commit, in the agent's checkout of it, and watch; without a commit, watch or show the last run. "+
		"Exits 0 if all PASS, 1 if any FAIL, 2 if any is UNKNOWN.", `  rollback-agent preflight $(git rev-parse HEAD)
  rollback-agent preflight
  rollback-agent preflight --record $(git rev-parse HEAD) > rehearsal.md`)
	p := &watching{cli: c, env: env}
	commit := cmd.Arg("commit", "The commit, 40 hexadecimal digits; the remote must have it.").String()
	record := cmd.Flag("record", "Run nothing; print the record of the last run, of this commit if one is given, in Markdown.").Bool()
	detach := cmd.Flag("detach", "Do not watch: begin, and say the run's id.").Bool()
	c.commands[cmd.FullCommand()] = func(ctx context.Context) error {
		ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		defer stop()
		switch {
		case *record:
			return p.record(ctx, *commit)
		case *commit == "":
			return p.follow(ctx, "")
		case *detach:
			answer, err := c.client.do(ctx, release.Deed{Act: release.ActPreflight, Commit: *commit})
			if err != nil {
				return err
			}
			return c.printer.answer(answer)
		}
		return p.run(ctx, *commit)
	}
}

// watching is one preflight as it is shown.
type watching struct {
	*cli
	env   streams
	shown map[string]bool // gates
	ours  bool            // the heading over the agent's own
	width int             // of the gates' names
	dirty bool            // a line that will be written over is on the terminal
}

func (w *watching) record(ctx context.Context, commit string) error {
	r, err := w.look(ctx, map[string]string{"commit": commit})
	if err != nil {
		return err
	}
	if done, err := w.printer.json(r); done {
		return err
	}
	_, err = io.WriteString(w.env.out, web.Plain(r.Record))
	return err
}

func (w *watching) run(ctx context.Context, commit string) error {
	answer, err := w.client.do(ctx, release.Deed{Act: release.ActPreflight, Commit: commit})
	if err != nil {
		return err
	}
	return w.follow(ctx, answer.Facts["id"])
}

func (w *watching) look(ctx context.Context, query map[string]string) (web.Rehearsal, error) {
	var r web.Rehearsal
	query["environment"] = w.client.environment
	err := w.client.ask(ctx, "/api/v1/preflight", query, &r)
	return r, err
}

// follow shows a run, the last one unless an id is given, until it has ended. Whoever interrupts it stops watching, and nothing else.
func (w *watching) follow(ctx context.Context, id string) error {
	w.shown = map[string]bool{}
	seen := time.Now()
	for begun := false; ; {
		r, err := w.look(ctx, map[string]string{"id": id})
		switch {
		case ctx.Err() != nil:
			return w.stopped(id)
		case err != nil && (!begun || codeOf(err) != exitUnable || time.Since(seen) > awayAtMost):
			return err
		case err == nil:
			begun, id, seen = true, r.Preflight.ID, time.Now()
			w.show(r)
			if !r.Preflight.InHand() {
				return w.end(r)
			}
		}
		select {
		case <-ctx.Done():
			return w.stopped(id)
		case <-time.After(lookEvery):
		}
	}
}

func (w *watching) stopped(id string) error {
	w.clear()
	return unable("no longer watched: preflight "+id+" goes on in the agent", "rollback-agent preflight, without a commit, watches it again")
}

// show writes what is new; on a terminal also which gate is in hand.
func (w *watching) show(r web.Rehearsal) {
	if w.printer.format == "json" {
		return
	}
	if w.width == 0 {
		w.head(r)
	}
	w.clear()
	for _, g := range r.Preflight.Gates {
		if result, known := (release.Preflight{Results: r.Gates}).Result(g.ID); known {
			w.gate(g.ID, g.Name, result)
		} else if g.Manual && (len(r.Own) > 0 || !r.Preflight.InHand()) { // what is run has been
			w.waits(g, r.Preflight.Commit)
		}
	}
	for _, result := range r.Own {
		if !w.ours {
			w.say("gates of the agent's own")
			w.ours = true
		}
		w.gate(strings.TrimPrefix(result.Gate, release.OwnGate), "", result)
	}
	if r.Preflight.InHand() && r.Gate != "" && w.env.terminal() {
		fmt.Fprintf(w.env.out, "\r\x1b[K  %-8s  %-*s  running for %s", web.Plain(r.Gate), w.width, web.Plain(nameOf(r)), w.printer.now().Sub(r.Since).Truncate(time.Second))
		w.dirty = true
	}
}

// nameOf is the name of the gate in hand.
func nameOf(r web.Rehearsal) string {
	for _, g := range r.Preflight.Gates {
		if g.ID == r.Gate {
			return g.Name
		}
	}
	return "the agent's gates"
}

func (w *watching) head(r web.Rehearsal) {
	w.width = 20
	for _, g := range r.Preflight.Gates {
		w.width = max(w.width, min(len(g.Name), 50))
	}
	p := r.Preflight
	w.say(fmt.Sprintf("preflight %s of %s in %s: %d gates", p.ID, p.Commit, r.Environment, len(p.Gates)))
	if p.Logs != "" {
		w.say("  logs: " + p.Logs + " on the agent's machine")
	}
}

// gate writes a result once, with what was found unless it passed.
func (w *watching) gate(id, name string, r release.GateResult) {
	if w.shown[r.Gate] {
		return
	}
	w.shown[r.Gate] = true
	if name == "" {
		w.say(fmt.Sprintf("  %-20s  %-7s  %s", id, r.Verdict, r.Reason))
		return
	}
	w.say(strings.TrimRight(fmt.Sprintf("  %-8s  %-*s  %-7s  %s", id, w.width, name, r.Verdict, oneLine(r.Reason, r.Took)), " "))
	for line := range strings.Lines(r.Excerpt) {
		w.say("      " + strings.TrimRight(line, "\n"))
	}
}

// waits writes once whom a gate waits for.
func (w *watching) waits(g release.PlannedGate, commit string) {
	if !w.shown[g.ID] {
		w.shown[g.ID] = true
		w.say(fmt.Sprintf("  %-8s  %-*s  waits for %s: rollback-agent gates record %s PASS --commit %s", g.ID, w.width, g.Name, g.Owner, g.ID, commit))
	}
}

func (w *watching) say(line string) {
	fmt.Fprintln(w.env.out, web.Plain(line))
}

func (w *watching) clear() {
	if w.dirty {
		fmt.Fprint(w.env.out, "\r\x1b[K")
		w.dirty = false
	}
}

// terminal says whether somebody looks at what is written.
func (s streams) terminal() bool {
	f, ok := s.out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// end writes what waits for a person, and turns the verdict into the exit code.
func (w *watching) end(r web.Rehearsal) error {
	p := r.Preflight
	if done, err := w.printer.json(r); done {
		return errors.Join(err, verdictError(p))
	}
	w.say("the record: rollback-agent preflight --record " + p.Commit)
	if p.Verdict == release.Pass {
		w.say("PASS: " + p.Reason)
	}
	return verdictError(p)
}

// verdictError is nil for PASS.
func verdictError(p release.Preflight) error {
	switch p.Verdict {
	case release.Pass:
		return nil
	case release.Fail:
		return no("FAIL: "+p.Reason, "")
	}
	return unable("UNKNOWN: "+p.Reason, "")
}
