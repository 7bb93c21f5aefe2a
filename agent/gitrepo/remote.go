package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// tokenUser is the user name sent with a bare token; forges ignore it, GitHub's
// and GitLab's documentation suggest names like this one.
const tokenUser = "x-access-token"

const defaultTimeout = 30 * time.Second

// Config says which remote, which branch and in whose name.
type Config struct {
	URL    string // http(s), no user info, query or fragment: https://forge/team/app.git
	Branch string // the deploy branch, short: production

	// CredentialsFile holds one line, "user:password" or a bare token, which is
	// sent as the password of user "x-access-token" (HTTP basic). It is read anew
	// for every request, so rotation needs no restart. Empty: anonymous. Over
	// plain http credentials go to a loopback address only.
	CredentialsFile string

	Author  Identity      // author and committer of commits, tagger of tags
	Timeout time.Duration // of one request, its answer included; zero: 30 s
}

// Identity is a name and an address as git writes them.
type Identity struct{ Name, Email string }

// String is git's form: Name <email>.
func (i Identity) String() string { return i.Name + " <" + i.Email + ">" }

func (i Identity) validate() error {
	for _, s := range []string{i.Name, i.Email} {
		if s == "" || len(s) > maxName || s != strings.TrimSpace(s) || strings.ContainsAny(s, "<>") || s != printable(s) || strings.Contains(s, "\n") {
			return fmt.Errorf("identity %q: want a name and an address without <, > and control characters", i)
		}
	}
	return nil
}

// Remote is one git repository behind http(s). It is safe for concurrent use.
type Remote struct {
	url, credentials string
	branch           string // full ref name
	author           Identity
	timeout          time.Duration
	client           *http.Client

	mu     sync.Mutex
	serves *serves // nil until the remote has answered
	atomic bool    // receive-pack said so
}

// Open checks c and makes a Remote. It does not speak to the network: the first
// operation, or [Remote.Probe], finds out whether the remote is of use.
func Open(c Config) (*Remote, error) {
	err := errors.Join(checkURL(c.URL, c.CredentialsFile != ""), checkName("branch", c.Branch), c.Author.validate())
	if err != nil {
		return nil, fmt.Errorf("open remote: %w", err)
	}
	if c.Timeout < 0 {
		return nil, fmt.Errorf("open remote: timeout %s", c.Timeout)
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	return &Remote{
		url:         strings.TrimSuffix(c.URL, "/"),
		credentials: c.CredentialsFile,
		branch:      branchPrefix + c.Branch,
		author:      c.Author,
		timeout:     c.Timeout,
		client:      newClient(),
	}, nil
}

// checkURL never repeats the address: it may hold a password by mistake.
func checkURL(raw string, credentials bool) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "":
		return errors.New("remote URL is not of the form https://host/path")
	case u.User != nil:
		return errors.New("remote URL has user info: put it in the credentials file")
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("remote URL scheme %q: only https, and http, are spoken", u.Scheme)
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("remote URL has a query or a fragment")
	case u.Scheme == "http" && credentials && !loopback(u.Hostname()):
		return errors.New("credentials over plain http to another machine: use https")
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Close drops idle connections. The Remote stays usable.
func (r *Remote) Close() { r.client.CloseIdleConnections() }

// Probe asks what an incident would find out too late: whether the remote
// answers, speaks protocol v2 with sha1 ids, accepts the credentials for a push
// and can push the branch and the lock atomically. Nothing is changed.
func (r *Remote) Probe(ctx context.Context) error {
	if _, err := r.capabilities(ctx); err != nil {
		return fmt.Errorf("probe remote: %w", err)
	}
	if err := r.needAtomic(ctx); err != nil {
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
	return r.Commit(ctx, tip.id)
}

// Commit reads any commit the remote has, whether a ref reaches it or not.
// Otherwise: ErrNoCommit.
func (r *Remote) Commit(ctx context.Context, id ID) (Commit, error) {
	if err := id.Validate(); err != nil {
		return Commit{}, fmt.Errorf("read commit: %w", err)
	}
	objects, err := r.fetchObjects(ctx, fetch{want: id, shallow: true, all: true, limit: maxObjects}, id)
	if errors.Is(err, ErrRefused) {
		err = fmt.Errorf("%w: %w", ErrNoCommit, err)
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

// fetchObjects returns the objects named in need, all of which f must bring.
func (r *Remote) fetchObjects(ctx context.Context, f fetch, need ...ID) (map[ID]packed, error) {
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
	return found, err
}

// maxWalk is how many commits IsAncestor looks at, about 16 MB on the wire.
const maxWalk = 50_000

// IsAncestor reports whether descendant reaches ancestor; a commit is an
// ancestor of itself. It costs the commits between the two, about 330 bytes
// each. Beyond 50,000 commits or 64 MiB: ErrTooLarge; descendant unknown to the
// remote: ErrNoCommit; an unknown ancestor is nobody's.
func (r *Remote) IsAncestor(ctx context.Context, ancestor, descendant ID) (bool, error) {
	ok, err := r.reaches(ctx, descendant, ancestor)
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
	err := r.fetch(ctx, fetch{want: from, have: append(behind, target), limit: maxHistory}, func(o packed) bool {
		var c Commit
		if c, bad = parseCommit(o); bad == nil {
			walked++
			found = slices.Contains(c.Parents, target)
		}
		return bad == nil && !found && walked <= maxWalk
	})
	switch {
	case errors.Is(err, ErrRefused):
		return false, fmt.Errorf("%w: %w", ErrNoCommit, err)
	case err != nil || bad != nil:
		return false, errors.Join(err, bad)
	case walked > maxWalk:
		return false, fmt.Errorf("%w: more than %d commits between", ErrTooLarge, maxWalk)
	}
	return found, nil
}
