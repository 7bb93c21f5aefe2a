package rollback_test

import (
	"encoding/json"
	"iter"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// book is a ledger in memory.
type book struct {
	t       *testing.T
	entries []rollback.Entry
	state   rollback.State
}

func (b *book) add(kind rollback.Kind, at time.Time, incident string, body any) {
	b.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	e := rollback.Entry{Seq: int64(len(b.entries) + 1), At: at, Environment: "checkout/production", Kind: kind, Author: "rollback-agent", Incident: incident, Body: text}
	if err := b.state.Apply(e); err != nil {
		b.t.Fatal(err)
	}
	b.entries = append(b.entries, e)
}

func (b *book) all() iter.Seq2[rollback.Entry, error] {
	return func(yield func(rollback.Entry, error) bool) {
		for _, e := range b.entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// alert delivers a firing and decides about it as the agent does.
func (b *book) alert(fingerprint string, minute int, e rollback.Evidence, p rollback.Policy) {
	at := t0.Add(time.Duration(minute) * time.Minute)
	f := firing(at).Firing
	f.Fingerprint = fingerprint
	b.add(rollback.AlertsReceived, at, "", rollback.Delivery{Source: "am", Firings: []rollback.Firing{f}})
	b.decide("am/"+fingerprint, at.Add(time.Second), e, p)
}

func (b *book) decide(key string, at time.Time, e rollback.Evidence, p rollback.Policy) {
	env := b.state.Environment("checkout/production")
	d := p.Decide(rollback.Case{Plan: env.Rulebook.Plan, Environment: env, Episode: env.Episodes[key], Now: at}, e)
	d.Seen = b.state.Seq
	incident := ""
	if d.Release != "" {
		incident = rollback.IncidentID(env.Release.Commit, env.Release.T0)
	}
	b.add(rollback.Decided, at, incident, d)
}

// observing is a ledger of an agent that may only observe: a false alarm, a true one, and another of the same release.
func observing(t *testing.T) *book {
	b := &book{t: t}
	p := policy
	p.MaxMode = slo.ModeObserve
	b.add(rollback.RulesAdopted, t0, "", rollback.Rulebook{Plan: plan(slo.ModePropose), Policy: p})
	b.add(rollback.ReleaseDeployed, t0, "", environment().Release)
	healthy := evidence()
	healthy.Reading = release.Reading{SLO: "api-error-rate", Verdict: release.Pass, Reason: "api-error-rate is 0, not > 0.02"}
	b.alert("00000000000000aa", 5, healthy, p)
	b.alert("00000000000000bb", 6, evidence(), p)
	b.alert("00000000000000cc", 7, evidence(), p)
	return b
}

func recorded(_ string, r *rollback.Rulebook) *rollback.Rulebook { return r }

func TestTheSameInputsGiveTheSameDecisions(t *testing.T) {
	all, err := rollback.Repeat(observing(t).all(), recorded)
	if err != nil || len(all) != 3 {
		t.Fatal(len(all), err)
	}
	for _, one := range all {
		if !one.Same() || one.Cannot != "" || one.Is.Text != one.Was.Text {
			t.Errorf("entry %d: %s\nwas %+v\nis  %+v", one.Entry.Seq, one.Cannot, one.Was, one.Is)
		}
	}
}

func TestWhatIfItHadBeenAuto(t *testing.T) {
	all, err := rollback.Repeat(observing(t).all(), func(_ string, r *rollback.Rulebook) *rollback.Rulebook {
		other, found := r.With("4.1.1", slo.ModeAuto)
		if other.Policy.MaxMode = slo.ModeAuto; !found {
			t.Error("the plan has no such trigger")
		}
		return &other
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []rollback.Reason{rollback.NotCorroborated, rollback.Corroborated, rollback.AlreadyActing} // one rollback for the release, not two
	for n, one := range all {
		if one.Is.Reason != want[n] {
			t.Errorf("decision %d: %s: %s", n+1, one.Is.Reason, one.Is.Text)
		}
	}
	if all[1].Same() || !all[0].Same() {
		t.Error("what differs is not told from what does not")
	}
}

func TestADecisionIsMadeAgainFromWhatWasKnownThen(t *testing.T) {
	b := observing(t)
	// The next release was declared while the decision was on its way.
	at := t0.Add(8 * time.Minute)
	f := firing(at).Firing
	f.Fingerprint = "00000000000000dd"
	b.add(rollback.AlertsReceived, at, "", rollback.Delivery{Source: "am", Firings: []rollback.Firing{f}})
	seen := b.state.Seq
	env := b.state.Environment("checkout/production")
	d := env.Rulebook.Policy.Decide(rollback.Case{Plan: env.Rulebook.Plan, Environment: env, Episode: env.Episodes["am/00000000000000dd"], Now: at}, evidence())
	d.Seen = seen
	b.add(rollback.ReleaseDeployed, at, "", release.Release{Commit: "another", T0: at})
	b.add(rollback.Decided, at, rollback.IncidentID(badCommit, t0), d)
	all, err := rollback.Repeat(b.all(), recorded)
	if err != nil {
		t.Fatal(err)
	}
	if last := all[len(all)-1]; !last.Same() || last.Is.Release != badCommit {
		t.Errorf("was %+v\nis  %+v", last.Was, last.Is)
	}
}

func TestWhatCannotBeMadeAgainIsSaid(t *testing.T) {
	b := &book{t: t}
	b.add(rollback.ReleaseDeployed, t0, "", environment().Release)
	f := firing(t0.Add(5 * time.Minute)).Firing
	b.add(rollback.AlertsReceived, t0.Add(5*time.Minute), "", rollback.Delivery{Source: "am", Firings: []rollback.Firing{f}})
	key := rollback.Key("am", f.Fingerprint)
	b.add(rollback.Decided, t0.Add(5*time.Minute), "", rollback.Decision{Key: key, Verdict: rollback.Rollback, Reason: rollback.Approved, By: "kim"})
	b.add(rollback.Decided, t0.Add(6*time.Minute), "", rollback.Decision{Key: key, Verdict: rollback.Hold, Reason: rollback.CannotTell, At: t0.Add(6 * time.Minute)})
	for _, test := range []struct {
		name  string
		rules rollback.Rules
		want  []string
	}{
		{"without rules", recorded, []string{"kim decided that", "the ledger does not hold the rules that were in force: give the agent's file"}},
		{"with a file", func(string, *rollback.Rulebook) *rollback.Rulebook {
			return &rollback.Rulebook{Plan: plan(slo.ModeAuto), Policy: policy}
		}, []string{"kim decided that", "it would need evidence that was not gathered"}},
	} {
		all, err := rollback.Repeat(b.all(), test.rules)
		if err != nil || len(all) != 2 {
			t.Fatal(len(all), err)
		}
		for n, one := range all {
			if one.Cannot != test.want[n] {
				t.Errorf("%s: %q, want %q", test.name, one.Cannot, test.want[n])
			}
		}
	}
}
