package rollback

import (
	"encoding/json"
	"fmt"
	"iter"
	"time"
)

// Repetition is a decision of a ledger, made again.
type Repetition struct {
	Entry  Entry
	Was    Decision
	Is     Decision // the same as Was, unless the rules were others
	Cannot string   // why it could not be made again, "" if it could
}

// Same says whether the decision came out as it had been.
func (r Repetition) Same() bool {
	return r.Cannot != "" || r.Was.Verdict == r.Is.Verdict && r.Was.Reason == r.Is.Reason && r.Was.Locks == r.Is.Locks
}

// Rules says by which rules a decision in an environment is made again, given those in force then; nil stands for none, given or returned.
type Rules func(environment string, recorded *Rulebook) *Rulebook

// Repeat folds entries and makes each of the agent's own decisions again, from the state it was made in and the evidence stored with it,
// by the rules that `by` names. Under other rules, a release that is rolled back is rolled
// back once: what follows for it is attached, as it would have been. What persons decided is not repeated. It goes through entries twice.
func Repeat(entries iter.Seq2[Entry, error], by Rules) ([]Repetition, error) {
	before, err := overtaken(entries)
	if err != nil {
		return nil, err
	}
	r := repeater{by: by, gone: map[string]string{}}
	var all []Repetition
	var now State
	for entry, err := range entries {
		if err != nil {
			return all, err
		}
		if entry.Kind == Decided {
			one, err := r.repeat(entry, &now, before)
			if err != nil {
				return all, fmt.Errorf("entry %d: %w", entry.Seq, err)
			}
			all = append(all, one)
		}
		if err := now.Apply(entry); err != nil {
			return all, err
		}
		if _, wanted := before[now.Seq]; wanted {
			before[now.Seq] = now.Snapshot()
		}
	}
	return all, nil
}

// overtaken are the numbers of entries whose state is asked for later: a delivery was stored while a decision was on its way.
func overtaken(entries iter.Seq2[Entry, error]) (map[int64]*State, error) {
	all := map[int64]*State{}
	for entry, err := range entries {
		if err != nil {
			return nil, err
		}
		var d struct{ Seen int64 }
		if entry.Kind != Decided || json.Unmarshal(entry.Body, &d) != nil {
			continue
		}
		if d.Seen > 0 && d.Seen != entry.Seq-1 {
			all[d.Seen] = nil
		}
	}
	return all, nil
}

type repeater struct {
	by   Rules
	gone map[string]string // environment and release that the repetition has rolled back → incident
}

func (p repeater) repeat(entry Entry, s *State, before map[int64]*State) (Repetition, error) {
	r := Repetition{Entry: entry}
	if err := json.Unmarshal(entry.Body, &r.Was); err != nil {
		return r, err
	}
	if known := before[r.Was.Seen]; known != nil {
		s = known
	}
	e := s.Environment(entry.Environment)
	rules, episode := p.by(e.Name, e.Rulebook), e.Episodes[r.Was.Key]
	switch {
	case r.Was.By != "":
		r.Cannot = r.Was.By + " decided that"
	case rules == nil:
		r.Cannot = "the ledger does not hold the rules that were in force: give the agent's file"
	case episode == nil:
		r.Cannot = "the ledger does not hold the alert any more"
	default:
		r.Is = rules.again(Case{Plan: rules.Plan, Environment: e, Episode: episode, Now: r.Was.At, Spent: s.AutomaticSince(r.Was.At.Add(-24 * time.Hour))}, r.Was)
	}
	if r.Cannot == "" && r.Is.Reason == "" {
		r.Cannot = "it would need evidence that was not gathered"
	}
	r.Is = p.once(e, r.Is)
	return r, nil
}

// once attaches what follows a rollback of the same release.
func (p repeater) once(e *Environment, d Decision) Decision {
	if d.Verdict != Rollback {
		return d
	}
	name := e.Name + " " + d.Release
	if incident := p.gone[name]; incident != "" {
		d.Locks = false
		return d.is(Ignore, AlreadyActing, "incident %s of this release would be in hand; a release is rolled back at most once", incident)
	}
	p.gone[name] = IncidentID(d.Release, e.Release.T0)
	return d
}

// again is the decision by these rules. Where they ask for evidence that was not gathered, it is the zero Decision.
func (b *Rulebook) again(c Case, was Decision) Decision {
	if c.Episode.Expired(c.Now) && !c.Episode.Open {
		return Lapse(c)
	}
	d, settled := b.Policy.Triage(c)
	if settled {
		return d
	}
	if was.Evidence == nil {
		return Decision{}
	}
	return b.Policy.Decide(c, *was.Evidence)
}
