package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// A rollout takes a moment, as everywhere: the shop looks at its branch every pollEvery and starts a new tip, whose first customers come
// rolloutTakes later.
const (
	pollEvery    = time.Second
	rolloutTakes = 5 * time.Second
)

// shop is the service: it runs what the tip of the deploy branch says in service.json, and exports what its customers experience.
type shop struct {
	remote  string // the branch's repository, read without login
	clone   string // a bare repository of its own
	metrics *shopMetrics
	runs    atomic.Pointer[version]
}

// version is what one commit of the deploy branch makes of the service.
type version struct {
	commit       string
	ErrorPercent float64 `json:"error_percent"`
}

func newShop(ctx context.Context, folder, remote string) (*shop, error) {
	s := &shop{remote: remote, clone: filepath.Join(folder, "shop-checkout.git"), metrics: newShopMetrics()}
	_, err := command(ctx, folder, nil, "git", "init", "--quiet", "--bare", s.clone)
	return s, err
}

// follow polls the deploy branch until ctx ends. A tip that cannot be read or run leaves the running version alone.
func (s *shop) follow(ctx context.Context) {
	for ctx.Err() == nil {
		next, err := s.tip(ctx)
		if running := s.runs.Load(); err == nil && (running == nil || next.commit != running.commit) {
			s.rollOut(ctx, next, running != nil)
		}
		pause(ctx, pollEvery)
	}
}

// rollOut replaces the running version; the first one is there at once. Meanwhile both run.
func (s *shop) rollOut(ctx context.Context, next version, takesTime bool) {
	if takesTime {
		s.metrics.starts(next)
		pause(ctx, rolloutTakes)
	}
	s.runs.Store(&next)
	s.metrics.started(next)
}

// tip reads the version at the head of the branch.
func (s *shop) tip(ctx context.Context) (version, error) {
	line, err := command(ctx, s.clone, gitEnv, "git", "ls-remote", s.remote, "refs/heads/production")
	if err != nil {
		return version{}, err
	}
	commit, _, _ := strings.Cut(line, "\t")
	if running := s.runs.Load(); commit == "" || running != nil && running.commit == commit {
		return version{commit: commit}, nil
	}
	if _, err := command(ctx, s.clone, gitEnv, "git", "fetch", "--quiet", "--depth=1", s.remote, commit); err != nil {
		return version{}, err
	}
	text, err := command(ctx, s.clone, gitEnv, "git", "show", commit+":service.json")
	if err != nil {
		return version{}, err
	}
	v := version{commit: commit}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return version{}, fmt.Errorf("read service.json of %s: %w", commit, err)
	}
	return v, nil
}

// serve lets customers come until ctx ends: requestsPerSecond of them, of whom the running version fails its share.
func (s *shop) serve(ctx context.Context) {
	const tick = 50 * time.Millisecond
	last := time.Now()
	for ctx.Err() == nil {
		pause(ctx, tick)
		now := time.Now()
		if v := s.runs.Load(); v != nil {
			s.metrics.serve(*v, now.Sub(last))
		}
		last = now
	}
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
