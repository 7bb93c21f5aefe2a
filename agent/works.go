package agent

import (
	"context"
	"sync"
	"time"
)

// works are what takes longer than a deed may: they outlive the request that began them and a reload of the configuration, and end
// with the agent. There is one of a name at a time.
type works struct {
	mu    sync.Mutex
	ctx   context.Context // nil while the agent does not run
	going sync.WaitGroup
	doing map[string]work
}

// work is what is done at this moment, as far as a person wants to know.
type work struct {
	id   string    // of what is done
	at   string    // the part of it that is in hand, "" before the first
	from time.Time // since when that is
}

// open lets works begin until ctx ends; close waits for those begun.
func (s *works) open(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ctx, s.doing = ctx, map[string]work{}
}

func (s *works) close() {
	s.mu.Lock()
	s.ctx = nil
	s.mu.Unlock()
	s.going.Wait()
}

// begin does one work on a goroutine of its own. It says false, and does nothing, when the agent does not run, or another of the name
// is in hand.
func (s *works) begin(name, id string, do func(context.Context)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, busy := s.doing[name]; busy || s.ctx == nil || s.ctx.Err() != nil {
		return false
	}
	ctx := s.ctx
	s.doing[name] = work{id: id}
	s.going.Go(func() {
		defer s.done(name)
		do(ctx)
	})
	return true
}

func (s *works) done(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.doing, name)
}

// comes tells that the work has come to a part of it.
func (s *works) comes(name, part string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.doing[name]
	one.at, one.from = part, now
	s.doing[name] = one
}

// inHand is the work of that name; false if there is none.
func (s *works) inHand(name string) (work, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, busy := s.doing[name]
	return one, busy
}
