package ledger

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/coclai/cutover/agent/rollback"
)

// cut is the wish to let a checkpoint stand for the ledger's beginning.
type cut struct {
	at         time.Time
	checkpoint rollback.Checkpoint
}

// author is that of what the ledger appends itself.
const author = "rollback-agent"

// cut appends the checkpoint and moves the start behind the entry that it names. Both are one transaction: a crash leaves the ledger whole
// and begun where it did, or whole and cut. The outcome says why it may not be.
func (w *writer) cut(ctx context.Context, r *request, end *place) (outcome, err error) {
	c := r.cut.checkpoint
	if c.Seq <= end.start.cut.seq || c.Seq > end.last.seq || c.State.Seq != c.Seq {
		return fmt.Errorf("entry %d with state %d: the ledger holds %d to %d", c.Seq, c.State.Seq, end.start.cut.seq+1, end.last.seq), nil
	}
	var hash []byte
	if err := w.conn.QueryRowContext(ctx, "SELECT hash FROM entries WHERE seq = ?", c.Seq).Scan(&hash); err != nil {
		return nil, err
	}
	c.Hash = hex.EncodeToString(hash)
	if c.Keys, err = w.spend(ctx, c.Seq); err != nil {
		return nil, err
	}
	body, err := json.Marshal(c)
	if err != nil {
		return err, nil
	}
	e := rollback.Entry{At: r.cut.at, Kind: rollback.Checkpointed, Author: author, Body: body}
	if r.stored, err = w.insertAll(ctx, []rollback.Entry{e}, &end.last); err != nil {
		return nil, err
	}
	end.start = start{head{c.Seq, hash}, end.last.seq}
	_, err = w.conn.ExecContext(ctx, "UPDATE start SET cut = ?, hash = ?, checkpoint = ?", c.Seq, hash, end.last.seq)
	return nil, err
}

// spend keeps the Once keys of what is cut, and gives them with those that were kept before.
func (w *writer) spend(ctx context.Context, seq int64) ([]string, error) {
	_, err := w.conn.ExecContext(ctx, "INSERT INTO spent SELECT once FROM entries WHERE seq <= ? AND once NOT NULL ON CONFLICT DO NOTHING", seq)
	if err != nil {
		return nil, err
	}
	found, err := w.conn.QueryContext(ctx, "SELECT once FROM spent ORDER BY once")
	if err != nil {
		return nil, err
	}
	return texts(found)
}

// purgeAtOnce is how many entries one transaction deletes: what is waiting to be appended waits no longer than for that.
const purgeAtOnce = 200

// purgeSome deletes a few of the entries that were cut. What fails is tried again after the next start or cut; nobody reads them meanwhile.
func (w *writer) purgeSome(ctx context.Context) {
	var least int64
	err := w.conn.QueryRowContext(ctx, "SELECT seq FROM entries WHERE seq <= ? ORDER BY seq LIMIT 1", w.start.cut.seq).Scan(&least)
	if err == nil {
		_, err = w.conn.ExecContext(ctx, "DELETE FROM entries WHERE seq <= ?", min(least+purgeAtOnce-1, w.start.cut.seq))
	}
	w.purge = err == nil
	if !errors.Is(err, sql.ErrNoRows) {
		_ = w.judge(err)
	}
}
