package ledger

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/coclai/cutover/agent/rollback"
)

// Reader reads a ledger and changes nothing.
type Reader struct {
	path string
	db   *sql.DB
	in   dialect
	seen witness // the last entry known to have been written, before db saw the file
	end  func() error
}

// OpenReader opens the ledger at path, also while an agent has it open. The folder need not be writable: a file that no agent holds is
// read as it is, and, after a crash, from a copy, since SQLite itself would fold the -wal file in. Every error is, or wraps, a *Refusal.
func OpenReader(path string) (*Reader, error) {
	r := &Reader{path: path, in: inSQLite, end: func() error { return nil }}
	if err := r.open(context.Background()); err != nil {
		return nil, refused(path, errors.Join(err, r.Close()))
	}
	return r, nil
}

func (r *Reader) open(ctx context.Context) error {
	seen, held := look(r.path)
	r.seen = seen
	if _, err := os.Stat(r.path); errors.Is(err, fs.ErrNotExist) && seen.Seq > 0 {
		return gone(r.path, seen)
	}
	if err := checkFile(r.path); err != nil {
		return err
	}
	source, err := r.source(held)
	if err != nil {
		return err
	}
	if r.db, err = source.connect(); err != nil {
		return err
	}
	conn, err := r.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return checkSchema(ctx, conn, r.path)
}

// source is the file to read: the ledger itself beside an agent, which keeps the -wal file's index; itself, untouched, when it is at rest;
// else a copy.
func (r *Reader) source(held bool) (file, error) {
	beside := file{path: r.path, mode: "ro", pragmas: []string{"query_only(true)"}}
	if held {
		return beside, nil
	}
	before := stamp(r.path)
	r.end = func() error {
		if stamp(r.path) != before {
			return &Refusal{Kind: InUse, Path: r.path, Message: "was changed while it was read", Hint: "an agent has started meanwhile: ask again"}
		}
		return nil
	}
	if wal, err := os.Stat(r.path + "-wal"); err != nil || wal.Size() == 0 {
		beside.immutable = true
		return beside, nil
	}
	folder, err := os.MkdirTemp("", "ledger-*")
	if err != nil {
		return file{}, err
	}
	unchanged := r.end
	r.end = func() error { return errors.Join(unchanged(), os.RemoveAll(folder)) }
	beside.path = filepath.Join(folder, "ledger.db")
	return beside, errors.Join(copyFile(r.path, beside.path), copyFile(r.path+"-wal", beside.path+"-wal"))
}

// Close ends the reading. The error is a *Refusal if the file was changed meanwhile: then what was read may be of no one moment.
func (r *Reader) Close() error {
	var err error
	if r.db != nil {
		err = r.db.Close()
	}
	return errors.Join(err, r.end())
}

// Entries is that of Store.
func (r *Reader) Entries(ctx context.Context, after int64) iter.Seq2[rollback.Entry, error] {
	return func(yield func(rollback.Entry, error) bool) {
		for row, err := range r.from(ctx, after) {
			var e rollback.Entry
			if err == nil {
				e, err = row.entry()
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// from yields the rows after a number, with the checkpoint first if some of them were cut.
func (r *Reader) from(ctx context.Context, after int64) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		v, err := r.view(ctx)
		if err != nil {
			yield(row{}, err)
			return
		}
		defer v.end()
		if after < v.start.cut.seq {
			standing, err := v.one(ctx, v.start.checkpoint)
			if !yield(standing, err) || err != nil {
				return
			}
		}
		for row, err := range v.rows(ctx, max(after, v.start.cut.seq)) {
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// stamp changes when the file or its -wal file does.
func stamp(path string) [4]int64 {
	var all [4]int64
	for n, name := range []string{path, path + "-wal"} {
		if info, err := os.Stat(name); err == nil {
			all[2*n], all[2*n+1] = info.Size(), info.ModTime().UnixNano()/int64(time.Nanosecond)
		}
	}
	return all
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}
