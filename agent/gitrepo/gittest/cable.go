package gittest

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// Cable is a TCP proxy on a loopback address that counts what passes, and can be
// cut at any byte.
type Cable struct {
	Address string // to be dialled instead of the target

	to    string
	mu    sync.Mutex
	up    int64 // bytes towards the target
	down  int64
	conns int
	cutUp int64 // the cable is cut when up reaches it; -1: never
	cutDn int64
}

// NewCable listens in front of a target, host:port. It stops with the test.
func NewCable(t testing.TB, to string) *Cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &Cable{Address: l.Addr().String(), to: to, cutUp: -1, cutDn: -1}
	var all sync.WaitGroup
	quit := make(chan struct{})
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { c.join(conn, quit) })
		}
	})
	t.Cleanup(func() {
		close(quit)
		l.Close()
		all.Wait()
	})
	return c
}

// Through is a URL with the target's address replaced by the cable's.
func (c *Cable) Through(url string) string { return strings.Replace(url, c.to, c.Address, 1) }

// Cut cuts the cable once, after so many more bytes up or down (-1: never). What
// dials afterwards gets through.
func (c *Cable) Cut(up, down int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cutUp, c.cutDn = -1, -1
	if up >= 0 {
		c.cutUp = c.up + up
	}
	if down >= 0 {
		c.cutDn = c.down + down
	}
}

// Carried is what has passed since the last call: bytes towards the target, bytes
// back, and connections opened.
func (c *Cable) Carried() (up, down int64, conns int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	up, down, conns = c.up, c.down, c.conns
	c.up, c.down, c.conns = 0, 0, 0
	return up, down, conns
}

func (c *Cable) join(near net.Conn, quit <-chan struct{}) {
	defer near.Close()
	far, err := net.Dial("tcp", c.to)
	if err != nil {
		return
	}
	defer far.Close()
	c.mu.Lock()
	c.conns++
	c.mu.Unlock()
	var both sync.WaitGroup
	ended := make(chan struct{})
	pipe := func(to, from net.Conn, pass func(int) (int, bool)) {
		carry(to, from, pass)
		near.Close() // either end's end is both ends' end
		far.Close()
	}
	both.Go(func() { pipe(far, near, func(n int) (int, bool) { return c.pass(&c.up, &c.cutUp, n) }) })
	both.Go(func() { pipe(near, far, func(n int) (int, bool) { return c.pass(&c.down, &c.cutDn, n) }) })
	go func() {
		both.Wait()
		close(ended)
	}()
	select {
	case <-quit:
		near.Close()
		far.Close()
		<-ended
	case <-ended:
	}
}

// carry copies until one end ends or the cable is cut.
func carry(to io.Writer, from io.Reader, pass func(int) (int, bool)) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		allowed, cut := pass(n)
		if _, werr := to.Write(b[:allowed]); werr != nil || err != nil || cut {
			return
		}
	}
}

// pass says how many of n bytes still get through, and whether the cable is cut.
func (c *Cable) pass(count, limit *int64, n int) (int, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if *limit >= 0 && *count+int64(n) >= *limit {
		n = int(max(0, *limit-*count))
		*count += int64(n)
		*limit = -1
		return n, true
	}
	*count += int64(n)
	return n, false
}
