package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// slowly opens a connection and sends the beginning of a request, by turns nothing, half of a header, and a header with a token and half of a body.
func slowly(address string, n int) (net.Conn, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	begun := []string{"", "POST /api/v1/alerts HTTP/1.1\r\nHost: x\r\nX-Slow: ",
		"POST /api/v1/alerts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + canaryAlerts + "\r\nContent-Length: 16000000\r\n\r\n{"}[n%3]
	_, err = c.Write([]byte(begun))
	return c, err
}

// TestSlowClientsKeepNobodyWaiting holds D2: with 5,000 clients that never end what they have begun, a webhook is answered within a second; and
// whoever is too slow is cut off.
func TestSlowClientsKeepNobodyWaiting(t *testing.T) {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		t.Fatal(err)
	}
	many := min(5000, int(files.Cur)-500, int(files.Cur)/2-100) // fewer where a process may open fewer files
	a := newAviary(t)
	a.start()
	slow := make([]net.Conn, many)
	defer func() {
		for _, c := range slow {
			if c != nil {
				_ = c.Close()
			}
		}
	}()
	address := strings.TrimPrefix(a.url, "http://")
	var all sync.WaitGroup
	for worker := range 20 {
		all.Go(func() {
			for n := worker; n < many; n += 20 {
				c, err := slowly(address, n)
				if slow[n] = c; err != nil {
					t.Errorf("client %d: %v", n, err)
				}
			}
		})
	}
	all.Wait()
	if t.Failed() {
		return
	}
	for n := range 10 {
		body := fmt.Sprintf(`{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"x"},"startsAt":"2026-03-01T02:11:30Z","fingerprint":"%016x"}]}`, n)
		began := time.Now()
		a.want(200, "POST", "/api/v1/alerts", canaryAlerts, body)
		if took := time.Since(began); took > time.Second {
			t.Errorf("answered after %s, beside %d slow clients", took, many)
		}
	}
	if runtime.GOOS == "linux" {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", a.daemon.Process.Pid))
		_, rest, _ := strings.Cut(string(status), "VmHWM:")
		t.Logf("%d slow clients, at most %s in memory", many, strings.TrimSpace(strings.SplitN(rest, "\n", 2)[0]))
	}
	cutOff(t, append(slow[:2:2], idle(t, address))) // the third would take 15 seconds
}

// idle has been answered, needs no token for it, and keeps its connection.
func idle(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := c.Write([]byte("GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	return c
}

// cutOff waits until the server has ended the connections, after five seconds: those that sent no whole header, and those that are idle.
func cutOff(t *testing.T, slow []net.Conn) {
	t.Helper()
	for _, c := range slow {
		if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, c); err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a client that sends no header, or nothing more, is still connected after 20 seconds: %v", err)
		}
	}
}
