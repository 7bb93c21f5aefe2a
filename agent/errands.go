package agent

import (
	"context"
	"sync"
	"time"
)

// errands are works that take longer than a deed may: they outlive the request that began them and a reload of the configuration, and end
// with the agent. There is one of a name at a time.
type errands struct {
	mu    sync.Mutex
	ctx   context.Context // nil while the agent does not run
	work  sync.WaitGroup
	doing map[string]errand
}

// errand is what is done at this moment, as far as a person wants to know.
type errand struct {
	id   string    // of what is done
	at   string    // the part of it that is in hand, "" before the first
	from time.Time // since when that is
}

// open lets errands begin until ctx ends; close waits for those begun.
func (s *errands) open(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ctx, s.doing = ctx, map[string]errand{}
}

func (s *errands) close() {
	s.mu.Lock()
	s.ctx = nil
	s.mu.Unlock()
	s.work.Wait()
}

// begin does one errand on a goroutine of its own. It says false, and does nothing, when the agent does not run, or another of the name
// is in hand.
func (s *errands) begin(name, id string, do func(context.Context)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, busy := s.doing[name]; busy || s.ctx == nil || s.ctx.Err() != nil {
		return false
	}
	ctx := s.ctx
	s.doing[name] = errand{id: id}
	s.work.Go(func() {
		defer s.done(name)
		do(ctx)
	})
	return true
}

func (s *errands) done(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.doing, name)
}

// comes tells that the errand has come to a part of it.
func (s *errands) comes(name, part string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.doing[name]
	one.at, one.from = part, now
	s.doing[name] = one
}

// inHand is the errand of that name; false if there is none.
func (s *errands) inHand(name string) (errand, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, busy := s.doing[name]
	return one, busy
}
