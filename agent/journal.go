package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/rollback"
)

// self is the author of what the agent does by itself.
const self = "rollback-agent"

// journal keeps the ledger and its fold together: nothing is in the state that is not durable, and nothing durable is missing from it.
// Appends run at the same time, so that the ledger can let them share a sync; each returns when the state holds it. Readers get the state
// as it is and keep nobody waiting.
type journal struct {
	ledger ledger.Store
	acting func() (ledger.Store, error) // where the agent's own acts go; an error while another agent acts
	now    func() time.Time
	took   prometheus.Histogram // seconds of an append, from asking for it to its durability

	mu     sync.Mutex
	folded *sync.Cond // the state has moved on
	state  rollback.State
	shared *rollback.State          // snapshot of the state, nil when nobody has asked since it changed
	early  map[int64]rollback.Entry // durable entries by their number, whose predecessors are still on their way here
	lost   error                    // why the last append was not stored, nil when it was
	room   int                      // bytes that may be queued
	queued int                      // bytes of the appends that others have asked for and that have not returned
	heard  func(environment string) // called after each append, with mu released
	broke  func(error)              // called when the ledger is broken

	behind    chan struct{} // others have appended what the state does not hold; nil when there are no others
	following sync.Mutex    // held by whoever reads what others appended
}

// openJournal folds what the ledger holds.
func openJournal(ctx context.Context, l ledger.Store, now func() time.Time) (*journal, error) {
	took := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "rollback_agent_ledger_append_duration_seconds",
		Help: "How long appends to the ledger take until they are durable, those that fail as well.", Buckets: durations})
	j := &journal{ledger: l, now: now, took: took, room: queueLimit, early: map[int64]rollback.Entry{}, heard: func(string) {}, broke: func(error) {}}
	j.folded = sync.NewCond(&j.mu)
	j.acting = func() (ledger.Store, error) { return j.ledger, nil }
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

// append makes what the agent does durable, all or none, and only then part of the state.
func (j *journal) append(ctx context.Context, notes ...note) (int64, error) {
	to, err := j.acting()
	if err != nil {
		return 0, fmt.Errorf("append %s: %w: %w", notes[0].kind, ledger.ErrNotDurable, err)
	}
	return j.put(ctx, to, notes)
}

// receive makes durable what the agent is told; it is no act, and every agent of a shared ledger may store it.
func (j *journal) receive(ctx context.Context, notes ...note) (int64, error) {
	return j.put(ctx, j.ledger, notes)
}

func (j *journal) put(ctx context.Context, to ledger.Store, notes []note) (int64, error) {
	entries := make([]rollback.Entry, len(notes))
	for i, n := range notes {
		body, err := json.Marshal(n.body)
		if err != nil {
			return 0, fmt.Errorf("write %s: %w", n.kind, err)
		}
		entries[i] = rollback.Entry{At: j.now().UTC(), Environment: n.environment, Kind: n.kind, Author: n.author,
			Incident: n.incident, Once: n.once, Body: body}
	}
	leave, err := j.queue(entries)
	if err != nil {
		return 0, err
	}
	defer leave()
	last, err := j.write(ctx, to, entries)
	if err != nil {
		return 0, err
	}
	for _, n := range notes {
		j.heard(n.environment)
	}
	return last, nil
}

// queueLimit is how much may wait for a disk that is slow or stuck. Alertmanager gives up after seconds and sends again, each time anew:
// without a limit, what it no longer waits for would fill the memory.
const queueLimit = 64 << 20 // bytes; one append may be larger

// errCrowded comes with ledger.ErrNotDurable: later there may be room.
var errCrowded = errors.New("too much waits for the disk")

// queue makes room for an append until leave is called. The agent's own always have it: they are few, and a push must be recorded.
func (j *journal) queue(entries []rollback.Entry) (leave func(), err error) {
	size := 0
	for _, e := range entries {
		if e.Author != self {
			size += len(e.Body)
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if size > 0 && j.queued >= j.room {
		return nil, fmt.Errorf("append %s: %w: %w", entries[0].Kind, ledger.ErrNotDurable, errCrowded)
	}
	j.queued += size
	return func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.queued -= size
	}, nil
}

func (j *journal) write(ctx context.Context, to ledger.Store, entries []rollback.Entry) (int64, error) {
	// The append outlives its caller: an Alertmanager that hangs up must not leave an entry that the state does not know.
	began := time.Now()
	written, err := to.Append(context.WithoutCancel(ctx), entries...)
	j.took.Observe(time.Since(began).Seconds())
	if j.stored(err); err != nil {
		return 0, err
	}
	last := written[len(written)-1].Seq
	j.fold(written, last)
	return last, nil
}

// stored keeps what the last append came to.
func (j *journal) stored(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.lost = err; errors.Is(err, ledger.ErrBroken) {
		j.broke(err)
	}
}

// fold adds what one append stored to the state, and returns when the state has come to last. Appends that were stored together return
// in any order: what comes too early waits for its predecessors, which are durable and on their way here; or others appended them, and
// they are read.
func (j *journal) fold(written []rollback.Entry, last int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.take(written)
	for j.state.Seq < last {
		j.folded.Wait()
	}
}

// take adds entries to the state as far as it has come to them; mu is held. What is there already is passed over: an entry may come back
// from its append and be read as well.
func (j *journal) take(entries []rollback.Entry) {
	for _, e := range entries {
		if e.Seq > j.state.Seq {
			j.early[e.Seq] = e
		}
	}
	before := j.state.Seq
	for next, here := j.early[before+1]; here; next, here = j.early[j.state.Seq+1] {
		delete(j.early, next.Seq)
		if err := j.state.Apply(next); err != nil {
			panic(fmt.Sprintf("the state cannot follow its own ledger: %v", err)) // restarting refolds, and says so again
		}
	}
	if j.state.Seq > before {
		j.shared = nil
		j.folded.Broadcast()
	}
	if len(j.early) > 0 && j.behind != nil {
		select {
		case j.behind <- struct{}{}:
		default: // it is known
		}
	}
}

// snapshot is the whole state at this moment. It never changes, and must not be changed.
func (j *journal) snapshot() *rollback.State {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.shared == nil {
		j.shared = j.state.Snapshot()
	}
	return j.shared
}

// peek reads the state in place, where a snapshot would cost the next append a copy of what it changes. The function must be quick.
func (j *journal) peek(read func(*rollback.State)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	read(&j.state)
}

// environment is one environment's state at this moment. It never changes, and must not be changed.
func (j *journal) environment(name string) *rollback.Environment {
	return j.snapshot().Environment(name)
}

// unwritable says why nothing can be stored, "" when it can, as far as the last append knows. A second rollback that the ledger refused
// is no trouble of the ledger's, nor is an act that came too late.
func (j *journal) unwritable() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.lost == nil || errors.Is(j.lost, ledger.ErrTwice) || errors.Is(j.lost, ledger.ErrStale) {
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

// mend finds out whether a ledger that took nothing takes something again. Without it an agent that is not ready might never be: nobody
// sends it what it could store.
func (j *journal) mend(ctx context.Context) {
	if j.unwritable() == "" {
		return
	}
	_, err := j.ledger.Append(ctx)
	j.stored(err)
}
