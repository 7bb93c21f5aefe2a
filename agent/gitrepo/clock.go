package gitrepo

import (
	"context"
	"fmt"
	"time"
)

// Abilities is what the remote's git can do.
type Abilities struct {
	V2     bool // protocol version 2: a look costs only the refs asked for
	Filter bool // fetches without trees: they cost only commits
	Atomic bool // several refs move together or none does
}

// Abilities asks the remote anew, also for the right to push. A repository with sha256 ids is ErrSHA256.
func (r *Remote) Abilities(ctx context.Context) (Abilities, error) {
	r.forget()
	s, err := r.capabilities(ctx)
	if err != nil {
		return Abilities{}, fmt.Errorf("ask for abilities: %w", err)
	}
	if err := r.askReceive(ctx); err != nil {
		return Abilities{}, fmt.Errorf("ask for abilities: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return Abilities{V2: !s.v0, Filter: s.filter, Atomic: *r.atomic}, nil
}

// Clock is the time in the server's Date header, which has whole seconds; zero where there is none, as over ssh.
func (r *Remote) Clock(ctx context.Context) (time.Time, error) {
	a, err := r.send(ctx, request{service: uploadPack, limit: maxAdvertised})
	if err != nil {
		return time.Time{}, fmt.Errorf("ask for the time: %w", err)
	}
	defer a.abandon()
	return a.date, nil
}
