package gitrepo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

const (
	trialPrefix = "refs/rollback-agent/doctor/"
	trialName   = "rollback-agent-doctor" // of a branch and of a lock that never come to be
)

// Trial is what a remote lets the agent do, and keeps it and everybody else from doing. It was found out on a ref of the agent's own, and by
// pushes that cannot take effect: each names an old id that its ref is not at. A remote asks its rules before it compares and swaps, so
// what it says tells which of the two said no. On the deploy branch that old id is a commit made for the trial, which no branch was ever at:
// an id of its history could be where somebody resets it to meanwhile. What such a push would make of the branch holds what it holds already.
type Trial struct {
	Ref     string // the scratch ref, made and removed
	Left    bool   // an earlier trial was cut off, and had left it behind
	Tip     ID     // of the branch
	Ordered Ruling // an ordinary update of the branch
	Forced  Ruling // one that is no fast-forward
	Locked  Ruling // one over a lock: what the pre-receive hook is for
}

// Ruling is a remote's answer to a push that cannot take effect.
type Ruling struct {
	Refused bool   // by a rule, whatever the ref is at
	Text    string // the remote's words, safe to show
	Problem string // why it is not known; then the rest says nothing
}

func unruled(err error) Ruling { return Ruling{Problem: err.Error()} }

// What deploy/hooks/pre-receive says. The protocol has nothing but text to tell its refusal from another's.
const (
	saysLocked = "is locked after a rollback"
	saysForged = "cannot be read, or is not signed by whom it should be"
)

// ByHook says whether it was our pre-receive hook that refused a push over a lock.
func (g Ruling) ByHook() bool { return g.Refused && strings.Contains(g.Text, saysLocked) }

// Unsigned says whether our hook takes the agent's own lock for a forgery: then every lock would refuse every push, the agent's too.
func (g Ruling) Unsigned() bool { return g.Refused && strings.Contains(g.Text, saysForged) }

// ErrNoSwap is a remote that moves a ref though it is not at the old id that was given: nothing that the agent does there is safe.
var ErrNoSwap = errors.New("the remote moved a ref that was not at the old id given: it does not compare and swap")

// Try tries what the agent may do for an environment. The scratch ref is removed also when ctx ends; one that a crash left behind is removed
// by the next trial. The error is why nothing can be said of the branch: no scratch ref could be made, moved by compare-and-swap and removed.
func (r *Remote) Try(ctx context.Context, environment string, now time.Time) (Trial, error) {
	t := Trial{Ref: trialPrefix + environment}
	if err := checkName("environment", environment); err != nil {
		return t, wrap("try the remote", err)
	}
	return t, wrap("try the remote", r.try(ctx, &t, now))
}

func (r *Remote) try(ctx context.Context, t *Trial, now time.Time) error {
	tip, err := r.Tip(ctx)
	if err != nil {
		return err
	}
	t.Tip = tip.ID
	above, err := r.scratch(tip, tip.ID, now)
	if err != nil {
		return err
	}
	next, err := r.scratch(tip, above.id, now)
	if err != nil {
		return err
	}
	if err := r.tryScratch(ctx, t, above); err != nil {
		return err
	}
	t.Ordered = r.dry(ctx, []update{{r.branch, above.id, next.id}}, above, next)
	t.Forced = r.dry(ctx, []update{{r.branch, above.id, tip.ID}}, above)
	t.Locked = r.tryLock(ctx, tip.ID, now)
	return nil
}

// scratch is a commit on top of another, with what the branch holds.
func (r *Remote) scratch(tip Commit, on ID, now time.Time) (packed, error) {
	return r.buildCommit(Change{Parents: []ID{on}, Tree: tip.Tree, Now: now, NotBefore: tip.Committed,
		Message: "A trial of rollback-agent doctor: this commit is never on a branch"})
}

// tryScratch makes the scratch ref, sees that it is not moved from where it is not, and removes it. A crash anywhere leaves a ref that guards
// nothing and that nobody deploys.
func (r *Remote) tryScratch(ctx context.Context, t *Trial, above packed) (err error) {
	if t.Left, err = r.sweep(ctx, t.Ref); err != nil {
		return fmt.Errorf("remove %s, which an earlier trial left: %w", t.Ref, err)
	}
	failed := r.swapScratch(ctx, t, above)
	again, cancel := r.afterwards(ctx)
	defer cancel()
	if _, err := r.sweep(again, t.Ref); err != nil {
		return errors.Join(failed, fmt.Errorf("remove %s: %w", t.Ref, err))
	}
	return failed
}

func (r *Remote) swapScratch(ctx context.Context, t *Trial, above packed) error {
	at, err := r.move(ctx, update{t.Ref, "", t.Tip})
	if err == nil && at != t.Tip {
		err = ErrContradicts
	}
	if err != nil {
		return fmt.Errorf("make %s: %w", t.Ref, err)
	}
	if at, err = r.move(ctx, update{t.Ref, above.id, above.id}, above); at == above.id {
		return ErrNoSwap
	}
	if at != t.Tip || KindOf(err) != ErrRefused { // not refused: it was not asked
		return fmt.Errorf("move %s: %w", t.Ref, cmp.Or(err, error(ErrContradicts)))
	}
	return nil
}

// sweep removes a ref of the trial's if it is there.
func (r *Remote) sweep(ctx context.Context, name string) (found bool, err error) {
	refs, err := r.listRefs(ctx, name)
	at, found := refs[name]
	if err != nil || !found {
		return false, err
	}
	return true, r.clear(ctx, name, at.id)
}

// move sends one update, and says where the ref is then; the error is why it is not where it should be, as far as the remote says.
func (r *Remote) move(ctx context.Context, u update, objects ...packed) (ID, error) {
	pack, err := writePack(objects...)
	if err != nil {
		return "", err
	}
	rep, unsent := r.receive(ctx, []update{u}, pack)
	again, cancel := r.afterwards(ctx)
	defer cancel()
	refs, err := r.listRefs(again, u.ref)
	at := refs[u.ref].id
	if err == nil && at == u.new {
		return at, nil
	}
	return at, errors.Join(unsent, rep.refusal(), err)
}

// dry sends updates that cannot take effect, and says whether a rule refused them before that was found out.
func (r *Remote) dry(ctx context.Context, updates []update, objects ...packed) Ruling {
	pack, err := writePack(objects...)
	if err != nil {
		return unruled(err)
	}
	rep, err := r.receive(ctx, updates, pack)
	switch {
	case err != nil:
		return unruled(err)
	case rep.unpack != "" && rep.unpack != "ok":
		return unruled(rep.refusal())
	}
	g := Ruling{Text: rep.String()}
	for _, s := range rep.refs[:len(updates)] { // what follows is the term's
		g.Refused = g.Refused || !passedRules(s.status)
	}
	return g
}

// passedRules says whether an update came as far as its old id: what is refused for being no fast-forward did not, since that is a rule.
func passedRules(status string) bool {
	return status == "ok" || isContention(status) && !strings.HasPrefix(status, "non-fast-forward")
}

// tryLock asks for a push over a lock, in one atomic update with the lock: of a branch that does not exist, to be deleted from where it is
// not. With the hook it is refused for the lock; without, the deletion fails, and with it the lock.
func (r *Remote) tryLock(ctx context.Context, tip ID, now time.Time) Ruling {
	lock, err := r.buildLock(LockRecord{Environment: trialName, Branch: trialName, Incident: "doctor", Since: now}, "")
	if err != nil {
		return unruled(err)
	}
	branch := branchPrefix + trialName
	refs, err := r.listRefs(ctx, branch)
	if err == nil && refs[branch].id != "" {
		err = fmt.Errorf("a branch %s exists, and is not touched", trialName)
	}
	if err != nil {
		return unruled(err)
	}
	if together, err := r.isAtomic(ctx); err != nil || !together {
		return unruled(cmp.Or(err, error(ErrNoAtomic)))
	}
	record := newObject(plumbing.BlobObject, lock.Raw)
	ruling := r.dry(ctx, []update{{lock.Ref, "", lock.Object}, {branch, tip, ""}}, record)
	again, cancel := r.afterwards(ctx)
	defer cancel()
	half, err := r.sweep(again, lock.Ref)
	if half {
		err = errors.Join(fmt.Errorf("%w: it says that it can, and took one of two", ErrNoAtomic), err)
	}
	if err != nil {
		return unruled(err)
	}
	return ruling
}
