package agent

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// last answers which stable tag is the last before the tip: the newest of those pinned that the pattern matches, "" matching all, and that
// the tip descends from. It asks for the commits since then, newest tag first.
func (a *Agent) last(ctx context.Context, e *environment, state *rollback.Environment, d release.Deed) (release.Answer, error) {
	tip, err := e.remote.Tip(ctx)
	if err != nil {
		return release.Answer{}, remoteProblem("read the deploy branch", err)
	}
	p, err := e.lastStable(ctx, state, d.Tag, tip.ID)
	if err != nil {
		return release.Answer{}, err
	}
	return release.Answer{Message: fmt.Sprintf("%s is the last stable tag before the tip %s: commit %s, pinned %s by %s", p.Name(), tip.ID.Short(), short(p.Commit),
		p.At.Format(time.RFC3339), p.By), Facts: map[string]string{"tag": p.Name(), "commit": p.Commit, "tree": p.Tree, "tip": string(tip.ID)}}, nil
}

// maxCandidates bounds how far back a last stable tag is looked for.
const maxCandidates = 20

func (e *environment) lastStable(ctx context.Context, state *rollback.Environment, pattern string, tip gitrepo.ID) (release.Pin, error) {
	tried := 0
	for _, p := range slices.Backward(state.Pins) {
		matches, err := path.Match(pattern, p.Name())
		if err != nil {
			return release.Pin{}, release.Problemf(release.Invalid, "* and ? stand for any text and any character", "%q is no pattern", pattern)
		}
		if pattern != "" && !matches {
			continue
		}
		if tried++; tried > maxCandidates {
			break
		}
		ancestor, err := e.remote.IsAncestor(ctx, gitrepo.ID(p.Commit), tip)
		if err != nil {
			return release.Pin{}, remoteProblem("compare "+p.Name()+" with the tip", err)
		}
		if ancestor {
			return p, nil
		}
	}
	return release.Pin{}, release.Problemf(release.Refused, "name a tag with --to", "none of the %d pinned stable tags is behind the tip %s%s", tried, tip.Short(),
		strings.TrimSuffix(" and matches "+pattern, " and matches "))
}

// hand is a rollback that a person asks for, as far as it can be told before it is done.
type hand struct {
	order
	pinned   bool   // it was declared stable, not only named now
	released string // the commit that `release` would deploy again: gates are on record for it, not for the commit made of it
	ancestor bool
	diff     gitrepo.Diff
	lock     gitrepo.LockRecord // that stands on the remote and is replaced
	damaged  error              // why its record cannot be read, nil if it can
}

// preview says what a rollback by hand would change, and changes nothing.
func (a *Agent) preview(ctx context.Context, e *environment, state *rollback.Environment, d release.Deed) (release.Answer, error) {
	h, err := a.planned(ctx, e, state, d)
	if err != nil {
		return release.Answer{}, err
	}
	return release.Answer{Message: fmt.Sprintf("%s would go from %s back to %s: %s", h.what(e), short(h.tip.Commit), h.target.Name(), summary(h.diff)),
		Facts: h.facts(), Details: h.details()}, nil
}

// rollbackByHand puts the branch back because a person says so: through the same commit, lock, push and ledger as the agent's own, and
// whatever its mode, budget and kill switch are, which bound what it does by itself. The tip must be the one that the person saw. A crash
// after the append is resumed by the conductor with the same bytes.
func (a *Agent) rollbackByHand(ctx context.Context, e *environment, state *rollback.Environment, d release.Deed) (release.Answer, error) {
	if d.Tip == "" {
		return release.Answer{}, release.Problemf(release.Invalid, "ask for a preview, and send the tip that it shows", "a rollback by hand names the tip that was looked at")
	}
	h, err := a.planned(ctx, e, state, d)
	if err != nil {
		return release.Answer{}, err
	}
	if d.Tip != h.tip.Commit {
		return release.Answer{}, release.Problemf(release.Refused, "look again: rollback-agent rollback --dry-run", "the branch moved from %s to %s while you looked",
			short(d.Tip), short(h.tip.Commit))
	}
	if d.Commit != "" && d.Commit != h.target.Commit {
		return release.Answer{}, release.Problemf(release.Refused, "look again: rollback-agent rollback --dry-run", "%s moved from %s to %s while you looked",
			h.target.Name(), short(d.Commit), short(h.target.Commit))
	}
	p, err := e.rollbackCommit(ctx, h.order)
	if err != nil {
		return release.Answer{}, remoteProblem("make the rollback's commit", err)
	}
	lock := rollback.Lock{Incident: h.incident, Release: h.of, Tree: h.tip.Content(), Since: h.decision.At, Reason: string(rollback.ByHand)}
	notes := []note{{kind: rollback.Decided, body: h.decision}, {kind: rollback.LockSet, body: lock}, {kind: rollback.Prepared, body: p}}
	for n := range notes {
		notes[n].environment, notes[n].author, notes[n].incident = e.name, d.Author, h.incident
	}
	if _, err := a.journal.append(ctx, notes...); err != nil {
		return release.Answer{}, notStored(err)
	}
	crashpoint("by hand prepared")
	return a.pushByHand(ctx, e, h)
}

// pushByHand pushes what was prepared, and tells the person what came of it.
func (a *Agent) pushByHand(ctx context.Context, e *environment, h hand) (release.Answer, error) {
	prepared := a.journal.environment(e.name).IncidentByID(h.incident)
	err := a.pushPrepared(ctx, e, prepared)
	i := a.journal.environment(e.name).IncidentByID(h.incident) // the conductor may have gone on with it
	switch {
	case i.Push != nil && i.Push.Commit == prepared.Preparation.Commit && i.Push.Outcome == string(gitrepo.Done):
		answer := release.Answer{Message: fmt.Sprintf("%s is back at %s: commit %s; %s is locked by incident %s", h.what(e), h.target.Name(), short(i.Push.Commit), e.name, i.ID),
			Facts: h.facts(), Details: h.undo(a.journal.environment(e.name))}
		answer.Facts["commit"], answer.Facts["incident"] = i.Push.Commit, i.ID
		return answer, nil
	case i.Phase == rollback.PhaseHuman:
		return release.Answer{}, release.Problemf(release.Refused, "rollback-agent status shows the incident", "nothing was pushed: %s", i.Trouble.Text)
	case i.Phase == rollback.PhaseDecided:
		return release.Answer{}, release.Problemf(release.Refused, "look again: rollback-agent rollback --dry-run", "somebody moved the branch while it was pushed")
	}
	return release.Answer{}, &release.Problem{Kind: release.Undecided, Message: "the push has no outcome yet; it is tried again", Cause: err,
		Hint: "rollback-agent status shows what came of it"}
}

// planned finds out all there is to know of a rollback by hand, and refuses what cannot be done.
func (a *Agent) planned(ctx context.Context, e *environment, state *rollback.Environment, d release.Deed) (h hand, err error) {
	if state.Forward != nil {
		return h, beingPushed(state.Forward)
	}
	if h.paths, err = e.scope(d.Paths); err != nil {
		return h, err
	}
	tip, err := e.remote.Tip(ctx)
	if err != nil {
		return h, remoteProblem("read the deploy branch", err)
	}
	h.tip = rollback.Tip{Commit: string(tip.ID), Tree: string(tip.Tree), Committed: tip.Committed}
	if h.tip.Paths, err = e.content(ctx, tip.Tree); err != nil {
		return h, remoteProblem("read the paths of the tip", err)
	}
	if h.target, h.pinned, err = a.targetByHand(ctx, e, state, d.Tag, tip.ID); err != nil {
		return h, err
	}
	if incident := state.BannedBy(h.target.Content()); incident != "" {
		return h, release.Problemf(release.Refused, "go further back", "%s holds what incident %s rolled back", h.target.Name(), incident)
	}
	h.why, h.now, h.released = d.Reason, a.now().UTC(), string(tip.ID)
	if r := state.Release; r != nil && r.Commit == h.released && len(tip.Parents) == 2 { // made by release
		h.released = string(tip.Parents[1])
	}
	return a.compared(ctx, e, state, h, d.Author)
}

// compared adds what would change, and the incident it belongs to.
func (a *Agent) compared(ctx context.Context, e *environment, state *rollback.Environment, h hand, by string) (hand, error) {
	var err error
	from, to := gitrepo.ID(h.tip.Tree), gitrepo.ID(h.target.Tree)
	if len(h.paths) > 0 {
		if _, err := e.remote.Graft(ctx, from, to, h.paths); err != nil {
			return h, remoteProblem("put the paths back", err)
		}
	}
	if h.diff, err = e.remote.Diff(ctx, from, to, h.paths); err != nil {
		return h, remoteProblem("compare the tip with "+h.target.Name(), err)
	}
	if h.diff.Total() == 0 && !h.diff.Partial {
		return h, release.Problemf(release.Refused, "", "%s holds what %s holds already: there is nothing to roll back", short(h.tip.Commit), h.target.Name())
	}
	if h.ancestor, err = e.remote.IsAncestor(ctx, gitrepo.ID(h.target.Commit), gitrepo.ID(h.tip.Commit)); err != nil {
		return h, remoteProblem("compare with the tip", err)
	}
	if h, err = e.replacing(ctx, h); err != nil {
		return h, remoteProblem("read the lock on the remote", err)
	}
	h.incident, h.of = incidentByHand(state, h.tip, h.now)
	i := state.IncidentByID(h.incident)
	if i != nil && i.Acting() {
		return h, release.Problemf(release.Refused, "wait until it is classified: rollback-agent status shows it", "the agent is at it: incident %s is %s", i.ID, i.Phase)
	}
	h.decision = rollback.Decision{Verdict: rollback.Rollback, Reason: rollback.ByHand, Key: "by hand of " + by, By: by, At: h.now, Release: h.of, Tip: h.tip.Commit,
		Target: h.target.Name(), Locks: true, Text: cmp.Or(h.why, "no reason was given")}
	h.decision.SLO, h.decision.Trigger = atFault(i)
	if i != nil {
		h.attempt = i.Attempts
	}
	return h, nil
}

// replacing adds the lock that stands on the remote. One whose record cannot be read keeps no person from rolling back.
func (e *environment) replacing(ctx context.Context, h hand) (hand, error) {
	record, stands, err := e.remote.ReadLock(ctx, e.name)
	if damaged(stands, err) {
		h.damaged = err
		h.replaces, err = e.remote.LockID(ctx, e.name)
		return h, err
	}
	if stands && err == nil {
		h.lock, h.replaces = record, record.ID()
	}
	return h, err
}

// incidentByHand is the incident that a rollback by hand belongs to: the one that locks, or that of the release that is out; else a new one.
func incidentByHand(state *rollback.Environment, tip rollback.Tip, now time.Time) (id, of string) {
	if l := state.Lock; l != nil && state.IncidentByID(l.Incident) != nil {
		return l.Incident, tip.Commit
	}
	if r := state.Release; r != nil && r.Content() == tip.Content() {
		if i := state.IncidentOf(r.Commit, r.T0); i == nil || i.Phase != rollback.PhaseClosed {
			return rollback.IncidentID(r.Commit, r.T0), r.Commit
		}
	}
	return rollback.IncidentID(tip.Commit, now), tip.Commit
}

// atFault is the SLO that the incident was about, if it was about one: verification waits for its value to return.
func atFault(i *rollback.Incident) (id, trigger string) {
	if i == nil {
		return "", ""
	}
	for _, d := range slices.Backward(i.Decisions) {
		if d.SLO != "" {
			return d.SLO, d.Trigger
		}
	}
	return "", ""
}

// targetByHand is the tag that a person names, or the last stable one. One that was never declared stable is read as it is now.
func (a *Agent) targetByHand(ctx context.Context, e *environment, state *rollback.Environment, tag string, tip gitrepo.ID) (p release.Pin, declared bool, err error) {
	if tag == "" {
		p, err = e.lastStable(ctx, state, "", tip)
		if err != nil {
			return p, false, err
		}
		tag = p.Name()
	}
	for _, known := range state.Pins {
		if known.Name() == tag {
			if err := e.remote.CheckPin(ctx, pinned(known)); err != nil {
				return p, true, remoteProblem(tag+" is not what was pinned", err)
			}
			return known, true, nil
		}
	}
	found, err := e.remote.ReadTag(ctx, tag)
	if err != nil {
		return p, false, remoteProblem("find "+tag, err)
	}
	p, err = a.pinOf(ctx, e, found, "")
	return p, false, err
}

// scope is what a rollback by hand puts back: the environment's paths, or some within them. Those of other teams are not this token's.
func (e *environment) scope(asked []string) ([]string, error) {
	if len(asked) == 0 {
		return e.paths, nil
	}
	if err := gitrepo.CheckPaths(asked); err != nil {
		return nil, release.Problemf(release.Invalid, "", "%v", err)
	}
	for _, p := range asked {
		within := func(folder string) bool { return gitrepo.Within(p, folder) }
		if len(e.paths) > 0 && !slices.ContainsFunc(e.paths, within) {
			return nil, release.Problemf(release.Refused, "only what lies in "+strings.Join(e.paths, ", "), "%s is not a path of %s", p, e.name)
		}
	}
	return asked, nil
}
