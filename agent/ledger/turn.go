package ledger

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/jackc/pgx/v5"

	"github.com/coclai/cutover/agent/rollback"
)

// turn is a transaction that writes. It holds the ledger's row, so that no other agent writes meanwhile, and the lease's if it matters, so
// that nobody takes the lease over between the look at it and the commit.
type turn struct {
	tx       pgx.Tx
	was, now place
	holder   string // of the lease, and its token
	token    int64
	used     map[string]bool // keys
	rows     []row           // to be inserted
}

// atLeastOn asks for no less than the local disk and, where there is one, the synchronous standby; a role's weaker setting does not count.
const atLeastOn = `SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')`

// notIdle lets the server end a turn in which nothing happens: whoever is paused between two statements holds the ledger and the lease, and
// nobody could take over. Between them is nothing to be waited for.
const notIdle = `SELECT set_config('idle_in_transaction_session_timeout', '3s', true)`

// begin takes the turn.
func (w *sharedWriter) begin(ctx context.Context, group []*request) (*turn, error) {
	conn, err := w.connect(ctx)
	if err != nil {
		return nil, err
	}
	t := &turn{used: map[string]bool{}}
	if t.tx, err = conn.Begin(ctx); err != nil {
		return nil, err
	}
	was := w.shared.seen.at()
	version, e := 0, end{}
	batch := &pgx.Batch{}
	batch.Queue(atLeastOn)
	batch.Queue(notIdle)
	batch.Queue("SELECT version, seq, hash, cut, cut_hash, checkpoint FROM rollback_agent.ledger FOR UPDATE").QueryRow(func(r pgx.Row) error {
		return r.Scan(&version, &t.was.last.seq, &t.was.last.hash, &t.was.start.cut.seq, &t.was.start.cut.hash, &t.was.start.checkpoint)
	})
	batch.Queue("SELECT hash FROM rollback_agent.entries WHERE seq = $1", was.seq).Query(func(rows pgx.Rows) error {
		return one(rows, &e.marked)
	})
	if fenced(group) {
		batch.Queue("SELECT holder, token FROM rollback_agent.lease FOR SHARE").QueryRow(func(r pgx.Row) error { return r.Scan(&t.holder, &t.token) })
	}
	if keys := keysOf(group); len(keys) > 0 {
		batch.Queue("SELECT once FROM rollback_agent.entries WHERE once = ANY($1) UNION SELECT once FROM rollback_agent.spent WHERE once = ANY($1)", keys).
			Query(t.mayNotUse)
	}
	if err := t.tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, err
	}
	if err := w.shared.known(version); err != nil {
		return nil, err
	}
	t.now = t.was
	e.last, e.cut = t.was.last, t.was.start.cut.seq
	return t, w.shared.seen.check(was, e)
}

// one reads a value if there is one.
func one(rows pgx.Rows, into any) error {
	defer rows.Close()
	if !rows.Next() {
		return rows.Err()
	}
	return rows.Scan(into)
}

func (t *turn) mayNotUse(rows pgx.Rows) error {
	keys, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, key := range keys {
		t.used[key] = true
	}
	return err
}

// store adds one request. The outcome is why it alone is refused.
func (t *turn) store(ctx context.Context, r *request) (outcome, err error) {
	switch l := r.lease; {
	case l != nil && (l.token != t.token || l.shared.id != t.holder):
		return ErrStale, nil
	case r.cut != nil:
		return t.cut(ctx, r)
	}
	return t.add(r, r.entries)
}

// add puts entries behind the end, all or none.
func (t *turn) add(r *request, entries []rollback.Entry) (outcome, err error) {
	used, last := maps.Clone(t.used), t.now.last
	var rows []row
	for _, e := range entries {
		if e.Once != "" && used[e.Once] {
			return ErrTwice, nil
		}
		used[e.Once] = e.Once != ""
		next, err := rowOf(e, last)
		if err != nil {
			return nil, err
		}
		rows, last = append(rows, next), head{next.seq, next.hash}
	}
	if r.stored, err = entriesOf(rows); err != nil {
		return nil, err
	}
	t.used, t.rows, t.now.last = used, append(t.rows, rows...), last
	return nil, nil
}

// cut appends the checkpoint and moves the start behind the entry that it names, in the same transaction.
func (t *turn) cut(ctx context.Context, r *request) (outcome, err error) {
	c := r.cut.checkpoint
	if c.Seq <= t.now.start.cut.seq || c.Seq > t.now.last.seq || c.State.Seq != c.Seq {
		return fmt.Errorf("entry %d with state %d: the ledger holds %d to %d", c.Seq, c.State.Seq, t.now.start.cut.seq+1, t.now.last.seq), nil
	}
	if err := t.flush(ctx); err != nil {
		return nil, err
	}
	var hash []byte
	if err := t.tx.QueryRow(ctx, "SELECT hash FROM rollback_agent.entries WHERE seq = $1", c.Seq).Scan(&hash); err != nil {
		return nil, err
	}
	c.Hash = hex.EncodeToString(hash)
	if c.Keys, err = t.spend(ctx, c.Seq); err != nil {
		return nil, err
	}
	body, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	e := rollback.Entry{At: r.cut.at, Kind: rollback.Checkpointed, Author: author, Body: body}
	if outcome, err := t.add(r, []rollback.Entry{e}); outcome != nil || err != nil {
		return outcome, err
	}
	t.now.start = start{head{c.Seq, hash}, t.now.last.seq}
	return nil, nil
}

// spend keeps the Once keys of what is cut, and gives them with those that were kept before.
func (t *turn) spend(ctx context.Context, seq int64) ([]string, error) {
	_, err := t.tx.Exec(ctx, `INSERT INTO rollback_agent.spent SELECT once FROM rollback_agent.entries WHERE seq <= $1 AND once IS NOT NULL
		ON CONFLICT DO NOTHING`, seq)
	if err != nil {
		return nil, err
	}
	found, err := t.tx.Query(ctx, "SELECT once FROM rollback_agent.spent ORDER BY once")
	if err != nil {
		return nil, err
	}
	keys, err := pgx.CollectRows(found, pgx.RowTo[string])
	if len(keys) == 0 {
		return nil, err // as SQLite's: the checkpoint's bytes are the same
	}
	return keys, err
}

const sharedInsertion = `INSERT INTO rollback_agent.entries (seq, at, environment, kind, author, incident, once, body, hash)
SELECT seq, at, environment, kind, author, incident, nullif(once, ''), body, hash
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[], $9::bytea[])
	AS one(seq, at, environment, kind, author, incident, once, body, hash)`

// flush inserts what was added.
func (t *turn) flush(ctx context.Context) error {
	if len(t.rows) == 0 {
		return nil
	}
	seqs, bodies, hashes := make([]int64, len(t.rows)), make([][]byte, len(t.rows)), make([][]byte, len(t.rows))
	var texts [6][]string
	for i, r := range t.rows {
		seqs[i], bodies[i], hashes[i] = r.seq, r.body, r.hash
		for n, text := range []string{r.at, r.environment, r.kind, r.author, r.incident, r.once} {
			texts[n] = append(texts[n], text)
		}
	}
	t.rows = nil
	_, err := t.tx.Exec(ctx, sharedInsertion, seqs, texts[0], texts[1], texts[2], texts[3], texts[4], texts[5], bodies, hashes)
	return err
}

// finish writes the rest, all but the commit. The row is written even when nothing was appended: that shows whether anything could be.
func (t *turn) finish(ctx context.Context) error {
	if err := t.flush(ctx); err != nil {
		return err
	}
	_, err := t.tx.Exec(ctx, "UPDATE rollback_agent.ledger SET seq = $1, hash = $2, cut = $3, cut_hash = $4, checkpoint = $5, beat = beat + 1",
		t.now.last.seq, t.now.last.previous(), t.now.start.cut.seq, t.now.start.cut.hash, t.now.start.checkpoint)
	return err
}
