package ledgertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/rollback"
)

func comeBack(t *testing.T, open Open) {
	s := open(t)
	first := Entry(`{ "b" : "<&>", "ü":1,` + "\n" + `"a":2.50 }`) // white space, escapes and number as written
	second := Once("decided/inc-1")
	second.At = Noon.In(time.FixedZone("KST", 9*60*60))
	stored := append(Append(t, s, first, second), Append(t, s, Entry(`[]`))...)
	for i := range stored {
		if stored[i].Seq != int64(i+1) {
			t.Errorf("entry %d has number %d", i+1, stored[i].Seq)
		}
	}
	if got := string(stored[0].Body); got != string(first.Body) {
		t.Errorf("body became %q", got)
	}
	if stored[1].At != Noon {
		t.Errorf("time became %v, want the same instant in UTC", stored[1].At)
	}
	s = reopen(t, s, open)
	if diff := cmp.Diff(stored, All(t, s, 0)); diff != "" {
		t.Errorf("after reopening (-stored +read):\n%s", diff)
	}
	if diff := cmp.Diff(stored[2:], All(t, s, 2)); diff != "" {
		t.Errorf("after entry 2 (-stored +read):\n%s", diff)
	}
}

func once(t *testing.T, open Open) {
	s := open(t)
	Append(t, s, Once("key"))
	for _, entries := range [][]rollback.Entry{{Once("key")}, {Entry(`1`), Once("key"), Entry(`2`)}, {Once("new"), Once("new")}} {
		twice(t, s, entries...)
	}
	s = reopen(t, s, open)
	twice(t, s, Once("key"))
	if stored := Append(t, s, Once("new"), Entry(`{}`), Entry(`{}`)); stored[2].Seq != 4 {
		t.Errorf("refused appends left a gap: next number is %d, want 4", stored[2].Seq)
	}
}

func twice(t *testing.T, s ledger.Store, entries ...rollback.Entry) {
	t.Helper()
	if _, err := s.Append(t.Context(), entries...); !errors.Is(err, ledger.ErrTwice) || errors.Is(err, ledger.ErrNotDurable) {
		t.Errorf("append of %d entries: got %v, want ErrTwice", len(entries), err)
	}
}

func atOnce(t *testing.T, open Open) {
	s := open(t)
	outcomes := make([]error, 100)
	var group sync.WaitGroup
	for i := range outcomes {
		group.Go(func() {
			e := Entry(fmt.Sprint(i))
			if i%2 == 0 {
				e = Once("the one firing")
			}
			_, outcomes[i] = s.Append(t.Context(), Entry(`"before"`), e)
		})
	}
	group.Wait()
	won := 0
	for i, err := range outcomes {
		if i%2 == 0 && err == nil {
			won++
		}
		if err != nil && (i%2 == 1 || !errors.Is(err, ledger.ErrTwice)) {
			t.Errorf("append %d failed: %v", i, err)
		}
	}
	if won != 1 {
		t.Errorf("the key was admitted %d times", won)
	}
	gapless(t, s, 102)
}

// gapless reads all entries and holds their numbers against 1, 2, 3… up to last.
func gapless(t *testing.T, s ledger.Store, last int64) {
	t.Helper()
	entries := All(t, s, 0)
	for n, e := range entries {
		if e.Seq != int64(n+1) {
			t.Fatalf("entry %d comes at place %d", e.Seq, n+1)
		}
	}
	if int64(len(entries)) != last {
		t.Errorf("%d entries, want %d", len(entries), last)
	}
}

func refuse(t *testing.T, open Open) {
	s := open(t)
	for name, change := range map[string]func(*rollback.Entry){
		"unknown kind":   func(e *rollback.Entry) { e.Kind = "made.up" },
		"no time":        func(e *rollback.Entry) { e.At = time.Time{} },
		"no body":        func(e *rollback.Entry) { e.Body = nil },
		"body no JSON":   func(e *rollback.Entry) { e.Body = json.RawMessage(`{`) },
		"text not UTF-8": func(e *rollback.Entry) { e.Author = "\xff" },
	} {
		bad := Entry(`{}`)
		change(&bad)
		if _, err := s.Append(t.Context(), Entry(`{}`), bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if got := All(t, s, 0); len(got) != 0 {
		t.Errorf("refused appends left %d entries", len(got))
	}
}

func notDurable(t *testing.T, open Open) {
	s := open(t)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	// The hand-over may win against the cancellation; then the entry is durable.
	stored, err := s.Append(cancelled, Entry(`{}`))
	if got := len(All(t, s, 0)); (err == nil) != (got == 1) || got != len(stored) {
		t.Errorf("cancelled append says %v and left %d entries", err, got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), Entry(`{}`)); !errors.Is(err, ledger.ErrNotDurable) {
		t.Errorf("after close: got %v, want ErrNotDurable", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

func nothing(t *testing.T, open Open) {
	s := open(t)
	if stored := Append(t, s); len(stored) != 0 {
		t.Errorf("it stored %v", stored)
	}
	if got := All(t, s, 0); len(got) != 0 {
		t.Errorf("it left %d entries", len(got))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context()); !errors.Is(err, ledger.ErrNotDurable) {
		t.Errorf("after close: got %v, want ErrNotDurable", err)
	}
}

func oneMoment(t *testing.T, open Open) {
	s := open(t)
	Append(t, s, Entry(`1`), Entry(`2`))
	read := 0
	for _, err := range s.Entries(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		read++
		Append(t, s, Entry(`"meanwhile"`))
	}
	if read != 2 {
		t.Errorf("%d entries were read, 2 were there when it began", read)
	}
	gapless(t, s, 4)
}

// isText puts what means something to a database into every field that holds text; it comes back byte for byte.
func isText(t *testing.T, open Open) {
	s := open(t)
	var want []rollback.Entry
	for n, text := range []string{"'; DROP TABLE entries; --", `"; DELETE FROM entry; --`, "') OR ('1'='1", "$1 $2 ?1 :x @x", "%s%n%d", `\\' \u0000 \x00`, "/*", "--", "\r\n\t", "\u202e\u200b\ufeff",
		"한국어 \U0001F4A5", "COPY x FROM PROGRAM 'id'", "pg_sleep(9)", "`id`", "$(id)", "<script>", strings.Repeat("'", 1000)} {
		body, err := json.Marshal(map[string]string{text: text, "nul": "\x00"})
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, rollback.Entry{At: Noon, Environment: text, Kind: rollback.GateRecorded, Author: text, Incident: text, Once: fmt.Sprint(n, text), Body: body})
	}
	Append(t, s, want...)
	s = reopen(t, s, open)
	got := All(t, s, 0)
	for n := range want {
		want[n].Seq = int64(n + 1)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
