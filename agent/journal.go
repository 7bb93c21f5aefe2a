package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// self is the author of what the agent does by itself.
const self = "rollback-agent"

// journal keeps the ledger and its fold together: nothing is in the state that is not durable, and nothing durable is missing from it.
type journal struct {
	ledger *ledger.Ledger
	now    func() time.Time

	mu    sync.Mutex
	state rollback.State
	lost  error                    // why the last append was not stored, nil when it was
	heard func(environment string) // called after each append, with mu released
	broke func(error)              // called when the ledger is broken
}

// openJournal folds what the ledger holds.
func openJournal(ctx context.Context, l *ledger.Ledger, now func() time.Time) (*journal, error) {
	j := &journal{ledger: l, now: now, heard: func(string) {}, broke: func(error) {}}
	for entry, err := range l.Entries(ctx, 0) {
		if err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
		if err := j.state.Apply(entry); err != nil {
			return nil, fmt.Errorf("fold ledger: %w", err)
		}
	}
	return j, nil
}

// note is an entry before it has a time and a place.
type note struct {
	environment string
	kind        rollback.Kind
	author      string
	incident    string
	once        string
	body        any
}

// append makes notes durable, all or none, and only then part of the state.
func (j *journal) append(ctx context.Context, notes ...note) (int64, error) {
	entries := make([]rollback.Entry, len(notes))
	for i, n := range notes {
		body, err := json.Marshal(n.body)
		if err != nil {
			return 0, fmt.Errorf("write %s: %w", n.kind, err)
		}
		entries[i] = rollback.Entry{At: j.now().UTC(), Environment: n.environment, Kind: n.kind, Author: n.author,
			Incident: n.incident, Once: n.once, Body: body}
	}
	last, err := j.write(ctx, entries)
	if err != nil {
		return 0, err
	}
	for _, n := range notes {
		j.heard(n.environment)
	}
	return last, nil
}

func (j *journal) write(ctx context.Context, entries []rollback.Entry) (int64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	// The append outlives its caller: an Alertmanager that hangs up must not leave an entry that the state does not know.
	written, err := j.ledger.Append(context.WithoutCancel(ctx), entries...)
	if j.lost = err; errors.Is(err, ledger.ErrBroken) {
		j.broke(err)
	}
	if err != nil {
		return 0, err
	}
	for _, e := range written {
		if err := j.state.Apply(e); err != nil {
			panic(fmt.Sprintf("the state cannot follow its own ledger: %v", err)) // restarting refolds, and says so again
		}
	}
	return written[len(written)-1].Seq, nil
}

// environment is a copy of one environment's state, the caller's own.
func (j *journal) environment(name string) *rollback.Environment {
	j.mu.Lock()
	defer j.mu.Unlock()
	var c rollback.Environment
	copyOf(j.state.Environment(name), &c)
	if c.Captured == nil {
		c.Captured = map[string]release.Baseline{}
	}
	return &c
}

// unwritable says why nothing can be stored, "" when it can, as far as the last append knows. A second rollback that the ledger refused
// is no trouble of the ledger's.
func (j *journal) unwritable() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.lost == nil || errors.Is(j.lost, ledger.ErrTwice) {
		return ""
	}
	return j.lost.Error()
}

// onBroken says what to do when the ledger is broken.
func (j *journal) onBroken(broke func(error)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.broke = broke
}

// snapshot is a copy of the whole state, the caller's own.
func (j *journal) snapshot() rollback.State {
	j.mu.Lock()
	defer j.mu.Unlock()
	var c rollback.State
	copyOf(&j.state, &c)
	return c
}

// copyOf copies through JSON: the state is what its stored form says, and nothing of it is shared.
func copyOf(from, to any) {
	b, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(b, to)
	}
	if err != nil {
		panic(fmt.Sprintf("the state cannot be copied: %v", err))
	}
}
