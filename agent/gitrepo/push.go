package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// Outcome is what became of a push, by the remote's refs read afterwards.
type Outcome string

// The outcomes. Only Done means that the commit is on the branch.
const (
	Done     Outcome = "done"     // the branch is at our commit, or has moved on from it
	Moved    Outcome = "moved"    // the branch is somewhere else: decide again
	Rejected Outcome = "rejected" // the remote said no and will say so again: a person is needed
	Retry    Outcome = "retry"    // the branch is where it was: push the same Prepared again, later
	Unknown  Outcome = "unknown"  // the branch could not be read: push the same Prepared again, later
)

// Validate refuses an unknown outcome.
func (o Outcome) Validate() error {
	switch o {
	case Done, Moved, Rejected, Retry, Unknown:
		return nil
	}
	return fmt.Errorf("push outcome %.40q", string(o))
}

// Pushed is a push's outcome with what the remote said and showed.
type Pushed struct {
	Outcome    Outcome `json:"outcome"`
	Tip        ID      `json:"tip,omitempty"`        // of the branch, read last; empty: no branch, or unknown
	Superseded bool    `json:"superseded,omitempty"` // Done, and somebody has pushed on top since
	LockStands bool    `json:"lockStands,omitempty"` // our lock record, read last
	Text       string  `json:"text,omitempty"`       // the remote's words, safe to show, at most 2000 bytes
}

// rereadTimeout bounds the look at the refs after a push. It has a deadline of
// its own, since the push may have used up the caller's.
const rereadTimeout = 10 * time.Second

// Push moves the branch from p.Expected to p.Commit, and creates the lock with it
// if p has one, both or neither. It may be repeated with the same p at any time,
// also after a crash: a commit already there is Done without a push, a tip that
// is neither is Moved (or Done and Superseded) without a push.
//
// The refs are read before and after; what the remote answers in between only
// explains them. So an answer lost after acceptance is Done, and an empty 200 is
// Retry. The Outcome is always valid. The error is what kept the remote from
// telling us more: nil for Done and Moved, nil for a Rejected with a report; with
// Retry and Unknown a [StatusError] may carry the remote's Retry-After.
func (r *Remote) Push(ctx context.Context, p Prepared) (Pushed, error) {
	act := "push " + p.Commit.Short()
	if err := r.checkPrepared(p); err != nil {
		return Pushed{Outcome: Rejected}, wrap(act, err)
	}
	before, err := r.look(ctx, p)
	if err != nil || before.Outcome != Retry {
		return before, wrap(act, err)
	}
	rep, unsent := r.pushOnce(ctx, p, before.LockStands)
	again, cancel := r.afterwards(ctx)
	defer cancel()
	after, err := r.look(again, p)
	if err != nil {
		return after, wrap(act, errors.Join(err, unsent))
	}
	after, err = explain(after, rep, unsent)
	return after, wrap(act, err)
}

// checkPrepared keeps a commit made for another branch, or bytes gone bad in
// storage, away from the remote.
func (r *Remote) checkPrepared(p Prepared) error {
	if p.Branch != r.branch {
		return fmt.Errorf("it was prepared for %.80q, the remote's branch is %s", p.Branch, r.branch)
	}
	return p.Validate()
}

// look reads the refs and says where p is, by them alone. Retry means: not there
// yet, nothing in the way.
func (r *Remote) look(ctx context.Context, p Prepared) (Pushed, error) {
	names := []string{r.branch}
	if p.Lock != nil {
		names = append(names, p.Lock.Ref)
	}
	refs, err := r.listRefs(ctx, names...)
	if err != nil {
		return Pushed{Outcome: Unknown}, err
	}
	out := Pushed{Tip: refs[r.branch].id, Outcome: Moved}
	if p.Lock != nil {
		out.LockStands = refs[p.Lock.Ref].id == p.Lock.Object
	}
	switch out.Tip {
	case p.Commit:
		out.Outcome = Done
		return out, nil
	case p.Expected:
		return r.atExpected(out, p, refs)
	case "":
		return out, nil
	}
	out.Superseded, err = r.reaches(ctx, out.Tip, p.Commit, p.Expected)
	switch {
	case err != nil:
		out.Outcome = Unknown
	case out.Superseded:
		out.Outcome = Done
	}
	return out, err
}

// atExpected: another incident's lock would make every push fail, so say so.
func (r *Remote) atExpected(out Pushed, p Prepared, refs map[string]ref) (Pushed, error) {
	out.Outcome = Retry
	if p.Lock == nil || out.LockStands {
		return out, nil
	}
	if other, ok := refs[p.Lock.Ref]; ok {
		out.Outcome = Rejected
		return out, fmt.Errorf("%w: %s is at %s", ErrLocked, p.Lock.Ref, other.id.Short())
	}
	return out, nil
}

// pushOnce sends the commit, and the lock unless it stands already: a server
// restored from a backup may have lost the one and kept the other.
func (r *Remote) pushOnce(ctx context.Context, p Prepared, lockStands bool) (report, error) {
	updates := []update{{p.Branch, p.Expected, p.Commit}}
	objects := []packed{newObject(plumbing.CommitObject, p.Raw)}
	if p.Lock != nil && !lockStands {
		updates = append(updates, update{p.Lock.Ref, "", p.Lock.Object})
		objects = append(objects, newObject(plumbing.BlobObject, p.Lock.Raw))
	}
	pack, err := writePack(objects...)
	if err != nil {
		return report{}, err
	}
	return r.receive(ctx, updates, pack)
}

// afterwards is the context to read refs in after a push.
func (r *Remote) afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), rereadTimeout)
}

// explain refines what the refs say with what the remote said, or with why it
// could not be asked.
func explain(seen Pushed, rep report, unsent error) (Pushed, error) {
	if seen.Outcome == Done {
		return seen, nil
	}
	seen.Text = rep.String()
	switch {
	case rep.refused():
		seen.Outcome = Rejected
		return seen, nil
	case seen.Outcome == Moved:
		return seen, nil
	case lasting(KindOf(unsent)):
		seen.Outcome = Rejected
	}
	return seen, unsent
}

// lasting are the failures that another try does not cure.
func lasting(k Kind) bool {
	switch k {
	case ErrAuth, ErrNotFound, ErrRedirected, ErrNoAtomic, ErrRefused:
		return true
	}
	return false
}
