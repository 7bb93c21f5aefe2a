package gitrepo_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/gitrepo/gittest"
)

// everyByte makes TestCutAnywhereWithGit cut at every byte instead of a sample,
// which takes minutes.
const everyByte = "CUTOVER_EVERY_BYTE"

// settle repeats the push as the agent does, until it has an end.
func settle(r *gitrepo.Remote, p gitrepo.Prepared) (gitrepo.Pushed, error) {
	for try := 1; ; try++ {
		out, err := r.Push(context.Background(), p)
		if out.Outcome == gitrepo.Done || try == 5 {
			return out, err
		}
		if out.Outcome != gitrepo.Retry && out.Outcome != gitrepo.Unknown {
			return out, fmt.Errorf("try %d: %w", try, err)
		}
	}
}

// TestCutAnywhereWithGit cuts the connection to a real git http-backend at bytes
// of a push, of the answer and of the look afterwards. In the end the branch has
// one new commit, the prepared one.
func TestCutAnywhereWithGit(t *testing.T) {
	stride := int64(61) // a prime: it falls on all parts of lines and headers
	if os.Getenv(everyByte) != "" {
		stride = 1
	}
	g := newRig(t)
	cable := gittest.NewCable(t, strings.Split(strings.TrimPrefix(g.URL, "http://"), "/")[0])
	c := gitrepo.Config{URL: cable.Through(g.URL), CredentialsFile: g.Credentials(t, "agent"), Timeout: 5 * time.Second}
	p := g.rollback(t, lockOf("production"))
	up, down := g.measurePush(t, cable, c, p)
	var all sync.WaitGroup
	for _, side := range []struct {
		name string
		size int64
		cut  func(*gittest.Cable, int64)
	}{
		{"request", up, func(c *gittest.Cable, n int64) { c.Cut(n, -1) }},
		{"answer", down, func(c *gittest.Cable, n int64) { c.Cut(-1, n) }},
	} {
		all.Go(func() {
			own := newRig(t)
			own.cutAt(t, side.name, side.cut, stride, side.size)
		})
	}
	all.Wait()
	t.Logf("a push and its looks: %d bytes up, %d down; cut at every %d", up, down, stride)
}

// measurePush is what a push with its looks weighs on the wire.
func (g rig) measurePush(t *testing.T, cable *gittest.Cable, c gitrepo.Config, p gitrepo.Prepared) (up, down int64) {
	t.Helper()
	r := openWith(t, c)
	if err := r.Probe(context.Background()); err != nil {
		t.Fatal(err)
	}
	cable.Carried()
	if out, err := r.Push(context.Background(), p); err != nil || out.Outcome != gitrepo.Done {
		t.Fatalf("%+v, %v", out, err)
	}
	up, down, _ = cable.Carried()
	return up, down
}

func (g rig) cutAt(t *testing.T, side string, cut func(*gittest.Cable, int64), stride, size int64) {
	cable := gittest.NewCable(t, strings.Split(strings.TrimPrefix(g.URL, "http://"), "/")[0])
	c := gitrepo.Config{URL: cable.Through(g.URL), CredentialsFile: g.Credentials(t, "agent"), Timeout: 5 * time.Second}
	r := openWith(t, c)
	p := g.rollback(t, lockOf("production"))
	if err := r.Probe(context.Background()); err != nil {
		t.Error(err)
		return
	}
	for n := int64(0); n < size; n += stride {
		cut(cable, n)
		out, err := settle(r, p)
		cable.Cut(-1, -1)
		tip := read(t, filepath.Join(g.Dir, "refs/heads/main"))
		if err != nil || out.Outcome != gitrepo.Done || out.Superseded || strings.TrimSpace(tip) != string(p.Commit) {
			t.Errorf("%s cut at byte %d: %+v, %v; main is at %s", side, n, out, err, tip)
		}
		// Back to before the push; the commit object stays, which git does not mind.
		write(t, filepath.Join(g.Dir, "refs/heads/main"), string(g.bad)+"\n")
		if err := os.Remove(filepath.Join(g.Dir, p.Lock.Ref)); err != nil {
			t.Errorf("%s cut at byte %d: the lock: %v", side, n, err)
		}
	}
}

// recorded is a remote that answers as git did, from memory: the refs that a push
// may move, and git's own words for each case. It makes it cheap to cut at every
// byte; TestCutAnywhereWithGit shows that git agrees.
type recorded struct {
	mu       sync.Mutex
	p        gitrepo.Prepared
	probe    []byte // git's capabilities
	accepted []byte // git's report when it took the push
	stale    []byte // and when the branch was elsewhere
	body     []byte // the push itself
	tip      gitrepo.ID
	commits  int // how often the branch moved
}

// record lets git answer for once.
func record(t *testing.T) *recorded {
	t.Helper()
	g := newRig(t)
	w := &recorded{p: g.rollback(t, nil), tip: g.bad}
	said := make(chan [2][]byte, 10) // what git was asked, and what it answered
	keep := func(_ http.ResponseWriter, r *http.Request, git http.Handler) {
		asked, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(asked))
		got := httptest.NewRecorder()
		git.ServeHTTP(got, r)
		said <- [2][]byte{asked, got.Body.Bytes()}
		panic(http.ErrAbortHandler)
	}
	g.Break(gittest.Push, keep)
	if out := g.push(t, w.p); out.Outcome != gitrepo.Done {
		t.Fatalf("%+v", out)
	}
	push := <-said
	w.body, w.accepted = push[0], push[1]
	fresh := open(t, g.Server, "agent")
	g.Git(t, "update-ref", "refs/heads/main", string(g.bad))
	if _, err := fresh.Tip(context.Background()); err != nil {
		t.Fatal(err)
	}
	g.Git(t, "update-ref", "refs/heads/main", string(g.good))
	if out, err := fresh.Push(context.Background(), w.p); err != nil || out.Outcome != gitrepo.Moved {
		t.Fatalf("%+v, %v", out, err)
	}
	push = <-said
	w.stale = push[1]
	g.Break(gittest.Read, keep)
	_, _ = open(t, g.Server, "agent").Tip(context.Background())
	push = <-said
	w.probe = push[1]
	return w
}

// rewind puts the branch back to before the push.
func (w *recorded) rewind() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tip, w.commits = w.p.Expected, 0
}

// movedOnce reports whether one push has gone through since, and no second one.
func (w *recorded) movedOnce() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.commits == 1 && w.tip == w.p.Commit
}

// ServeHTTP compares and swaps once the whole request is there, as git does.
func (w *recorded) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // half a request is no request
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	service := filepath.Base(r.URL.Path)
	kind, answer := "-result", w.probe
	switch {
	case r.Method == http.MethodGet:
		service, kind = r.URL.Query().Get("service"), "-advertisement"
	case service == gittest.Read:
		line := fmt.Sprintf("%s refs/heads/main\n", w.tip)
		answer = fmt.Appendf(nil, "%04x%s0000", len(line)+4, line)
	case !bytes.Equal(body, w.body):
		panic("another push than the prepared one")
	case w.tip == w.p.Expected:
		w.tip, answer = w.p.Commit, w.accepted
		w.commits++
	default:
		answer = w.stale
	}
	out.Header().Set("Content-Type", "application/x-"+service+kind)
	_, _ = out.Write(answer)
}

// scissors is a listener whose connections are cut after so many more bytes.
type scissors struct {
	net.Listener
	mu            sync.Mutex
	read, written int // in all
	maxIn, maxOut int // -1: no limit
}

// Accept is the listener's.
func (s *scissors) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	return cuttable{c, s}, err
}

// cut lets so many more bytes through; then what is connected breaks, once.
func (s *scissors) cut(in, out int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read, s.written, s.maxIn, s.maxOut = 0, 0, in, out
}

// passed is what has come in and gone out since.
func (s *scissors) passed() (in, out int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read, s.written
}

func (s *scissors) pass(count, limit *int, n int) (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *limit < 0 || *count+n <= *limit {
		*count += n
		return n, true
	}
	n = *limit - *count
	*count, *limit = *limit, -1
	return n, false
}

type cuttable struct {
	net.Conn
	by *scissors
}

// Read passes on what arrives before the cut.
func (c cuttable) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	n, whole := c.by.pass(&c.by.read, &c.by.maxIn, n)
	if !whole {
		c.Conn.Close()
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}

// Write sends what fits before the cut.
func (c cuttable) Write(b []byte) (int, error) {
	n, whole := c.by.pass(&c.by.written, &c.by.maxOut, len(b))
	sent, err := c.Conn.Write(b[:n])
	if !whole {
		c.Conn.Close()
		return sent, io.ErrShortWrite
	}
	return sent, err
}

// TestCutAtEveryByte cuts at every byte of all that a push sends and receives:
// look, push, answer, look. However it ends at first, repeating it ends with
// exactly one move of the branch.
func TestCutAtEveryByte(t *testing.T) {
	w := record(t)
	web := httptest.NewUnstartedServer(w)
	s := &scissors{Listener: web.Listener, maxIn: -1, maxOut: -1}
	web.Listener = s
	web.Start()
	defer web.Close()
	creds := filepath.Join(t.TempDir(), "credentials")
	write(t, creds, "agent:secret")
	r := openWith(t, gitrepo.Config{URL: web.URL + "/repo.git", CredentialsFile: creds, Timeout: 5 * time.Second})
	attempt := func(in, out int) {
		w.rewind()
		s.cut(in, out)
		pushed, err := settle(r, w.p)
		if err != nil || pushed.Outcome != gitrepo.Done || !w.movedOnce() {
			t.Errorf("cut after %d bytes up, %d down: %+v, %v; the branch is not where one push puts it", in, out, pushed, err)
		}
	}
	attempt(-1, -1)
	attempt(-1, -1) // with the capabilities known
	up, down := s.passed()
	for n := range up {
		attempt(n, -1)
	}
	for n := range down {
		attempt(-1, n)
	}
	t.Logf("cut at each of %d bytes up and %d down", up, down)
}
