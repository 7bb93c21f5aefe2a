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
	Graft     *Graft // where Tree is one that the remote has not: the new trees in it
	Message   string
	Now       time.Time
	NotBefore time.Time   // committer date of the first parent: no commit is older than its parent
	Lock      *LockRecord // put on the remote together with the commit; Allow and By are filled in
	Replaces  ID          // of Lock: the record that stands in its place now
	Marker    string      // short name of a tag put on the commit in the same push; "": none
}

// Prepared is a commit made and not yet pushed. It is stored before the push and
// pushed as stored, so that a repeat after a crash is the same commit.
type Prepared struct {
	Branch   string        `json:"branch"`   // full ref name
	Expected ID            `json:"expected"` // old tip, and first parent
	Commit   ID            `json:"commit"`
	Tree     ID            `json:"tree"`
	Raw      []byte        `json:"raw"`             // the commit object, without git's header
	Trees    [][]byte      `json:"trees,omitempty"` // tree objects that the remote has not
	Lock     *PreparedLock `json:"lock,omitempty"`
	Marker   *PreparedTag  `json:"marker,omitempty"`
}

// PreparedLock is the lock record that travels with a commit.
type PreparedLock struct {
	Ref      string `json:"ref"`
	Object   ID     `json:"object"`
	Raw      []byte `json:"raw"`                // the blob, without git's header
	Replaces ID     `json:"replaces,omitempty"` // the record that the ref is at before; "": the ref is new
}

// PreparedTag is the tag that marks a commit.
type PreparedTag struct {
	Ref    string `json:"ref"`
	Object ID     `json:"object"`
	Raw    []byte `json:"raw"`
}

// Prepare makes the commit of c, and the lock record and the tag if it asks for
// them, all signed if there is a [Key]. It does no I/O, and without a key, or with
// an ed25519 one, the same arguments give the same bytes.
func (r *Remote) Prepare(c Change) (Prepared, error) {
	o, err := r.buildCommit(c)
	if err != nil {
		return Prepared{}, fmt.Errorf("prepare commit: %w", err)
	}
	p := Prepared{Branch: r.branch, Expected: c.Parents[0], Commit: o.id, Tree: c.Tree, Raw: o.raw}
	if c.Graft != nil {
		p.Trees = c.Graft.trees
	}
	if c.Lock != nil {
		if p.Lock, err = r.buildLock(*c.Lock, o.id); err != nil {
			return Prepared{}, fmt.Errorf("prepare lock: %w", err)
		}
		p.Lock.Replaces = c.Replaces
	}
	if c.Marker == "" {
		return p, nil
	}
	marker, err := r.buildTag(c.Marker, o.id, c.Message, c.Now)
	if err != nil {
		return Prepared{}, fmt.Errorf("prepare tag %s: %w", c.Marker, err)
	}
	p.Marker = &PreparedTag{Ref: tagPrefix + c.Marker, Object: marker.id, Raw: marker.raw}
	return p, nil
}

func (r *Remote) buildCommit(c Change) (packed, error) {
	message, err := cleanMessage(c.Message)
	if err = errors.Join(err, checkParents(c.Parents), c.Tree.Validate()); err != nil {
		return packed{}, err
	}
	if c.Graft != nil && c.Graft.Tree != c.Tree {
		return packed{}, fmt.Errorf("tree %s is not the one grafted, %s", c.Tree.Short(), c.Graft.Tree.Short())
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
	unsigned, err := encode(o.Encode)
	if err != nil {
		return packed{}, err
	}
	raw, err := r.key.signedCommit(unsigned.raw)
	return newObject(plumbing.CommitObject, raw), err
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
	}
	for _, raw := range p.Trees {
		if _, err := parseTree(raw); err != nil {
			return fmt.Errorf("prepared tree of %s: %w", p.Commit.Short(), err)
		}
	}
	if p.Lock != nil {
		if err := p.Lock.validate(p.Commit); err != nil {
			return err
		}
	}
	if p.Marker != nil {
		return p.Marker.validate(p.Commit)
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

func (t PreparedTag) validate(commit ID) error {
	o, err := parseTag(t.Raw)
	if err != nil {
		return err
	}
	if tagPrefix+o.name != t.Ref || o.target != commit || newObject(plumbing.TagObject, t.Raw).id != t.Object {
		return fmt.Errorf("prepared tag %s does not match its bytes", t.Ref)
	}
	return nil
}

// companion is a ref that moves in the same atomic push as the branch.
type companion struct {
	update
	object packed
}

// companions are the lock and the marker tag, where there are any.
func (p Prepared) companions() []companion {
	var all []companion
	if l := p.Lock; l != nil {
		all = append(all, companion{update{l.Ref, l.Replaces, l.Object}, newObject(plumbing.BlobObject, l.Raw)})
	}
	if m := p.Marker; m != nil {
		all = append(all, companion{update{m.Ref, "", m.Object}, newObject(plumbing.TagObject, m.Raw)})
	}
	return all
}

// objects are the commit and the trees that the remote has not.
func (p Prepared) objects() []packed {
	all := []packed{newObject(plumbing.CommitObject, p.Raw)}
	for _, raw := range p.Trees {
		all = append(all, newObject(plumbing.TreeObject, raw))
	}
	return all
}
