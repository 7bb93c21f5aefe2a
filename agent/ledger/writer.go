package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/coclai/cutover/agent/rollback"
)

// writer is the one goroutine that writes. What waits while it syncs is committed together with the next sync, so that a storm of
// webhooks costs a few syncs and not one each.
type writer struct {
	conn   *sql.Conn
	insert *sql.Stmt
	lock   *lock
	last   head
	start  start // where the ledger begins
	purge  bool  // entries before start may still take room
	broken error // set once; nothing is written after it
	*queue
}

const insertion = "INSERT INTO entries (seq, at, environment, kind, author, incident, once, body, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"

func newWriter(ctx context.Context, conn *sql.Conn, found *inspection, held *lock) (*writer, error) {
	insert, err := conn.PrepareContext(ctx, insertion) // parsing it costs more than doing it
	if err != nil {
		return nil, err
	}
	w := &writer{conn: conn, insert: insert, lock: held, last: found.last, start: found.start, purge: found.start.cut.seq > 0,
		queue: newQueue()}
	go w.run()
	return w, nil
}

func (w *writer) run() {
	defer close(w.done)
	defer w.conn.Close()
	defer w.insert.Close()
	for first := w.next(); first != nil; first = w.next() {
		w.commitGroup(w.gather(first))
	}
}

// next waits for a request, and uses the time to make room; nil when there will be no more.
func (w *writer) next() *request {
	for w.purge && w.broken == nil {
		select {
		case r := <-w.waiting:
			return r
		default:
			w.purgeSome(context.Background())
		}
	}
	return <-w.waiting
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
	end := place{w.last, w.start}
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
	w.purge = w.purge || w.start.cut.seq != end.start.cut.seq
	w.last, w.start = end.last, end.start
	w.lock.note(w.last)
	return outcomes, nil
}

// place is where the ledger ends and begins, while a transaction is being made.
type place struct {
	last  head
	start start
}

// store writes one request inside the transaction. What may be refused alone has a savepoint, which keeps it from undoing what others
// wrote.
func (w *writer) store(ctx context.Context, r *request, end *place) (outcome, err error) {
	switch {
	case len(r.entries) == 0 && r.cut == nil:
		return nil, w.beat(ctx)
	case r.cut == nil && !slices.ContainsFunc(r.entries, func(e rollback.Entry) bool { return e.Once != "" }):
		r.stored, err = w.insertAll(ctx, r.entries, &end.last)
		return nil, err
	}
	if _, err := w.conn.ExecContext(ctx, "SAVEPOINT one"); err != nil {
		return nil, err
	}
	next := *end
	if r.cut != nil {
		outcome, err = w.cut(ctx, r, &next)
	} else {
		r.stored, err = w.insertAll(ctx, r.entries, &next.last)
	}
	if isTwice(err) {
		outcome, err = ErrTwice, nil
	}
	if err != nil {
		return nil, err
	}
	if outcome != nil {
		r.stored = nil
		_, err := w.conn.ExecContext(ctx, "ROLLBACK TO one; RELEASE one")
		return outcome, err
	}
	*end = next
	_, err = w.conn.ExecContext(ctx, "RELEASE one")
	return nil, err
}

// beat writes as much as a small entry needs, so that a disk that was full is known to have room again.
func (w *writer) beat(ctx context.Context) error {
	_, err := w.conn.ExecContext(ctx, "UPDATE pulse SET beat = beat + 1, filler = zeroblob(32768)")
	return err
}

func (w *writer) insertAll(ctx context.Context, entries []rollback.Entry, end *head) ([]rollback.Entry, error) {
	stored := make([]rollback.Entry, 0, len(entries))
	for _, e := range entries {
		r, err := rowOf(e, *end)
		if err != nil {
			return nil, err
		}
		once := sql.NullString{String: r.once, Valid: r.once != ""}
		if _, err := w.insert.ExecContext(ctx, r.seq, r.at, r.environment, r.kind, r.author, r.incident, once, r.body, r.hash); err != nil {
			return nil, err
		}
		read, err := r.entry()
		if err != nil {
			return nil, err
		}
		stored, *end = append(stored, read), head{r.seq, r.hash}
	}
	return stored, nil
}

// rollBack ends a transaction that SQLite has not ended itself, as it does when the disk is full.
func (w *writer) rollBack(ctx context.Context) error {
	_, err := w.conn.ExecContext(ctx, "ROLLBACK")
	return ignoreNone(err)
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
