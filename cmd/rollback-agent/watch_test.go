package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/web"
)

// changing answers like an agent whose state is changed by the test.
type changing struct {
	mu      sync.Mutex
	status  web.Status
	history web.History
	gone    bool
}

func (c *changing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var answer any = c.status
	if r.URL.Path == "/api/v1/history" {
		answer = c.history
	}
	if c.gone {
		w.WriteHeader(http.StatusServiceUnavailable)
		answer = web.Refusal{Message: "the agent starts"}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (c *changing) change(do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	do()
}

func TestAWatchWithoutATerminalAddsALineForEachChange(t *testing.T) {
	const home = "checkout/production"
	c := &changing{status: web.Status{State: rollback.State{Seq: 1, Environments: map[string]*rollback.Environment{home: {Name: home}}},
		Rows: map[string][]web.Row{home: {{SLO: "p95", Verdict: release.Pass, Value: "120 ms", Alert: "> 200 ms"}}}}}
	server := httptest.NewServer(c)
	defer server.Close()
	token := filepath.Join(t.TempDir(), "kim.token")
	if err := os.WriteFile(token, []byte("kim-token-0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	in, out := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, streams{out: out, err: io.Discard}, []string{"status", "--watch", "--agent.url", server.URL, "--token-file", token})
		out.Close()
	}()
	lines := bufio.NewScanner(in)
	reads := func(want string) {
		t.Helper()
		for lines.Scan() {
			if strings.ContainsAny(lines.Text(), "\x1b\r") {
				t.Errorf("a pipe gets %q", lines.Text())
			}
			if strings.Contains(lines.Text(), want) {
				return
			}
		}
		t.Fatalf("never: %s", want)
	}
	reads("p95  120 ms  (alert > 200 ms)")
	reads("lock        open")
	c.change(func() {
		c.status.State.Seq = 2
		c.history.Entries = []rollback.Entry{{Seq: 2, Kind: rollback.KillSwitchOn, Author: "kim\x1b[2J", Body: []byte(`{"why":"a fire"}`)}, {Seq: 1, Kind: rollback.Resumed}}
	})
	reads("    2    kill_switch.on      kim⟨U+001B⟩[2J  act on nothing; a fire")
	c.change(func() {
		c.status.Rows = map[string][]web.Row{home: {{SLO: "p95", Verdict: release.Fail, Value: "300 ms", Alert: "> 200 ms"}}}
	})
	reads("row  " + home + "  FAIL     p95  300 ms")
	c.change(func() { c.gone = true })
	reads("out of reach: the agent starts")
	c.change(func() { c.gone, c.status.Degraded = false, []string{"no Watchdog"} })
	reads("degraded: no Watchdog")
	stop()
	if code := <-ended; code != exitDone {
		t.Errorf("a watch that was ended exits with %d", code)
	}
}

func TestAFrameFitsItsScreen(t *testing.T) {
	if got, want := framed("one\ntwo\nthree\nfour\n", 3), "\x1b[Hone\x1b[K\r\ntwo\x1b[K\r\n… 2 more lines: rollback-agent status\x1b[K\x1b[J"; got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if got, want := framed("one\n", 3), "\x1b[Hone\x1b[K\x1b[J"; got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
