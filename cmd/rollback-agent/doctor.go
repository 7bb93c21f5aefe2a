package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/web"
)

// doctor declares the look at everything that a rollback would rest on.
func (c *cli) doctor(env streams) {
	cmd := c.ask("doctor", "Look at everything that a rollback would rest on, from the agent's machine, and say what to do about what is not as it should be. "+
		"Nothing that lasts is changed. Exits 0 if all is OK or WARN, 1 if anything is FAIL, 2 if anything else is UNKNOWN.", `  rollback-agent doctor
  rollback-agent doctor --drill
  rollback-agent doctor --environment checkout/production --output json`)
	drill := cmd.Flag("drill", "Send a drill alert through every Alertmanager as well: it must come to the agent, is recorded as a drill, and calls for nothing.").Bool()
	c.commands[cmd.FullCommand()] = func(ctx context.Context) error {
		ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		defer stop()
		return (&consultation{cli: c, env: env, drill: *drill}).run(ctx)
	}
}

// consultation is one examination as it is shown.
type consultation struct {
	*cli
	env   streams
	drill bool
	about string // the environment of the last finding
	begun bool
	dirty bool // a line that will be written over is on the terminal
	all   release.Examination
	ended bool
}

func (c *consultation) run(ctx context.Context) error {
	query := map[string]string{"environment": c.client.environment}
	if c.drill {
		query["drill"] = strconv.FormatBool(true)
	}
	err := c.client.exchange(ctx, http.MethodPost, withQuery("/api/v1/doctor", query), nil, c.follow)
	c.clear()
	if err != nil {
		return err
	}
	if done, err := c.printer.json(c.all); done {
		return errors.Join(err, c.verdict())
	}
	if !c.drill && c.ended {
		c.say("No alert was sent: --drill tries the way from Alertmanager to the agent, and to a decision.")
	}
	if c.ended && c.all.Health == release.Healthy {
		c.say("OK: " + c.all.String())
	}
	return c.verdict()
}

// follow shows each line of the answer as it comes.
func (c *consultation) follow(answer io.Reader) error {
	lines := json.NewDecoder(answer)
	for {
		var p web.Progress
		switch err := lines.Decode(&p); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return unable("the examination was cut off: "+cause(err), "ask again; what it made on the git remote is removed by the next one")
		}
		if p.Finding != nil {
			c.all.Add(*p.Finding)
		}
		c.ended = c.ended || p.End
		c.show(p)
	}
}

func (c *consultation) show(p web.Progress) {
	if c.printer.format == "json" {
		return
	}
	c.clear()
	if p.Finding != nil {
		c.finding(*p.Finding)
	}
	if p.Doing != "" && c.env.terminal() {
		fmt.Fprintf(c.env.out, "\r\x1b[K  … %s", web.Plain(p.Doing))
		c.dirty = true
	}
}

func (c *consultation) finding(f release.Finding) {
	if !c.begun || f.Environment != c.about {
		c.begun, c.about = true, f.Environment
		title := f.Environment
		if title == "" {
			title = "the agent"
		}
		c.say(title)
	}
	c.say(strings.TrimRight(fmt.Sprintf("  %-7s  %-20s  %s", f.Health, f.Check, oneLine(f.Seen)), " "))
	if f.Fix != "" {
		c.say("             fix: " + oneLine(f.Fix))
	}
}

func (c *consultation) say(line string) { fmt.Fprintln(c.env.out, web.Plain(line)) }

func (c *consultation) clear() {
	if c.dirty {
		fmt.Fprint(c.env.out, "\r\x1b[K")
		c.dirty = false
	}
}

// verdict is nil when all is as it should be, or nearly.
func (c *consultation) verdict() error {
	switch {
	case !c.ended:
		return unable("the examination was cut off after "+c.all.String(), "ask again; the agent's log may say why")
	case c.all.Health == release.Broken:
		return no("FAIL: "+c.all.String(), "")
	case c.all.Health != release.Healthy:
		return unable("UNKNOWN: "+c.all.String(), "")
	}
	return nil
}
