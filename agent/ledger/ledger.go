package ledger

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/coclai/cutover/agent/rollback"
)

// Ledger is an open ledger. It is safe for concurrent use.
type Ledger struct {
	path    string
	lock    *lock
	writing *sql.DB
	reading *sql.DB
	writer  *writer
	close   func() error
}

// Open opens the ledger at path, or creates one of mode 0600 in an existing folder if none was ever there. It returns only a ledger that
// is whole and durable; every error is, or wraps, a *Refusal.
func Open(path string) (*Ledger, error) {
	ctx := context.Background()
	held, err := takeLock(path)
	if err != nil {
		return nil, err
	}
	l := &Ledger{path: path, lock: held}
	if err := l.open(ctx); err != nil {
		return nil, refused(path, errors.Join(err, l.abandon()))
	}
	l.close = sync.OnceValue(l.shut)
	return l, nil
}

func (l *Ledger) open(ctx context.Context) error {
	if err := l.exist(ctx); err != nil {
		return err
	}
	if err := checkFile(l.path); err != nil {
		return err
	}
	var err error
	if l.writing, err = connect(l.path, "rw", durable...); err != nil {
		return err
	}
	conn, err := l.writing.Conn(ctx)
	if err != nil {
		return err
	}
	last, err := l.check(ctx, conn)
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	l.lock.note(last)
	l.writer = newWriter(conn, last, l.lock)
	return nil
}

// check looks at everything that can be known before the first append, the cheapest first.
func (l *Ledger) check(ctx context.Context, conn *sql.Conn) (head, error) {
	if err := assertDurable(ctx, conn, l.path); err != nil {
		return head{}, err
	}
	if err := checkSchema(ctx, conn, l.path); err != nil {
		return head{}, err
	}
	var err error
	if l.reading, err = connect(l.path, "ro", "query_only(true)"); err != nil {
		return head{}, err
	}
	return l.trusted(ctx)
}

// exist creates the ledger on its first start. The lock file's witness tells the first start from a ledger that was lost.
func (l *Ledger) exist(ctx context.Context) error {
	_, err := os.Stat(l.path)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if seen := l.lock.seen(); seen.Seq > 0 {
		return &Refusal{Kind: Lost, Path: l.path, Message: fmt.Sprintf("is gone; it held %d entries", seen.Seq), Hint: restore(l.path)}
	}
	if _, err := os.Stat(l.path + "-wal"); err == nil {
		return &Refusal{Kind: Lost, Path: l.path, Message: "is gone, and its -wal file is still there", Hint: restore(l.path)}
	}
	return create(ctx, l.path)
}

// trusted verifies the chain, and that it still holds the last entry known to have been written.
func (l *Ledger) trusted(ctx context.Context) (head, error) {
	seen := l.lock.seen()
	var last head
	found := seen.Seq == 0
	for r, err := range l.rows(ctx, 0) {
		if err == nil {
			err = r.check(last)
		}
		if err != nil {
			return head{}, l.tampered(err)
		}
		last = head{r.seq, r.hash}
		found = found || (r.seq == seen.Seq && hex.EncodeToString(r.hash) == seen.Hash)
	}
	if found {
		return last, nil
	}
	message := fmt.Sprintf("holds %d entries, and had %d", last.seq, seen.Seq)
	if seen.Seq <= last.seq {
		message = fmt.Sprintf("is another one: its entry %d is not the one that was there", seen.Seq)
	}
	return head{}, &Refusal{Kind: Lost, Path: l.path, Message: message, Hint: restore(l.path)}
}

func (l *Ledger) tampered(err error) error {
	var bad *BadEntry
	if !errors.As(err, &bad) {
		return err
	}
	return &Refusal{Kind: Tampered, Path: l.path, Message: "was changed from outside", Cause: err, Hint: restore(l.path)}
}

// Append stores entries in order, all or none, and returns them with their numbers and as a later read gives them. When it returns
// without an error they are on disk. ErrTwice: the Once key of one of them exists. ErrNotDurable: closed, cancelled while waiting, or
// the disk would not take it; with ErrBroken the entries may turn up after a restart.
func (l *Ledger) Append(ctx context.Context, entries ...rollback.Entry) ([]rollback.Entry, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	for _, e := range entries {
		if err := appendable(e); err != nil {
			return nil, fmt.Errorf("append %s: %w", e.Kind, err)
		}
	}
	return l.writer.append(ctx, entries)
}

// Close ends the appends that have begun and refuses later ones, folds the -wal file into the ledger and lets the next process in. It
// may be called more than once.
func (l *Ledger) Close() error { return l.close() }

func (l *Ledger) shut() error {
	l.writer.stop()
	return l.abandon()
}

// abandon closes whatever is open, readers first, so that the writer is the last and SQLite folds the -wal file in.
func (l *Ledger) abandon() error {
	var failures []error
	if l.reading != nil {
		failures = append(failures, l.reading.Close())
	}
	if l.writing != nil {
		failures = append(failures, l.writing.Close())
	}
	return errors.Join(append(failures, l.lock.release())...)
}
