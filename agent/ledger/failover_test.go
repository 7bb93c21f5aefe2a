package ledger_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/ledger/ledgertest"
	"github.com/coclai/cutover/agent/ledger/pgtest"
)

// both is a DSN that names two servers: whichever takes writes is meant.
func both(primary, standby *pgtest.Server, dsn string) string {
	return strings.Replace(dsn, primary.Address, primary.Address+","+standby.Address, 1)
}

func TestNothingAcknowledgedIsLostToAFailoverWithASynchronousStandby(t *testing.T) {
	primary := pgtest.Start(t)
	dsn := primary.Database(t)
	standby := primary.Standby(t)
	primary.Set(t, "synchronous_standby_names", "standby")
	s := openShared(t, both(primary, standby, dsn))
	eventually(t, "the standby is synchronous", func() bool {
		weak, err := s.Weaknesses(t.Context())
		return err == nil && len(weak) == 0
	})
	lease := take(t, s)
	for range 20 {
		ledgertest.Append(t, lease, entry(`{}`))
	}
	primary.Kill()
	if _, err := s.Append(t.Context(), entry(`"meanwhile"`)); !errors.Is(err, ledger.ErrNotDurable) {
		t.Errorf("without a server: got %v, want ErrNotDurable", err)
	}
	standby.Promote(t)
	if stored := ledgertest.Append(t, s, entry(`"goes on"`)); stored[0].Seq != 21 {
		t.Errorf("goes on with entry %d, want 21", stored[0].Seq)
	}
	if err := errors.Join(s.Verify(t.Context()), s.Lost()); err != nil {
		t.Error(err)
	}
}

// TestADatabaseThatHasGoneBackIsNoticed promotes a standby that has missed the last commits.
func TestADatabaseThatHasGoneBackIsNoticed(t *testing.T) {
	primary := pgtest.Start(t)
	dsn := primary.Database(t)
	standby := primary.Standby(t)
	s := openShared(t, both(primary, standby, dsn))
	lease := take(t, s)
	ledgertest.Append(t, lease, entry(`"both have it"`))
	eventually(t, "the standby has it", func() bool {
		return primary.Ask(t, "SELECT replay_lsn = pg_current_wal_lsn() FROM pg_stat_replication") == "t"
	})
	standby.Kill()
	ledgertest.Append(t, lease, entry(`"one has it"`))
	primary.Kill()
	standby.Run(t)
	standby.Promote(t)
	other := openShared(t, standby.DSN(nameOf(dsn))) // it has seen nothing else
	ledgertest.Append(t, other, entry(`"another in its place"`))
	var refused *ledger.Refusal
	_, err := s.Append(t.Context(), entry(`{}`))
	if !errors.Is(err, ledger.ErrNotDurable) || !errors.As(err, &refused) || refused.Kind != ledger.Lost || !strings.Contains(refused.Hint, "find the server that holds the last entry") {
		t.Errorf("append: got %v, want to be told that it has gone back", err)
	}
	_, taken := s.Take(t.Context())
	_, looked := s.Look(t.Context())
	for name, err := range map[string]error{"keep": lease.Keep(t.Context()), "take": taken, "look": looked, "ever since": s.Lost()} {
		if !errors.As(err, &refused) || refused.Kind != ledger.Lost {
			t.Errorf("%s: got %v, want to be told that it has gone back", name, err)
		}
	}
	if got := ledgertest.All(t, other, 0); len(got) != 2 {
		t.Errorf("%d entries: something was stored all the same", len(got))
	}
}

func TestAServerThatWasAwayIsReadAtOnce(t *testing.T) {
	server := pgtest.Start(t)
	dsn := server.Database(t)
	s := openShared(t, dsn)
	ledgertest.Append(t, s, entry(`{}`))
	for name, cut := range map[string]func(){
		"restarted": func() { server.Kill(); server.Run(t) },
		"connections cut by it": func() {
			pgtest.In(t, dsn, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
		},
	} {
		if err := together(2, func() error { _, err := s.Look(t.Context()); return err }); err != nil {
			t.Fatal(err) // connections are kept now
		}
		cut()
		if seen, err := s.Look(t.Context()); err != nil || seen.Last != 1 {
			t.Errorf("%s: entry %d, %v", name, seen.Last, err)
		}
	}
}

// together does the same several times at the same time.
func together(times int, do func() error) error {
	errs := make([]error, times)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = do() })
	}
	all.Wait()
	return errors.Join(errs...)
}

func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !yes(); {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}
