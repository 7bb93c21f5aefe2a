package ledger

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
)

// exported is one line of an export: with it anybody can recompute the chain, as doc comment of seal says.
type exported struct {
	sealed
	Hash string          `json:"hash"`
	Body json.RawMessage `json:"body"`
}

// Export writes every entry as a line of JSON with its hash, and checks the chain on the way: it ends before the first that is wrong, with
// a *Refusal that wraps its *BadEntry. The body is written compactly; body_sha256 is of its exact bytes. The first line of a ledger that was cut
// follows the entry that its checkpoint names.
func (r *Reader) Export(ctx context.Context, w io.Writer) error {
	v, err := r.view(ctx)
	if err != nil {
		return err
	}
	defer v.end()
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	last := v.start.cut
	for row, err := range v.rows(ctx, last.seq) {
		if err == nil {
			err = row.check(last)
		}
		if err != nil {
			return r.wrong(err)
		}
		if err := encoder.Encode(exported{row.sealed(), hex.EncodeToString(row.hash), row.body}); err != nil {
			return fmt.Errorf("export entry %d: %w", row.seq, err)
		}
		last = head{row.seq, row.hash}
	}
	return nil
}
