package agent_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coclai/cutover/agent"
	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/ledger/ledgertest"
	"github.com/coclai/cutover/agent/ledger/pgtest"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// shared opens a ledger in PostgreSQL.
func shared(t *testing.T, dsn string) *ledger.Shared {
	t.Helper()
	s, err := ledger.OpenShared(t.Context(), ledger.SharedOptions{DSN: dsn, Name: "agent", Lease: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// startShared runs an agent on a shared ledger, after something has happened to that.
func (w *world) startShared(t *testing.T, dsn string, before func(*ledger.Shared)) *running {
	t.Helper()
	r, _ := w.startReplica(t, dsn, w.config(t), before)
	return r
}

// startReplica runs one of several agents on a shared ledger until stop is called, or the test ends.
func (w *world) startReplica(t *testing.T, dsn string, c config.Config, before ...func(*ledger.Shared)) (r *running, stop func()) {
	t.Helper()
	r = &running{t: t, log: &lines{}}
	s := shared(t, dsn)
	var err error
	r.Agent, err = agent.New(agent.Options{Config: c, Ledger: s, Shared: s, Logger: r.log.logger(), Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	for _, happens := range before {
		happens(s)
	}
	ctx, end := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		end()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the agent's log:\n%s", r.log)
		}
	})
	t.Cleanup(stop)
	return r, stop
}

func TestAnAgentAndItsSharedLedger(t *testing.T) {
	server := pgtest.Start(t)
	for name, story := range map[string]func(*testing.T, *world, string){
		"whose database has gone back acts no more":         goesBack,
		"restarted on a database of before takes no term":   restartsOnEarlier,
		"that slept through a cut begins at the checkpoint": sleepsThroughCut,
	} {
		t.Run(name, func(t *testing.T) { story(t, bare(t), server.Database(t)) })
	}
}

func goesBack(t *testing.T, w *world, dsn string) {
	r := w.startShared(t, dsn, func(*ledger.Shared) {})
	r.do(release.Deed{Act: release.ActStable})
	if !eventually(10*time.Second, func() bool { v := r.View(); return v.Ready == "" && strings.Contains(v.Acting, "agent (this agent)") }) { // it looks each second
		t.Errorf("ready %q, acting %q", r.View().Ready, r.View().Acting)
	}
	pgtest.In(t, dsn, `SET session_replication_role = replica; DELETE FROM rollback_agent.entries WHERE seq > 1;
		UPDATE rollback_agent.ledger SET seq = 1, hash = (SELECT hash FROM rollback_agent.entries WHERE seq = 1)`)
	if !eventually(10*time.Second, func() bool { return strings.Contains(r.View().Ready, "has gone back: it ends with entry 1") }) {
		t.Fatalf("it is ready: %q", r.View().Ready)
	}
	if _, err := r.Receive(context.Background(), "am", body("firing", time.Now())); err == nil {
		t.Error("a delivery was acknowledged")
	}
	if _, err := r.Do(context.Background(), release.Deed{Act: release.ActStable, Author: "kim"}); err == nil {
		t.Error("a deed was done")
	}
	if !eventually(10*time.Second, func() bool {
		all := strings.Join(r.View().Degraded, "\n")
		return strings.Contains(all, "has gone back") && strings.Contains(all, "find the server that holds the last entry")
	}) {
		t.Errorf("nobody is told what to do: %q", r.View().Degraded)
	}
}

// restartsOnEarlier has no memory of its own of what the database had: the remote has.
func restartsOnEarlier(t *testing.T, w *world, dsn string) {
	remote, err := gitrepo.Open(gitrepo.Config{URL: w.git.URL, Branch: branch, CredentialsFile: w.git.Credentials(t, "agent"),
		Author: gitrepo.Identity{Name: "rollback-agent", Email: "agent@example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	defer remote.Close()
	later := gitrepo.Term{Environment: home, Number: 7, By: "an agent before", Entry: 70, Hash: "ab12"}
	if err := remote.Begin(t.Context(), later, func(gitrepo.Term) error { return nil }); err != nil {
		t.Fatal(err)
	}
	r := w.startShared(t, dsn, func(*ledger.Shared) {})
	r.refused(release.Deed{Act: release.ActStable, Author: "kim"}, release.Undecided, "term 7 by an agent before stands there, and this ledger has come to term 1 only")
	if all := strings.Join(r.View().Degraded, "\n"); !strings.Contains(all, "git push REMOTE :refs/rollback-agent/term/"+home) {
		t.Errorf("nobody is told what to do: %q", all)
	}
	w.git.Git(t, "update-ref", "-d", "refs/rollback-agent/term/"+home)
	r.do(release.Deed{Act: release.ActStable})
}

func sleepsThroughCut(t *testing.T, w *world, dsn string) {
	r := w.startShared(t, dsn, func(s *ledger.Shared) {
		for range 5 {
			ledgertest.Append(t, s, ledgertest.Entry(`{"gate":"1.1","verdict":"PASS"}`))
		}
		state, err := rollback.Fold(ledgertest.All(t, s, 0))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Cut(t.Context(), ledgertest.Noon, rollback.Checkpoint{Seq: state.Seq, State: state}); err != nil {
			t.Fatal(err)
		}
	})
	r.do(release.Deed{Act: release.ActStable})
	if s := r.View().State; s.Cut != 5 || s.Environments[home].Pin == nil || s.Environments[home].Gates["1.1"].Verdict != release.Pass {
		t.Errorf("cut %d, %+v", s.Cut, s.Environments[home])
	}
}
