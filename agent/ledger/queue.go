package ledger

import (
	"context"
	"fmt"
	"sync"

	"github.com/coclai/cutover/agent/rollback"
)

// groupLimit bounds one transaction: enough to share a sync among all that wait, small enough to stay quick.
const groupLimit = 256

// queue is where requests wait for the one goroutine that writes. What waits while it syncs is committed together with the next sync.
type queue struct {
	waiting chan *request
	done    chan struct{} // closed when the goroutine has ended
	mu      sync.RWMutex  // held for reading while a request is handed over, for writing to close waiting
	closed  bool
}

func newQueue() *queue { return &queue{waiting: make(chan *request), done: make(chan struct{})} }

// request is one append, of entries or of a checkpoint; outcome gets exactly one value once the writer has taken it.
type request struct {
	entries []rollback.Entry
	cut     *cut
	lease   *Lease // that it is done under, nil for none
	stored  []rollback.Entry
	outcome chan error
}

// what names the request in an error.
func (r *request) what() string {
	switch {
	case r.cut != nil:
		return "cut the ledger"
	case len(r.entries) == 0:
		return "try to write"
	}
	return "append " + string(r.entries[0].Kind)
}

// append hands a request over and waits. Only the handing over can be cancelled: afterwards the outcome must be known.
func (q *queue) append(ctx context.Context, r *request) ([]rollback.Entry, error) {
	r.outcome = make(chan error, 1)
	if err := q.hand(ctx, r); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", r.what(), ErrNotDurable, err)
	}
	if err := <-r.outcome; err != nil {
		return nil, fmt.Errorf("%s: %w", r.what(), err)
	}
	return r.stored, nil
}

func (q *queue) hand(ctx context.Context, r *request) error {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if q.closed {
		return errClosed
	}
	select {
	case q.waiting <- r:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop lets what was handed over finish and refuses the rest.
func (q *queue) stop() {
	q.mu.Lock()
	q.closed = true
	close(q.waiting)
	q.mu.Unlock()
	<-q.done
}

// gather takes whoever waits already.
func (q *queue) gather(first *request) []*request {
	group := []*request{first}
	for len(group) < groupLimit {
		select {
		case r, open := <-q.waiting:
			if !open {
				return group
			}
			group = append(group, r)
		default:
			return group
		}
	}
	return group
}
