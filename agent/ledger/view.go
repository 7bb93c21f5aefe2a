package ledger

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
)

// view is the ledger at one moment.
type view struct {
	tx    *sql.Tx
	in    dialect
	start start
}

// dialect is where a store keeps what is read of it, and how one moment of it is held.
type dialect struct {
	entries, spent string // tables
	start          string // SELECT of where the ledger begins
	version        string // SELECT of the schema's version
	cuts           int    // the first version that has retention
	witness        string // SELECT of the last entry's number and hash, if the store itself says them; else the Reader was told
	isolation      sql.IsolationLevel
	stale          int                      // connections kept that a failover may have left dead: as many beginnings are tried again
	restore        func(path string) string // the repair of one whose content cannot be trusted
}

var inSQLite = dialect{entries: "entries", spent: "spent", start: "SELECT cut, hash, checkpoint FROM start", version: "PRAGMA user_version", cuts: 2,
	restore: restore}

// start is where the ledger begins: behind the last entry cut, which the checkpoint of that number stands for. All zero: at the beginning.
type start struct {
	cut        head
	checkpoint int64
}

func (r *Reader) view(ctx context.Context) (*view, error) {
	tx, err := r.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: r.in.isolation})
	for range r.in.stale {
		if err == nil {
			break
		}
		tx, err = r.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: r.in.isolation})
	}
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	v := &view{tx: tx, in: r.in}
	if v.start, err = v.readStart(ctx); err != nil {
		v.end()
		return nil, fmt.Errorf("read where the ledger begins: %w", err)
	}
	return v, nil
}

func (v *view) end() { _ = v.tx.Rollback() } // nothing was written

// readStart reads where the ledger begins; the first version in SQLite had no table for it, and no retention.
func (v *view) readStart(ctx context.Context) (start, error) {
	var version int
	if err := v.tx.QueryRowContext(ctx, v.in.version).Scan(&version); err != nil || version < v.in.cuts {
		return start{}, err
	}
	var s start
	err := v.tx.QueryRowContext(ctx, v.in.start).Scan(&s.cut.seq, &s.cut.hash, &s.checkpoint)
	if errors.Is(err, sql.ErrNoRows) {
		return s, &BadEntry{1, "it is not said any more where the ledger begins"}
	}
	return s, err
}

const columns = "seq, at, environment, kind, author, incident, coalesce(once, ''), body, hash"

// one is the row of a number.
func (v *view) one(ctx context.Context, seq int64) (row, error) {
	r, err := scan(v.tx.QueryRowContext(ctx, "SELECT "+columns+" FROM "+v.in.entries+" WHERE seq = $1", seq))
	if errors.Is(err, sql.ErrNoRows) {
		return row{}, &BadEntry{seq, "is missing: the checkpoint that stands for what was cut"}
	}
	return r, err
}

// witness is the last entry that must be there.
func (v *view) witness(ctx context.Context, told witness) (witness, error) {
	if v.in.witness == "" {
		return told, nil
	}
	var h head
	if err := v.tx.QueryRowContext(ctx, v.in.witness).Scan(&h.seq, &h.hash); err != nil || h.seq == 0 {
		return witness{}, err
	}
	return witness{h.seq, hex.EncodeToString(h.hash)}, nil
}

// rows yields what the table holds after a number, unchecked.
func (v *view) rows(ctx context.Context, after int64) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		found, err := v.tx.QueryContext(ctx, "SELECT "+columns+" FROM "+v.in.entries+" WHERE seq > $1 ORDER BY seq", after)
		if err != nil {
			yield(row{}, fmt.Errorf("read the ledger after entry %d: %w", after, err))
			return
		}
		defer found.Close()
		for found.Next() {
			r, err := scan(found)
			if !yield(r, err) || err != nil {
				return
			}
			after = r.seq
		}
		if err := found.Err(); err != nil {
			yield(row{}, fmt.Errorf("read the ledger after entry %d: %w", after, err))
		}
	}
}

// spent are the Once keys of the entries that were cut.
func (v *view) spent(ctx context.Context) ([]string, error) {
	found, err := v.tx.QueryContext(ctx, "SELECT once FROM "+v.in.spent+" ORDER BY once")
	if err != nil {
		return nil, fmt.Errorf("read spent keys: %w", err)
	}
	return texts(found)
}

func texts(found *sql.Rows) ([]string, error) {
	defer found.Close()
	var all []string
	for found.Next() {
		var one string
		if err := found.Scan(&one); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, found.Err()
}

// scan reads a row from a *sql.Row or *sql.Rows.
func scan(found interface{ Scan(...any) error }) (row, error) {
	var r row
	err := found.Scan(&r.seq, &r.at, &r.environment, &r.kind, &r.author, &r.incident, &r.once, &r.body, &r.hash)
	if err != nil {
		return row{}, fmt.Errorf("read an entry of the ledger: %w", err)
	}
	return r, nil
}
