package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

func (s *story) crossBound(ctx context.Context) error {
	bound := s.row.Alert.Value.Float()
	value, err := s.observer.holds(ctx, s.row.Value, func(ratio float64) bool { return ratio > bound })
	if err != nil {
		return err
	}
	s.line.now("crossing", "%s of the requests fail, more than %s over %s", percent(value), percent(bound), s.row.Alert.Window)
	return nil
}

func (s *story) fire(ctx context.Context) (err error) {
	name := slo.AlertName(s.plan.Service, s.row.ID)
	if s.alert, err = s.observer.firing(ctx, name); err != nil {
		return err
	}
	s.line.at(s.alert.StartsAt, "firing", "%s, for trigger %s of the runbook (rollback=%s)", name, s.alert.Labels[slo.LabelTrigger], s.alert.Labels[slo.LabelRollback])
	return nil
}

func (s *story) receive(ctx context.Context) error {
	entry, delivery, err := await(ctx, s.operator, rollback.AlertsReceived, func(d rollback.Delivery) bool {
		return len(d.Firings) > 0 && d.Firings[0].Status == "firing" && d.Firings[0].Labels["alertname"] == s.alert.Labels["alertname"]
	})
	if err != nil {
		return err
	}
	s.line.at(entry.At, "received", "from %s; on disk, entry %d of the ledger, before Alertmanager had its answer", delivery.Source, entry.Seq)
	return nil
}

// decide waits for the decision and the lock, which must be one append.
func (s *story) decide(ctx context.Context) error {
	decided, d, err := await(ctx, s.operator, rollback.Decided, func(d rollback.Decision) bool { return d.Verdict == rollback.Rollback })
	if err != nil {
		return err
	}
	locked, _, err := await(ctx, s.operator, rollback.LockSet, func(l rollback.Lock) bool { return l.Release == s.bad })
	if err != nil {
		return err
	}
	if locked.Seq != decided.Seq+1 {
		return fmt.Errorf("decision %d and lock %d are not one append", decided.Seq, locked.Seq)
	}
	why, _, _ := strings.Cut(d.Text, "; the tip") // what is at which commit stands in the ledger
	s.line.at(decided.At, "decided", "%s (%s): %s", d.Verdict, d.Reason, why)
	s.line.at(locked.At, "locked", "in the same append: no redeployment until the cause is known")
	return nil
}

func (s *story) push(ctx context.Context) error {
	prepared, p, err := await(ctx, s.operator, rollback.Prepared, func(rollback.Preparation) bool { return true })
	if err != nil {
		return err
	}
	entry, pushed, err := await(ctx, s.operator, rollback.Pushed, func(p rollback.Push) bool { return p.Outcome == "done" })
	if err != nil {
		return err
	}
	s.line.at(prepared.At, "prepared", "commit %s: the tree of %s, on top of %s", short(p.Commit), p.Target, short(p.Expected))
	s.line.at(entry.At, "pushed", "and read again from the remote: the branch is at %s", short(pushed.Tip))
	if pushed.Commit != p.Commit || pushed.Tip != p.Commit {
		return fmt.Errorf("prepared %s, pushed %s, and the tip is %s", p.Commit, pushed.Commit, pushed.Tip)
	}
	s.restored = pushed
	return nil
}

// heal waits until the shop runs the rollback and its error ratio is below the alert's bound again.
func (s *story) heal(ctx context.Context) error {
	if err := s.rolledOut(ctx, s.restored.Commit); err != nil {
		return err
	}
	bound := s.row.Alert.Value.Float()
	value, err := s.observer.holds(ctx, s.row.Value, func(ratio float64) bool { return ratio <= bound })
	if err != nil {
		return err
	}
	s.line.now("healthy", "again: %s of the requests fail", percent(value))
	return nil
}

// rolledOut waits until the shop says that it runs a commit, and no other.
func (s *story) rolledOut(ctx context.Context, commit string) error {
	_, err := s.observer.holds(ctx, fmt.Sprintf("build_info{commit=%q} == on() count(build_info)", commit), func(n float64) bool { return n == 1 })
	if err == nil {
		s.line.now("rolled out", "the shop runs %s", short(commit))
	}
	return err
}

func (s *story) verify(ctx context.Context) error {
	entry, v, err := await(ctx, s.operator, rollback.Verified, func(v rollback.Verification) bool { return v.Restored == s.restored.Commit })
	if err != nil {
		return err
	}
	if v.Verdict != release.Pass {
		return fmt.Errorf("verification says %s: %+v", v.Verdict, v)
	}
	if len(v.Gates) == 0 {
		return fmt.Errorf("no gate was run on the restored tree")
	}
	for _, g := range v.Gates {
		s.line.at(entry.At, "verified", "gate %s on the restored tree: %s; %s", g.Gate, g.Verdict, v.Reading.Reason)
	}
	return nil
}

func (s *story) classify(ctx context.Context) error {
	entry, c, err := await(ctx, s.operator, rollback.Classified, func(rollback.Classification) bool { return true })
	if err != nil {
		return err
	}
	if c.Component != s.row.Component {
		return fmt.Errorf("classified as %s, but %s failed", c.Component, s.row.Component)
	}
	s.line.at(entry.At, "classified", "as %s: %s", c.Component, strings.Join(c.Evidence, "; "))
	status, err := s.operator.quietly(ctx, "kim", "status")
	if err == nil && !strings.Contains(status, "LOCKED") {
		return fmt.Errorf("status does not say that it is locked:\n%s", status)
	}
	return err
}

// ended looks whether the rollback has ended the cutover, and what was written about it.
func (s *story) ended(ctx context.Context) error {
	c, err := s.operator.cutover(ctx)
	if err != nil {
		return err
	}
	if c.ID != s.cutover.ID || c.Phase != release.RolledBack {
		return fmt.Errorf("cutover %s is %s", c.ID, c.Phase)
	}
	file, err := s.reported(ctx, c, release.Whole, short(s.bad)[:8], "rolled back")
	if err != nil {
		return err
	}
	s.line.now("reported", "the first cutover ended rolled back: %s", file)
	return nil
}
