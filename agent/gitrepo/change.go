package gitrepo

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Change is a commit to be made: a tree the remote has, on top of the tip.
type Change struct {
	Parents   []ID // the first is the tip the decision was about
	Tree      ID
	Message   string
	Now       time.Time
	NotBefore time.Time   // committer date of the first parent: no commit is older than its parent
	Lock      *LockRecord // put on the remote together with the commit; Allow and By are filled in
}

// Prepared is a commit made and not yet pushed. It is stored before the push and
// pushed as stored, so that a repeat after a crash is the same commit.
type Prepared struct {
	Branch   string        `json:"branch"`   // full ref name
	Expected ID            `json:"expected"` // old tip, and first parent
	Commit   ID            `json:"commit"`
	Tree     ID            `json:"tree"`
	Raw      []byte        `json:"raw"` // the commit object, without git's header
	Lock     *PreparedLock `json:"lock,omitempty"`
}

// PreparedLock is the lock record that travels with a commit.
type PreparedLock struct {
	Ref    string `json:"ref"`
	Object ID     `json:"object"`
	Raw    []byte `json:"raw"` // the blob, without git's header
}

// Prepare makes the commit of c, and the lock record if it asks for one. It does
// no I/O, and the same arguments give the same bytes.
func (r *Remote) Prepare(c Change) (Prepared, error) {
	o, err := r.buildCommit(c)
	if err != nil {
		return Prepared{}, fmt.Errorf("prepare commit: %w", err)
	}
	p := Prepared{Branch: r.branch, Expected: c.Parents[0], Commit: o.id, Tree: c.Tree, Raw: o.raw}
	if c.Lock == nil {
		return p, nil
	}
	if p.Lock, err = r.buildLock(*c.Lock, o.id); err != nil {
		return Prepared{}, fmt.Errorf("prepare lock: %w", err)
	}
	return p, nil
}

func (r *Remote) buildCommit(c Change) (packed, error) {
	message, err := cleanMessage(c.Message)
	if err = errors.Join(err, checkParents(c.Parents), c.Tree.Validate()); err != nil {
		return packed{}, err
	}
	when := c.Now
	if when.Before(c.NotBefore) {
		when = c.NotBefore // our clock is behind; rev-list and describe rely on dates going up
	}
	if when.Unix() <= 0 {
		return packed{}, errors.New("no date given")
	}
	parents := make([]plumbing.Hash, len(c.Parents))
	for i, p := range c.Parents {
		parents[i] = hash(p)
	}
	who := r.author.signature(when)
	o := &object.Commit{Author: who, Committer: who, Message: message, TreeHash: hash(c.Tree), ParentHashes: parents}
	return encode(o.Encode)
}

func checkParents(ids []ID) error {
	if len(ids) == 0 {
		return errors.New("no parent given: the first is the expected tip")
	}
	seen := map[ID]bool{}
	for _, id := range ids {
		if err := id.Validate(); err != nil {
			return err
		}
		if seen[id] {
			return fmt.Errorf("parent %s is given twice", id.Short())
		}
		seen[id] = true
	}
	return nil
}

// Validate checks a stored Prepared against its own bytes.
func (p Prepared) Validate() error {
	c, err := parseCommit(newObject(plumbing.CommitObject, p.Raw))
	switch {
	case err != nil:
		return err
	case c.ID != p.Commit || c.Tree != p.Tree || len(c.Parents) == 0 || c.Parents[0] != p.Expected:
		return fmt.Errorf("prepared commit %s does not match its bytes", p.Commit.Short())
	case p.Lock != nil:
		return p.Lock.validate(p.Commit)
	}
	return nil
}

func (l PreparedLock) validate(commit ID) error {
	record, err := parseLock(l.Raw)
	if err != nil {
		return err
	}
	if record.ref() != l.Ref || record.object().id != l.Object || record.Allow != commit {
		return fmt.Errorf("prepared lock %s does not match its bytes", l.Ref)
	}
	return nil
}
