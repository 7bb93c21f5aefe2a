package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/rollback"
)

// reconcileEvery is how often a rollback is looked for on the remote while its cause is not known. An acknowledged push is not for ever: a
// remote can lose it with its disk (facts/faults.md F7), and whoever may can push past the lock.
const reconcileEvery = time.Minute

// unaccounted is the incident whose rollback has to be on the remote still, or may have come there after it was given up: its lock is not
// opened. What lost a race to be there never was: it must be neither missed nor pushed again.
func unaccounted(state *rollback.Environment) *rollback.Incident {
	if state.Lock == nil {
		return nil
	}
	i := state.IncidentByID(state.Lock.Incident)
	if i == nil || i.Preparation == nil || i.Acting() || !outstanding(i) && !stood(i) {
		return nil
	}
	return i
}

// outstanding says that nothing is on record of what became of the commit prepared last: the agent gave it up, or was stopped, without an
// answer from the remote. A push whose answer was lost may have been taken all the same.
func outstanding(i *rollback.Incident) bool {
	return i.Preparation != nil && (i.Push == nil || i.Push.Commit != i.Preparation.Commit)
}

// stood says whether the remote was seen to hold the commit pushed last.
func stood(i *rollback.Incident) bool {
	return i.Push != nil && i.Push.Outcome == string(gitrepo.Done) && !i.PushedAt.IsZero()
}

// reconcile holds the branch against a rollback, and appends what it finds when that has changed. A crash costs a look.
func (a *Agent) reconcile(ctx context.Context, e *environment, i *rollback.Incident) error {
	e.deeds.Lock()
	defer e.deeds.Unlock()
	state := a.journal.environment(e.name)
	if now := unaccounted(state); now == nil || now.ID != i.ID {
		return nil // unlocked while we waited for our turn
	}
	if outstanding(i) {
		landed, err := a.landed(ctx, e, i)
		if err != nil || landed || !stood(i) {
			return err
		}
	}
	found, err := a.found(ctx, e, state, i)
	if err != nil {
		return err
	}
	was := rollback.Reconciliation{Outcome: rollback.Stands, Tip: i.Push.Tip}
	if i.Remote != nil {
		was = *i.Remote
	}
	if found.Outcome == was.Outcome && (found.Tip == was.Tip || found.Outcome == rollback.Stands) {
		return nil
	}
	a.log.Warn("the remote has changed under a rollback", "environment", e.name, "incident", i.ID, "outcome", found.Outcome, "text", found.Text)
	_, err = a.journal.append(ctx, note{environment: e.name, kind: rollback.Reconciled, author: self, incident: i.ID, body: found})
	crashpoint("reconciled")
	return err
}

// landed looks for a commit that was given up, and puts on record that the remote holds it: from then on it is verified and classified like
// every other, and what a person was told stands. It pushes nothing. A crash costs a look.
func (a *Agent) landed(ctx context.Context, e *environment, i *rollback.Incident) (bool, error) {
	tip, holds, err := e.holds(ctx, i.Preparation)
	if err != nil {
		return false, fmt.Errorf("reconcile %s: %w", i.ID, err)
	}
	if !holds {
		return false, nil
	}
	a.log.Warn("a rollback that was given up is on the remote", "environment", e.name, "incident", i.ID, "commit", short(i.Preparation.Commit))
	_, err = a.journal.append(ctx, note{environment: e.name, kind: rollback.Pushed, author: self, incident: i.ID, body: rollback.Push{
		Commit: i.Preparation.Commit, Tip: string(tip.ID), Outcome: string(gitrepo.Done), Text: "the answer was lost: it was found there after it had been given up"}})
	crashpoint("landed")
	return err == nil, err
}

// holds reads the tip, and says whether a prepared commit is it or behind it.
func (e *environment) holds(ctx context.Context, p *rollback.Preparation) (gitrepo.Commit, bool, error) {
	tip, err := e.remote.Tip(ctx)
	if err != nil || string(tip.ID) == p.Expected {
		return tip, false, err
	}
	holds, err := e.remote.IsAncestor(ctx, gitrepo.ID(p.Commit), tip.ID, gitrepo.ID(p.Expected))
	return tip, holds, err
}

// found looks at the branch, and pushes the rollback again if the remote has forgotten it: the same bytes, by compare-and-swap. What was
// given up is not pushed again.
func (a *Agent) found(ctx context.Context, e *environment, state *rollback.Environment, i *rollback.Incident) (rollback.Reconciliation, error) {
	mine := gitrepo.ID(i.Push.Commit)
	tip, err := e.remote.Tip(ctx)
	if err != nil {
		return rollback.Reconciliation{}, fmt.Errorf("reconcile %s: %w", i.ID, err)
	}
	r := rollback.Reconciliation{Tip: string(tip.ID), Outcome: rollback.Stands}
	if tip.ID == mine {
		return r, nil
	}
	if string(tip.ID) == i.Preparation.Expected && !outstanding(i) {
		return a.pushAgain(ctx, e, state, i)
	}
	ancestor, err := e.remote.IsAncestor(ctx, mine, tip.ID)
	if err != nil {
		return r, fmt.Errorf("reconcile %s: %w", i.ID, err)
	}
	if !ancestor {
		r.Outcome = rollback.Undone
		r.Text = fmt.Sprintf("the branch was put back: %s does not hold the rollback %s; a person decides", tip.ID.Short(), mine.Short())
		return r, nil
	}
	return e.onTop(ctx, state, i, tip)
}

// onTop says what was pushed on top of the rollback: the same content, as far as it is this environment's, or a breach of the lock.
func (e *environment) onTop(ctx context.Context, state *rollback.Environment, i *rollback.Incident, tip gitrepo.Commit) (rollback.Reconciliation, error) {
	there, err := e.content(ctx, tip.Tree)
	if err != nil {
		return rollback.Reconciliation{}, fmt.Errorf("reconcile %s: %w", i.ID, err)
	}
	pushed, err := e.candidate(ctx, gitrepo.ID(i.Push.Commit))
	if err != nil {
		return rollback.Reconciliation{}, fmt.Errorf("reconcile %s: %w", i.ID, err)
	}
	there = cmp.Or(there, string(tip.Tree))
	r := rollback.Reconciliation{Outcome: rollback.Repeated, Tip: string(tip.ID),
		Text: fmt.Sprintf("%s was pushed on top of the rollback with the same content", tip.ID.Short())}
	if there == pushed.content {
		return r, nil
	}
	r.Outcome, r.Text = rollback.Violated, fmt.Sprintf("%s was pushed past the lock, on top of the rollback %s", tip.ID.Short(), short(i.Push.Commit))
	if state.BannedBy(there) != "" {
		r.Text += ": it is what was rolled back"
	}
	return r, nil
}

// pushAgain gives the remote back what it has lost.
func (a *Agent) pushAgain(ctx context.Context, e *environment, state *rollback.Environment, i *rollback.Incident) (rollback.Reconciliation, error) {
	var p gitrepo.Prepared
	if err := json.Unmarshal(i.Preparation.Opaque, &p); err != nil {
		return rollback.Reconciliation{}, fmt.Errorf("read preparation: %w", err)
	}
	if e.stopped(state) {
		return rollback.Reconciliation{Outcome: rollback.Undone, Tip: string(p.Expected),
			Text: fmt.Sprintf("the remote has lost the rollback %s, and the kill switch is on", p.Commit.Short())}, nil
	}
	switch text, err := e.forbidden(ctx, i.Preparation); {
	case err != nil:
		return rollback.Reconciliation{}, fmt.Errorf("reconcile %s: %w", i.ID, err)
	case text != "":
		return rollback.Reconciliation{Outcome: rollback.Undone, Tip: string(p.Expected),
			Text: fmt.Sprintf("the remote has lost the rollback %s, and it is not pushed again: %s", p.Commit.Short(), text)}, nil
	}
	if err := e.lessWhatStands(ctx, &p); err != nil {
		return rollback.Reconciliation{}, fmt.Errorf("reconcile %s: %w", i.ID, err)
	}
	seen, err := e.remote.Push(ctx, p)
	if seen.Outcome != gitrepo.Done {
		return rollback.Reconciliation{}, errors.Join(fmt.Errorf("push %s again: %s %s", p.Commit.Short(), seen.Outcome, seen.Text), err)
	}
	return rollback.Reconciliation{Outcome: rollback.Restored, Tip: string(seen.Tip),
		Text: fmt.Sprintf("the remote had lost an acknowledged push: the branch was at %s again; it was pushed again", p.Expected.Short())}, nil
}

// lessWhatStands leaves out of a push what the remote has not lost: the lock, and the tag that marks the commit.
func (e *environment) lessWhatStands(ctx context.Context, p *gitrepo.Prepared) error {
	standing, stands, err := e.remote.ReadLock(ctx, e.name)
	if err != nil {
		return err
	}
	if stands && p.Lock != nil && standing.ID() == p.Lock.Object {
		p.Lock = nil
	}
	if p.Marker == nil {
		return nil
	}
	tag, err := e.remote.ReadTag(ctx, strings.TrimPrefix(p.Marker.Ref, "refs/tags/"))
	if err == nil && tag.Object == p.Marker.Object {
		p.Marker = nil
	}
	if errors.Is(err, gitrepo.ErrTagMissing) {
		return nil
	}
	return err
}
