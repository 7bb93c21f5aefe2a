package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/web"
)

// conduct declares the cutover as a whole, which does what the single deeds do, in the runbook's order.
func (c *cli) conduct() {
	all := c.app.Command("cutover", "A release from its gates to its last milestone, by the runbook.")
	start := c.under(all, "start", "Begin: refused unless every gate passed for this commit; captures baselines, tags, checks again, announces, and waits for the deploy.",
		`  rollback-agent preflight $(git rev-parse main) && rollback-agent cutover start $(git rev-parse main)`)
	commit := start.Arg("commit", "The one commit that may be deployed, 40 hexadecimal digits.").Required().String()
	c.deed(start, func() release.Deed { return release.Deed{Act: release.ActStart, Commit: *commit} })

	status := c.under(all, "status", "Show how far the cutover is: every item of the runbook, the clock, the rows, and what waits for a person.",
		`  rollback-agent cutover status
  rollback-agent cutover status --output json`)
	c.commands[status.FullCommand()] = c.cutoverStatus

	done := c.under(all, "done", "Say that an item is done, read or accepted: what the runbook leaves to persons, and milestones.",
		`  rollback-agent cutover done 6.2
  rollback-agent cutover done 6.1 --note 'the one slow minute was the cache filling'`)
	item := done.Arg("item", "The item's number in the runbook.").Required().String()
	said := done.Flag("note", "What is to be known about it; needed for a milestone that did not pass.").String()
	c.deed(done, func() release.Deed { return release.Deed{Act: release.ActDone, Item: *item, Reason: *said} })
	c.conductBrakes(all)
}

// conductBrakes declares what stops a cutover.
func (c *cli) conductBrakes(all *kingpin.CmdClause) {
	hold := c.under(all, "hold", "Stop the clock until somebody resumes; triggers stay armed.", `  rollback-agent cutover hold --reason 'the load balancer is being changed'`)
	why := hold.Flag("reason", "Why, for those who come after.").Required().String()
	c.deed(hold, func() release.Deed { return release.Deed{Act: release.ActPause, Reason: *why} })

	resume := c.under(all, "resume", "Let the cutover go on where it stood.", `  rollback-agent cutover resume`)
	because := resume.Flag("reason", "Why.").String()
	c.deed(resume, func() release.Deed { return release.Deed{Act: release.ActProceed, Reason: *because} })

	abort := c.under(all, "abort", "End the cutover. Nothing is undone: the tag stays, and what is deployed stays.", `  rollback-agent cutover abort --reason 'the vendor is down tonight'`)
	cause := abort.Flag("reason", "Why, for those who come after.").Required().String()
	c.deed(abort, func() release.Deed { return release.Deed{Act: release.ActAbort, Reason: *cause} })
}

// course is what `cutover status --output json` prints.
type course struct {
	Environment string           `json:"environment"`
	Cutover     *release.Cutover `json:"cutover"`
	Items       []release.Item   `json:"items"`
}

func (c *cli) cutoverStatus(ctx context.Context) error {
	var answer web.Status
	if err := c.client.ask(ctx, "/api/v1/state", nil, &answer); err != nil {
		return err
	}
	e, err := only(answer.State, c.client.environment)
	if err != nil {
		return err
	}
	if e.Cutover == nil {
		return no("no cutover of "+e.Name+" was ever started", "rollback-agent cutover start COMMIT")
	}
	if done, err := c.printer.json(course{e.Name, e.Cutover, e.Items()}); done {
		return err
	}
	var b strings.Builder
	for n, text := range web.Conducted(e, c.printer.now()) {
		line(&b, map[bool]string{true: "cutover"}[n == 0], text)
	}
	for _, ask := range web.Asked(e) {
		line(&b, "decide", ask)
	}
	for _, i := range e.Items() {
		fmt.Fprintln(&b, "  "+strings.ReplaceAll(web.ItemLine(i), "\n", " "))
	}
	for _, r := range web.Reports(e) {
		line(&b, "report", web.ReportLine(r))
	}
	for _, row := range web.Observed(e) {
		line(&b, "row", row)
	}
	return c.printer.text(&b)
}

// only finds the environment that is named; none need be when there is one.
func only(s rollback.State, name string) (*rollback.Environment, error) {
	names := slices.Sorted(maps.Keys(s.Environments))
	if name == "" && len(names) == 1 {
		name = names[0]
	}
	if e := s.Environments[name]; e != nil {
		return e, nil
	}
	return nil, no(fmt.Sprintf("the agent knows no environment %q", name), "name one with --environment: "+strings.Join(names, ", "))
}
