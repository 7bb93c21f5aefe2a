package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// What a log costs at most: commits, and bytes on the wire.
const (
	maxLogged   = 500
	maxLogBytes = 1 << 20
)

// Logged is a commit as a log shows it.
type Logged struct {
	Commit
	Author   string // name only, safe to show
	Breaking bool   // its message has the footer BREAKING CHANGE (conventionalcommits.org 1.0, 16)
}

// Log is what one commit has behind it that another has not.
type Log struct {
	Commits []Logged // children before their parents, younger ones first
	Cut     bool     // there are more than were read: 500 commits, 1 MiB
}

// Log reads the commits that `to` reaches and `from` does not, without a clone: commits only, where the remote can filter; where it cannot,
// it stops listening when the commits end, with which packs begin. A commit that the remote does not have: ErrNoCommit, if it is `to`; an
// unknown `from` excludes nothing.
func (r *Remote) Log(ctx context.Context, from, to ID) (Log, error) {
	if err := errors.Join(from.Validate(), to.Validate()); err != nil {
		return Log{}, fmt.Errorf("read log: %w", err)
	}
	log, err := r.log(ctx, from, to)
	if err != nil {
		return Log{}, fmt.Errorf("read log from %s to %s: %w", from.Short(), to.Short(), err)
	}
	return log, nil
}

func (r *Remote) log(ctx context.Context, from, to ID) (Log, error) {
	if from == to {
		return Log{}, nil
	}
	found := map[ID]Logged{}
	var log Log
	var bad error
	err := r.fetch(ctx, fetch{want: []ID{to}, have: []ID{from}, all: true, limit: maxLogBytes}, func(o packed) bool {
		if o.kind != plumbing.CommitObject {
			return false // trees: the remote cannot filter, and its commits are through
		}
		if log.Cut = len(found) == maxLogged; log.Cut {
			return false
		}
		var c Logged
		if c, bad = parseLogged(o); bad == nil {
			found[c.ID] = c
		}
		return bad == nil
	})
	switch {
	case errors.Is(err, ErrTooLarge) && len(found) > 0:
		log.Cut = true
	case errors.Is(err, ErrRefused):
		return Log{}, r.unserved(ctx, err)
	case err != nil || bad != nil:
		return Log{}, errors.Join(err, bad)
	}
	log.Commits = inOrder(found, to)
	return log, nil
}

func parseLogged(o packed) (Logged, error) {
	c, err := parseCommit(o)
	if err != nil {
		return Logged{}, err
	}
	header, message, _ := strings.Cut(string(o.raw), "\n\n")
	l := Logged{Commit: c, Breaking: strings.Contains(message, "\nBREAKING CHANGE: ") || strings.Contains(message, "\nBREAKING-CHANGE: ")}
	for line := range strings.Lines(header) {
		if name, is := strings.CutPrefix(line, "author "); is {
			name, _, _ = strings.Cut(name, " <")
			l.Author = subject(name)
			break
		}
	}
	return l, nil
}

// inOrder walks from a commit to what it has behind it. Where several could come next the youngest does, as in git's own log; equal ones by id,
// so that the same history is always told alike.
func inOrder(found map[ID]Logged, from ID) []Logged {
	children := map[ID]int{}
	for _, c := range found {
		for _, parent := range c.Parents {
			children[parent]++
		}
	}
	var all []Logged
	for ready := []ID{from}; len(ready) > 0; {
		n := youngest(found, ready)
		c, known := found[ready[n]]
		ready = append(ready[:n], ready[n+1:]...)
		if !known {
			continue
		}
		all = append(all, c)
		for _, parent := range c.Parents {
			if children[parent]--; children[parent] == 0 {
				ready = append(ready, parent)
			}
		}
	}
	return all
}

func youngest(found map[ID]Logged, ids []ID) int {
	best := 0
	for n, id := range ids {
		a, b := found[id].Committed, found[ids[best]].Committed
		if a.After(b) || a.Equal(b) && id < ids[best] {
			best = n
		}
	}
	return best
}
