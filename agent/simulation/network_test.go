package simulation

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/debug"
	"sync"
	"testing"
	"time"
)

// TestMain gives every client made from the default transport a network in memory: there are no other addresses in this process.
func TestMain(m *testing.M) {
	transport := http.DefaultTransport.(*http.Transport)
	transport.DialContext, transport.Proxy = dial, nil
	debug.SetGCPercent(400) // many small worlds: a third of the time would go into collecting them
	os.Exit(m.Run())
}

// hosts are the addresses there are: host:port → *host.
var hosts sync.Map

// host is a server in memory.
type host struct {
	handle func(http.ResponseWriter, *http.Request) bool // false: the connection breaks without an answer
	up     func() bool

	mu    sync.Mutex
	conns []net.Conn
}

func dial(_ context.Context, _, address string) (net.Conn, error) {
	found, ok := hosts.Load(address)
	if !ok {
		return nil, errors.New("no such host: " + address)
	}
	h := found.(*host)
	if !h.up() {
		return nil, errors.New("connection refused")
	}
	client, server := net.Pipe()
	h.mu.Lock()
	h.conns = append(h.conns, client, server)
	h.mu.Unlock()
	go h.serve(server)
	return client, nil
}

func (h *host) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		w := httptest.NewRecorder()
		if !h.handle(w, r) {
			return
		}
		answer := w.Result()
		answer.ContentLength = int64(w.Body.Len())
		if answer.Write(c) != nil {
			return
		}
	}
}

// cut breaks every connection.
func (h *host) cut() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.conns {
		_ = c.Close()
	}
	h.conns = nil
}

// fault is how a server misbehaves.
type fault string

const (
	refused fault = "refused" // no connection
	busy    fault = "busy"    // 503
	lost    fault = "lost"    // the answer is lost after the work was done
	empty   fault = "empty"   // an empty 200, and nothing is done; of Prometheus: no series
	login   fault = "login"   // a page in HTML
	hang    fault = "hang"    // no answer until the client gives up
	stale   fault = "stale"   // of Prometheus: the newest sample is old
	partial fault = "partial" // of Prometheus: a warning
	idle    fault = "idle"    // of Prometheus: no traffic
)

// answer lets a fault answer in the place of next; false: the connection breaks.
func (f fault) answer(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
	switch f {
	case refused:
		return false
	case busy:
		http.Error(w, "busy", http.StatusServiceUnavailable)
	case lost:
		next.ServeHTTP(httptest.NewRecorder(), r)
		return false
	case empty:
		w.Header().Set("Content-Type", r.Header.Get("Accept"))
		w.WriteHeader(http.StatusOK)
	case login:
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<h1>Log in</h1>"))
	case hang:
		time.Sleep(15 * time.Second) // every client here gives up after 10
		return false
	default:
		next.ServeHTTP(w, r)
	}
	return true
}
