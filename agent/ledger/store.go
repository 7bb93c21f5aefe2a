package ledger

import (
	"context"
	"iter"
	"time"

	"github.com/coclai/cutover/agent/rollback"
)

// Store is a ledger as the agent uses it, safe for concurrent use. It stands here and not at its caller because several stores have to
// keep it; ledgertest.Run says in tests what the sentences below mean.
type Store interface {
	// Append stores entries in order, all or none, and returns them with their numbers and as a later read gives them. When it returns
	// without an error they survive a crash and a power cut. ErrTwice: the Once key of one of them was used before. ErrNotDurable: closed,
	// cancelled while waiting, or it could not be written; with ErrBroken the entries may turn up after a restart. Without entries it
	// tells whether something could be stored.
	Append(ctx context.Context, entries ...rollback.Entry) ([]rollback.Entry, error)

	// Entries yields the entries after a number, in order, as they were when the iteration began. Where entries were cut that the reader
	// asks for, the checkpoint that stands for them comes first, and once more in its place. An entry that cannot be read is a *BadEntry
	// and ends it.
	Entries(ctx context.Context, after int64) iter.Seq2[rollback.Entry, error]

	// Cut appends the checkpoint, and the entries up to its Seq are gone; the store fills in Hash and Keys. Seq must be that of an entry
	// that is there, and State what the entries up to it amount to.
	Cut(ctx context.Context, at time.Time, c rollback.Checkpoint) (rollback.Entry, error)
}
