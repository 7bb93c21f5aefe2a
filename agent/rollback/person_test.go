package rollback_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

func TestPersonsAreNamedInTheState(t *testing.T) {
	b := &book{t: t}
	id := rollback.IncidentID(badCommit, t0)
	by := func(author string, kind rollback.Kind, incident string, body any) {
		b.add(kind, t0, incident, body)
		b.entries[len(b.entries)-1].Author = author
	}
	by("rollback-agent", rollback.ReleaseDeployed, "", environment().Release)
	by("rollback-agent", rollback.Decided, id, rollback.Decision{Verdict: rollback.Rollback, Release: badCommit})
	by("rollback-agent", rollback.LockSet, id, rollback.Lock{Incident: id, Tree: badTree})
	by("kim", rollback.Held, "", rollback.Holding{Until: t0.Add(time.Hour), Why: "load test"})
	by("kim", rollback.KillSwitchOn, "", rollback.Remark{Why: "by hand"})
	by("kim", rollback.RollbackCancelled, id, rollback.Remark{Why: "false alarm"})
	by("kim", rollback.CauseSubmitted, id, rollback.Analysis{Text: "the load test", Link: "https://wiki/1"})
	state, err := rollback.Fold(b.entries)
	if err != nil {
		t.Fatal(err)
	}
	e := state.Environment("checkout/production")
	i := e.IncidentByID(id)
	if e.Standing(t0.Add(time.Hour-1)) == nil || e.Standing(t0.Add(time.Hour)) != nil || e.Hold.By != "kim" {
		t.Errorf("hold: %+v", e.Hold)
	}
	if diff := cmp.Diff(&rollback.Switch{Why: "by hand", By: "kim", At: t0}, e.Kill); diff != "" {
		t.Error(diff)
	}
	if i.Phase != rollback.PhaseHuman || i.Trouble.Reason != rollback.Cancelled || i.Trouble.Text != "kim stopped the rollback before its push: false alarm" {
		t.Errorf("cancelled: %s, %+v", i.Phase, i.Trouble)
	}
	if i.RCA.By != "kim" || i.RCA.String() != "the load test (https://wiki/1)" || e.Lock == nil {
		t.Errorf("cause: %+v, lock %+v", i.RCA, e.Lock)
	}
	by("lee", rollback.LockCleared, id, rollback.Unlock{Incident: id, Cause: "the load test", RCABy: "kim"})
	by("lee", rollback.KillSwitchOff, "", rollback.Remark{})
	by("lee", rollback.Resumed, "", rollback.Remark{})
	if state, err = rollback.Fold(b.entries); err != nil {
		t.Fatal(err)
	}
	e = state.Environment("checkout/production")
	if i = e.IncidentByID(id); e.Lock != nil || i.Phase != rollback.PhaseClosed || i.Unlocked.By != "lee" || i.Unlocked.RCABy != "kim" || e.Kill != nil || e.Hold != nil {
		t.Errorf("%+v\nincident %+v", e, i)
	}
}

// What Alertmanager does to an alert, and what the agent takes it for (facts/rollback.md, 4.4 and 4.5).
func TestEveryDeliveryHasADisposition(t *testing.T) {
	at := func(second int) time.Time { return t0.Add(time.Duration(second) * time.Second) }
	type told struct {
		status       string
		starts, ends int
		want         rollback.Disposition
		open         bool
		since        int // of the episode, afterwards
	}
	for name, story := range map[string][]told{
		"repeated": {{"firing", 0, 0, rollback.New, true, 0}, {"firing", 0, 0, rollback.Duplicate, true, 0}, {"resolved", 0, 30, rollback.Ended, false, 0},
			{"resolved", 0, 30, rollback.Duplicate, false, 0}},
		"startsAt moves back, and forward": {{"firing", 30, 0, rollback.New, true, 30}, {"firing", 0, 0, rollback.Duplicate, true, 0}, {"firing", 60, 0, rollback.Duplicate, true, 0}},
		"stale: a peer repeats what is over": {{"firing", 0, 0, rollback.New, true, 0}, {"resolved", 0, 13, rollback.Ended, false, 0},
			{"firing", 0, 0, rollback.Stale, false, 0}, {"resolved", 0, 13, rollback.Duplicate, false, 0}},
		"again, after its end":                   {{"firing", 0, 0, rollback.New, true, 0}, {"resolved", 0, 13, rollback.Ended, false, 0}, {"firing", 14, 0, rollback.New, true, 14}},
		"resolved before it was heard of":        {{"resolved", 0, 13, rollback.Ended, false, 0}, {"firing", 0, 0, rollback.Stale, false, 0}},
		"an end overtaken by the next beginning": {{"firing", 20, 0, rollback.New, true, 20}, {"resolved", 0, 13, rollback.Stale, true, 20}},
	} {
		b := &book{t: t}
		for n, one := range story {
			f := rollback.Firing{Status: one.status, Fingerprint: "0123456789abcdef", StartsAt: at(one.starts)}
			if one.status == "resolved" {
				f.EndsAt = at(one.ends)
			}
			if got := b.state.Environment("checkout/production").Dispose("am", f); got != one.want {
				t.Errorf("%s, delivery %d: %s, want %s", name, n+1, got, one.want)
			}
			b.add(rollback.AlertsReceived, at(100), "", rollback.Delivery{Source: "am", Firings: []rollback.Firing{f}})
			episode := b.state.Environment("checkout/production").Episodes["am/0123456789abcdef"]
			if episode.Open != one.open || !episode.Firing.StartsAt.Equal(at(one.since)) {
				t.Errorf("%s, after delivery %d: open %v, since %s", name, n+1, episode.Open, episode.Firing.StartsAt)
			}
		}
	}
}

func TestAFloodOfDecisionsIsCountedNotKept(t *testing.T) {
	b := &book{t: t}
	b.add(rollback.ReleaseDeployed, t0, "", environment().Release)
	id := rollback.IncidentID(badCommit, t0)
	for range 1000 {
		b.add(rollback.Decided, t0, id, rollback.Decision{Verdict: rollback.Ignore, Reason: rollback.AlreadyActing, Release: badCommit})
	}
	b.add(rollback.Decided, t0, id, rollback.Decision{Verdict: rollback.Rollback, Release: badCommit})
	i := b.state.Environment("checkout/production").IncidentByID(id)
	if last := i.Decisions[len(i.Decisions)-1]; len(i.Decisions) != 201 || i.Attached != 800 || last.Verdict != rollback.Rollback {
		t.Errorf("%d kept, %d counted, the last is %s", len(i.Decisions), i.Attached, last.Verdict)
	}
}

// TestAMarkIsOfWhatAPersonSees: it stays while the same is proposed again, and moves with everything that a person would decide otherwise on.
func TestAMarkIsOfWhatAPersonSees(t *testing.T) {
	base := func() *rollback.Environment {
		return &rollback.Environment{Name: "checkout/production", Release: &release.Release{Commit: "bbbb"},
			Episodes:  map[string]*rollback.Episode{"am/1": {Decision: &rollback.Decision{Verdict: rollback.Propose, Reason: rollback.CannotTell, Release: "bbbb"}}},
			Incidents: []*rollback.Incident{{ID: "inc-1", Phase: rollback.PhaseClassified}}, Lock: &rollback.Lock{Incident: "inc-1"},
			Cutover: &release.Cutover{ID: "cut-1", Reached: []release.Result{{Item: "6.1", Verdict: release.Pass}}}}
	}
	for name, c := range map[string]struct {
		deed   release.Deed
		change func(*rollback.Environment)
		same   bool
	}{
		"proposed again":     {release.Deed{Act: release.ActApprove, Incident: "am/1"}, func(e *rollback.Environment) { e.Episodes["am/1"].Decision.At = time.Now() }, true},
		"for another reason": {release.Deed{Act: release.ActApprove, Incident: "am/1"}, func(e *rollback.Environment) { e.Episodes["am/1"].Decision.Reason = rollback.ForeignCommit }, false},
		"another release":    {release.Deed{Act: release.ActCancel, Incident: "am/1"}, func(e *rollback.Environment) { e.Release = &release.Release{Commit: "cccc"} }, false},
		"another cause":      {release.Deed{Act: release.ActUnlock, Incident: "inc-1"}, func(e *rollback.Environment) { e.Incidents[0].RCA = &rollback.Analysis{Text: "x"} }, false},
		"the lock is open":   {release.Deed{Act: release.ActBreak}, func(e *rollback.Environment) { e.Lock = nil }, false},
		"held meanwhile":     {release.Deed{Act: release.ActKill}, func(e *rollback.Environment) { e.Hold = &rollback.Holding{By: "lee"} }, false},
		"a milestone":        {release.Deed{Act: release.ActDone, Item: "6.1"}, func(e *rollback.Environment) { e.Cutover.Reached[0].Verdict = release.Fail }, false},
		"stopped":            {release.Deed{Act: release.ActProceed}, func(e *rollback.Environment) { e.Cutover.Stop = &release.Stop{Reason: release.HeldByPerson} }, false},
		"something else":     {release.Deed{Act: release.ActKill}, func(e *rollback.Environment) { e.Lock = nil }, true},
	} {
		before, after := base(), base()
		c.change(after)
		if got := before.Mark(c.deed) == after.Mark(c.deed); got != c.same || before.Mark(c.deed) == "" {
			t.Errorf("%s: the same mark %v, want %v", name, got, c.same)
		}
	}
	if m := base().Mark(release.Deed{Act: release.ActGate}); m != "" {
		t.Errorf("a question has the mark %q", m)
	}
}
