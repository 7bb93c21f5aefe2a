package simulation

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/ledger/ledgertest"
	"github.com/coclai/cutover/agent/rollback"
)

// disk is what survives a crash: entries, each chained to the one before.
type disk struct {
	mu      sync.Mutex
	rows    []line
	last    int64
	hash    [32]byte // of the last row
	cut     int64    // of the last row that is gone
	stands  rollback.Entry
	spent   map[string]bool
	trouble func([]rollback.Entry) trouble // what becomes of an append; nil: nothing does
	written func([]rollback.Entry)         // called with what has become durable
}

type line struct {
	entry rollback.Entry
	hash  [32]byte
}

// trouble is what an append meets.
type trouble string

const (
	fine        trouble = ""
	full        trouble = "full"        // refused, and nothing is stored
	failing     trouble = "failing"     // an fsync error: refused, and it may be stored all the same; the store takes no more
	failingLate trouble = "failingLate" // as failing, and it is stored
	dead        trouble = "dead"        // the process ended before
	deadAfter   trouble = "deadAfter"   // the process ends once it is stored
)

// store is one process's ledger on a disk.
type store struct {
	*disk
	mu     sync.Mutex
	closed error
}

func (d *disk) open() *store { return &store{disk: d} }

var _ ledger.Store = (*store)(nil)

func (s *store) Append(_ context.Context, entries ...rollback.Entry) ([]rollback.Entry, error) {
	for _, e := range entries {
		if err := appendable(e); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed != nil {
		return nil, s.closed
	}
	what := fine
	if s.trouble != nil {
		what = s.trouble(entries)
	}
	switch what {
	case full:
		return nil, fmt.Errorf("disk is full: %w", ledger.ErrNotDurable)
	case dead:
		s.closed = fmt.Errorf("dead: %w", ledger.ErrNotDurable)
		return nil, s.closed
	case failing:
		s.closed = fmt.Errorf("fsync: %w: %w", ledger.ErrNotDurable, ledger.ErrBroken)
		return nil, s.closed
	}
	stored, err := s.put(entries)
	if err == nil && (what == deadAfter || what == failingLate) {
		s.closed = fmt.Errorf("fsync: %w: %w", ledger.ErrNotDurable, ledger.ErrBroken)
		return nil, s.closed
	}
	return stored, err
}

// put chains entries, and keeps them.
func (d *disk) put(entries []rollback.Entry) ([]rollback.Entry, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fresh := map[string]bool{}
	for _, e := range entries {
		if e.Once == "" {
			continue
		}
		if d.spent[e.Once] || fresh[e.Once] {
			return nil, ledger.ErrTwice
		}
		fresh[e.Once] = true
	}
	if d.spent == nil {
		d.spent = map[string]bool{}
	}
	maps.Copy(d.spent, fresh)
	stored := make([]rollback.Entry, len(entries))
	for n, e := range entries {
		e.Seq, e.At, e.Body = d.last+1, e.At.UTC(), bytes.Clone(e.Body)
		d.hash = seal(d.hash, e)
		d.last, stored[n] = e.Seq, e
		d.rows = append(d.rows, line{e, d.hash})
	}
	if d.written != nil && len(stored) > 0 {
		d.written(stored)
	}
	return stored, nil
}

// lose takes the last entries away, as a power cut does where nobody has waited for the disk: a planted bug.
func (d *disk) lose(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rows = d.rows[:max(0, len(d.rows)-n)]
	d.last, d.hash = 0, [32]byte{}
	if len(d.rows) > 0 {
		d.last, d.hash = d.rows[len(d.rows)-1].entry.Seq, d.rows[len(d.rows)-1].hash
	}
}

func seal(before [32]byte, e rollback.Entry) [32]byte {
	text, err := json.Marshal([]any{e.Seq, e.At, e.Environment, e.Kind, e.Author, e.Incident, e.Once, sha256.Sum256(e.Body)})
	if err != nil {
		panic(err) // texts and numbers always can be written
	}
	return sha256.Sum256(append(before[:], text...))
}

func appendable(e rollback.Entry) error {
	if err := e.Kind.Validate(); err != nil {
		return err
	}
	if e.At.IsZero() || !json.Valid(e.Body) {
		return errors.New("no time, or no JSON")
	}
	for _, text := range []string{e.Environment, e.Author, e.Incident, e.Once} {
		if !utf8.ValidString(text) {
			return fmt.Errorf("%q is no UTF-8", text)
		}
	}
	return nil
}

func (s *store) Entries(_ context.Context, after int64) iter.Seq2[rollback.Entry, error] {
	all := s.entries(after)
	return func(yield func(rollback.Entry, error) bool) {
		for _, e := range all {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (d *disk) entries(after int64) []rollback.Entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []rollback.Entry
	if d.cut > after {
		all = append(all, d.stands)
	}
	for _, r := range d.rows {
		if r.entry.Seq > max(after, d.cut) {
			all = append(all, r.entry)
		}
	}
	return all
}

func (s *store) Cut(_ context.Context, at time.Time, c rollback.Checkpoint) (rollback.Entry, error) {
	if at.IsZero() {
		return rollback.Entry{}, errors.New("a checkpoint needs a time")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed != nil {
		return rollback.Entry{}, s.closed
	}
	d := s.disk
	d.mu.Lock()
	n := slices.IndexFunc(d.rows, func(r line) bool { return r.entry.Seq == c.Seq })
	if c.Seq <= d.cut || n < 0 || c.State.Seq != c.Seq {
		d.mu.Unlock()
		return rollback.Entry{}, fmt.Errorf("entry %d is none to cut at", c.Seq)
	}
	gone := map[string]bool{}
	if d.cut > 0 {
		var before rollback.Checkpoint
		_ = json.Unmarshal(d.stands.Body, &before)
		for _, key := range before.Keys {
			gone[key] = true
		}
	}
	for _, r := range d.rows[:n+1] {
		if r.entry.Once != "" {
			gone[r.entry.Once] = true
		}
	}
	c.Hash, c.Keys = hex.EncodeToString(d.rows[n].hash[:]), slices.Sorted(maps.Keys(gone))
	d.rows, d.cut = slices.Clone(d.rows[n+1:]), c.Seq
	d.mu.Unlock()
	body, err := json.Marshal(c)
	if err != nil {
		return rollback.Entry{}, err
	}
	stored, err := d.put([]rollback.Entry{{At: at, Kind: rollback.Checkpointed, Author: "rollback-agent", Body: body}})
	if err != nil {
		return rollback.Entry{}, err
	}
	d.stands = stored[0]
	return stored[0], nil
}

func (s *store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = fmt.Errorf("closed: %w", ledger.ErrNotDurable)
	return nil
}

// broken says where the chain does not hold, "" if it does.
func (d *disk) broken() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var hash [32]byte
	if d.cut > 0 {
		return "" // nothing here cuts
	}
	for n, r := range d.rows {
		if hash = seal(hash, r.entry); r.entry.Seq != int64(n+1) || hash != r.hash {
			return fmt.Sprintf("entry %d at place %d does not follow", r.entry.Seq, n+1)
		}
	}
	return ""
}

// TestTheDiskKeepsTheContract: what the simulated worlds store in is a store like SQLite.
func TestTheDiskKeepsTheContract(t *testing.T) {
	ledgertest.Run(t, func(*testing.T) ledgertest.Open {
		d := &disk{}
		return func(*testing.T) ledgertest.Opened {
			s := d.open()
			return ledgertest.Opened{Store: s, Close: s.Close}
		}
	})
}
