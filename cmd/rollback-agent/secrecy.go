package main

import (
	"io"
	"sync/atomic"
	"syscall"
)

// discreet is where a daemon's log goes: whatever a library, a server's words or a panic would tell, the secrets in force are not in it.
type discreet struct {
	to     io.Writer
	redact atomic.Pointer[func(string) string]
}

func newDiscreet(to io.Writer, redact func(string) string) *discreet {
	d := &discreet{to: to}
	d.redact.Store(&redact)
	return d
}

// Write writes the text without secrets. A record is written in one piece, so that none is cut in two.
func (d *discreet) Write(p []byte) (int, error) {
	if _, err := io.WriteString(d.to, (*d.redact.Load())(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// leaveNoCore keeps the memory, in which all secrets are, from being written to a disk when the program dies; what it starts leaves none either.
// Where the system does not allow that, it was forbidden already.
func leaveNoCore() { _ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}) }
