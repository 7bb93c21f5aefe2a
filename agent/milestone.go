package agent

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// reporter writes the documents that a reached milestone calls for. It may be called again for the same milestone after a crash, and then
// writes the same.
type reporter func(ctx context.Context, e *environment, c *release.Cutover, r release.Result) (release.Report, error)

// reach evaluates a milestone, once: its result and the moments that it rests on are one append, so that it is never before either. A crash
// before it costs evaluating it again, on the same moments.
func (t *attendant) reach(ctx context.Context, c *release.Cutover, m slo.Milestone) error {
	state := t.agent.journal.environment(t.e.name)
	r := c.Evaluate(m, alarms(state, c))
	_, err := t.agent.journal.append(ctx, t.noted(), note{environment: t.e.name, kind: rollback.MilestoneReached, author: self, body: r})
	crashpoint("milestone reached")
	if err != nil {
		return err
	}
	t.pending = release.Watched{}
	t.agent.log.Info("milestone reached", "environment", t.e.name, "cutover", c.ID, "milestone", r.Item, "verdict", r.Verdict, "late", r.Late)
	return nil
}

// alarms are the alerts that fired in the stretch that a milestone ends, in the order in which they began.
func alarms(state *rollback.Environment, c *release.Cutover) []release.Alarm {
	from, to := c.StretchFrom(), c.Observation.At
	var all []release.Alarm
	for _, e := range state.Episodes {
		f := e.Firing
		switch {
		case e.First.IsZero(), f.Labels["alertname"] == slo.Watchdog, f.Drill(), f.StartsAt.After(to):
			continue
		case !e.Open && !f.EndsAt.IsZero() && f.EndsAt.Before(from):
			continue
		}
		alarm := release.Alarm{Name: f.Labels["alertname"], SLO: f.Labels[slo.LabelSLO], Trigger: f.Labels[slo.LabelTrigger], From: f.StartsAt.UTC()}
		if !e.Open {
			alarm.To = f.EndsAt.UTC()
		}
		if d := e.Decision; d != nil {
			alarm.Decision = fmt.Sprintf("%s (%s)", d.Verdict, d.Reason)
		}
		all = append(all, alarm)
	}
	slices.SortFunc(all, func(a, b release.Alarm) int { return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Name, b.Name)) })
	return all
}

// reported has the documents of the first milestone written that has none. What cannot be written now is tried again, and keeps no row from
// being judged.
func (t *attendant) reported(ctx context.Context, c *release.Cutover) {
	if t.agent.report == nil || t.agent.now().Before(t.writing) {
		return
	}
	var err error
	switch {
	case c.Unwritten() != nil:
		err = t.agent.writeReport(ctx, t.e, c)
	case t.ended(c):
		err = t.agent.reportEnd(ctx, t.e, c)
	default:
		return
	}
	t.e.unwritten.Store(nil)
	if err != nil && ctx.Err() == nil {
		t.writing = t.agent.now().Add(proceedEvery)
		t.e.unwritten.Store(new(inOneLine(err)))
		t.agent.log.Warn("a report was not written, trying again", "environment", t.e.name, "in", proceedEvery, "err", err)
	}
}

// writeReport has the documents of the first milestone written that has none, and records it. A crash before the entry costs writing them again.
func (a *Agent) writeReport(ctx context.Context, e *environment, c *release.Cutover) error {
	r := *c.Unwritten()
	written, err := a.report(ctx, e, c, r)
	if err != nil {
		return fmt.Errorf("report milestone %s: %w", r.Item, err)
	}
	written.Item = r.Item
	_, err = a.journal.append(ctx, note{environment: e.name, kind: rollback.MilestoneReported, author: self, body: written})
	crashpoint("milestone reported")
	return err
}
