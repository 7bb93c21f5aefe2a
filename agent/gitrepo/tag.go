package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Pin is what a stable tag was when it was looked at. Object is the tag object,
// or the commit itself for a lightweight tag.
type Pin struct {
	Ref    string `json:"ref"` // full name: refs/tags/stable-42
	Object ID     `json:"object"`
	Commit ID     `json:"commit"`
	Tree   ID     `json:"tree"`
	Signer string `json:"signer,omitempty"` // whose good signature the tag bears; "" where no signature is asked for
}

// Annotated tells a tag object from a lightweight tag.
func (p Pin) Annotated() bool { return p.Object != p.Commit }

// Validate checks the form of a stored pin, not the remote.
func (p Pin) Validate() error {
	name, err := p.tag()
	return errors.Join(err, checkName("tag", name), p.Object.Validate(), p.Commit.Validate(), p.Tree.Validate())
}

func (p Pin) tag() (string, error) {
	if len(p.Ref) <= len(tagPrefix) || p.Ref[:len(tagPrefix)] != tagPrefix {
		return "", fmt.Errorf("%w: pin of %.80q: want a ref under %s", ErrInvalid, p.Ref, tagPrefix)
	}
	return p.Ref[len(tagPrefix):], nil
}

// ReadTag reads the tag of that short name. ErrTagMissing when there is none;
// ErrTagMismatch when the tag object has another name than its ref (a tag object
// can be put under any ref), points elsewhere than the remote says, or at
// anything but a commit: nested tags are refused, so there is nothing to peel
// twice. With [Signers]: ErrUnsigned, also for a lightweight tag, or ErrSignature.
// Below the [Floor]: ErrForbidden.
func (r *Remote) ReadTag(ctx context.Context, name string) (Pin, error) {
	pin, err := r.readTag(ctx, name, "")
	if err != nil {
		return Pin{}, fmt.Errorf("read tag %s: %w", name, err)
	}
	return pin, nil
}

// CheckPin reads the tag again from the remote: nil when it is as pinned, else
// ErrTagMissing, ErrTagMoved or ErrTagMismatch (or why the remote could not be
// read). With [Signers] it must bear a signature that they allow today, whatever
// was allowed when it was pinned.
func (r *Remote) CheckPin(ctx context.Context, p Pin) error {
	if err := p.Validate(); err != nil {
		return fmt.Errorf("check pin: %w", err)
	}
	now, err := r.readTag(ctx, p.Ref[len(tagPrefix):], p.Object)
	return p.holds(now, err)
}

// Admits says whether the [Floor] lets a tag of that name on that commit be gone
// back to: nil, ErrForbidden, or why the commit, whose date counts, could not be
// read. The remote is asked only where there is a date to compare it with, and
// only for a commit that is not remembered.
func (r *Remote) Admits(ctx context.Context, name string, at ID) error {
	act := "check tag " + name
	if err := r.floor.admitsName(name, at); err != nil || r.floor.NotBefore.IsZero() {
		return wrap(act, err)
	}
	c, err := r.Commit(ctx, at)
	if err != nil {
		return wrap(act, err)
	}
	return wrap(act, r.floor.admits(name, c))
}

// holds compares the pin with what was read, or not.
func (p Pin) holds(now Pin, err error) error {
	if err == nil && (now.Commit != p.Commit || now.Tree != p.Tree) {
		// The object is the pinned one, so it is the pin that lies.
		err = fmt.Errorf("%w: pinned commit %s, tree %s; it is %s, %s", ErrTagMismatch, p.Commit.Short(), p.Tree.Short(), now.Commit.Short(), now.Tree.Short())
	}
	return wrap("check pin of "+p.Ref, err)
}

// readTag refuses with ErrTagMoved any object but the pinned one, unless pinned
// is empty. A moved tag is told before its new object is looked at.
func (r *Remote) readTag(ctx context.Context, name string, pinned ID) (Pin, error) {
	if err := checkName("tag", name); err != nil {
		return Pin{}, err
	}
	refs, err := r.listRefs(ctx, tagPrefix+name)
	if err != nil {
		return Pin{}, err
	}
	return r.tagAmong(ctx, refs, name, pinned)
}

func (r *Remote) tagAmong(ctx context.Context, refs map[string]ref, name string, pinned ID) (Pin, error) {
	at, ok := refs[tagPrefix+name]
	if !ok {
		return Pin{}, ErrTagMissing
	}
	if pinned != "" && at.id != pinned {
		return Pin{}, fmt.Errorf("%w: pinned %s, now %s", ErrTagMoved, pinned.Short(), at.id.Short())
	}
	objects, err := r.fetchObjects(ctx, fetch{want: []ID{at.id}, shallow: true, all: true, limit: maxObjects}, at.id, at.commit())
	if err != nil {
		return Pin{}, err
	}
	return r.checkTag(name, at, objects)
}

// checkTag holds the ref, the tag object and the commit against each other.
func (r *Remote) checkTag(name string, at ref, objects map[ID]packed) (pin Pin, err error) {
	if at.peeled != "" {
		pin.Signer, err = r.checkTagObject(name, at, objects[at.id])
	} else if r.signers != nil {
		err = fmt.Errorf("%w: it is a lightweight tag", ErrUnsigned)
	}
	if err != nil {
		return Pin{}, err
	}
	c, err := parseCommit(objects[at.commit()])
	if errors.Is(err, ErrNoCommit) {
		return Pin{}, fmt.Errorf("%w: it does not tag a commit", ErrTagMismatch)
	}
	if err != nil {
		return Pin{}, err
	}
	pin.Ref, pin.Object, pin.Commit, pin.Tree = tagPrefix+name, at.id, c.ID, c.Tree
	if err := r.floor.admits(name, c); err != nil {
		return Pin{}, err
	}
	return pin, nil
}

func (r *Remote) checkTagObject(name string, at ref, o packed) (signer string, err error) {
	t, err := parseTag(o.raw)
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: %s: %w", ErrTagMismatch, o.id.Short(), err)
	case t.name != name:
		return "", fmt.Errorf("%w: the object is named %.80q", ErrTagMismatch, printable(t.name))
	case t.kind == "tag":
		return "", fmt.Errorf("%w: it tags another tag", ErrTagMismatch)
	case t.kind != "commit":
		return "", fmt.Errorf("%w: it tags a %.20s", ErrTagMismatch, printable(t.kind))
	case t.target != at.peeled:
		return "", fmt.Errorf("%w: it points at %s, the remote says %s", ErrTagMismatch, t.target.Short(), at.peeled.Short())
	}
	return r.checkSignature(t)
}

// checkSignature asks for a signature only where signers are configured: without them nobody could say what it is worth.
func (r *Remote) checkSignature(t tagObject) (signer string, err error) {
	switch {
	case r.signers == nil:
		return "", nil
	case t.signature == "":
		return "", ErrUnsigned
	}
	return r.signers.check(t.message, t.signature, t.tagged)
}

// CreateTag puts an annotated tag on a commit the remote has, signed if there is
// a [Key], and reads it back. The ref must not exist: ErrExists, unless it is this
// very object (a repeat after a crash). A hook's no is ErrRefused with its text.
// What [Signers] would not take afterwards is not pushed.
func (r *Remote) CreateTag(ctx context.Context, name string, at ID, message string, now time.Time) (Pin, error) {
	o, err := r.buildTag(name, at, message, now)
	if err != nil {
		return Pin{}, fmt.Errorf("create tag %s: %w", name, err)
	}
	pin, err := r.pushTag(ctx, name, o)
	if err != nil {
		return Pin{}, fmt.Errorf("create tag %s: %w", name, err)
	}
	return pin, nil
}

func (r *Remote) buildTag(name string, at ID, message string, now time.Time) (packed, error) {
	message, err := cleanMessage(message)
	if err = errors.Join(err, checkName("tag", name), at.Validate()); err != nil {
		return packed{}, err
	}
	o := &object.Tag{
		Name:       name,
		Tagger:     r.author.signature(now),
		Message:    message,
		TargetType: plumbing.CommitObject,
		Target:     hash(at),
	}
	unsigned, err := encode(o.Encode)
	if err != nil {
		return packed{}, err
	}
	raw, err := r.key.signedTag(unsigned.raw)
	if err != nil {
		return packed{}, err
	}
	t, err := parseTag(raw)
	if err != nil {
		return packed{}, err
	}
	if _, err := r.checkSignature(t); err != nil {
		return packed{}, err
	}
	return newObject(plumbing.TagObject, raw), nil
}

func (r *Remote) pushTag(ctx context.Context, name string, o packed) (Pin, error) {
	pack, err := writePack(o)
	if err != nil {
		return Pin{}, err
	}
	refs, err := r.listRefs(ctx, tagPrefix+name)
	if err != nil {
		return Pin{}, err
	}
	var pushed error
	if _, there := refs[tagPrefix+name]; !there {
		var rep report
		rep, pushed = r.receive(ctx, []update{{tagPrefix + name, "", o.id}}, pack)
		pushed = errors.Join(pushed, rep.refusal())
	}
	again, cancel := r.afterwards(ctx)
	defer cancel()
	pin, err := r.readTag(again, name, o.id)
	switch {
	case errors.Is(err, ErrTagMoved):
		return Pin{}, fmt.Errorf("%w: %w", ErrExists, err)
	case errors.Is(err, ErrTagMissing) && pushed != nil:
		return Pin{}, pushed
	case err != nil:
		return Pin{}, errors.Join(err, pushed)
	}
	return pin, nil
}
