package ledger

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"

	"github.com/coclai/cutover/agent/rollback"
)

// Entries yields the entries after a number, in order, as they were when the iteration began. An entry that cannot be read is a
// *BadEntry and ends it.
func (l *Ledger) Entries(ctx context.Context, after int64) iter.Seq2[rollback.Entry, error] {
	return func(yield func(rollback.Entry, error) bool) {
		for r, err := range l.rows(ctx, after) {
			var e rollback.Entry
			if err == nil {
				e, err = r.entry()
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// Verify reads everything: numbers without gaps, hashes, kinds. The error is a *BadEntry with the first that is wrong.
func (l *Ledger) Verify(ctx context.Context) error {
	var last head
	for r, err := range l.rows(ctx, 0) {
		if err == nil {
			err = r.check(last)
		}
		if err == nil {
			_, err = r.entry()
		}
		if err != nil {
			return err
		}
		last = head{r.seq, r.hash}
	}
	return nil
}

// exported is one line of an export: with it anybody can recompute the chain, as doc comment of seal says.
type exported struct {
	sealed
	Hash string          `json:"hash"`
	Body json.RawMessage `json:"body"`
}

// Export writes every entry as a line of JSON with its hash. The body is written compactly; body_sha256 is of its exact bytes.
func (l *Ledger) Export(ctx context.Context, w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for r, err := range l.rows(ctx, 0) {
		if err != nil {
			return err
		}
		if err := encoder.Encode(exported{r.sealed(), hex.EncodeToString(r.hash), r.body}); err != nil {
			return fmt.Errorf("export entry %d: %w", r.seq, err)
		}
	}
	return nil
}

// rows yields what the table holds, unchecked.
func (l *Ledger) rows(ctx context.Context, after int64) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		found, err := l.reading.QueryContext(ctx,
			"SELECT seq, at, environment, kind, author, incident, coalesce(once, ''), body, hash FROM entries WHERE seq > ? ORDER BY seq", after)
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

func scan(found *sql.Rows) (row, error) {
	var r row
	err := found.Scan(&r.seq, &r.at, &r.environment, &r.kind, &r.author, &r.incident, &r.once, &r.body, &r.hash)
	if err != nil {
		return row{}, fmt.Errorf("read an entry of the ledger: %w", err)
	}
	return r, nil
}
