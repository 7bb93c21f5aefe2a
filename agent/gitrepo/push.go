package gitrepo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
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
// if p has one, both or neither where the server allows that. Where it does not,
// the lock comes first and the marker last, each by compare-and-swap: a crash
// between leaves a lock, or an unmarked rollback, never an unlocked one. It may be repeated with the same p at any time,
// also after a crash: a commit already there is Done without a push, a tip that
// is neither is Moved (or Done and Superseded) without a push.
//
// The refs are read afterwards, and before unless [Remote.Tip] or [Remote.Survey]
// has just seen the branch at p.Expected; what the remote answers in between only
// explains them. So an answer lost after acceptance is Done, and an empty 200 is
// Retry. The Outcome is always valid. The error is what kept the remote from
// telling us more: nil for Done and Moved, nil for a Rejected with a report; with
// Retry and Unknown a [StatusError] may carry the remote's Retry-After.
func (r *Remote) Push(ctx context.Context, p Prepared) (Pushed, error) {
	act := "push " + p.Commit.Short()
	if err := r.checkPrepared(p); err != nil {
		return Pushed{Outcome: Rejected}, wrap(act, err)
	}
	var refs map[string]ref
	if !r.recall.isFresh(p.Expected) {
		var before Pushed
		var err error
		if before, refs, err = r.look(ctx, p); err != nil || before.Outcome != Retry {
			return before, wrap(act, err)
		}
	}
	rep, unsent := r.pushOnce(ctx, p, refs)
	again, cancel := r.afterwards(ctx)
	defer cancel()
	after, _, err := r.look(again, p)
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
func (r *Remote) look(ctx context.Context, p Prepared) (Pushed, map[string]ref, error) {
	names := []string{r.branch}
	for _, c := range p.companions() {
		names = append(names, c.ref)
	}
	refs, err := r.listRefs(ctx, names...)
	if err != nil {
		return Pushed{Outcome: Unknown}, nil, err
	}
	out, err := r.judge(ctx, p, refs)
	return out, refs, err
}

// judge says where p is by the refs as read.
func (r *Remote) judge(ctx context.Context, p Prepared, refs map[string]ref) (Pushed, error) {
	out := Pushed{Tip: refs[r.branch].id, Outcome: Moved}
	if p.Lock != nil {
		out.LockStands = refs[p.Lock.Ref].id == p.Lock.Object
	}
	switch out.Tip {
	case p.Commit:
		out.Outcome = Done
		return out, nil
	case p.Expected:
		return atExpected(out, p, refs)
	case "":
		return out, nil
	}
	var err error
	out.Superseded, err = r.reaches(ctx, out.Tip, p.Commit, p.Expected)
	switch {
	case err != nil:
		out.Outcome = Unknown
	case out.Superseded:
		out.Outcome = Done
	}
	return out, err
}

// atExpected: another incident's lock, or another tag of that name, would make
// every push fail, so say so.
func atExpected(out Pushed, p Prepared, refs map[string]ref) (Pushed, error) {
	out.Outcome = Retry
	for _, c := range p.companions() {
		at := refs[c.ref].id
		if at == c.old || at == c.new {
			continue
		}
		out.Outcome = Rejected
		kind := ErrExists
		if p.Lock != nil && c.ref == p.Lock.Ref {
			kind = ErrLocked
		}
		return out, fmt.Errorf("%w: %s is at %s", kind, c.ref, cmp.Or(at.Short(), "nothing"))
	}
	return out, nil
}

// pushOnce sends the commit, and its companions unless they stand already: a
// server restored from a backup may have lost the one and kept the other.
func (r *Remote) pushOnce(ctx context.Context, p Prepared, refs map[string]ref) (report, error) {
	updates, objects := []update{{p.Branch, p.Expected, p.Commit}}, p.objects()
	together := true
	for _, c := range p.companions() {
		if refs[c.ref].id != c.new {
			updates, objects = append(updates, c.update), append(objects, c.object)
		}
	}
	if len(updates) > 1 {
		var err error
		if together, err = r.isAtomic(ctx); err != nil {
			return report{}, err
		}
	}
	if !together {
		return r.pushInTurn(ctx, p, refs)
	}
	pack, err := writePack(objects...)
	if err != nil {
		return report{}, err
	}
	return r.receive(ctx, updates, pack)
}

// pushInTurn pushes one ref after the other, until one is not taken: the lock,
// the branch, the marker. Over a lock that stands already it goes on.
func (r *Remote) pushInTurn(ctx context.Context, p Prepared, refs map[string]ref) (rep report, err error) {
	type turn struct {
		update
		objects []packed
	}
	var turns []turn
	for _, c := range p.companions() {
		if refs[c.ref].id != c.new {
			turns = append(turns, turn{c.update, []packed{c.object}})
		}
	}
	branch := turn{update{p.Branch, p.Expected, p.Commit}, p.objects()}
	at := 0
	if p.Lock != nil && len(turns) > 0 && turns[0].ref == p.Lock.Ref {
		at = 1
	}
	for _, one := range slices.Insert(turns, at, branch) {
		pack, err := writePack(one.objects...)
		if err != nil {
			return rep, err
		}
		if rep, err = r.receive(ctx, []update{one.update}, pack); err != nil || rep.String() != "" {
			return rep, err
		}
	}
	return rep, nil
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
	case seen.Outcome == Moved: // whatever it was that the remote refused, it was not the next decision
		return seen, nil
	case rep.refused():
		seen.Outcome = Rejected
		return seen, nil
	case lasting(KindOf(unsent)):
		seen.Outcome = Rejected
	case unsent == nil && seen.Text == "":
		return seen, fmt.Errorf("%w: it said ok, and the branch is where it was", ErrContradicts)
	}
	return seen, unsent
}

// lasting are the failures that another try does not cure.
func lasting(k Kind) bool {
	switch k {
	case ErrAuth, ErrIdentity, ErrNotFound, ErrRedirected, ErrRefused:
		return true
	}
	return false
}
