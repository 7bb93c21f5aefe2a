package ledgertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/rollback"
)

func standsFor(t *testing.T, open Open) {
	s := open(t)
	for n := range 5 {
		Append(t, s, Entry(fmt.Sprint(n+1)))
	}
	before := All(t, s, 0)
	checkpoint := Cut(t, s, 3)
	after := Append(t, s, Entry(`7`))[0]
	if checkpoint.Seq != 6 || checkpoint.Kind != rollback.Checkpointed || checkpoint.At != Noon || after.Seq != 7 {
		t.Errorf("the checkpoint is %+v, the entry after it %d", checkpoint, after.Seq)
	}
	var c rollback.Checkpoint
	if err := json.Unmarshal(checkpoint.Body, &c); err != nil || c.Seq != 3 || len(c.Hash) != 64 || c.State.Quarantined != 3 {
		t.Errorf("its body is %s (%v)", checkpoint.Body, err)
	}
	want := []rollback.Entry{checkpoint, before[3], before[4], checkpoint, after}
	for range 2 {
		if diff := cmp.Diff(want, All(t, s, 0)); diff != "" {
			t.Errorf("from the beginning (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, All(t, s, 2)); diff != "" {
			t.Errorf("from within what was cut (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want[1:], All(t, s, 3)); diff != "" {
			t.Errorf("from the cut on (-want +got):\n%s", diff)
		}
		s = reopen(t, s, open)
	}
	second := Cut(t, s, 6) // behind the checkpoint before it
	if diff := cmp.Diff([]rollback.Entry{second, after, second}, All(t, s, 0)); diff != "" {
		t.Errorf("after a second cut (-want +got):\n%s", diff)
	}
}

func staySpent(t *testing.T, open Open) {
	s := open(t)
	Append(t, s, Once("a"), Once("b"), Entry(`{}`))
	Cut(t, s, 1)
	Cut(t, s, 3)
	for range 2 {
		twice(t, s, Once("a"))
		twice(t, s, Entry(`{}`), Once("b"))
		s = reopen(t, s, open)
	}
	if got := Append(t, s, Once("c")); got[0].Seq != 6 {
		t.Errorf("a new key has number %d, want 6", got[0].Seq)
	}
	var c rollback.Checkpoint
	if err := json.Unmarshal(All(t, s, 0)[0].Body, &c); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, c.Keys); diff != "" {
		t.Errorf("the checkpoint's keys (-want +got):\n%s", diff)
	}
}

func cutMeanwhile(t *testing.T, open Open) {
	s := open(t)
	for range 50 {
		Append(t, s, Entry(`"old"`), Entry(`"old"`), Entry(`"old"`), Entry(`"old"`), Entry(`"old"`), Entry(`"old"`))
	}
	var group sync.WaitGroup
	group.Go(func() { Cut(t, s, 100); Cut(t, s, 290) })
	for n := range 4 {
		group.Go(func() {
			for range 20 {
				if _, err := s.Append(t.Context(), Entry(fmt.Sprint(n))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	s = reopen(t, s, open)
	next := int64(291)
	for _, e := range All(t, s, 290) {
		if e.Seq != next {
			t.Fatalf("after entry %d comes %d", next-1, e.Seq)
		}
		next++
	}
	if next != 383 {
		t.Errorf("the last entry is %d, want 382", next-1)
	}
}

func cutRefused(t *testing.T, open Open) {
	s := open(t)
	Append(t, s, Entry(`1`), Entry(`2`), Entry(`3`))
	Cut(t, s, 2)
	for name, c := range map[string]rollback.Checkpoint{
		"what was cut already":   {Seq: 2, State: rollback.State{Seq: 2}},
		"what is not there":      {Seq: 9, State: rollback.State{Seq: 9}},
		"nothing":                {},
		"with a state before it": {Seq: 3, State: rollback.State{Seq: 2}},
	} {
		if _, err := s.Cut(t.Context(), Noon, c); err == nil || errors.Is(err, ledger.ErrNotDurable) {
			t.Errorf("%s: got %v, want a refusal", name, err)
		}
	}
	if _, err := s.Cut(t.Context(), time.Time{}, rollback.Checkpoint{Seq: 3, State: rollback.State{Seq: 3}}); err == nil {
		t.Error("a checkpoint without a time: accepted")
	}
	if got := All(t, s, 0); len(got) != 3 {
		t.Errorf("%d entries are left, want 3", len(got))
	}
}
