package agent

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// TestWhatAPersonMustKnowIsPagedAndStops: each thing that needs somebody has a page that says what to do, and none outlives its cause by long.
func TestWhatAPersonMustKnowIsPagedAndStops(t *testing.T) {
	at := fired.Add
	incident := func(change func(*rollback.Incident)) *rollback.Environment {
		i := &rollback.Incident{ID: "inc-1", Phase: rollback.PhaseClassified}
		change(i)
		return &rollback.Environment{Name: "checkout/production", Incidents: []*rollback.Incident{i}}
	}
	locked := func(e *rollback.Environment) *rollback.Environment {
		e.Lock = &rollback.Lock{Incident: "inc-1", Since: at(-73 * time.Hour)}
		return e
	}
	decided := func(d rollback.Decision, open bool) *rollback.Environment {
		d.At, d.Text = fired, "because"
		return &rollback.Environment{Episodes: map[string]*rollback.Episode{"am/1": {Key: "am/1", Open: open, Decision: &d}}}
	}
	for name, test := range map[string]struct {
		state *rollback.Environment
		now   time.Time
		want  map[string]string // page → part of its summary
	}{
		"a lock without a cause, and how old it is": {locked(incident(func(*rollback.Incident) {})), fired,
			map[string]string{"RollbackAgentLocked": "(3 days): incident inc-1; its cause is not known: rollback-agent rca inc-1"}},
		"a lock whose cause waits for a second person": {locked(incident(func(i *rollback.Incident) { i.RCA = &rollback.Analysis{By: "kim"} })), fired,
			map[string]string{"RollbackAgentLocked": "kim has submitted the cause, somebody else opens it: rollback-agent unlock inc-1"}},
		"the lock was pushed past": {incident(func(i *rollback.Incident) {
			i.Remote = &rollback.Reconciliation{Outcome: rollback.Violated, Text: "pushed past"}
		}), fired, map[string]string{"RollbackAgentLockViolated": "pushed past"}},
		"the same content on top is nobody's business": {incident(func(i *rollback.Incident) { i.Remote = &rollback.Reconciliation{Outcome: rollback.Repeated} }), fired, nil},
		"the glass was broken": {incident(func(i *rollback.Incident) {
			i.Phase, i.Unlocked = rollback.PhaseClosed, &rollback.Unlock{BreakGlass: true, By: "lee", At: fired, Cause: "hurry"}
		}), at(29 * time.Minute), map[string]string{"RollbackAgentGlassBroken": "lee opened the lock of incident inc-1 alone, without an analysis: hurry"}},
		"the glass was broken long ago": {incident(func(i *rollback.Incident) {
			i.Phase, i.Unlocked = rollback.PhaseClosed, &rollback.Unlock{BreakGlass: true, At: fired}
		}), at(30 * time.Minute), nil},
		"a proposal": {decided(rollback.Decision{Verdict: rollback.Propose, Until: at(time.Hour)}, true), fired,
			map[string]string{"RollbackAgentProposes": "a person decides until 2026-03-01 03:11:30Z: rollback-agent approve am/1, or cancel; because"}},
		"a proposal whose alert is over stands":  {decided(rollback.Decision{Verdict: rollback.Propose, Until: at(time.Hour)}, false), fired, map[string]string{"RollbackAgentProposes": ""}},
		"a proposal that has expired":            {decided(rollback.Decision{Verdict: rollback.Propose, Until: fired}, true), fired, nil},
		"a proposal that nobody answered":        {decided(rollback.Decision{Verdict: rollback.Hold, Reason: rollback.Lapsed}, false), at(time.Minute), map[string]string{"RollbackAgentProposalLapsed": "because"}},
		"nobody answered, and that was long ago": {decided(rollback.Decision{Verdict: rollback.Hold, Reason: rollback.Lapsed}, false), at(time.Hour), nil},
		"what is held for a person":              {decided(rollback.Decision{Verdict: rollback.Hold}, true), fired, map[string]string{"RollbackAgentHolds": "because"}},
		"what was held for a person and is over": {decided(rollback.Decision{Verdict: rollback.Hold}, false), fired, nil},
		"a hold":                                 {&rollback.Environment{Hold: &rollback.Holding{Until: at(time.Hour), By: "kim", Why: "load"}}, fired, map[string]string{"RollbackAgentHeld": "held by kim until 2026-03-01T03:11:30Z: load"}},
		"a release that waits for its push":      {&rollback.Environment{Name: "checkout/production", Forward: &rollback.Preparation{Target: "0123456789abcdef", Since: fired, At: at(59 * time.Second)}}, at(time.Minute), map[string]string{"RollbackAgentReleasePending": "release 0123456789ab could not be pushed since 2026-03-01 02:11:30Z"}},
		"a release that is just being pushed":    {&rollback.Environment{Forward: &rollback.Preparation{At: fired}}, at(59 * time.Second), nil},
		"a hold that has just expired":           {&rollback.Environment{Hold: &rollback.Holding{Until: at(-time.Minute), By: "kim"}}, fired, map[string]string{"RollbackAgentHoldExpired": "acts by itself again"}},
		"a hold that is long over":               {&rollback.Environment{Hold: &rollback.Holding{Until: at(-time.Hour)}}, fired, nil},
		"the kill switch, and since when":        {&rollback.Environment{Kill: &rollback.Switch{By: "kim", At: at(-30 * time.Hour), Why: "by hand"}}, fired, map[string]string{"RollbackAgentKilled": "(30 hours), by kim: by hand"}},
		"nothing":                                {&rollback.Environment{Release: &release.Release{}}, fired, nil},
	} {
		got := map[string]string{}
		for _, c := range calls(test.state, test.now) {
			got[c.name] = c.summary
		}
		if diff := cmp.Diff(slices.Sorted(maps.Keys(test.want)), slices.Sorted(maps.Keys(got))); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
		for page, text := range test.want {
			if !strings.Contains(got[page], text) {
				t.Errorf("%s: %s says %q, want …%s…", name, page, got[page], text)
			}
		}
	}
}

// TestALockThatStandsIsPagedAnewEachDay: an alert that just goes on is soon nobody's; each day's is one of its own.
func TestALockThatStandsIsPagedAnewEachDay(t *testing.T) {
	e := &rollback.Environment{Name: "checkout/production", Lock: &rollback.Lock{Incident: "inc-1", Since: fired}}
	const day = 24 * time.Hour
	for after, want := range map[time.Duration]string{0: "", day - time.Second: "", day: "1", 2*day - time.Second: "1", 3*day + time.Hour: "3", -time.Hour: ""} {
		var got string
		for _, c := range callsOfLongLock(e, day, fired.Add(after)) {
			got = c.about.value
			if c.name != "RollbackAgentStillLocked" || c.about.label != "reminder" || c.since.After(fired.Add(after)) || !strings.Contains(c.summary, "incident inc-1") {
				t.Errorf("after %s: %+v", after, c)
			}
		}
		if got != want {
			t.Errorf("after %s it is paged for the %q. time, want %q", after, got, want)
		}
	}
	if calls := callsOfLongLock(&rollback.Environment{}, day, fired); len(calls) > 0 {
		t.Errorf("without a lock: %+v", calls)
	}
}
