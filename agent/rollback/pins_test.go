package rollback_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// told folds bodies as entries of one environment, one second after the other.
func told(t *testing.T, steps ...any) *rollback.Environment {
	t.Helper()
	kinds := func(body any) rollback.Kind {
		switch body.(type) {
		case release.Pin:
			return rollback.StablePinned
		case rollback.Decision:
			return rollback.Decided
		case rollback.Lock:
			return rollback.LockSet
		case rollback.Preparation:
			return rollback.Prepared
		case rollback.Push:
			return rollback.Pushed
		case rollback.LockPush:
			return rollback.LockPushed
		case rollback.Unlock:
			return rollback.LockCleared
		}
		t.Fatalf("%T", body)
		return ""
	}
	var s rollback.State
	for n, body := range steps {
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		entry := rollback.Entry{Seq: int64(n + 1), At: time.Unix(int64(1_700_000_000+n), 0).UTC(), Environment: "checkout/production", Kind: kinds(body),
			Author: "kim", Incident: "inc-7", Body: raw}
		s.Snapshot() // what a reader holds must not change
		if err := s.Apply(entry); err != nil {
			t.Fatal(err)
		}
	}
	return s.Environment("checkout/production")
}

func TestEveryPinIsKeptTheLastAtTheEnd(t *testing.T) {
	pin := func(name string) release.Pin { return release.Pin{Ref: "refs/tags/" + name, Commit: name} }
	e := told(t, pin("a"), pin("b"), pin("c"), pin("a"))
	got := ""
	for _, p := range e.Pins {
		got += p.Name()
	}
	if got != "bca" || e.Pin.Name() != "a" {
		t.Errorf("pins %s, the last is %s", got, e.Pin.Name())
	}
	var many []any
	for n := range 150 {
		many = append(many, pin(fmt.Sprint(n)))
	}
	if e := told(t, many...); len(e.Pins) != 100 || e.Pins[0].Name() != "50" || e.Pins[99].Name() != "149" {
		t.Errorf("%d pins", len(e.Pins))
	}
}

func TestWhatIsKnownOfTheLockOnTheRemote(t *testing.T) {
	decided := rollback.Decision{Verdict: rollback.Rollback, Reason: rollback.ByHand, By: "kim", Key: "by hand"}
	lock := rollback.Lock{Incident: "inc-7", Tree: "bad"}
	prepared := rollback.Preparation{Commit: "c"}
	for name, c := range map[string]struct {
		steps []any
		want  string
	}{
		"set, and not pushed":            {[]any{decided, lock}, ""},
		"carried by the commit":          {[]any{decided, lock, prepared, rollback.Push{Outcome: "done", Locked: true}}, rollback.LockStands},
		"the commit came without it":     {[]any{decided, lock, prepared, rollback.Push{Outcome: "done"}}, ""},
		"pushed alone":                   {[]any{decided, lock, rollback.LockPush{Outcome: rollback.LockStands}}, rollback.LockStands},
		"refused":                        {[]any{decided, lock, rollback.LockPush{Outcome: rollback.LockRefused}}, rollback.LockRefused},
		"set again for another rollback": {[]any{decided, lock, rollback.LockPush{Outcome: rollback.LockStands}, lock}, ""},
	} {
		e := told(t, c.steps...)
		if e.Lock.Remote != c.want {
			t.Errorf("%s: %q, want %q", name, e.Lock.Remote, c.want)
		}
		if len(e.Automatic) != 0 {
			t.Errorf("%s: a rollback by hand was taken from the budget", name)
		}
	}
}

// TestATreeThatWasRolledBackTwiceIsBannedTwice: one incident's cause was a load test, the other's was the tree.
func TestATreeThatWasRolledBackTwiceIsBannedTwice(t *testing.T) {
	decided := rollback.Decision{Verdict: rollback.Rollback, Reason: rollback.ByHand, By: "kim"}
	first, second := rollback.Lock{Incident: "inc-1", Tree: "bad"}, rollback.Lock{Incident: "inc-7", Tree: "bad"}
	opened := func(incident string, innocent bool) rollback.Unlock {
		return rollback.Unlock{Incident: incident, Cause: "x", Innocent: innocent}
	}
	for name, c := range map[string]struct {
		steps []any
		want  string
	}{
		"both":                   {[]any{decided, first, opened("inc-1", false), second, opened("inc-7", false)}, "inc-1 and inc-7"},
		"the second is innocent": {[]any{decided, first, opened("inc-1", false), second, opened("inc-7", true)}, "inc-1"},
		"the first is innocent":  {[]any{decided, first, opened("inc-1", true), second, opened("inc-7", false)}, "inc-7"},
		"locked again by one":    {[]any{decided, first, first}, "inc-1"},
	} {
		if got := told(t, c.steps...).BannedBy("bad"); got != c.want {
			t.Errorf("%s: banned by %q, want %q", name, got, c.want)
		}
	}
	var old rollback.Environment
	if err := json.Unmarshal([]byte(`{"banned":{"bad":"inc-1"}}`), &old); err != nil || old.BannedBy("bad") != "inc-1" {
		t.Errorf("an older checkpoint: %v, %v", old.Banned, err)
	}
}

func TestWhatWasRolledBackIsBannedUnlessItIsFoundInnocent(t *testing.T) {
	decided := rollback.Decision{Verdict: rollback.Rollback, Reason: rollback.ByHand, By: "kim"}
	lock := rollback.Lock{Incident: "inc-7", Tree: "bad"}
	for innocent, want := range map[bool]string{false: "inc-7", true: ""} {
		e := told(t, decided, lock, rollback.Unlock{Incident: "inc-7", Cause: "x", Innocent: innocent})
		if got := e.BannedBy("bad"); got != want || e.Lock != nil {
			t.Errorf("innocent %v: banned by %q, lock %+v", innocent, got, e.Lock)
		}
	}
}
