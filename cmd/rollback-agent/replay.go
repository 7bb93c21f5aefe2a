package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/coclai/cutover/agent"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/web"
	"github.com/coclai/cutover/generator/slo"
)

// replaying is `replay` with its flags.
type replaying struct {
	env                streams
	file, config, mode string
	format             string
	modes              map[string]string
}

func (c *cli) replay(env streams) {
	cmd := c.app.Command("replay", "Make every decision of a ledger again, from the evidence stored with it, also under other rules: what if?").
		HelpLong(`  rollback-agent replay /var/lib/rollback-agent/ledger.db
  rollback-agent replay ledger.db --max-mode auto --mode 4.1.2=auto
  rollback-agent replay ledger.db --config.file next.yaml`)
	c.commands[cmd.FullCommand()] = interruptible(replayFlags(cmd, env).run)
}

func replayFlags(cmd *kingpin.CmdClause, env streams) *replaying {
	r := &replaying{env: env, modes: map[string]string{}}
	cmd.Arg("file", whichLedger+" An agent may have it open.").Required().StringVar(&r.file)
	cmd.Flag("config.file", "Decide by this agent's file instead of the rules on record.").PlaceHolder("FILE").StringVar(&r.config)
	cmd.Flag("max-mode", "Decide as if max_mode were this.").PlaceHolder("MODE").EnumVar(&r.mode, "observe", "propose", "auto")
	cmd.Flag("mode", "Decide as if a trigger had this mode; may be repeated.").PlaceHolder("ITEM=MODE").StringMapVar(&r.modes)
	cmd.Flag("output", "text or json.").Default("text").EnumVar(&r.format, "text", "json")
	return r
}

// run says with its exit code whether the decisions came out as they had been. Where other rules were asked for, that is no question.
func (r *replaying) run(ctx context.Context) error {
	rules, err := r.rules()
	if err != nil {
		return err
	}
	book, err := openReader(ctx, r.file)
	if err != nil {
		return aboutLedger(err)
	}
	all, err := rollback.Repeat(book.Entries(ctx, 0), rules)
	if err = errors.Join(err, book.Close()); err != nil {
		return aboutLedger(err)
	}
	t := tally(r.file, all)
	if err := r.print(t); err != nil {
		return err
	}
	if len(t.Different) > 0 && !r.otherwise() {
		return no("the decisions do not come out as they had been", "was the ledger written by another version of this program?")
	}
	if t.Same+len(t.Different) == 0 && len(all) > 0 {
		return unable("no decision could be made again", "decisions of a version that stored no evidence cannot be repeated")
	}
	return nil
}

func (r *replaying) otherwise() bool { return r.config != "" || r.mode != "" || len(r.modes) > 0 }

// rules are those on record, or of the file, with the modes that were asked for.
func (r *replaying) rules() (rollback.Rules, error) {
	modes, err := r.parseModes()
	if err != nil {
		return nil, err
	}
	given := map[string]rollback.Rulebook{}
	if r.config != "" {
		c, err := load(r.config, r.env)
		if err != nil {
			return nil, err
		}
		for _, e := range c.Environments {
			given[e.Name()] = agent.RulesOf(c, e)
		}
	}
	return func(environment string, recorded *rollback.Rulebook) *rollback.Rulebook {
		book, named := given[environment]
		if !named && (recorded == nil || r.config != "") {
			return nil
		}
		if !named {
			book = *recorded
		}
		if r.mode != "" {
			book.Policy.MaxMode = slo.Mode(r.mode)
		}
		for item, mode := range modes {
			book, _ = book.With(item, mode) // another environment's plan need not have the item
		}
		return &book
	}, nil
}

func (r *replaying) parseModes() (map[string]slo.Mode, error) {
	modes := map[string]slo.Mode{}
	for item, text := range r.modes {
		mode := slo.Mode(text)
		if mode != slo.ModeObserve && mode != slo.ModePropose && mode != slo.ModeAuto {
			return nil, unable(fmt.Sprintf("--mode %s=%s: %q is no mode", item, text, text), "observe, propose or auto, as in --mode 4.1.2=auto")
		}
		modes[item] = mode
	}
	return modes, nil
}

// change is a decision that came out otherwise.
type change struct {
	Seq         int64             `json:"seq"`
	At          time.Time         `json:"at"`
	Environment string            `json:"environment"`
	Was         rollback.Decision `json:"was"`
	Is          rollback.Decision `json:"is"`
}

// replayed is what came of a replay.
type replayed struct {
	File      string         `json:"file"`
	Decisions int            `json:"decisions"`
	Same      int            `json:"same"`
	Different []change       `json:"different"`
	Cannot    map[string]int `json:"not_repeated,omitempty"` // why → how many
}

func tally(file string, all []rollback.Repetition) replayed {
	t := replayed{File: file, Decisions: len(all), Different: []change{}, Cannot: map[string]int{}}
	for _, one := range all {
		switch {
		case one.Cannot != "":
			t.Cannot[one.Cannot]++
		case one.Same():
			t.Same++
		default:
			t.Different = append(t.Different, change{one.Entry.Seq, one.Entry.At, one.Entry.Environment, one.Was, one.Is})
		}
	}
	return t
}

func (r *replaying) print(t replayed) error {
	p := &printer{out: r.env.out, format: r.format}
	if done, err := p.json(t); done {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d decisions made again: %d as they had been, %d otherwise\n", t.File, t.Decisions, t.Same, len(t.Different))
	for _, why := range slices.Sorted(maps.Keys(t.Cannot)) {
		fmt.Fprintf(&b, "  %d not repeated: %s\n", t.Cannot[why], why)
	}
	for _, c := range t.Different {
		fmt.Fprintf(&b, "%5d  %s  %s  trigger %s, %s\n", c.Seq, web.Moment(c.At), c.Environment, c.Was.Trigger, c.Was.SLO)
		fmt.Fprintf(&b, "       was %s (%s): %s\n", c.Was.Verdict, c.Was.Reason, c.Was.Text)
		fmt.Fprintf(&b, "       is  %s (%s): %s\n", c.Is.Verdict, c.Is.Reason, c.Is.Text)
	}
	return p.text(&b)
}
