package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/coclai/cutover/agent/rollback"
)

// groupLimit bounds one transaction: enough to share a sync among all that wait, small enough to stay quick.
const groupLimit = 256

// writer is the one goroutine that writes. What waits while it syncs is committed together with the next sync, so that a storm of
// webhooks costs a few syncs and not one each.
type writer struct {
	conn    *sql.Conn
	lock    *lock
	last    head
	broken  error // set once; nothing is written after it
	waiting chan *request
	done    chan struct{} // closed when the goroutine has ended
	mu      sync.RWMutex  // held for reading while a request is handed over, for writing to close waiting
	closed  bool
}

// request is one append; outcome gets exactly one value once the writer has taken it.
type request struct {
	entries []rollback.Entry
	stored  []rollback.Entry
	outcome chan error
}

func newWriter(conn *sql.Conn, last head, held *lock) *writer {
	w := &writer{conn: conn, lock: held, last: last, waiting: make(chan *request), done: make(chan struct{})}
	go w.run()
	return w
}

// append hands entries over and waits. Only the handing over can be cancelled: afterwards the outcome must be known.
func (w *writer) append(ctx context.Context, entries []rollback.Entry) ([]rollback.Entry, error) {
	r := &request{entries: entries, outcome: make(chan error, 1)}
	if err := w.hand(ctx, r); err != nil {
		return nil, fmt.Errorf("append %s: %w: %w", entries[0].Kind, ErrNotDurable, err)
	}
	if err := <-r.outcome; err != nil {
		return nil, fmt.Errorf("append %s: %w", entries[0].Kind, err)
	}
	return r.stored, nil
}

func (w *writer) hand(ctx context.Context, r *request) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return errClosed
	}
	select {
	case w.waiting <- r:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop lets what was handed over finish and refuses the rest.
func (w *writer) stop() {
	w.mu.Lock()
	w.closed = true
	close(w.waiting)
	w.mu.Unlock()
	<-w.done
}

func (w *writer) run() {
	defer close(w.done)
	defer w.conn.Close()
	for first := range w.waiting {
		w.commitGroup(w.gather(first))
	}
}

// gather takes whoever waits already.
func (w *writer) gather(first *request) []*request {
	group := []*request{first}
	for len(group) < groupLimit {
		select {
		case r, open := <-w.waiting:
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

// commitGroup commits all together, or, when that fails, each alone: one append that does not fit on the disk must not fail the others.
func (w *writer) commitGroup(group []*request) {
	outcomes, err := w.commit(group)
	if err != nil && len(group) > 1 && w.broken == nil {
		for _, r := range group {
			w.commitGroup([]*request{r})
		}
		return
	}
	for i, r := range group {
		if err != nil {
			r.stored = nil
			r.outcome <- fmt.Errorf("%w: %w", ErrNotDurable, err)
			continue
		}
		r.outcome <- outcomes[i]
	}
}

// commit writes one transaction. The error is that of all; the outcomes are nil or ErrTwice for each.
func (w *writer) commit(group []*request) (outcomes []error, err error) {
	if w.broken != nil {
		return nil, w.broken
	}
	ctx := context.Background() // no caller may cancel what others wait for
	defer func() { err = w.judge(err) }()
	if _, err := w.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return nil, err
	}
	end := w.last
	for _, r := range group {
		outcome, err := w.store(ctx, r, &end)
		if err != nil {
			return nil, errors.Join(err, w.rollBack(ctx))
		}
		outcomes = append(outcomes, outcome)
	}
	if _, err := w.conn.ExecContext(ctx, "COMMIT"); err != nil {
		return nil, errors.Join(err, w.rollBack(ctx))
	}
	w.last = end
	w.lock.note(end)
	return outcomes, nil
}

// store writes one append inside the transaction. Its savepoint keeps a Once key that exists from undoing what others wrote.
func (w *writer) store(ctx context.Context, r *request, end *head) (outcome, err error) {
	if _, err := w.conn.ExecContext(ctx, "SAVEPOINT one"); err != nil {
		return nil, err
	}
	stored, next, err := w.insertAll(ctx, r.entries, *end)
	if isTwice(err) {
		_, err := w.conn.ExecContext(ctx, "ROLLBACK TO one; RELEASE one")
		return ErrTwice, err
	}
	if err != nil {
		return nil, err
	}
	r.stored, *end = stored, next
	_, err = w.conn.ExecContext(ctx, "RELEASE one")
	return nil, err
}

func (w *writer) insertAll(ctx context.Context, entries []rollback.Entry, end head) ([]rollback.Entry, head, error) {
	stored := make([]rollback.Entry, 0, len(entries))
	for _, e := range entries {
		r, err := rowOf(e, end)
		if err != nil {
			return nil, end, err
		}
		if err := w.insert(ctx, r); err != nil {
			return nil, end, err
		}
		read, err := r.entry()
		if err != nil {
			return nil, end, err
		}
		stored, end = append(stored, read), head{r.seq, r.hash}
	}
	return stored, end, nil
}

func (w *writer) insert(ctx context.Context, r row) error {
	once := sql.NullString{String: r.once, Valid: r.once != ""}
	_, err := w.conn.ExecContext(ctx,
		"INSERT INTO entries (seq, at, environment, kind, author, incident, once, body, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		r.seq, r.at, r.environment, r.kind, r.author, r.incident, once, r.body, r.hash)
	return err
}

// rollBack ends a transaction that SQLite has not ended itself, as it does when the disk is full.
func (w *writer) rollBack(ctx context.Context) error {
	_, err := w.conn.ExecContext(ctx, "ROLLBACK")
	if err != nil && code(err) == sqlite3.SQLITE_ERROR {
		return nil // no transaction is active
	}
	return err
}

// judge breaks the ledger after an I/O error. After a failed sync the kernel may have dropped the pages and call the next one a success
// (PostgreSQL's "fsyncgate"), and the commit record may be on disk or not: only a restart that reads the file again can tell. A full disk
// is no such error; it is reported before anything is synced.
func (w *writer) judge(err error) error {
	if code(err) != sqlite3.SQLITE_IOERR {
		return err
	}
	w.broken = fmt.Errorf("%w: %w", ErrBroken, err)
	return w.broken
}
