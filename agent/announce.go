package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/notify"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// announced is how long the announcement stands in Alertmanager when it is sent once; while the cutover is open it is sent again and again.
const announced = time.Hour

// announce tells people of the window (3.3): an alert for information through the user's own Alertmanagers, and the chat's webhook if there is
// one. It is said when one of them has taken it and the chat, if any, too; until then it is tried again, or a person ticks it. A crash
// after the sending costs a second message to the chat.
func (a *Agent) announce(ctx context.Context, e *environment, state *rollback.Environment) (string, error) {
	c := state.Cutover
	a.mu.RLock()
	n := a.notifier
	a.mu.RUnlock()
	text := windowOf(e, state)
	err := n.Send(ctx, []notify.Page{a.announcement(e, state, a.now().Add(announced))})
	var missed *notify.Undelivered
	if err != nil && !(errors.As(err, &missed) && missed.Reached > 0) {
		return "", &release.Problem{Kind: release.Undecided, Message: "no Alertmanager took the announcement", Cause: err,
			Hint: "tell people yourself, and say so: rollback-agent cutover done " + c.Awaited(slo.StepAnnounce)}
	}
	crashpoint("cutover announcing")
	said := "through Alertmanager"
	if e.chat != nil {
		if err := e.chat.Post(ctx, notify.Message{At: a.now().UTC().Format(time.RFC3339), Subject: string(rollback.SubjectCutover), Severity: rollback.SeverityInfo, Service: e.plan.Service, Environment: e.plan.Environment, Title: "Cutover of " + e.name, Text: text, Cutover: c.ID, Commit: c.Commit, Tag: state.Pin.Name()}); err != nil {
			err = errors.New(e.redact(err.Error())) // it may have answered with its address, which is a secret
			return "", &release.Problem{Kind: release.Undecided, Message: "the chat did not take the announcement", Cause: err,
				Hint: "tell people yourself, and say so: rollback-agent cutover done " + c.Awaited(slo.StepAnnounce)}
		}
		said += " and the chat"
	}
	return "announced " + said, nil
}

// announcement is the alert that tells of an open cutover. It pages nobody: its severity is info.
func (a *Agent) announcement(e *environment, state *rollback.Environment, until time.Time) notify.Page {
	return notify.Page{Name: "RollbackAgentCutover", Severity: rollback.SeverityInfo, Summary: windowOf(e, state), Since: state.Cutover.Started, Until: until,
		Labels: placeOf(e)}
}

// windowOf says what people should know about a cutover.
func windowOf(e *environment, state *rollback.Environment) string {
	c, parts := state.Cutover, []string{}
	for _, m := range c.Course.Milestones {
		parts = append(parts, "T+"+m.After.String())
	}
	back := ""
	if state.Pin != nil {
		back = "; it can go back to " + state.Pin.Name()
	}
	return fmt.Sprintf("cutover %s of %s to %s, by %s%s; observed after the deploy, milestones at %s", c.ID, e.name, short(c.Commit), c.By, back, strings.Join(parts, ", "))
}

// callsOfCutover are the pages of an open cutover: that it is open, that it does not go on, that a milestone waits for a person. Only the two
// last wake anybody, and what is to be read or accepted can wait until morning.
func (a *Agent) callsOfCutover(e *environment, state *rollback.Environment, now time.Time) []notify.Page {
	c := state.Cutover
	if !c.Open() {
		return nil
	}
	var pages []notify.Page
	if c.Awaited(slo.StepAnnounce) == "" {
		pages = append(pages, a.announcement(e, state, now.Add(pageLasts)))
	}
	page := func(name, severity, text string, since time.Time) {
		pages = append(pages, notify.Page{Name: name, Severity: severity, Summary: text, Since: since, Until: now.Add(pageLasts), Labels: placeOf(e)})
	}
	if s := c.Stop; s != nil {
		page("RollbackAgentCutoverStopped", slo.SeverityPage, fmt.Sprintf("cutover %s does not go on (%s): %s", c.ID, s.Reason, s.Text), s.Since)
	}
	for _, r := range c.Reached {
		if r.Settled == nil {
			page("RollbackAgentMilestone", severityOf(r), fmt.Sprintf("cutover %s, milestone %s (T+%s) is %s: %s", c.ID, r.Item, r.After, r.Verdict, strings.Join(r.Asks, "; ")), r.At)
			break // one after the other: they would be the same page
		}
	}
	return pages
}

func placeOf(e *environment) map[string]string {
	return map[string]string{slo.LabelService: e.plan.Service, slo.LabelEnvironment: e.plan.Environment}
}

// severityOf is whether a milestone wakes somebody: only if something is to be judged.
func severityOf(r release.Result) string {
	if r.Verdict != release.Pass || r.Needs == slo.NeedsJudgement {
		return slo.SeverityPage
	}
	return slo.SeverityTicket
}
