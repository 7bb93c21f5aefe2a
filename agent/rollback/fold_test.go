package rollback_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

const env, fingerprint = "checkout/production", "0123456789abcdef"

// history is a ledger in the making.
type history struct {
	t     testing.TB
	state rollback.State
}

func (h *history) add(kind rollback.Kind, incident string, body any) {
	h.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		h.t.Fatal(err)
	}
	e := rollback.Entry{Seq: h.state.Seq + 1, At: t0.Add(time.Duration(h.state.Seq) * time.Second), Environment: env, Kind: kind, Incident: incident, Body: b}
	if err := h.state.Apply(e); err != nil {
		h.t.Fatal(err)
	}
}

func (h *history) deliver(status string, startsAt, endsAt time.Time) {
	h.t.Helper()
	h.add(rollback.AlertsReceived, "", rollback.Delivery{Source: "am", Firings: []rollback.Firing{{Status: status, Fingerprint: fingerprint, StartsAt: startsAt, EndsAt: endsAt}}})
}

func (h *history) episode() rollback.Episode {
	return *h.state.Environment(env).Episodes[rollback.Key("am", fingerprint)]
}

func TestEpisodesUnderAlertmanagersRealBehaviour(t *testing.T) {
	at := func(s int) time.Time { return t0.Add(time.Duration(s) * time.Second) }
	var never time.Time
	for _, test := range []struct {
		name    string
		deliver func(*history)
		open    bool
		due     bool
		starts  time.Time
		stale   int
	}{
		{"fires", func(h *history) { h.deliver("firing", at(10), never) }, true, true, at(10), 0},
		{"repeats with an earlier start (a second Prometheus)", func(h *history) { h.deliver("firing", at(10), never); h.deliver("firing", at(5), never) }, true, true, at(5), 0},
		{"repeats with a later start", func(h *history) { h.deliver("firing", at(10), never); h.deliver("firing", at(20), never) }, true, true, at(10), 0},
		{"over before anyone looked", func(h *history) { h.deliver("firing", at(10), never); h.deliver("resolved", at(10), at(30)) }, false, true, at(10), 0},
		{"only its end was heard of", func(h *history) { h.deliver("resolved", at(10), at(30)) }, false, false, at(10), 0},
		{"firing after resolved, same start (Alertmanager 2447)", func(h *history) {
			h.deliver("resolved", at(10), at(30))
			h.deliver("firing", at(10), never)
		}, false, false, at(10), 1},
		{"fires again later", func(h *history) {
			h.deliver("firing", at(10), never)
			h.deliver("resolved", at(10), at(30))
			h.deliver("firing", at(40), never)
		}, true, true, at(40), 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := &history{t: t}
			test.deliver(h)
			e := h.episode()
			if e.Open != test.open || e.Due() != test.due || !e.Firing.StartsAt.Equal(test.starts) || e.Stale != test.stale {
				t.Errorf("got open %v, due %v, starts %s, stale %d\nwant open %v, due %v, starts %s, stale %d",
					e.Open, e.Due(), e.Firing.StartsAt, e.Stale, test.open, test.due, test.starts, test.stale)
			}
		})
	}
}

func TestADecisionIsTakenOnceUnlessTheEvidenceMayChange(t *testing.T) {
	for reason, again := range map[rollback.Reason]bool{rollback.PreExisting: false, rollback.CannotTell: true, rollback.NotCorroborated: true, rollback.Unmatched: false} {
		h := &history{t: t}
		h.deliver("firing", t0, time.Time{})
		h.add(rollback.Decided, "inc-1", rollback.Decision{Verdict: rollback.Hold, Reason: reason, Key: rollback.Key("am", fingerprint)})
		if e := h.episode(); e.Due() != again {
			t.Errorf("after %s: due %v, want %v", reason, e.Due(), again)
		}
		h.deliver("resolved", t0, t0.Add(time.Minute))
		if e := h.episode(); e.Due() {
			t.Errorf("after %s and its end: still due", reason)
		}
	}
}

func TestWhatFiresOnIsJudgedAgainForTheNextRelease(t *testing.T) {
	for name, c := range map[string]struct {
		about    string // release
		at       time.Time
		resolved bool
		due      bool
	}{
		"decided when nothing was released":               {"", t0.Add(-time.Minute), false, true},
		"decided about the release before":                {"before", t0.Add(-time.Minute), false, true},
		"over before T0":                                  {"before", t0.Add(-time.Minute), true, false},
		"over, and decided after T0, before it was known": {"before", t0.Add(time.Minute), true, true},
		"decided about this release, which is told twice": {badCommit, t0.Add(time.Minute), false, false},
	} {
		h := &history{t: t}
		h.deliver("firing", t0.Add(-2*time.Minute), time.Time{})
		h.add(rollback.Decided, "inc-1", rollback.Decision{Verdict: rollback.Hold, Reason: rollback.OutOfWindow, Key: rollback.Key("am", fingerprint), Release: c.about, At: c.at})
		if c.resolved {
			h.deliver("resolved", t0, t0.Add(time.Minute))
		}
		h.add(rollback.ReleaseDeployed, "", release.Release{Commit: badCommit, Tree: badTree, T0: t0})
		if e := h.episode(); e.Due() != c.due {
			t.Errorf("%s: due %v, want %v", name, e.Due(), c.due)
		}
	}
}

func TestAnIncidentRunsThroughItsPhases(t *testing.T) {
	h := &history{t: t}
	h.add(rollback.ReleaseDeployed, "", release.Release{Commit: badCommit, Tree: badTree, T0: t0})
	id := rollback.IncidentID(badCommit, t0)
	h.add(rollback.Decided, id, rollback.Decision{Verdict: rollback.Rollback, Reason: rollback.Corroborated, Release: badCommit})
	h.add(rollback.LockSet, id, rollback.Lock{Incident: id, Release: badCommit, Tree: badTree})
	phase := func(want rollback.Phase) {
		t.Helper()
		if got := h.state.Environment(env).IncidentOf(badCommit, t0).Phase; got != want {
			t.Fatalf("phase %s, want %s", got, want)
		}
	}
	phase(rollback.PhaseDecided)
	h.add(rollback.Prepared, id, rollback.Preparation{Commit: "c1"})
	phase(rollback.PhasePrepared)
	h.add(rollback.Pushed, id, rollback.Push{Outcome: "moved"})
	phase(rollback.PhaseDecided)
	h.add(rollback.Prepared, id, rollback.Preparation{Commit: "c2"})
	h.add(rollback.Pushed, id, rollback.Push{Outcome: "done"})
	phase(rollback.PhasePushed)
	h.add(rollback.Verified, id, rollback.Verification{Verdict: release.Fail})
	h.add(rollback.NeedsHuman, id, rollback.Trouble{Reason: rollback.VerificationFail})
	phase(rollback.PhaseVerified) // it is classified all the same
	h.add(rollback.Classified, id, rollback.Classification{Component: "runtime"})
	phase(rollback.PhaseClassified)
	h.add(rollback.LockCleared, id, rollback.Unlock{Incident: id, Cause: "a bad query"})
	phase(rollback.PhaseClosed)
	e := h.state.Environment(env)
	if e.Lock != nil || e.BannedBy(badTree) != id || e.IncidentByID(id).Attempts != 2 || len(e.Automatic) != 1 {
		t.Errorf("after the unlock: lock %v, banned %v, %+v, automatic %v", e.Lock, e.Banned, e.IncidentByID(id), e.Automatic)
	}
}

func TestFoldRefusesWhatItCannotRead(t *testing.T) {
	for name, e := range map[string]rollback.Entry{
		"a gap":            {Seq: 2, Kind: rollback.AlertsReceived, Body: []byte("{}")},
		"an unknown kind":  {Seq: 1, Kind: "teleported", Body: []byte("{}")},
		"a broken body":    {Seq: 1, Kind: rollback.StablePinned, Environment: env, Body: []byte("[")},
		"a step of nobody": {Seq: 1, Kind: rollback.Prepared, Environment: env, Incident: "inc-x", Body: []byte("{}")},
	} {
		if _, err := rollback.Fold([]rollback.Entry{e}); err == nil {
			t.Errorf("%s was folded", name)
		}
	}
}

// TestDeliveriesInAnyOrderOpenAtMostOneEpisode: whatever is repeated, moved or reordered, one fingerprint has one episode, and it keeps
// the earliest start while it lasts.
func TestDeliveriesInAnyOrderOpenAtMostOneEpisode(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		h := &history{t: t}
		for range rapid.IntRange(1, 30).Draw(r, "deliveries") {
			starts := t0.Add(time.Duration(rapid.IntRange(0, 100).Draw(r, "starts")) * time.Second)
			before := h.state.Environment(env).Episodes[rollback.Key("am", fingerprint)]
			var earliest time.Time
			if before != nil && before.Open {
				earliest = before.Firing.StartsAt
			}
			if rapid.Bool().Draw(r, "resolved") {
				h.deliver("resolved", starts, starts.Add(10*time.Second))
				continue
			}
			h.deliver("firing", starts, time.Time{})
			if e := h.episode(); !earliest.IsZero() && e.Firing.StartsAt.After(earliest) {
				r.Fatalf("the start moved forward from %s to %s", earliest, e.Firing.StartsAt)
			}
		}
		if n := len(h.state.Environment(env).Episodes); n != 1 {
			r.Fatalf("%d episodes", n)
		}
	})
}

func TestAGatesResultIsKeptForEachCommit(t *testing.T) {
	h := &history{t: t}
	says := func(commit string, v release.Verdict) {
		h.add(rollback.GateRecorded, "", release.GateResult{Gate: "1.1", Commit: commit, Verdict: v})
	}
	says("a", release.Fail)
	says("b", release.Pass)
	e := h.state.Environment(env)
	if got := e.Results[rollback.ResultKey("1.1", "a")].Verdict; got != release.Fail || e.Gates["1.1"].Commit != "b" {
		t.Errorf("after another commit's PASS: %s, last %+v", got, e.Gates["1.1"])
	}
	says("a", release.Pass)
	if got := e.Results[rollback.ResultKey("1.1", "a")].Verdict; got != release.Pass {
		t.Errorf("after its own PASS: %s", got)
	}
}
