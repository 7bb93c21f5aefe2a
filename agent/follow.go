package agent

import (
	"context"
	"fmt"

	"github.com/coclai/cutover/agent/rollback"
)

// catchUp reads what others have appended since, and adds it to the state.
func (j *journal) catchUp(ctx context.Context) error {
	j.following.Lock()
	defer j.following.Unlock()
	after := j.seq()
	var found []rollback.Entry
	for e, err := range j.ledger.Entries(ctx, after) {
		if err != nil {
			return fmt.Errorf("read ledger: %w", err)
		}
		found = append(found, e)
	}
	if len(found) == 0 {
		return nil
	}
	if err := j.follow(found, after); err != nil {
		return err
	}
	heard := map[string]bool{}
	for _, e := range found {
		if !heard[e.Environment] {
			heard[e.Environment] = true
			j.heard(e.Environment)
		}
	}
	return nil
}

// follow goes on with what was read after a number. Whoever slept while that was cut off begins with the checkpoint that stands for it.
func (j *journal) follow(found []rollback.Entry, after int64) error {
	if found[0].Seq == after+1 {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.take(found)
		return nil
	}
	fresh, err := rollback.Fold(found)
	if err != nil {
		return fmt.Errorf("fold ledger: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if fresh.Seq > j.state.Seq {
		j.state, j.shared = fresh, nil
		j.folded.Broadcast()
	}
	for seq := range j.early {
		if seq <= j.state.Seq {
			delete(j.early, seq)
		}
	}
	j.take(nil)
	return nil
}

// seq is the number of the last entry in the state.
func (j *journal) seq() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.state.Seq
}
