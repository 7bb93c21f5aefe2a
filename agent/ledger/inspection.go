package ledger

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/coclai/cutover/agent/rollback"
)

// Extent is what a whole ledger holds.
type Extent struct {
	Cut  int64     `json:"cut"`         // number of the last entry that retention cut off, 0 if none
	Last int64     `json:"last"`        // number of the last entry, 0 in an empty ledger
	Hash string    `json:"last_sha256"` // of the last entry; noted elsewhere, it shows later whether the ledger was replaced
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"` // of the first and the last entry
}

// Inspect reads everything: numbers without gaps, hashes, kinds, the checkpoint at the beginning, and the last entry that is known to have
// been there. What is wrong with it is a *Refusal; it wraps a *BadEntry where there is one to name.
func (r *Reader) Inspect(ctx context.Context) (Extent, error) {
	i, err := r.inspect(ctx, true)
	if err != nil {
		return Extent{}, r.wrong(err)
	}
	extent := Extent{Cut: i.start.cut.seq, Last: i.last.seq, Hash: hex.EncodeToString(i.last.hash)}
	if i.first.seq == 0 {
		return extent, nil
	}
	first, last := i.first, i.final
	if extent.From, err = time.Parse(time.RFC3339Nano, first.at); err == nil {
		extent.To, err = time.Parse(time.RFC3339Nano, last.at)
	}
	return extent, err
}

// Verify is Inspect for those who want to know only whether.
func (r *Reader) Verify(ctx context.Context) error {
	_, err := r.inspect(ctx, true)
	return r.wrong(err)
}

// inspection goes along the chain.
type inspection struct {
	start        start
	last         head
	seen         witness
	found        bool // the entry that the witness saw
	standing     row  // the checkpoint that stands for what was cut
	first, final row
}

// inspect walks the whole chain; kinds says whether every entry must be understood as well.
func (r *Reader) inspect(ctx context.Context, kinds bool) (*inspection, error) {
	v, err := r.view(ctx)
	if err != nil {
		return nil, err
	}
	defer v.end()
	seen, err := v.witness(ctx, r.seen)
	if err != nil {
		return nil, fmt.Errorf("read where the ledger ends: %w", err)
	}
	i := &inspection{start: v.start, last: v.start.cut, seen: seen, found: seen.Seq <= v.start.cut.seq}
	for row, err := range v.rows(ctx, v.start.cut.seq) {
		if err == nil {
			err = i.take(row)
		}
		if err == nil && kinds {
			_, err = row.entry()
		}
		if err != nil {
			return nil, err
		}
	}
	if err := i.beginning(ctx, v); err != nil {
		return nil, err
	}
	return i, i.lost(r)
}

func (i *inspection) take(r row) error {
	if err := r.check(i.last); err != nil {
		return err
	}
	if i.first.seq == 0 {
		i.first = r
	}
	if r.seq == i.start.checkpoint {
		i.standing = r
	}
	i.last, i.final = head{r.seq, r.hash}, r
	i.found = i.found || (r.seq == i.seen.Seq && hex.EncodeToString(r.hash) == i.seen.Hash)
	return nil
}

// beginning holds the place where the ledger begins against the checkpoint, which the chain covers.
func (i *inspection) beginning(ctx context.Context, v *view) error {
	if i.start.cut.seq == 0 {
		return nil
	}
	keys, err := v.spent(ctx)
	if err != nil {
		return err
	}
	var c struct {
		Seq  int64
		Hash string
		Keys []string
	}
	err = json.Unmarshal(i.standing.body, &c)
	if err != nil || i.standing.kind != string(rollback.Checkpointed) || c.Seq != i.start.cut.seq || c.Hash != hex.EncodeToString(i.start.cut.hash) {
		return &BadEntry{i.start.checkpoint, fmt.Sprintf("is no checkpoint for a ledger that begins after entry %d", i.start.cut.seq)}
	}
	if !slices.Equal(keys, c.Keys) {
		return &BadEntry{i.start.checkpoint, "does not hold the keys that are spent"}
	}
	return nil
}

// lost misses the last entry that is known to have been written.
func (i *inspection) lost(r *Reader) error {
	if i.found {
		return nil
	}
	message := fmt.Sprintf("ends with entry %d, and had %d", i.last.seq, i.seen.Seq)
	if i.seen.Seq <= i.last.seq {
		message = fmt.Sprintf("is another one: its entry %d is not the one that was there", i.seen.Seq)
	}
	return &Refusal{Kind: Lost, Path: r.path, Message: message, Hint: r.in.restore(r.path)}
}

// wrong makes a refusal of an entry that is wrong, or a page; an error that says nothing about the ledger stays what it is.
func (r *Reader) wrong(err error) error {
	var bad *BadEntry
	switch {
	case errors.As(err, &bad):
		return &Refusal{Kind: Tampered, Path: r.path, Message: "was changed from outside", Cause: err, Hint: r.in.restore(r.path)}
	case code(err) == sqlite3.SQLITE_CORRUPT:
		return refused(r.path, err)
	}
	return err
}

func gone(path string, seen witness) error {
	return &Refusal{Kind: Lost, Path: path, Message: fmt.Sprintf("is gone; it held entry %d", seen.Seq), Hint: restore(path)}
}
