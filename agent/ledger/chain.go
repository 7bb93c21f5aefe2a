package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/coclai/cutover/agent/rollback"
)

// head is the end of the chain: the last entry's number and hash. The zero head is that of an empty ledger.
type head struct {
	seq  int64
	hash []byte
}

// genesis is what the first entry is chained to.
var genesis = make([]byte, sha256.Size)

func (h head) previous() []byte {
	if h.hash == nil {
		return genesis
	}
	return h.hash
}

// row is an entry as the table holds it. Time is text, so that what was hashed is what is stored.
type row struct {
	seq                                           int64
	at, environment, kind, author, incident, once string
	body, hash                                    []byte
}

// sealed is what is hashed: canonical because Go writes struct fields in order and escapes text in one way. The body stands as its
// digest, so that it is covered to the byte whatever JSON would do to its white space.
type sealed struct {
	Seq         int64  `json:"seq"`
	At          string `json:"at"`
	Environment string `json:"environment"`
	Kind        string `json:"kind"`
	Author      string `json:"author"`
	Incident    string `json:"incident"`
	Once        string `json:"once"`
	BodySHA256  string `json:"body_sha256"`
}

// sealed is the row without its hash.
func (r row) sealed() sealed {
	digest := sha256.Sum256(r.body)
	return sealed{r.seq, r.at, r.environment, r.kind, r.author, r.incident, r.once, hex.EncodeToString(digest[:])}
}

// seal is sha256(previous hash || canonical JSON).
func (r row) seal(previous []byte) []byte {
	text, err := json.Marshal(r.sealed())
	if err != nil {
		panic("text that is no JSON: " + err.Error()) // strings and a number always are
	}
	hash := sha256.New()
	hash.Write(previous)
	hash.Write(text)
	return hash.Sum(nil)
}

// rowOf puts an entry behind the head.
func rowOf(e rollback.Entry, h head) (row, error) {
	if err := appendable(e); err != nil {
		return row{}, err
	}
	r := row{
		seq: h.seq + 1, at: e.At.UTC().Format(time.RFC3339Nano), environment: e.Environment, kind: string(e.Kind),
		author: e.Author, incident: e.Incident, once: e.Once, body: bytes.Clone(e.Body),
	}
	r.hash = r.seal(h.previous())
	return r, nil
}

// appendable refuses what could not be read back as it was.
func appendable(e rollback.Entry) error {
	if err := e.Kind.Validate(); err != nil {
		return err
	}
	if e.At.IsZero() {
		return errors.New("an entry needs a time")
	}
	if !json.Valid(e.Body) {
		return fmt.Errorf("the body of %s is no JSON", e.Kind)
	}
	for _, text := range []string{e.Environment, e.Author, e.Incident, e.Once} {
		if !utf8.ValidString(text) {
			return fmt.Errorf("%q is no UTF-8", text)
		}
	}
	return nil
}

// check says what is wrong with a row that should follow the head; nil if nothing is.
func (r row) check(h head) error {
	if r.seq != h.seq+1 {
		return &BadEntry{h.seq + 1, fmt.Sprintf("is missing: after %d comes %d", h.seq, r.seq)}
	}
	if !bytes.Equal(r.hash, r.seal(h.previous())) {
		return &BadEntry{r.seq, "does not match its hash: it, or the entry before it, was changed"}
	}
	return nil
}

// entry reads a row.
func (r row) entry() (rollback.Entry, error) {
	kind := rollback.Kind(r.kind)
	if err := kind.Validate(); err != nil {
		return rollback.Entry{}, &BadEntry{r.seq, err.Error() + ": written by a newer program?"}
	}
	at, err := time.Parse(time.RFC3339Nano, r.at)
	if err != nil {
		return rollback.Entry{}, &BadEntry{r.seq, fmt.Sprintf("its time %q cannot be read", r.at)}
	}
	return rollback.Entry{
		Seq: r.seq, At: at.UTC(), Environment: r.environment, Kind: kind, Author: r.author, Incident: r.incident, Once: r.once, Body: r.body,
	}, nil
}
