package main

import (
	"context"

	"github.com/coclai/cutover/agent/release"
)

// answers declares what persons say to what the agent proposes or does.
func (c *cli) answers() {
	approve := c.ask("approve", "Say yes to a rollback that is proposed.", `  rollback-agent approve inc-20260301T020000Z-bbbbbbbb
  rollback-agent approve alertmanager/4f6a9e0c2b7d1835`)
	of := approve.Arg("incident", "The incident, or the alert, as the page and `status` name it.").Required().String()
	c.deed(approve, func() release.Deed { return release.Deed{Act: release.ActApprove, Incident: *of} })

	cancel := c.ask("cancel", "Say no to a rollback that is proposed, or stop one before its push.",
		`  rollback-agent cancel inc-20260301T020000Z-bbbbbbbb --reason 'the load test did that'`)
	named := cancel.Arg("incident", "The incident, or the alert, as the page and `status` name it.").Required().String()
	reason := cancel.Flag("reason", "Why, for those who come after.").Required().String()
	c.deed(cancel, func() release.Deed { return release.Deed{Act: release.ActCancel, Incident: *named, Reason: *reason} })
}

// brakes declares what keeps the agent from acting.
func (c *cli) brakes() {
	hold := c.ask("hold", "Roll back nothing without a person, for a while: what fires is proposed.", `  rollback-agent hold --for 2h --reason 'load test until six'`)
	lasts := hold.Flag("for", "How long, at most 7d; no hold is for ever.").Default("4h").String()
	reason := hold.Flag("reason", "Why, for those who come after.").Required().String()
	c.deed(hold, func() release.Deed { return release.Deed{Act: release.ActHold, For: *lasts, Reason: *reason} })

	resume := c.ask("resume", "End a hold before its time.", `  rollback-agent resume`)
	why := resume.Flag("reason", "Why.").String()
	c.deed(resume, func() release.Deed { return release.Deed{Act: release.ActResume, Reason: *why} })

	kill := c.app.Command("kill-switch", "Stop the agent from acting at all: it decides and records.")
	on := c.under(kill, "on", "Act on nothing, until it is turned off.", `  rollback-agent kill-switch on --reason 'the branch is being rewritten by hand'`)
	because := on.Flag("reason", "Why, for those who come after.").Required().String()
	c.deed(on, func() release.Deed { return release.Deed{Act: release.ActKill, Reason: *because} })
	off := c.under(kill, "off", "Act again.", `  rollback-agent kill-switch off`)
	done := off.Flag("reason", "Why.").String()
	c.deed(off, func() release.Deed { return release.Deed{Act: release.ActRevive, Reason: *done} })
}

// causes declares the two steps that open a lock, each by another person, and the one that needs nobody else.
func (c *cli) causes() {
	rca := c.ask("rca", "Submit the root cause of an incident; then somebody else can open the lock.",
		`  rollback-agent rca inc-20260301T020000Z-bbbbbbbb --link https://wiki.example.org/INC-1234
  rollback-agent rca --text 'a migration dropped an index'`)
	of := rca.Arg("incident", "The incident; that of the lock unless given.").String()
	text := rca.Flag("text", "What went wrong, for those who come after.").String()
	link := rca.Flag("link", "Where the analysis is.").String()
	c.deed(rca, func() release.Deed {
		return release.Deed{Act: release.ActRCA, Incident: *of, Cause: *text, Link: *link}
	})

	unlock := c.ask("unlock", "Open the lock of a rollback whose cause somebody else has submitted.",
		`  rollback-agent unlock inc-20260301T020000Z-bbbbbbbb
  rollback-agent unlock --exonerate
  rollback-agent unlock --break-glass 'kim cannot be reached, and the fix cannot wait'`)
	which := unlock.Arg("incident", "The incident; that of the lock unless given.").String()
	innocent := unlock.Flag("exonerate", "What was rolled back was not at fault, and may be deployed again.").Bool()
	glass := unlock.Flag("break-glass", "Open it alone and without an analysis, for this reason; recorded and paged.").String()
	c.commands[unlock.FullCommand()] = func(ctx context.Context) error {
		deed := release.Deed{Act: release.ActUnlock, Incident: *which, Exonerate: *innocent}
		if *glass != "" {
			deed.Act, deed.Reason = release.ActBreak, *glass
		}
		answer, err := c.client.do(ctx, deed)
		if err != nil {
			return err
		}
		return c.printer.answer(answer)
	}
}
