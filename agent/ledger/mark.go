package ledger

import (
	"bytes"
	"fmt"
	"sync"
)

// mark is the last entry that this process has seen. A database in which it is no more has lost what was acknowledged: a standby without
// the last commits was made the primary, or a backup was restored (facts/faults.md F11). Then nothing is stored and nothing is done until
// a person has looked: the loss is kept until the process ends.
type mark struct {
	reader *Reader
	mu     sync.Mutex
	last   head
	lost   error
}

// end is the end of a ledger as the database gives it, with the hash of the marked entry, nil if there is none.
type end struct {
	last   head
	cut    int64
	marked []byte
}

func (m *mark) note(h head) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if h.seq > m.last.seq {
		m.last = h
	}
}

// at is the entry that is marked.
func (m *mark) at() head {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last
}

// check holds what was read against the mark as it was before the reading.
func (m *mark) check(was head, e end) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.lost != nil:
		return m.lost
	case e.last.seq < was.seq:
		m.lost = m.refusal(fmt.Sprintf("has gone back: it ends with entry %d, and had %d", e.last.seq, was.seq))
	case was.seq > e.cut && !bytes.Equal(e.marked, was.hash):
		m.lost = m.refusal(fmt.Sprintf("has gone back: its entry %d is not the one that was there", was.seq))
	case e.last.seq > m.last.seq:
		m.last = e.last
	}
	return m.lost
}

func (m *mark) refusal(message string) error {
	return &Refusal{Kind: Lost, Path: m.reader.path, Message: message, Hint: m.reader.in.restore(m.reader.path)}
}

// standing is the loss that was found, nil if there is none.
func (m *mark) standing() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lost
}
