package rollback

import (
	"fmt"
	"maps"
	"slices"
)

// owned says which maps of an environment were copied since the last Snapshot, and may be changed in place.
type owned struct{ captured, gates, results, episodes, banned bool }

// Snapshot is the state as it is now. It shares everything with s and never changes: the next Apply to s copies what it touches, each map
// and each thing in it once between two snapshots. Apply may go on from a snapshot as well.
func (s *State) Snapshot() *State {
	s.own = nil
	shared := *s
	return &shared
}

// changing is the environment of that name to be changed, made when it is first spoken of.
func (s *State) changing(name string) *Environment {
	if s.own == nil {
		s.own = map[string]bool{}
		all := make(map[string]*Environment, len(s.Environments)+1)
		maps.Copy(all, s.Environments)
		s.Environments = all
	}
	if s.own[name] {
		return s.Environments[name]
	}
	e := *s.Environment(name)
	e.own = owned{}
	s.Environments[name], s.own[name] = &e, true
	return &e
}

// changingIncident is an incident to be changed; nil if there is none.
func (e *Environment) changingIncident(id string) *Incident {
	n := slices.IndexFunc(e.Incidents, func(i *Incident) bool { return i.ID == id })
	if n < 0 {
		return nil
	}
	i := *e.Incidents[n]
	e.Incidents = slices.Clone(e.Incidents)
	e.Incidents[n] = &i
	return &i
}

// put sets a value in a map that may be shared: then in a copy of it.
func put[K comparable, V any](m *map[K]V, mine *bool, key K, value V) {
	if !*mine || *m == nil {
		all := make(map[K]V, len(*m)+1)
		maps.Copy(all, *m)
		*m, *mine = all, true
	}
	(*m)[key] = value
}

// begin takes up the state of a checkpoint, in place of the entries that it stands for.
func (s *State) begin(e Entry) error {
	var c Checkpoint
	if err := with(e, func(body Checkpoint) { c = body }); err != nil {
		return fmt.Errorf("entry %d (%s): %w", e.Seq, e.Kind, err)
	}
	*s = c.State
	s.Seq, s.Cut = c.Seq, c.Seq
	return nil
}

// forget leaves out what nobody needs once the entries up to seq are cut: alerts that were over and judged by then. Should one of them be
// delivered yet again, it is a new episode, and its own evidence decides.
func (s *State) forget(seq int64) {
	s.Cut = seq
	for name, e := range s.Environments {
		over := func(_ string, episode *Episode) bool { return episode.Seq <= seq && !episode.Open && !episode.Due() }
		kept := maps.Clone(e.Episodes)
		maps.DeleteFunc(kept, over)
		if len(kept) < len(e.Episodes) {
			changed := s.changing(name)
			changed.Episodes, changed.own.episodes = kept, true
		}
	}
}
