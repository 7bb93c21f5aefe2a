package rollback

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/coclai/cutover/agent/release"
)

// Fold is the state that entries amount to. It fails on an entry it cannot read: half a truth is none.
func Fold(entries []Entry) (State, error) {
	var s State
	for _, e := range entries {
		if err := s.Apply(e); err != nil {
			return s, err
		}
	}
	return s, nil
}

// Apply adds one entry, which must be the next one.
func (s *State) Apply(e Entry) error {
	if e.Seq != s.Seq+1 {
		return fmt.Errorf("entry %d cannot follow entry %d", e.Seq, s.Seq)
	}
	if err := e.Kind.Validate(); err != nil {
		return fmt.Errorf("entry %d: %w", e.Seq, err)
	}
	if err := s.apply(e); err != nil {
		return fmt.Errorf("entry %d (%s): %w", e.Seq, e.Kind, err)
	}
	s.Seq = e.Seq
	return nil
}

func (s *State) apply(e Entry) error {
	if e.Kind == AlertsQuarantined {
		s.Quarantined++
		return nil
	}
	if e.Environment == "" {
		return nil // a delivery that names no configured environment: kept, and without effect
	}
	return s.Environment(e.Environment).apply(e)
}

// Environment is the environment of that name, made when it is first spoken of.
func (s *State) Environment(name string) *Environment {
	if s.Environments == nil {
		s.Environments = map[string]*Environment{}
	}
	if s.Environments[name] == nil {
		s.Environments[name] = &Environment{Name: name, Captured: map[string]release.Baseline{}, Gates: map[string]release.GateResult{},
			Results: map[string]release.GateResult{}, Episodes: map[string]*Episode{}, Banned: map[string]string{}}
	}
	return s.Environments[name]
}

func (e *Environment) apply(entry Entry) error {
	switch entry.Kind {
	case AlertsReceived:
		return with(entry, func(d Delivery) { e.receive(d, entry.At) })
	case StablePinned:
		return with(entry, func(p release.Pin) { e.Pin = &p })
	case BaselineCaptured:
		return with(entry, e.capture)
	case ReleaseDeployed:
		return with(entry, func(r release.Release) { e.Release, e.Forward = &r, nil })
	case GateRecorded:
		return with(entry, e.record)
	case LockSet:
		return with(entry, e.lock)
	case LockCleared:
		return with(entry, e.unlock)
	case ForwardPrepared:
		return with(entry, func(p Preparation) { e.Forward = &p })
	case ForwardFailed:
		e.Forward = nil
		return nil
	case Decided:
		return with(entry, func(d Decision) { e.decide(d, entry) })
	}
	return e.applyStep(entry)
}

// applyStep applies the entries that carry an incident on.
func (e *Environment) applyStep(entry Entry) error {
	i := e.IncidentByID(entry.Incident)
	if i == nil {
		return fmt.Errorf("no incident %q", entry.Incident)
	}
	switch entry.Kind {
	case Prepared:
		return with(entry, func(p Preparation) { i.Preparation, i.Phase, i.Attempts = &p, PhasePrepared, i.Attempts+1 })
	case Pushed:
		return with(entry, func(p Push) { i.push(p, entry.At) })
	case Verified:
		return with(entry, func(v Verification) { i.Verification, i.Phase = &v, PhaseVerified })
	case Classified:
		return with(entry, func(c Classification) { i.Classification, i.Phase = &c, PhaseClassified })
	}
	return with(entry, i.trouble) // NeedsHuman, the only kind left
}

// with hands the entry's body to effect, as its type.
func with[T any](e Entry, effect func(T)) error {
	var body T
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return err
	}
	effect(body)
	return nil
}

func (e *Environment) receive(d Delivery, at time.Time) {
	for _, f := range d.Firings {
		key := Key(d.Source, f.Fingerprint)
		if e.Episodes[key] == nil {
			e.Episodes[key] = &Episode{Key: key, Source: d.Source}
		}
		e.Episodes[key].receive(f, at)
	}
}

// receive moves an episode on. A firing that began before the episode's end is a stale repetition (Alertmanager issue 2447: peers
// send firing after resolved); one that began later is a new episode of the same alert.
func (e *Episode) receive(f Firing, at time.Time) {
	e.Last = at
	switch {
	case f.Status == "resolved":
		e.Open, e.Firing.Status, e.Firing.EndsAt = false, f.Status, f.EndsAt
		if e.Firing.Fingerprint == "" {
			e.Firing = f
		}
	case e.Open:
		if f.StartsAt.After(e.Firing.StartsAt) {
			f.StartsAt = e.Firing.StartsAt
		}
		e.Firing = f
	case f.StartsAt.Before(e.Firing.EndsAt):
		e.Stale++
	default:
		e.Firing, e.First, e.Open, e.Decision = f, at, true, nil
	}
}

// record keeps a gate's last result, for the rules, and its last result for the commit, for whoever wants to deploy it.
func (e *Environment) record(g release.GateResult) {
	e.Gates[g.Gate] = g
	e.Results[ResultKey(g.Gate, g.Commit)] = g
}

func (e *Environment) capture(b Baselines) {
	for _, one := range b.Baselines {
		e.Captured[one.SLO] = one
	}
}

// ActiveBaselines are those to compare with now: what was captured before the release that is out, or for the first one. What is
// captured while a release is watched does not move the bounds that release is judged by, nor gives it bounds it had not at T0.
func (e *Environment) ActiveBaselines() []release.Baseline {
	if e.Release != nil {
		return e.Release.Baselines
	}
	return e.NextBaselines()
}

// NextBaselines are those that the next release will be judged by.
func (e *Environment) NextBaselines() []release.Baseline {
	all := make([]release.Baseline, 0, len(e.Captured))
	for _, b := range e.Captured {
		all = append(all, b)
	}
	return all
}

func (e *Environment) decide(d Decision, entry Entry) {
	if episode := e.Episodes[d.Key]; episode != nil {
		episode.Decision = &d
	}
	if entry.Incident == "" {
		return
	}
	i := e.IncidentByID(entry.Incident)
	if i == nil {
		i = &Incident{ID: entry.Incident, Release: d.Release, Opened: entry.At, Phase: PhaseOpen}
		e.Incidents = append(e.Incidents, i)
	}
	i.Decisions = append(i.Decisions, d)
	if d.Verdict == Rollback {
		i.Phase = PhaseDecided
		e.Automatic = append(e.Automatic, entry.At)
	}
}

func (e *Environment) lock(l Lock) {
	e.Lock = &l
	if l.Tree != "" {
		e.Banned[l.Tree] = l.Incident
	}
}

func (e *Environment) unlock(u Unlock) {
	e.Lock = nil
	if i := e.IncidentByID(u.Incident); i != nil {
		i.Phase, i.Cause = PhaseClosed, u.Cause
	}
}

func (i *Incident) push(p Push, at time.Time) {
	i.Push = &p
	if p.Outcome == "moved" {
		i.Phase = PhaseDecided // somebody was faster: decide on the new tip
		return
	}
	i.Phase, i.PushedAt = PhasePushed, at
}

// trouble stops the steps, except those after a push: the rollback stands, and is classified whatever its verification says.
func (i *Incident) trouble(t Trouble) {
	i.Trouble = &t
	if i.Phase == PhaseVerified || i.Phase == PhaseClassified {
		return
	}
	i.Phase = PhaseHuman
}
