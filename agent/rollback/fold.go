package rollback

import (
	"encoding/json"
	"fmt"
	"slices"
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

// Apply adds one entry, which must be the next one; a ledger whose beginning was cut begins with the checkpoint that stands for it. What
// was shared by Snapshot stays as it is: Apply copies what it changes.
func (s *State) Apply(e Entry) error {
	if e.Kind == Checkpointed && s.Seq == 0 {
		return s.begin(e)
	}
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
	switch {
	case e.Kind == AlertsQuarantined:
		s.Quarantined++
		return with(e, func(q Quarantine) { s.Unread = &Unread{At: e.At, Source: q.Source, Problem: q.Problem} })
	case e.Kind == Checkpointed:
		return with(e, func(c struct{ Seq int64 }) { s.forget(c.Seq) })
	case e.Environment == "":
		return nil // a delivery that names no configured environment: kept, and without effect
	}
	here := s.changing(e.Environment)
	if err := here.apply(e); err != nil {
		return err
	}
	return here.tell(e)
}

func (e *Environment) apply(entry Entry) error {
	switch entry.Kind {
	case AlertsReceived:
		return with(entry, func(d Delivery) { e.receive(d, entry) })
	case StablePinned:
		return with(entry, e.pin)
	case BaselineCaptured:
		return with(entry, e.capture)
	case ReleaseDeployed:
		return with(entry, func(r release.Release) {
			e.deploy(r)
			e.proceed(r, entry.At)
		})
	case GateRecorded:
		return with(entry, e.record)
	case PreflightStarted:
		return with(entry, e.startPreflight)
	case PreflightEnded:
		return with(entry, func(end release.PreflightEnd) { e.endPreflight(end, entry.At) })
	case LockSet:
		return with(entry, e.lock)
	case LockPushed:
		return with(entry, e.lockPushed)
	case RulesAdopted:
		return with(entry, func(r Rulebook) { e.Rulebook = &r })
	case ForwardPrepared:
		return with(entry, func(p Preparation) { e.Forward = &p })
	case ForwardFailed:
		e.Forward = nil
		return nil
	case Decided:
		return with(entry, func(d Decision) { e.decide(d, entry) })
	}
	if done, err := e.applyPerson(entry); done {
		return err
	}
	if done, err := e.applyCutover(entry); done {
		return err
	}
	if done, err := e.applyOutbox(entry); done {
		return err
	}
	return e.applyStep(entry)
}

// applyStep applies the entries that carry an incident on.
func (e *Environment) applyStep(entry Entry) error {
	i := e.changingIncident(entry.Incident)
	if i == nil {
		return fmt.Errorf("no incident %q", entry.Incident)
	}
	if done, err := i.applyAbout(entry); done {
		return err
	}
	switch entry.Kind {
	case Reconciled:
		return with(entry, func(r Reconciliation) { i.Remote = &r })
	case Prepared:
		return with(entry, func(p Preparation) { i.Preparation, i.Phase, i.Attempts = &p, PhasePrepared, i.Attempts+1 })
	case Pushed:
		return with(entry, func(p Push) { e.push(i, p, entry) })
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

func (e *Environment) receive(d Delivery, entry Entry) {
	for _, f := range d.Firings {
		key := Key(d.Source, f.Fingerprint)
		episode := Episode{Key: key, Source: d.Source}
		if known := e.Episodes[key]; known != nil {
			episode = *known
		}
		episode.receive(f, entry.At)
		episode.Seq = entry.Seq
		put(&e.Episodes, &e.own.episodes, key, &episode)
		if d.Polled && f.Status == "firing" {
			e.Missed++
		}
	}
}

// receive moves an episode on. A firing that began before the episode's end is a stale repetition (Alertmanager issue 2447: peers
// send firing after resolved); one that began later is a new episode of the same alert.
func (e *Episode) receive(f Firing, at time.Time) {
	e.Last = at
	switch {
	case f.Status == "resolved" && e.Open && f.EndsAt.Before(e.Firing.StartsAt):
		e.Stale++ // the end of an earlier episode, overtaken by the next one's beginning
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

// deploy begins a release. What fires on, or was decided on while the release was on the branch already and not declared yet, was decided
// about the one before: it is judged again.
func (e *Environment) deploy(r release.Release) {
	e.Release, e.Forward = &r, nil
	for key, known := range e.Episodes {
		if d := known.Decision; d == nil || d.Release == r.Commit || !known.Open && d.At.Before(r.T0) {
			continue
		}
		episode := *known
		episode.Decision = nil
		put(&e.Episodes, &e.own.episodes, key, &episode)
	}
}

// record keeps a gate's last result, for the rules, and its last result for the commit, for whoever wants to deploy it.
func (e *Environment) record(g release.GateResult) {
	put(&e.Gates, &e.own.gates, g.Gate, g)
	e.addToPreflight(g)
	g.Excerpt, g.Kept = "", nil // one a commit is kept for long
	put(&e.Results, &e.own.results, ResultKey(g.Gate, g.Commit), g)
}

func (e *Environment) capture(b Baselines) {
	for _, one := range b.Baselines {
		put(&e.Captured, &e.own.captured, one.SLO, one)
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

// maxDecisions is how many decisions an incident keeps word by word; a flood of alerts brings thousands that are alike.
const maxDecisions = 200

// maxPins is how many stable tags are remembered: what a person goes back to is among the last few.
const maxPins = 100

// pin makes p the target of the next release, and the newest of the pins; a tag pinned again is one pin.
func (e *Environment) pin(p release.Pin) {
	others := slices.DeleteFunc(slices.Clone(e.Pins), func(other release.Pin) bool { return other.Ref == p.Ref })
	all := append(others, p)
	e.Pin, e.Pins = &p, all[max(0, len(all)-maxPins):]
}

func (e *Environment) decide(d Decision, entry Entry) {
	if known := e.Episodes[d.Key]; known != nil {
		episode := *known
		episode.Decision, episode.Seq = &d, entry.Seq
		put(&e.Episodes, &e.own.episodes, d.Key, &episode)
	}
	if entry.Incident == "" {
		return
	}
	i := e.changingIncident(entry.Incident)
	if i == nil {
		i = &Incident{ID: entry.Incident, Release: d.Release, Opened: entry.At, Phase: PhaseOpen}
		e.Incidents = append(slices.Clip(e.Incidents), i)
	}
	if len(i.Decisions) < maxDecisions || d.Verdict == Rollback {
		i.Decisions = append(slices.Clip(i.Decisions), d)
	} else {
		i.Attached++
	}
	if d.Verdict != Rollback {
		return
	}
	i.Phase = PhaseDecided
	if d.By == "" {
		e.Automatic = append(slices.Clip(e.Automatic), entry.At)
	}
}

func (e *Environment) lock(l Lock) {
	e.Lock = &l
	if l.Tree != "" && !slices.Contains(e.Banned[l.Tree], l.Incident) {
		put(&e.Banned, &e.own.banned, l.Tree, append(slices.Clip(e.Banned[l.Tree]), l.Incident))
	}
}

// lockPushed and push say whether the lock is known to stand on the remote, too.
func (e *Environment) lockPushed(p LockPush) {
	if e.Lock != nil {
		l := *e.Lock
		l.Remote = p.Outcome
		e.Lock = &l
	}
}

func (e *Environment) push(i *Incident, p Push, entry Entry) {
	i.push(p, entry.At)
	if i.Phase == PhasePushed {
		e.rolledBack(i, entry)
	}
	if p.Locked && e.Lock != nil && e.Lock.Incident == i.ID {
		e.lockPushed(LockPush{Outcome: LockStands})
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
