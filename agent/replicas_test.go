package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/gitrepo/gittest"
	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/ledger/pgtest"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// trio is three agents, each a process, that share a ledger in a real PostgreSQL.
type trio struct {
	t      *testing.T
	w      *world
	server *pgtest.Server
	dsn    string
	agents [3]*daemon

	mu    sync.Mutex
	acked []int64 // entries whose delivery was acknowledged
}

const leaseOfTests = "2s"

func newTrio(t *testing.T, w *world) *trio {
	t.Helper()
	c := &trio{t: t, w: w, server: pgtest.Start(t)}
	c.dsn = c.server.Database(t)
	first := newDaemon(t, w)
	text, err := os.ReadFile(first.config)
	if err != nil {
		t.Fatal(err)
	}
	dsn := filepath.Join(filepath.Dir(first.config), "dsn")
	write(t, dsn, c.dsn+"\n")
	write(t, first.config, strings.Replace(string(text), "storage: {sqlite: ledger.db}", "storage: {postgres_dsn_file: dsn, lease: "+leaseOfTests+"}", 1))
	c.agents[0] = first
	for n := range 2 {
		d := *first
		d.address, d.log = fmt.Sprint(first.address, n), &lines{}
		t.Cleanup(d.kill)
		c.agents[n+1] = &d
	}
	t.Cleanup(func() {
		for n, d := range c.agents[1:] {
			d.kill()
			if t.Failed() {
				t.Logf("agent %d's log:\n%s", n+1, d.log)
			}
		}
	})
	return c
}

// run starts all three, the first so that it crashes or stops somewhere, if that is said; it is the one that acts.
func (c *trio) run(first ...string) {
	c.t.Helper()
	for _, d := range c.agents {
		d.kill()
	}
	all := c.agents[1].variables
	c.agents[0].variables = append(first, all...)
	c.agents[0].start("")
	c.await("the first agent acts", c.agents[0].acts)
	for _, d := range c.agents[1:] {
		d.start("")
	}
}

func (c *trio) await(what string, yes func() bool) {
	c.t.Helper()
	if !eventually(60*time.Second, yes) {
		c.t.Fatalf("never: %s", what)
	}
}

// acts says whether a daemon says that it acts.
func (d *daemon) acts() bool {
	if d.dead() || d.stopped() {
		return false
	}
	status, text := d.get("/metrics")
	return status == http.StatusOK && strings.Contains(text, "\nrollback_agent_acting 1\n")
}

// stopped says whether the process was stopped by a signal.
func (d *daemon) stopped() bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.cmd.Process.Pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	return err == nil && strings.HasPrefix(rest, "T")
}

func (d *daemon) get(path string) (int, string) {
	res, err := http.Get(d.url + path)
	if err != nil {
		return 0, ""
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text)
}

// deliver posts the alert to every agent that can answer, and keeps what was acknowledged.
func (c *trio) deliver(startsAt time.Time) (accepted int) {
	for _, d := range c.agents {
		if d.dead() || d.stopped() {
			continue
		}
		status, text := d.post("/api/v1/alerts", body("firing", startsAt))
		var receipt struct {
			Seq int64 `json:"ledger_seq"`
		}
		if status == http.StatusOK && json.Unmarshal([]byte(text), &receipt) == nil {
			accepted++
			c.mu.Lock()
			c.acked = append(c.acked, receipt.Seq)
			c.mu.Unlock()
		}
	}
	return accepted
}

// do has a deed done by the last agent, which waits: it hands it to the one that acts.
func (c *trio) do(as string, deed release.Deed) {
	c.t.Helper()
	d := *c.agents[2]
	d.as = as
	text, _ := json.Marshal(deed)
	var last string
	c.await(string(deed.Act)+" done", func() bool {
		status, answer := d.post("/api/v1/deeds", text)
		last = answer
		if status != http.StatusOK && status != http.StatusServiceUnavailable {
			c.t.Fatalf("%s: %d %s", deed.Act, status, last)
		}
		return status == http.StatusOK
	})
}

// ship releases a commit that fails, and waits until it burns.
func (c *trio) ship(name string) (bad string) {
	c.t.Helper()
	bad = c.w.release(c.t, 20, name)
	c.w.quiet(c.t)
	c.do("kim", release.Deed{Act: release.ActRecord, Gate: "1.1", Verdict: release.Pass, Commit: bad})
	c.do("kim", release.Deed{Act: release.ActRelease, Commit: bad})
	c.w.burning(c.t)
	return bad
}

// incidents are as the last agent sees them.
func (c *trio) incidents() []*rollback.Incident { return c.agents[2].state().Incidents }

// rollbacks counts the commits that roll back.
func (c *trio) rollbacks() string {
	return c.w.git.Git(c.t, "rev-list", "--count", "--grep=^Rollback-Of:", branch)
}

// verified reads the ledger from outside: its chain is whole, and what was acknowledged is in it.
func (c *trio) verified() {
	c.t.Helper()
	r, err := ledger.OpenSharedReader(context.Background(), c.dsn)
	if err != nil {
		c.t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Inspect(context.Background()); err != nil {
		c.t.Error(err)
	}
	there := map[int64]rollback.Kind{}
	for e, err := range r.Entries(context.Background(), 0) {
		if err != nil {
			c.t.Fatal(err)
		}
		there[e.Seq] = e.Kind
	}
	for _, seq := range c.acked {
		if there[seq] != rollback.AlertsReceived {
			c.t.Errorf("entry %d was acknowledged as a delivery, and is %q", seq, there[seq])
		}
	}
}

// TestOfThreeAgentsOneActsAndAnotherTakesOver kills the acting agent, or pauses it and lets it go on later, at steps of a rollback: each
// bad release has one incident and one rollback commit, what was acknowledged is there, and persons are heard by every agent.
func TestOfThreeAgentsOneActsAndAnotherTakesOver(t *testing.T) {
	w := newWorld(t)
	c := newTrio(t, w)
	c.run()
	w.quiet(t)
	c.do("kim", release.Deed{Act: release.ActStable})
	cases := []string{"STOP_AT=preparing", "CRASH_AT=push answered"} // the others take minutes
	if os.Getenv("ROLLBACK_AGENT_EVERY_POINT") != "" {
		cases = nil
		for _, point := range []string{"deciding", "decided", "preparing", "prepared", "pushing", "sending", "push answered", "pushed", "verified", "classified"} {
			cases = append(cases, "CRASH_AT="+point, "STOP_AT="+point)
		}
	}
	for n, at := range cases {
		c.survive(n, at)
	}
	c.verified()
	if out := w.git.Git(t, "fsck", "--strict"); strings.Contains(out, "error") {
		t.Error(out)
	}
}

// survive is one bad release during which something happens to the agent that acts.
func (c *trio) survive(n int, at string) {
	c.t.Helper()
	if before := !strings.HasSuffix(at, "sending"); before { // the release is pushed as well
		c.run("ROLLBACK_AGENT_" + at)
		c.ship(fmt.Sprint("bad ", n))
	} else {
		c.run()
		c.ship(fmt.Sprint("bad ", n))
		c.run("ROLLBACK_AGENT_" + at)
	}
	victim, fired := c.agents[0], time.Now()
	c.await("an acknowledged alert", func() bool { return c.deliver(fired) > 0 })
	c.await(at, func() bool { return victim.dead() || victim.stopped() })
	began := time.Now()
	c.await("a takeover", func() bool { return c.agents[1].acts() || c.agents[2].acts() })
	c.t.Logf("%s: taken over within %s", at, time.Since(began).Round(10*time.Millisecond))
	c.deliver(fired)
	c.await("the incident is classified", func() bool {
		i := c.incidents()
		return len(i) == n+1 && i[n].Phase == rollback.PhaseClassified
	})
	if victim.stopped() {
		_ = victim.cmd.Process.Signal(syscall.SIGCONT)
		c.await("the agent that was paused waits", func() bool { return !victim.acts() && !victim.stopped() && victim.sees(c.agents[1]) })
	}
	c.do("kim", release.Deed{Act: release.ActRCA, Cause: "the test wanted it"})
	c.do("lee", release.Deed{Act: release.ActUnlock})
	c.agents[1].post("/api/v1/alerts", body("resolved", fired))
	if got := c.rollbacks(); got != fmt.Sprint(n+1) {
		c.t.Fatalf("%s: %s rollback commits after %d bad releases", at, got, n+1)
	}
	if i := c.incidents(); len(i) != n+1 {
		c.t.Fatalf("%s: %d incidents after %d bad releases", at, len(i), n+1)
	}
}

// sees says whether two agents show the same incidents.
func (d *daemon) sees(other *daemon) bool {
	mine, _ := json.Marshal(d.state().Incidents)
	theirs, _ := json.Marshal(other.state().Incidents)
	return string(mine) == string(theirs)
}

// TestALatePushOfAnAgentThatWasReplacedIsRefused is the case that compare-and-swap on the branch lets through: the acting agent is paused
// while its push is on the way, another takes over, a person stops the rollback there, and the branch is where it was when the push arrives.
// Without the lease's token, in the ledger and on the remote, it gets through: so this test can see it.
func TestALatePushOfAnAgentThatWasReplacedIsRefused(t *testing.T) {
	for planted, want := range map[string]bool{"": false, "no token": true} {
		t.Run(strings.ReplaceAll("planted "+planted, " ", "_"), func(t *testing.T) {
			if pushed := pausedAndCancelled(t, "ROLLBACK_AGENT_PLANTED="+planted); pushed != want {
				t.Errorf("what a person had stopped was pushed: %v, want %v", pushed, want)
			}
		})
	}
}

func pausedAndCancelled(t *testing.T, variable string) (pushed bool) {
	t.Helper()
	w := newWorld(t)
	c := newTrio(t, w)
	for _, d := range c.agents {
		d.variables = []string{variable}
	}
	c.run()
	w.quiet(t)
	c.do("kim", release.Deed{Act: release.ActStable})
	c.ship("bad")
	tip := w.git.Tip(t, branch)
	late := &latePush{arrived: make(chan struct{}), goOn: make(chan struct{}), served: make(chan struct{})}
	w.git.Break(gittest.Push, late.fault)
	victim := c.agents[0]
	c.await("an acknowledged alert", func() bool { return c.deliver(time.Now()) > 0 })
	<-late.arrived
	_ = victim.cmd.Process.Signal(syscall.SIGSTOP)
	c.await("a takeover", func() bool { return c.agents[1].acts() || c.agents[2].acts() })
	c.do("kim", release.Deed{Act: release.ActCancel, Incident: c.incidents()[0].ID, Reason: "the alert is wrong"})
	close(late.goOn)
	<-late.served
	pushed = w.git.Tip(t, branch) != tip
	w.git.Break(gittest.Push, nil)
	_ = victim.cmd.Process.Signal(syscall.SIGCONT)
	c.await("the end of the term that was paused", func() bool { return strings.Contains(victim.log.String(), "another agent may act now") })
	c.await("one view of all", func() bool { return victim.sees(c.agents[1]) })
	c.verified()
	return pushed
}

// latePush keeps the first push of the branch on its way until it may go on, and refuses every other, and every lock: the next agent must
// not be faster than the person, and a lock that stands would refuse the late push as well.
type latePush struct {
	taken                 atomic.Bool
	arrived, goOn, served chan struct{}
}

func (l *latePush) fault(w http.ResponseWriter, r *http.Request, git http.Handler) {
	sent, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(sent))
	if !bytes.Contains(sent, []byte("refs/heads/"+branch)) && !bytes.Contains(sent, []byte("refs/rollback-agent/lock/")) {
		git.ServeHTTP(w, r)
		return
	}
	if l.taken.Swap(true) {
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	close(l.arrived)
	<-l.goOn
	git.ServeHTTP(w, r)
	close(l.served)
}
