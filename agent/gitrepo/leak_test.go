package gitrepo_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/gitrepo/gittest"
)

// TestThousandRollbacksLeakNothing: go-git's own session leaves a connection and
// two goroutines behind with every push whose answer is chunked. A tenth of these
// answers is not git's, an error, or cut off.
func TestThousandRollbacksLeakNothing(t *testing.T) {
	w := record(t)
	var served atomic.Int32
	var open atomic.Int32
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		switch n := served.Add(1); {
		case n%50 == 0:
			gittest.EmptyOK(out, r, w)
		case n%50 == 10:
			gittest.HalfAnswer(out, r, w)
		case n%50 == 20:
			gittest.Status(503)(out, r, w)
		case n%50 == 30:
			gittest.LoginPage(out, r, w)
		case n%50 == 40:
			gittest.DropAnswer(out, r, w)
		default:
			w.ServeHTTP(flushing{out}, r)
		}
	}))
	web.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed:
			open.Add(-1)
		}
	}
	web.Start()
	defer web.Close()
	creds := filepath.Join(t.TempDir(), "credentials")
	write(t, creds, "agent:secret")
	r := openWith(t, gitrepo.Config{URL: web.URL + "/repo.git", CredentialsFile: creds})
	var before int
	for n := range 1000 {
		w.rewind()
		if out, err := settle(r, w.p); err != nil || out.Outcome != gitrepo.Done || !w.movedOnce() {
			t.Fatalf("%d: %+v, %v", n, out, err)
		}
		if n == 10 {
			before = runtime.NumGoroutine()
		}
	}
	eventually(t, func() bool { return runtime.NumGoroutine() <= before+4 && open.Load() <= 2 })
	t.Logf("%d goroutines, then %d; %d connections; %d requests", before, runtime.NumGoroutine(), open.Load(), served.Load())
}

// flushing sends every write on its own: a chunked answer.
type flushing struct{ http.ResponseWriter }

// Write sends b at once.
func (f flushing) Write(b []byte) (int, error) {
	half, err := f.ResponseWriter.Write(b[:len(b)/2])
	f.ResponseWriter.(http.Flusher).Flush()
	if err != nil {
		return half, err
	}
	rest, err := f.ResponseWriter.Write(b[len(b)/2:])
	return half + rest, err
}

// TestSessionsLeakNothing: over ssh, sessions that end early included.
func TestSessionsLeakNothing(t *testing.T) {
	g := newRig(t)
	g.Git(t, "config", "uploadpack.allowFilter", "false") // fetches are abandoned
	d := g.SSHD(t, gittest.SSHOptions{})
	cable := gittest.NewCable(t, d.Address)
	g = g.overSSH(t, d, gitrepo.Config{URL: cable.Through(d.URL), SSH: gitrepo.SSH{KnownHostsFile: gittest.KnownHosts(t, cable.Address, d.HostKeys...)}})
	var before int
	for n := range 40 {
		g.Commit(t, "main", map[string]string{"app.txt": time.Duration(n).String()}, "next")
		if _, err := g.remote.Tip(context.Background()); err != nil {
			t.Fatal(err)
		}
		if n == 5 {
			before = runtime.NumGoroutine()
		}
	}
	eventually(t, func() bool { return runtime.NumGoroutine() <= before+4 })
	if _, _, conns := cable.Carried(); conns != 1 {
		t.Errorf("%d connections for 80 sessions, want 1", conns)
	}
}

// eventually fails the test if what must become true has not in 10 seconds.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !done(); runtime.Gosched() {
		if time.Now().After(end) {
			b := make([]byte, 1<<20)
			t.Fatalf("still not so; %d goroutines\n%s", runtime.NumGoroutine(), b[:runtime.Stack(b, true)])
		}
	}
}
