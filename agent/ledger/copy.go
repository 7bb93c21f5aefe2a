package ledger

import (
	"context"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"
)

// copyAtOnce is how many rows are in memory while a ledger is copied.
const copyAtOnce = 500

// Copy puts the ledger in the file at path, which no agent may have open, into an empty one in PostgreSQL: every entry with its number and
// its hash, the keys that are spent, and where it begins. Both chains are verified, and they must end alike. All of it is there afterwards,
// or nothing; the file stays as it is.
func Copy(ctx context.Context, path, dsn string) (Extent, error) {
	if _, err := os.Stat(path); err != nil { // Open would make one
		return Extent{}, refused(path, err)
	}
	from, err := Open(path)
	if err != nil {
		return Extent{}, err
	}
	defer from.Close()
	want, err := from.Inspect(ctx)
	if err != nil {
		return Extent{}, err
	}
	to, err := OpenShared(ctx, SharedOptions{DSN: dsn})
	if err != nil {
		return Extent{}, err
	}
	defer to.Close()
	if err := to.fill(ctx, from); err != nil {
		return Extent{}, refusedShared(to.path, fmt.Errorf("copy into %s: %w", to.path, err))
	}
	got, err := to.Inspect(ctx)
	if err == nil && got != want {
		err = fmt.Errorf("%s ends with entry %d %s, and %s with %d %s", path, want.Last, want.Hash, to.path, got.Last, got.Hash)
	}
	return got, err
}

// fill writes all in one transaction.
func (s *Shared) fill(ctx context.Context, from *Ledger) error {
	v, err := from.view(ctx)
	if err != nil {
		return err
	}
	defer v.end()
	conn, err := pgx.ConnectConfig(ctx, s.config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx))
	var seq, token int64
	if err := tx.QueryRow(ctx, "SELECT l.seq, s.token FROM rollback_agent.ledger l, rollback_agent.lease s FOR UPDATE").Scan(&seq, &token); err != nil {
		return err
	}
	if seq > 0 || token > 0 {
		return &Refusal{Kind: InUse, Path: s.path, Message: fmt.Sprintf("is not empty: it holds entry %d", seq),
			Hint: "give the agents another database, or DROP SCHEMA rollback_agent CASCADE if nothing of it is needed"}
	}
	t := &turn{tx: tx, now: place{start: v.start, last: v.start.cut}}
	if err := t.copyFrom(ctx, v); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

func (t *turn) copyFrom(ctx context.Context, v *view) error {
	spent, err := v.spent(ctx)
	if err != nil {
		return err
	}
	if _, err := t.tx.Exec(ctx, "INSERT INTO rollback_agent.spent SELECT unnest($1::text[])", spent); err != nil {
		return err
	}
	for r, err := range v.rows(ctx, v.start.cut.seq) {
		if err != nil {
			return err
		}
		t.rows, t.now.last = append(t.rows, r), head{r.seq, r.hash}
		if len(t.rows) < copyAtOnce {
			continue
		}
		if err := t.flush(ctx); err != nil {
			return err
		}
	}
	return t.finish(ctx)
}
