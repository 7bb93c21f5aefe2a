package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/coclai/cutover/agent/rollback"
)

// errUnknown comes with ErrNotDurable when the database did not say what became of a commit: the entries may turn up.
var errUnknown = errors.New("the database did not say whether it was committed")

// sharedWriter is the one goroutine of this process that writes. Other processes' wait for the ledger's row while it does.
type sharedWriter struct {
	*queue
	shared *Shared
	conn   *pgx.Conn   // nil until it is needed
	warned atomic.Bool // the server has warned since the last look: of a commit that did not wait for its standby
	purge  bool        // entries before the cut may still take room
}

func newSharedWriter(s *Shared, purge bool) *sharedWriter {
	w := &sharedWriter{queue: newQueue(), shared: s, purge: purge}
	go w.run()
	return w
}

func (w *sharedWriter) run() {
	defer close(w.done)
	defer w.hangUp()
	for first := w.next(); first != nil; first = w.next() {
		w.commitGroup(w.gather(first))
	}
}

// next waits for a request, and uses the time to make room; nil when there will be no more.
func (w *sharedWriter) next() *request {
	for w.purge {
		select {
		case r := <-w.waiting:
			return r
		default:
			w.purgeSome()
		}
	}
	return <-w.waiting
}

// commitGroup commits all together. What is known not to be there is tried once more, since the connection may have been an old one; an
// entry that the database refuses must not fail the others.
func (w *sharedWriter) commitGroup(group []*request) {
	outcomes, err := w.commit(group)
	if err != nil && !errors.Is(err, errUnknown) && w.shared.seen.standing() == nil {
		if refusesOne(err) && len(group) > 1 {
			for _, r := range group {
				w.commitGroup([]*request{r})
			}
			return
		}
		outcomes, err = w.commit(group)
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

// refusesOne says whether the database found fault with what was to be stored: classes 22, data, and 23, integrity.
func refusesOne(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code[:2] == "22" || e.Code[:2] == "23")
}

// commit writes one transaction. The error is that of all; the outcomes are nil or the refusal of each. No caller may cancel what others
// wait for.
func (w *sharedWriter) commit(group []*request) (outcomes []error, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), w.shared.commits)
	defer cancel()
	t, err := w.begin(ctx, group)
	if err != nil {
		w.hangUp()
		return nil, err
	}
	for _, r := range group {
		outcome, err := t.store(ctx, r)
		if err != nil {
			w.hangUp() // and with it the transaction
			return nil, err
		}
		outcomes = append(outcomes, outcome)
	}
	if err := t.finish(ctx); err != nil {
		w.hangUp()
		return nil, err
	}
	if err := w.confirm(t); err != nil {
		return nil, err
	}
	w.purge = w.purge || t.now.start.cut.seq != t.was.start.cut.seq
	w.shared.seen.note(t.now.last)
	return outcomes, nil
}

// confirm sends the COMMIT. Without a plain answer its outcome is unknown, and is found out before anything else is written.
func (w *sharedWriter) confirm(t *turn) error {
	ctx, cancel := context.WithTimeout(context.Background(), w.shared.commits)
	defer cancel()
	w.warned.Store(false)
	err := t.tx.Commit(ctx)
	if err == nil && !w.warned.Load() {
		return nil
	}
	w.hangUp()
	there, found := w.settle(t.now.last)
	switch {
	case found != nil:
		return fmt.Errorf("%w: %w", errUnknown, errors.Join(err, found))
	case there:
		return nil
	}
	return errors.Join(errors.New("it was not committed"), err)
}

// settle finds out whether the entry at the end of a transaction is there, and that it will stay. It takes the ledger's row, which that
// transaction held until it had ended one way or the other; and it commits something itself: what a standby confirms of that, it confirms
// of all before it.
func (w *sharedWriter) settle(last head) (there bool, err error) {
	for end := time.Now().Add(w.shared.settles); ; time.Sleep(200 * time.Millisecond) {
		there, err = w.settleOnce(last)
		if err == nil || time.Now().After(end) {
			return there, err
		}
		w.hangUp()
	}
}

func (w *sharedWriter) settleOnce(last head) (there bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), w.shared.commits)
	defer cancel()
	t, err := w.begin(ctx, nil)
	if err != nil {
		return false, err
	}
	var hash []byte
	err = t.tx.QueryRow(ctx, "SELECT hash FROM rollback_agent.entries WHERE seq = $1", last.seq).Scan(&hash)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return false, err
	}
	if err := t.finish(ctx); err != nil {
		return false, err
	}
	w.warned.Store(false)
	if err := t.tx.Commit(ctx); err != nil {
		return false, err
	}
	if w.warned.Load() {
		return false, errors.New("no standby has confirmed it")
	}
	return last.seq == 0 || bytes.Equal(hash, last.hash), nil
}

// connect gives the connection that writes.
func (w *sharedWriter) connect(ctx context.Context) (*pgx.Conn, error) {
	if w.conn != nil {
		return w.conn, nil
	}
	config := w.shared.config.Copy()
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.SeverityUnlocalized == "WARNING" {
			w.warned.Store(true)
		}
	}
	var err error
	w.conn, err = pgx.ConnectConfig(ctx, config)
	return w.conn, err
}

// hangUp gives the connection up; the server undoes what was not committed on it.
func (w *sharedWriter) hangUp() {
	if w.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = w.conn.Close(ctx) // it may be dead already
	w.conn = nil
}

// purgeSome deletes a few of the entries that were cut. What fails is tried again after the next start or cut; nobody reads them meanwhile.
func (w *sharedWriter) purgeSome() {
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	conn, err := w.connect(ctx)
	if err != nil {
		w.purge = false
		return
	}
	tag, err := conn.Exec(ctx, `DELETE FROM rollback_agent.entries WHERE seq IN
		(SELECT seq FROM rollback_agent.entries WHERE seq <= (SELECT cut FROM rollback_agent.ledger) ORDER BY seq LIMIT $1)`, purgeAtOnce)
	w.purge = err == nil && tag.RowsAffected() > 0
}

// keysOf are the keys of a group's entries.
func keysOf(group []*request) []string {
	keys := []string{}
	for _, r := range group {
		for _, e := range r.entries {
			if e.Once != "" {
				keys = append(keys, e.Once)
			}
		}
	}
	return keys
}

// fenced says whether any request is done under a lease.
func fenced(group []*request) bool {
	for _, r := range group {
		if r.lease != nil {
			return true
		}
	}
	return false
}

// entriesOf reads rows back as a later reading would.
func entriesOf(rows []row) ([]rollback.Entry, error) {
	all := make([]rollback.Entry, 0, len(rows))
	for _, r := range rows {
		e, err := r.entry()
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}
