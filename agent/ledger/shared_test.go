package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/ledger/ledgertest"
	"github.com/coclai/cutover/agent/ledger/pgtest"
	"github.com/coclai/cutover/agent/rollback"
)

const leaseOfTests = time.Second

func openShared(t testing.TB, dsn string) *ledger.Shared {
	t.Helper()
	s, err := ledger.OpenShared(t.Context(), ledger.SharedOptions{DSN: dsn, Name: t.Name(), Lease: leaseOfTests})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// take waits until the lease can be taken.
func take(t *testing.T, s *ledger.Shared) *ledger.Lease {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		l, err := s.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if l != nil {
			return l
		}
	}
	t.Fatal("the lease is never free")
	return nil
}

// TestASharedLedger is one real PostgreSQL, and a database of it for each story.
func TestASharedLedger(t *testing.T) {
	server := pgtest.Start(t)
	t.Run("keeps the contract", func(t *testing.T) { keepsTheContract(t, server.Database(t)) })
	for name, story := range map[string]func(*testing.T, string){
		"numbers the entries of several agents without gaps": severalAppend,
		"refuses acts under a lease that was taken over":     fences,
		"carries errands to who acts":                        carriesErrands,
		"is made once by agents that start together":         startsTogether,
		"refuses what was changed from outside":              refusesChanges,
		"refuses a newer schema, also while it runs":         refusesNewer,
		"guards its entries":                                 guards,
		"is exported like a file":                            exports,
		"takes a file's ledger whole":                        takesFile,
		"looks for a commit whose connection was cut":        looksForCommit,
		"is taken from who is paused in a transaction":       takesFromPaused,
	} {
		t.Run(name, func(t *testing.T) { story(t, server.Database(t)) })
	}
	t.Run("waits for a standby's word", func(t *testing.T) { waitsForStandby(t, server) })
}

func keepsTheContract(t *testing.T, dsn string) {
	ledgertest.Run(t, func(t *testing.T) ledgertest.Open {
		pgtest.In(t, dsn, "DROP SCHEMA IF EXISTS rollback_agent CASCADE")
		return func(t *testing.T) ledgertest.Opened {
			s := openShared(t, dsn) // verifies the chain
			return ledgertest.Opened{Store: s, Close: s.Close}
		}
	})
}

func severalAppend(t *testing.T, dsn string) {
	agents := []*ledger.Shared{openShared(t, dsn), openShared(t, dsn), openShared(t, dsn)}
	var all sync.WaitGroup
	won := make(chan string, len(agents))
	for n, a := range agents {
		all.Go(func() {
			for i := range 20 {
				if _, err := a.Append(t.Context(), entry(fmt.Sprint(i)), entry(`{}`)); err != nil {
					t.Error(err)
				}
			}
			if _, err := a.Append(t.Context(), once("the one rollback")); err == nil {
				won <- fmt.Sprint(n)
			} else if !errors.Is(err, ledger.ErrTwice) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(won) != 1 {
		t.Errorf("the key was admitted %d times", len(won))
	}
	if err := agents[0].Verify(t.Context()); err != nil {
		t.Error(err)
	}
	sight, err := agents[1].Look(t.Context())
	if err != nil || sight.Last != 121 {
		t.Errorf("it ends with %d (%v), want 121", sight.Last, err)
	}
}

func fences(t *testing.T, dsn string) {
	a, b := openShared(t, dsn), openShared(t, dsn)
	first := take(t, a)
	if l, err := b.Take(t.Context()); l != nil || err != nil {
		t.Fatalf("two hold it: %v, %v", l, err)
	}
	if _, err := first.Append(t.Context(), entry(`"in time"`)); err != nil {
		t.Error(err)
	}
	second := take(t, b) // when the first one's time is up, by the database's clock
	for name, late := range map[string]func() error{
		"append": func() error { _, err := first.Append(t.Context(), entry(`"late"`)); return err },
		"cut":    func() error { _, err := first.Cut(t.Context(), ledgertest.Noon, checkpoint(1)); return err },
		"keep":   func() error { return first.Keep(t.Context()) },
	} {
		if err := late(); !errors.Is(err, ledger.ErrStale) || errors.Is(err, ledger.ErrNotDurable) {
			t.Errorf("late %s: got %v, want ErrStale", name, err)
		}
	}
	ledgertest.Append(t, a, entry(`"no act"`))
	ledgertest.Append(t, second, entry(`"in time"`))
	if second.Token() <= first.Token() || second.Left() > leaseOfTests || second.Keep(t.Context()) != nil {
		t.Errorf("tokens %d and %d, %s left", first.Token(), second.Token(), second.Left())
	}
	if err := first.Release(t.Context()); err != nil { // another's is not given away
		t.Error(err)
	}
	if sight, err := a.Look(t.Context()); err != nil || sight.Mine || sight.Token != second.Token() || sight.Left <= 0 || sight.Last != 3 {
		t.Errorf("seen: %+v, %v", sight, err)
	}
	if err := second.Release(t.Context()); err != nil {
		t.Error(err)
	}
	if third, err := a.Take(t.Context()); err != nil || third == nil {
		t.Errorf("what was released is not free: %v", err)
	}
}

func carriesErrands(t *testing.T, dsn string) {
	asks, acts := openShared(t, dsn), openShared(t, dsn)
	lease := take(t, acts)
	done := make(chan error, 1)
	go func() {
		answer, err := asks.Send(t.Context(), []byte("roll back"))
		if string(answer) != "done: roll back" {
			err = errors.Join(err, fmt.Errorf("the answer is %q", answer))
		}
		done <- err
	}()
	var e *ledger.Errand
	for end := time.Now().Add(10 * time.Second); e == nil && time.Now().Before(end); {
		var err error
		if e, err = lease.Errand(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if again, err := lease.Errand(t.Context()); again != nil || err != nil {
		t.Errorf("it is taken twice: %v, %v", again, err)
	}
	if err := errors.Join(lease.Answer(t.Context(), e.ID, []byte("done: "+string(e.Text))), <-done); err != nil {
		t.Error(err)
	}
	hurry, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := asks.Send(hurry, []byte("nobody takes it")); !errors.Is(err, ledger.ErrNobody) {
		t.Errorf("got %v, want ErrNobody", err)
	}
	if e, err := lease.Errand(t.Context()); e != nil || err != nil {
		t.Errorf("what was taken back is there: %v, %v", e, err)
	}
	go func() { _, err := asks.Send(t.Context(), []byte("dies with it")); done <- err }()
	e = nil
	for end := time.Now().Add(10 * time.Second); e == nil && time.Now().Before(end); e, _ = lease.Errand(t.Context()) {
	}
	take(t, asks)
	if err := <-done; !errors.Is(err, ledger.ErrUnanswered) {
		t.Errorf("of an agent that was replaced: got %v, want ErrUnanswered", err)
	}
}

func checkpoint(seq int64) rollback.Checkpoint {
	return rollback.Checkpoint{Seq: seq, State: rollback.State{Seq: seq}}
}

func startsTogether(t *testing.T, dsn string) {
	outcomes := make([]error, 5)
	var all sync.WaitGroup
	for n := range outcomes {
		all.Go(func() {
			s, err := ledger.OpenShared(t.Context(), ledger.SharedOptions{DSN: dsn, Lease: leaseOfTests})
			if outcomes[n] = err; err == nil {
				outcomes[n] = s.Close()
			}
		})
	}
	all.Wait()
	if err := errors.Join(outcomes...); err != nil {
		t.Error(err)
	}
}

func refusesChanges(t *testing.T, dsn string) {
	s := openShared(t, dsn)
	ledgertest.Append(t, s, entry(`1`), entry(`2`), once("key"), entry(`4`))
	for name, c := range map[string]struct {
		change string
		kind   ledger.Kind
	}{
		"an author":           {"UPDATE rollback_agent.entries SET author = 'kim' WHERE seq = 2", ledger.Tampered},
		"an entry gone":       {"DELETE FROM rollback_agent.entries WHERE seq = 2", ledger.Tampered},
		"the end gone":        {"DELETE FROM rollback_agent.entries WHERE seq = 4", ledger.Lost},
		"a made-up beginning": {"UPDATE rollback_agent.ledger SET cut = 2, cut_hash = (SELECT hash FROM rollback_agent.entries WHERE seq = 2)", ledger.Tampered},
	} {
		dump := "CREATE TABLE e AS SELECT * FROM rollback_agent.entries; CREATE TABLE l AS SELECT * FROM rollback_agent.ledger; "
		quiet := "SET session_replication_role = replica; "
		pgtest.In(t, dsn, dump+quiet+c.change)
		_, err := ledger.OpenShared(t.Context(), ledger.SharedOptions{DSN: dsn, Lease: leaseOfTests})
		var refused *ledger.Refusal
		if !errors.As(err, &refused) || refused.Kind != c.kind || refused.Hint == "" || strings.Contains(err.Error(), "password") {
			t.Errorf("%s: got %v, want a refusal of kind %s", name, err, c.kind)
		}
		pgtest.In(t, dsn, quiet+`DELETE FROM rollback_agent.entries; INSERT INTO rollback_agent.entries SELECT * FROM e; DELETE FROM rollback_agent.ledger;
			INSERT INTO rollback_agent.ledger SELECT * FROM l; DROP TABLE e, l`)
	}
	openShared(t, dsn)
}

func refusesNewer(t *testing.T, dsn string) {
	s := openShared(t, dsn)
	pgtest.In(t, dsn, "UPDATE rollback_agent.ledger SET version = 1000")
	var refused *ledger.Refusal
	if _, err := ledger.OpenShared(t.Context(), ledger.SharedOptions{DSN: dsn}); !errors.As(err, &refused) || refused.Kind != ledger.Newer {
		t.Errorf("got %v, want it refused as newer", err)
	}
	if _, err := s.Append(t.Context(), entry(`{}`)); !errors.Is(err, ledger.ErrNotDurable) || !errors.As(err, &refused) {
		t.Errorf("an agent of before appends: %v", err)
	}
}

func guards(t *testing.T, dsn string) {
	s := openShared(t, dsn)
	ledgertest.Append(t, s, entry(`1`))
	if _, err := s.Append(t.Context(), once("a\x00b")); err == nil || errors.Is(err, ledger.ErrNotDurable) {
		t.Errorf("text that cannot be stored: %v", err)
	}
	for _, change := range []string{"UPDATE rollback_agent.entries SET author = 'kim'", "DELETE FROM rollback_agent.entries"} {
		pgtest.Refuses(t, dsn, change)
	}
	if _, err := ledger.OpenSharedReader(t.Context(), dsn); err != nil {
		t.Error(err)
	}
	var refused *ledger.Refusal
	for _, elsewhere := range []string{strings.Replace(dsn, "/ledger", "/nowhere", 1), "postgres://keeper:secret-of-mine@127.0.0.1:1/x", "nonsense secret-of-mine"} {
		if _, err := ledger.OpenSharedReader(t.Context(), elsewhere); !errors.As(err, &refused) || refused.Hint == "" || strings.Contains(err.Error(), "secret-of-mine") {
			t.Errorf("%s: %v", elsewhere, err)
		}
	}
}

func exports(t *testing.T, dsn string) {
	alone, s := open(t, newPath(t)), openShared(t, dsn)
	for _, l := range []ledger.Store{alone, s} {
		ledgertest.Append(t, l, entry(`{ "b": 1 }`), once("key"), entry(`3`))
		ledgertest.Cut(t, l, 1)
	}
	var want, got strings.Builder
	if err := errors.Join(alone.Export(t.Context(), &want), s.Export(t.Context(), &got)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), got.String()); diff != "" {
		t.Errorf("(-SQLite +PostgreSQL):\n%s", diff)
	}
}

func takesFile(t *testing.T, dsn string) {
	path := newPath(t)
	l := open(t, path)
	for n := range 1200 {
		ledgertest.Append(t, l, entry(fmt.Sprint(n)))
	}
	ledgertest.Append(t, l, once("before"))
	ledgertest.Cut(t, l, 1201)
	ledgertest.Append(t, l, once("after"))
	want, err := l.Inspect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.Copy(t.Context(), path, dsn); err == nil {
		t.Error("it was copied while an agent had it open")
	}
	_ = l.Close()
	got, err := ledger.Copy(t.Context(), path, dsn)
	if err != nil || got != want {
		t.Fatalf("got %+v, %v; want %+v", got, err, want)
	}
	s := openShared(t, dsn)
	for _, key := range []string{"before", "after"} {
		if _, err := s.Append(t.Context(), once(key)); !errors.Is(err, ledger.ErrTwice) {
			t.Errorf("its key %q: %v, want ErrTwice", key, err)
		}
	}
	if next := ledgertest.Append(t, s, entry(`"goes on"`)); next[0].Seq != want.Last+1 {
		t.Errorf("the next entry is %d, want %d", next[0].Seq, want.Last+1)
	}
	var refused *ledger.Refusal
	if _, err := ledger.Copy(t.Context(), path, dsn); !errors.As(err, &refused) || refused.Kind != ledger.InUse {
		t.Errorf("into what is not empty: %v", err)
	}
}

// takesFromPaused: the row of the lease is held by a transaction that does not go on.
func takesFromPaused(t *testing.T, dsn string) {
	paused, other := openShared(t, dsn), openShared(t, dsn)
	if err := take(t, paused).Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	ledgertest.Append(t, take(t, other), entry(`"goes on"`))
}

// looksForCommit cuts the connection while the COMMIT is under way: it is not committed, which the agent finds out before it tries again.
func looksForCommit(t *testing.T, dsn string) {
	s := openShared(t, dsn)
	pgtest.In(t, dsn, `CREATE TABLE slow (); CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$;
		CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON rollback_agent.entries DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()`)
	done := make(chan error, 1)
	go func() { _, err := s.Append(t.Context(), once("the one rollback")); done <- err }()
	for pgtest.In(t, dsn, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()") != "1" {
	}
	pgtest.In(t, dsn, `ALTER DATABASE `+nameOf(dsn)+` SET session_replication_role = replica;
		SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()`)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := ledgertest.All(t, s, 0); len(got) != 1 {
		t.Errorf("%d entries, want 1", len(got))
	}
}

func nameOf(dsn string) string {
	name, _, _ := strings.Cut(dsn[strings.LastIndex(dsn, "/")+1:], "?")
	return name
}

// waitsForStandby has a server that waits for a standby which is not there: it has committed, and does not say so.
func waitsForStandby(t *testing.T, server *pgtest.Server) {
	s := openShared(t, server.Database(t))
	s.Hurry(300*time.Millisecond, time.Second)
	if weak, err := s.Weaknesses(t.Context()); err != nil || len(weak) != 1 || !strings.Contains(weak[0], "synchronous_standby_names is empty") {
		t.Errorf("weaknesses without a standby: %v, %v", weak, err)
	}
	server.Set(t, "synchronous_standby_names", "nobody")
	if weak, err := s.Weaknesses(t.Context()); err != nil || len(weak) != 1 || !strings.Contains(weak[0], "nobody") {
		t.Errorf("weaknesses with one that is not there: %v, %v", weak, err)
	}
	if _, err := s.Append(t.Context(), once("the one rollback")); !errors.Is(err, ledger.ErrNotDurable) {
		t.Errorf("no standby has it: got %v, want ErrNotDurable", err)
	}
	s.Hurry(300*time.Millisecond, time.Minute)
	done := make(chan error, 1)
	go func() { _, err := s.Append(t.Context(), entry(`"waits"`)); done <- err }()
	select {
	case err := <-done:
		t.Errorf("acknowledged without a standby: %v", err)
	case <-time.After(time.Second):
	}
	server.Set(t, "synchronous_standby_names", "")
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := s.Append(t.Context(), once("the one rollback")); !errors.Is(err, ledger.ErrTwice) {
		t.Errorf("what turned up: got %v, want ErrTwice", err)
	}
	if got := ledgertest.All(t, s, 0); len(got) != 2 {
		t.Errorf("%d entries, want 2", len(got))
	}
	if err := s.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}
