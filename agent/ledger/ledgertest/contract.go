// Package ledgertest holds the contract that every store of the ledger keeps, as tests. It is for tests, and tests nothing that a crash, a
// power cut or a second process would show: those are staged in ways that differ from store to store.
package ledgertest

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/rollback"
)

// Opened is a store that can be closed. A second Close does nothing.
type Opened struct {
	ledger.Store
	Close func() error
}

// Open opens one store; when it is called again after Close, it finds what was stored.
type Open func(t *testing.T) Opened

// Run runs the contract. Each test begins with a store of its own, that fresh makes and that holds nothing.
func Run(t *testing.T, fresh func(t *testing.T) Open) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Open)
	}{
		{"entries come back as appended after reopening", comeBack},
		{"text is text, and never a statement", isText},
		{"a key is admitted once and the whole append fails", once},
		{"a hundred at once are gapless and one key wins", atOnce},
		{"what cannot be read back is refused", refuse},
		{"after Close and when cancelled nothing is durable", notDurable},
		{"an append of nothing tells whether something could be stored", nothing},
		{"an iteration sees one moment", oneMoment},
		{"a checkpoint stands for what was cut", standsFor},
		{"keys stay spent when their entries are cut", staySpent},
		{"appends go on while the beginning is cut", cutMeanwhile},
		{"a cut that does not fit is refused", cutRefused},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, fresh(t)) })
	}
}

// Noon is the time of every entry made here; its nanoseconds must survive.
var Noon = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

// Entry is one without a key.
func Entry(body string) rollback.Entry {
	return rollback.Entry{At: Noon, Environment: "checkout/production", Kind: rollback.GateRecorded, Author: "ci", Body: json.RawMessage(body)}
}

// Once is one with a key.
func Once(key string) rollback.Entry {
	e := Entry(`{}`)
	e.Kind, e.Incident, e.Once = rollback.Decided, "inc-1", key
	return e
}

// All reads what is stored after a number.
func All(t *testing.T, s ledger.Store, after int64) []rollback.Entry {
	t.Helper()
	var entries []rollback.Entry
	for e, err := range s.Entries(t.Context(), after) {
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	return entries
}

// Append must succeed.
func Append(t *testing.T, s ledger.Store, entries ...rollback.Entry) []rollback.Entry {
	t.Helper()
	stored, err := s.Append(t.Context(), entries...)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// Cut must succeed. The state is as empty as the bodies of this package's entries.
func Cut(t *testing.T, s ledger.Store, seq int64) rollback.Entry {
	t.Helper()
	e, err := s.Cut(t.Context(), Noon, rollback.Checkpoint{Seq: seq, State: rollback.State{Seq: seq, Quarantined: int(seq)}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// reopen closes and opens again.
func reopen(t *testing.T, o Opened, open Open) Opened {
	t.Helper()
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t)
}
