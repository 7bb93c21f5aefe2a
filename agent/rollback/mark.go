package rollback

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/coclai/cutover/agent/release"
)

// Mark stands for all that a person must have seen to do a deed: a page puts it beside its button, and a deed that brings another mark than
// the state has by then was decided on something that is no longer so. What no page asks for has none.
func (e *Environment) Mark(d release.Deed) string {
	var seen any
	switch d.Act {
	case release.ActApprove, release.ActCancel:
		seen = e.proposedMark(d.Incident)
	case release.ActRCA, release.ActUnlock, release.ActBreak:
		seen = e.lockMark(d.Incident)
	case release.ActHold, release.ActResume, release.ActKill, release.ActRevive:
		seen = []any{e.Hold, e.Kill}
	case release.ActDone, release.ActPause, release.ActProceed:
		seen = e.cutoverMark(d.Item)
	default:
		return ""
	}
	text, err := json.Marshal([]any{e.Name, e.releaseMark(), d.Incident, d.Item, seen})
	if err != nil {
		return "" // nothing in it can fail to be written; were it to, every page would be an old one
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

func (e *Environment) releaseMark() []string {
	if e.Release == nil {
		return nil
	}
	return []string{e.Release.Commit, e.Release.T0.UTC().Format(time.RFC3339Nano), e.Release.Target.Name()}
}

// proposedMark leaves out when it was proposed: the same is proposed again and again while nobody answers.
func (e *Environment) proposedMark(name string) []any {
	seen := []any{e.phaseOf(name)}
	if episode := e.Episodes[name]; episode != nil && episode.Decision != nil {
		d := episode.Decision
		seen = append(seen, d.Verdict, d.Reason, d.Release, d.Target)
	}
	return seen
}

func (e *Environment) lockMark(incident string) []any {
	locked := ""
	if e.Lock != nil {
		locked = e.Lock.Incident
	}
	seen := []any{locked, e.phaseOf(cmp.Or(incident, locked))}
	if i := e.IncidentByID(cmp.Or(incident, locked)); i != nil {
		seen = append(seen, i.RCA)
	}
	return seen
}

func (e *Environment) phaseOf(incident string) Phase {
	if i := e.IncidentByID(incident); i != nil {
		return i.Phase
	}
	return ""
}

func (e *Environment) cutoverMark(item string) []any {
	c := e.Cutover
	if c == nil {
		return nil
	}
	seen := []any{c.ID, c.Stop, c.Ticked(item)}
	for _, r := range c.Reached {
		if r.Item == item {
			seen = append(seen, r.Verdict, r.Settled)
		}
	}
	return seen
}
