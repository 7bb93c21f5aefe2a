package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

const (
	mendEvery   = 5 * time.Second
	retainEvery = time.Hour
	retainSlack = 24 * time.Hour // a ledger is cut once a day, not at each of its entries' birthdays
)

// keepLedger looks after the ledger: whether it takes entries again, and what of it may go.
func (a *Agent) keepLedger(ctx context.Context) {
	var looked time.Time
	for {
		a.journal.mend(ctx)
		if now := a.now(); now.Sub(looked).Abs() >= retainEvery {
			looked = now
			a.retain(ctx, now)
		}
		if !sleep(ctx, mendEvery) {
			return
		}
	}
}

// retain cuts off what is older than the configuration keeps.
func (a *Agent) retain(ctx context.Context, now time.Time) {
	a.mu.RLock()
	keep := a.retention
	a.mu.RUnlock()
	if keep == 0 {
		return
	}
	cut, err := a.journal.cut(ctx, now.Add(-keep))
	if err != nil && ctx.Err() == nil {
		a.log.Warn("the ledger was not cut", "err", err)
	}
	if cut > 0 {
		a.log.Info("the ledger's beginning was cut off", "last_entry_cut", cut, "retention", keep)
	}
}

// cut lets a checkpoint stand for the entries before a moment, short of the first that belongs to an open incident. It gives the number of
// the last entry cut, 0 when there was nothing to cut.
func (j *journal) cut(ctx context.Context, before time.Time) (int64, error) {
	base, err := j.base(ctx, before)
	if err != nil || base.Seq == base.Cut {
		return 0, err
	}
	to, err := j.acting()
	if err != nil {
		return 0, err
	}
	entry, err := to.Cut(ctx, j.now().UTC(), rollback.Checkpoint{Seq: base.Seq, State: base})
	if j.stored(err); err != nil {
		return 0, err
	}
	j.fold([]rollback.Entry{entry}, entry.Seq)
	return base.Seq, nil
}

// base folds the entries that may be cut; none, until the first of them is older than that by the slack.
func (j *journal) base(ctx context.Context, before time.Time) (rollback.State, error) {
	now := j.snapshot()
	var base rollback.State
	for entry, err := range j.ledger.Entries(ctx, 0) {
		if err != nil {
			return base, fmt.Errorf("read ledger: %w", err)
		}
		standing := base.Seq == 0 && entry.Kind == rollback.Checkpointed
		if !standing && (!entry.At.Before(before) || needed(entry, now)) {
			return base, nil
		}
		if !standing && base.Seq == base.Cut && entry.At.After(before.Add(-retainSlack)) {
			return base, nil
		}
		if err := base.Apply(entry); err != nil {
			return base, fmt.Errorf("fold ledger: %w", err)
		}
	}
	return base, nil
}

// needed says whether an entry belongs to an incident that is open now: its own steps, and the release that it came with.
func needed(entry rollback.Entry, now *rollback.State) bool {
	e := now.Environment(entry.Environment)
	incident := entry.Incident
	if entry.Kind == rollback.ReleaseDeployed {
		var r release.Release
		if json.Unmarshal(entry.Body, &r) != nil {
			return true // what cannot be read is not thrown away
		}
		incident = rollback.IncidentID(r.Commit, r.T0)
	}
	i := e.IncidentByID(incident)
	return i != nil && i.Open(e)
}

// cutOf is the number of the last entry that a checkpoint stands for.
func cutOf(e rollback.Entry) int64 {
	var c struct{ Seq int64 }
	_ = json.Unmarshal(e.Body, &c) // a checkpoint that cannot be read is refused before it is shown
	return c.Seq
}
