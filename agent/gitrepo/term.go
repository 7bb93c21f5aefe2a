package gitrepo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

const termPrefix = "refs/rollback-agent/term/"

// Term is the record on the remote of which agent may move its refs, where several share a ledger: a blob under
// refs/rollback-agent/term/<environment>. Each push names the record of its own term, in the same atomic update as
// the branch: so the late push of an agent that was paused, and replaced, is refused by the remote itself, whatever
// the branch is at by then.
type Term struct {
	Environment string
	Number      int64  // of the lease; a later term's is higher
	By          string // who acts
	Entry       int64  // the ledger's last entry when the term began, for who comes after: it must be there still
	Hash        string // its sha256; "" for an empty ledger
}

// text is the record as stored: as a lock's, one word, one space, the value.
func (t Term) text() []byte {
	return fmt.Appendf(nil, "version 1\nenvironment %s\nterm %d\nby %s\nentry %d\nsha256 %s\n", t.Environment, t.Number, t.By, t.Entry, t.Hash)
}

// parseTerm is strict: what would not be written back to the same bytes is no record.
func parseTerm(raw []byte) (Term, error) {
	var t Term
	var number, entry string
	fields := map[string]*string{"environment": &t.Environment, "term": &number, "by": &t.By, "entry": &entry, "sha256": &t.Hash}
	for line := range strings.Lines(string(raw)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if f := fields[key]; f != nil {
			*f = value
		}
	}
	var errs [2]error
	t.Number, errs[0] = strconv.ParseInt(number, 10, 64)
	t.Entry, errs[1] = strconv.ParseInt(entry, 10, 64)
	if err := errors.Join(errs[:]...); err != nil || string(t.text()) != string(raw) {
		return Term{}, errors.New("the term's record has lines that this program does not write")
	}
	return t, nil
}

// fence is the record that every push of this Remote names.
type fence struct {
	ref    string
	at     ID
	number int64 // of the term
}

// Guard has a function called before anything is sent that moves a ref; its error is the push's. It is the place to
// begin a term. It must be set before the Remote is used.
func (r *Remote) Guard(before func(context.Context) error) { r.before = before }

// Begin puts the record of a term in place of the one that stands, and has every later push name it. What stands
// is shown to admit first, which may refuse. A record that somebody else puts there meanwhile is ErrFenced. It may be
// repeated.
func (r *Remote) Begin(ctx context.Context, t Term, admit func(standing Term) error) error {
	act := "begin term " + strconv.FormatInt(t.Number, 10) + " of " + t.Environment
	if err := checkName("environment", t.Environment); err != nil {
		return wrap(act, err)
	}
	t.By = printable(strings.ReplaceAll(t.By, "\n", " "))
	return wrap(act, r.begin(ctx, t, admit))
}

func (r *Remote) begin(ctx context.Context, t Term, admit func(standing Term) error) error {
	f := fence{ref: termPrefix + t.Environment, number: t.Number}
	refs, err := r.listRefs(ctx, f.ref)
	if err != nil {
		return err
	}
	o, was := newObject(plumbing.BlobObject, t.text()), refs[f.ref].id
	if f.at = o.id; was != "" && was != f.at {
		standing, err := r.readTerm(ctx, was)
		if err != nil {
			return err
		}
		if err := admit(standing); err != nil {
			return err
		}
	}
	if was != f.at {
		if err := r.putTerm(ctx, update{f.ref, was, f.at}, o); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fence = f
	return nil
}

func (r *Remote) readTerm(ctx context.Context, id ID) (Term, error) {
	objects, err := r.fetchObjects(ctx, fetch{want: []ID{id}, all: true, limit: maxObjects}, id)
	if err != nil {
		return Term{}, err
	}
	if objects[id].kind != plumbing.BlobObject {
		return Term{}, fmt.Errorf("the term's record %s is a %s", id.Short(), objects[id].kind)
	}
	return parseTerm(objects[id].raw)
}

// putTerm believes the ref, not the report.
func (r *Remote) putTerm(ctx context.Context, u update, o packed) error {
	pack, err := writePack(o)
	if err != nil {
		return err
	}
	rep, pushed := r.exchange(ctx, []update{u}, pack)
	again, cancel := r.afterwards(ctx)
	defer cancel()
	refs, err := r.listRefs(again, u.ref)
	switch at := refs[u.ref].id; {
	case err != nil:
		return errors.Join(err, pushed)
	case at == u.new:
		return nil
	case at != u.old:
		return fmt.Errorf("%w: %s is at %s", ErrFenced, u.ref, at.Short())
	}
	return errors.Join(pushed, rep.refusal(), fmt.Errorf("%s was not written", u.ref))
}

// receive sends what moves refs, if the guard lets it, with the record of the term beside it: an update of that ref
// from the record to itself, which the remote makes only if it stands.
func (r *Remote) receive(ctx context.Context, updates []update, pack []byte) (report, error) {
	if r.before == nil {
		return r.exchange(ctx, updates, pack)
	}
	if err := r.before(ctx); err != nil {
		return report{}, err
	}
	if together, err := r.isAtomic(ctx); err != nil || !together {
		return report{}, cmp.Or(err, fmt.Errorf("%w: a late push could not be told from one in its term", ErrNoAtomic))
	}
	if pack == nil { // a deletion goes without, but naming a record does not
		var err error
		if pack, err = writePack(); err != nil {
			return report{}, err
		}
	}
	r.mu.Lock()
	f := r.fence
	r.mu.Unlock()
	rep, err := r.exchange(ctx, append(updates[:len(updates):len(updates)], update{f.ref, f.at, f.at}), pack)
	if err != nil || rep.String() == "" {
		return rep, err
	}
	if err := r.stillStands(ctx, f); err != nil {
		return report{}, err
	}
	return rep, nil
}

// Term is the number of the term that was begun, 0 when none was, or another's record has been found since.
func (r *Remote) Term() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fence.number
}

// stillStands explains a refusal: when the record is another, that was why.
func (r *Remote) stillStands(ctx context.Context, f fence) error {
	again, cancel := r.afterwards(ctx)
	defer cancel()
	refs, err := r.listRefs(again, f.ref)
	if err != nil || refs[f.ref].id == f.at {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fence = fence{}
	return fmt.Errorf("%w: %s is at %s", ErrFenced, f.ref, cmp.Or(refs[f.ref].id.Short(), "nothing"))
}
