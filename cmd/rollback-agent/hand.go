package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"golang.org/x/term"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/web"
)

// hand declares the rollback that a person makes.
func (c *cli) hand(env streams) {
	cmd := c.ask("rollback", "Put the deploy branch back to a stable tag, by hand: shows what would change, asks, does it, and says how to undo it.",
		`  rollback-agent rollback --dry-run
  rollback-agent rollback --to pre-bigbang-cutover-20260301 --reason 'checkout answers 500 since the release'
  rollback-agent rollback --to stable-7 --paths services/checkout,services/cart`)
	h := &byHand{cli: c, env: env}
	cmd.Flag("to", "The tag; the last stable one before the tip unless given.").StringVar(&h.tag)
	paths := cmd.Flag("paths", "Put only these back, with commas between them; all that the agent's file names unless given.").String()
	cmd.Flag("reason", "Why, for the commit and the ledger.").StringVar(&h.reason)
	cmd.Flag("dry-run", "Show what would change, and change nothing.").BoolVar(&h.dryRun)
	cmd.Flag("yes", "Do not ask: for scripts.").BoolVar(&h.yes)
	c.commands[cmd.FullCommand()] = func(ctx context.Context) error {
		if *paths != "" {
			h.paths = strings.Split(*paths, ",")
		}
		return h.run(ctx)
	}
}

// byHand is one rollback by hand.
type byHand struct {
	*cli
	env         streams
	tag, reason string
	paths       []string
	dryRun, yes bool
}

// run looks first and then acts on exactly what was shown: the tag and the tip of the preview go with the deed, so that a branch or a last
// stable tag that changes in between is a no, and not another rollback.
func (h *byHand) run(ctx context.Context) error {
	if !h.dryRun && !h.yes && !h.terminal() {
		return unable("there is no terminal to ask at, so nothing was done", "look with --dry-run, then say --yes")
	}
	shown, err := h.client.do(ctx, release.Deed{Act: release.ActPreview, Tag: h.tag, Paths: h.paths})
	if err != nil {
		return err
	}
	if h.dryRun {
		return h.printer.answer(shown)
	}
	if !h.yes && !h.confirmed(shown) {
		return no("nothing was done", "")
	}
	done, err := h.client.do(ctx, release.Deed{Act: release.ActRollback, Tag: shown.Facts["target"], Commit: shown.Facts["target_commit"],
		Paths: h.paths, Tip: shown.Facts["tip"], Reason: h.reason})
	if err != nil {
		return err
	}
	return h.printer.answer(done)
}

func (h *byHand) terminal() bool {
	return h.env.in != nil && term.IsTerminal(int(h.env.in.Fd()))
}

// confirmed shows what would change and asks. Only the whole word is a yes.
func (h *byHand) confirmed(shown release.Answer) bool {
	fmt.Fprintln(h.env.err, web.Plain(shown.Message))
	for _, line := range shown.Details {
		fmt.Fprintln(h.env.err, web.Plain("  "+line))
	}
	fmt.Fprint(h.env.err, "Redeployment is refused afterwards until the cause is known. Type yes to go on: ")
	answer, err := bufio.NewReader(h.env.in).ReadString('\n')
	return err == nil && strings.TrimSpace(answer) == "yes"
}
