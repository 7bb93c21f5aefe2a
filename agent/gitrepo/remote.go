package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Remote is one git repository behind http(s) or ssh. It is safe for concurrent
// use.
type Remote struct {
	transport transport
	branch    string // full ref name
	author    Identity
	key       *Key
	signers   *Signers
	floor     Floor
	timeout   time.Duration
	redact    func(string) string
	recall    recall
	before    func(context.Context) error // asked before anything is sent that moves a ref; nil: nobody

	mu     sync.Mutex
	serves *serves // nil until the remote has answered
	atomic *bool   // what receive-pack said; nil: not asked yet
	fence  fence   // that every push names, once a term has begun
}

// Open checks c and makes a Remote. It does not speak to the network: the first
// operation, or [Remote.Probe], finds out whether the remote is of use.
func Open(c Config) (*Remote, error) {
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	err := errors.Join(checkName("branch", c.Branch), c.Author.validate())
	if c.Timeout < 0 {
		err = errors.Join(err, fmt.Errorf("timeout %s", c.Timeout))
	}
	t, bad := c.transport()
	if err = errors.Join(bad, err); err != nil {
		return nil, fmt.Errorf("open remote: %w", err)
	}
	return &Remote{transport: t, branch: branchPrefix + c.Branch, author: c.Author, key: c.Key, signers: c.Signers, floor: c.Floor, timeout: c.Timeout, redact: c.Redact}, nil
}

// Close drops idle connections. The Remote stays usable.
func (r *Remote) Close() { r.transport.idle() }

// Probe asks what an incident would find out too late: whether the remote
// answers, is git with sha1 ids and accepts the credentials for a push. Nothing
// is changed.
func (r *Remote) Probe(ctx context.Context) error {
	if _, err := r.capabilities(ctx); err != nil {
		return fmt.Errorf("probe remote: %w", err)
	}
	if err := r.askReceive(ctx); err != nil { // again: credentials that were good may be so no more
		return fmt.Errorf("probe remote: %w", err)
	}
	return nil
}

// Tip reads the commit the configured branch points at. Without such a branch:
// ErrNoRef.
func (r *Remote) Tip(ctx context.Context) (Commit, error) {
	refs, err := r.listRefs(ctx, r.branch)
	if err != nil {
		return Commit{}, fmt.Errorf("read tip of %s: %w", r.branch, err)
	}
	tip, ok := refs[r.branch]
	if !ok {
		return Commit{}, fmt.Errorf("read tip of %s: %w", r.branch, ErrNoRef)
	}
	r.recall.sawTip(tip.id)
	return r.Commit(ctx, tip.id)
}

// Commit reads any commit the remote has, whether a ref reaches it or not; in
// protocol version 0 only a tip or one behind the branch. Otherwise: ErrNoCommit.
// A commit read before is answered from memory.
func (r *Remote) Commit(ctx context.Context, id ID) (Commit, error) {
	if err := id.Validate(); err != nil {
		return Commit{}, fmt.Errorf("read commit: %w", err)
	}
	objects, err := r.fetchObjects(ctx, fetch{want: []ID{id}, shallow: true, all: true, limit: maxObjects}, id)
	if errors.Is(err, ErrRefused) {
		objects, err = r.findBehindBranch(ctx, id, err)
	}
	if err != nil {
		return Commit{}, fmt.Errorf("read commit %s: %w", id.Short(), err)
	}
	c, err := parseCommit(objects[id])
	if err != nil {
		return Commit{}, fmt.Errorf("read commit %s: %w", id.Short(), err)
	}
	return c, nil
}

// fetchObjects returns the objects named in need, all of which f must bring,
// unless they are remembered.
func (r *Remote) fetchObjects(ctx context.Context, f fetch, need ...ID) (map[ID]packed, error) {
	if known, all := r.recall.recalled(need); all {
		return known, nil
	}
	missing := map[ID]bool{}
	for _, id := range need {
		missing[id] = true
	}
	found := map[ID]packed{}
	err := r.fetch(ctx, f, func(o packed) bool {
		if missing[o.id] {
			found[o.id] = o
			delete(missing, o.id)
		}
		return len(missing) > 0
	})
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("%w: it lacks what was asked for", ErrBadPack)
	}
	if err == nil {
		r.recall.remember(found)
	}
	return found, err
}

// maxWalk is how many commits IsAncestor looks at, about 16 MB on the wire.
const maxWalk = 50_000

// IsAncestor reports whether descendant reaches ancestor; a commit is an
// ancestor of itself. It costs the commits between the two, about 330 bytes
// each. Beyond 50,000 commits or 64 MiB: ErrTooLarge; descendant unknown to the
// remote: ErrNoCommit; an unknown ancestor is nobody's, which costs the whole
// history unless some of the ancestor's own ancestors are named in behind.
func (r *Remote) IsAncestor(ctx context.Context, ancestor, descendant ID, behind ...ID) (bool, error) {
	ok, err := r.reaches(ctx, descendant, ancestor, behind...)
	if err != nil {
		return false, fmt.Errorf("is %s an ancestor of %s: %w", ancestor.Short(), descendant.Short(), err)
	}
	return ok, nil
}

// reaches fetches what from has and target has not. If target is behind from, one
// of those commits names it as parent; if not, none does. Commits in behind are
// taken as known too: they must be ancestors of target, so they cannot hide it.
// They keep the walk short when the remote has never seen target.
func (r *Remote) reaches(ctx context.Context, from, target ID, behind ...ID) (bool, error) {
	if err := errors.Join(from.Validate(), target.Validate()); err != nil || from == target {
		return err == nil, err
	}
	var found bool
	var walked int
	var bad error
	err := r.fetch(ctx, fetch{want: []ID{from}, have: append(behind, target), limit: maxHistory}, func(o packed) bool {
		var c Commit
		if c, bad = parseCommit(o); bad == nil {
			walked++
			found = slices.Contains(c.Parents, target)
		}
		return bad == nil && !found && walked <= maxWalk
	})
	switch {
	case errors.Is(err, ErrRefused):
		return false, r.unserved(ctx, err)
	case err != nil || bad != nil:
		return false, errors.Join(err, bad)
	case walked > maxWalk:
		return false, fmt.Errorf("%w: more than %d commits between", ErrTooLarge, maxWalk)
	}
	return found, nil
}
