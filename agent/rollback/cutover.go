package rollback

import (
	"slices"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/generator/slo"
)

// cutoverKinds are the entries that move a cutover.
var cutoverKinds = map[Kind]bool{CutoverStarted: true, CutoverDone: true, CutoverStopped: true, CutoverContinued: true, CutoverEnded: true,
	ObservationNoted: true, MilestoneReached: true, MilestoneReported: true}

// applyCutover applies the entries that move a cutover; it says false for all others. Those about a cutover that was never started, or that
// a checkpoint has forgotten, have no effect.
func (e *Environment) applyCutover(entry Entry) (bool, error) {
	if !cutoverKinds[entry.Kind] {
		return false, nil
	}
	if entry.Kind == CutoverStarted {
		return true, with(entry, func(c release.Cutover) { e.Cutover = c.Start() })
	}
	if e.Cutover == nil {
		return true, nil
	}
	c := *e.Cutover
	move := func(moved *release.Cutover) { e.Cutover = moved }
	switch entry.Kind {
	case CutoverDone:
		return true, with(entry, func(t release.Tick) { t.By, t.At = entry.Author, entry.At; move(c.Done(t)) })
	case CutoverStopped:
		return true, with(entry, func(s release.Stop) { s.By, s.Since = entry.Author, entry.At; move(c.Halt(s)) })
	case CutoverContinued:
		return true, with(entry, func(on release.Continuation) { move(c.Continue(on)) })
	case CutoverEnded:
		return true, with(entry, func(end release.End) { end.By, end.At = entry.Author, entry.At; move(c.End(end)) })
	case ObservationNoted:
		return true, with(entry, func(w release.Watched) {
			if w.Cutover == c.ID {
				move(c.Note(w))
			}
		})
	case MilestoneReached:
		return true, with(entry, func(r release.Result) { move(c.Reach(r, entry.At, entry.Author)) })
	}
	return true, with(entry, func(w release.Report) { move(c.Write(w)) }) // MilestoneReported, the only kind left
}

// proceed takes the release that is out for T0 of the cutover that waits for it.
func (e *Environment) proceed(r release.Release, at time.Time) {
	if c := e.Cutover; c.BeforeT0() && c.Awaits(r.Commit, r.Of) {
		e.Cutover = c.Deploy(r, at)
	}
}

// rolledBack ends the cutover whose release has been put back.
func (e *Environment) rolledBack(i *Incident, entry Entry) {
	if c := e.Cutover; c.Open() && !c.T0.IsZero() && e.Release != nil && i.ID == IncidentID(e.Release.Commit, e.Release.T0) {
		e.Cutover = c.End(release.End{Phase: release.RolledBack, Why: "incident " + i.ID, By: entry.Author, At: entry.At})
	}
}

// Items are the runbook's items as they stand in the last cutover: the checklist, the rollback's steps if it was rolled back, the milestones.
func (e *Environment) Items() []release.Item {
	c := e.Cutover
	if c == nil {
		return nil
	}
	all := c.Items()
	n := len(c.Course.Checklist)
	return slices.Concat(all[:n], e.rollbackItems(c), all[n:])
}

func (e *Environment) rollbackItems(c *release.Cutover) []release.Item {
	var i *Incident
	if e.Release != nil && e.Release.Commit == c.Released && !c.T0.IsZero() {
		i = e.IncidentOf(e.Release.Commit, e.Release.T0)
	}
	var all []release.Item
	for _, s := range c.Course.Rollback {
		item := release.Item{Item: s.Item, What: s.Step, State: release.ItemLater, By: slo.ByAgent, Note: "only if a trigger fires"}
		if i != nil && i.Phase != PhaseOpen {
			item.State, item.Note, item.At = i.stepState(s.Step)
		}
		all = append(all, item)
	}
	return all
}

// stepState is how a step of the rollback stands.
func (i *Incident) stepState(step string) (release.ItemState, string, time.Time) {
	switch {
	case step == slo.RollbackRestore && !i.PushedAt.IsZero():
		return release.ItemDone, "commit " + short(i.Push.Commit), i.PushedAt
	case step == slo.RollbackGates && i.Verification != nil:
		return release.ItemDone, string(i.Verification.Verdict), i.Verification.Healthy
	case step == slo.RollbackClassify && i.Classification != nil:
		return release.ItemDone, "failed first: " + i.Classification.Component, time.Time{}
	case step == slo.RollbackLock && i.Unlocked != nil:
		return release.ItemDone, "unlocked by " + i.Unlocked.By, i.Unlocked.At
	case step == slo.RollbackLock:
		return release.ItemDone, "redeployment is refused", i.Opened
	}
	return release.ItemWaiting, "incident " + i.ID, time.Time{}
}
