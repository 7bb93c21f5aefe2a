package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/coclai/cutover/agent/rollback"
)

// Ledger is an open ledger, the only one of its file. It is safe for concurrent use.
type Ledger struct {
	*Reader
	lock    *lock
	writing *sql.DB
	writer  *writer
	close   func() error
}

var _ Store = (*Ledger)(nil)

// Open opens the ledger at path, or creates one of mode 0600 in an existing folder if none was ever there. It returns only a ledger that
// is whole and durable; every error is, or wraps, a *Refusal.
func Open(path string) (*Ledger, error) {
	ctx := context.Background()
	held, err := takeLock(path)
	if err != nil {
		return nil, err
	}
	l := &Ledger{Reader: &Reader{path: path, in: inSQLite, seen: held.seen()}, lock: held}
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
	if l.writing, err = (file{path: l.path, mode: "rw", pragmas: durable}).connect(); err != nil {
		return err
	}
	conn, err := l.writing.Conn(ctx)
	if err != nil {
		return err
	}
	found, err := l.check(ctx, conn)
	if err == nil {
		l.writer, err = newWriter(ctx, conn, found, l.lock)
	}
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	l.lock.note(found.last)
	return nil
}

// check looks at everything that can be known before the first append, the cheapest first, and brings an older file forward.
func (l *Ledger) check(ctx context.Context, conn *sql.Conn) (*inspection, error) {
	if err := assertDurable(ctx, conn, l.path); err != nil {
		return nil, err
	}
	if err := checkSchema(ctx, conn, l.path); err != nil {
		return nil, err
	}
	var err error
	if l.db, err = (file{path: l.path, mode: "ro", pragmas: []string{"query_only(true)"}}).connect(); err != nil {
		return nil, err
	}
	found, err := l.inspect(ctx, false)
	if err != nil {
		return nil, l.wrong(err)
	}
	return found, migrate(ctx, conn) // only what verifies
}

// exist creates the ledger on its first start. The lock file's witness tells the first start from a ledger that was lost.
func (l *Ledger) exist(ctx context.Context) error {
	_, err := os.Stat(l.path)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if l.seen.Seq > 0 {
		return gone(l.path, l.seen)
	}
	if _, err := os.Stat(l.path + "-wal"); err == nil {
		return &Refusal{Kind: Lost, Path: l.path, Message: "is gone, and its -wal file is still there", Hint: restore(l.path)}
	}
	return create(ctx, l.path)
}

// Append is that of Store.
func (l *Ledger) Append(ctx context.Context, entries ...rollback.Entry) ([]rollback.Entry, error) {
	for _, e := range entries {
		if err := appendable(e); err != nil {
			return nil, fmt.Errorf("append %s: %w", e.Kind, err)
		}
	}
	return l.writer.append(ctx, &request{entries: entries})
}

// Cut is that of Store. The entries are gone at once for every reader; the file gives their room back little by little.
func (l *Ledger) Cut(ctx context.Context, at time.Time, c rollback.Checkpoint) (rollback.Entry, error) {
	if at.IsZero() {
		return rollback.Entry{}, errors.New("cut the ledger: a checkpoint needs a time")
	}
	stored, err := l.writer.append(ctx, &request{cut: &cut{at: at, checkpoint: c}})
	if err != nil {
		return rollback.Entry{}, err
	}
	return stored[0], nil
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
	if l.db != nil {
		failures = append(failures, l.db.Close())
	}
	if l.writing != nil {
		failures = append(failures, l.writing.Close())
	}
	return errors.Join(append(failures, l.lock.release())...)
}
