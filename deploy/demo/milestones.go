package main

import (
	"context"
	"fmt"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// patience is how long after its time a milestone may come.
const patience = 2 * time.Minute

// observe waits for one milestone after the other, and does what each leaves to a person.
func (s *story) observe(ctx context.Context) error {
	for _, m := range s.plan.Milestones {
		due := s.forward.T0.Add(m.After.Std())
		ctx, stop := context.WithDeadlineCause(ctx, due.Add(patience), fmt.Errorf("not within %s of %s", patience, due.Format(time.TimeOnly)))
		err := s.milestone(ctx, m, due)
		stop()
		if err != nil {
			return fmt.Errorf("milestone %s: %w", m.Item, err)
		}
	}
	return nil
}

// milestone waits until one is reached, never early, with every row PASS; reads its report, and says so.
func (s *story) milestone(ctx context.Context, m slo.Milestone, due time.Time) error {
	entry, r, err := await(ctx, s.operator, rollback.MilestoneReached, func(r release.Result) bool { return r.Item == m.Item && r.At.After(s.forward.T0) })
	if err != nil {
		return err
	}
	if entry.At.Before(due) || r.Clock < m.After {
		return fmt.Errorf("it was reached at %s, its clock at %s; it is due at %s", entry.At, r.Clock, due)
	}
	if r.Verdict != release.Pass || len(r.Rows) != len(s.plan.SLOs) {
		return fmt.Errorf("it is %s with %d rows of %d: %v", r.Verdict, len(r.Rows), len(s.plan.SLOs), r.Asks)
	}
	drafts := map[string][]string{slo.DraftReleaseNotes: {"no division by zero coupons"}, slo.DraftBacklog: {"Backlog"}}
	file, err := s.reported(ctx, s.cutover, m.Item, append(drafts[m.Draft], "PASS")...)
	if err != nil {
		return err
	}
	s.line.at(entry.At, "milestone", "%s %s: %s, %d rows; %s", m.Item, m.Title, r.Verdict, len(r.Rows), file)
	if m.Needs == slo.NeedsJudgement {
		return nil // the numbers have judged
	}
	if _, err := s.operator.quietly(ctx, "kim", "cutover", "done", m.Item); err != nil {
		return err
	}
	s.line.now(map[string]string{slo.NeedsReading: "read", slo.NeedsAcceptance: "accepted"}[m.Needs], "by kim: rollback-agent cutover done %s", m.Item)
	return nil
}

// closed looks whether the last word has closed the cutover, with every item of the runbook done, and what was written about the whole.
func (s *story) closed(ctx context.Context) error {
	c, err := s.operator.cutover(ctx)
	if err != nil {
		return err
	}
	if c.ID != s.cutover.ID || c.Phase != release.Closed || c.Stop != nil {
		return fmt.Errorf("cutover %s is %s: %+v", c.ID, c.Phase, c.Stop)
	}
	items := c.Items()
	for _, i := range items {
		if i.State != release.ItemDone {
			return fmt.Errorf("item %s (%s) is %s", i.Item, i.What, i.State)
		}
	}
	file, err := s.reported(ctx, c, release.Whole)
	if err != nil {
		return err
	}
	if err := s.quiet(ctx); err != nil {
		return err
	}
	s.line.at(c.Ended.At, "closed", "%d items of the runbook are done, and nothing fires; the whole of it: %s", len(items), file)
	return s.showForward(ctx)
}
