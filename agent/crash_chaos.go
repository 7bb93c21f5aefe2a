//go:build chaos

package agent

import (
	"os"
	"sync"
	"syscall"
)

// crashpoint ends the process as a power cut would, if ROLLBACK_AGENT_CRASH_AT names this point; it stops it there, once, until it is
// told to go on, if ROLLBACK_AGENT_STOP_AT does. Builds with the tag chaos only.
func crashpoint(name string) {
	if os.Getenv("ROLLBACK_AGENT_CRASH_AT") == name {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way: nothing after this point may run
	}
	if os.Getenv("ROLLBACK_AGENT_STOP_AT") == name {
		stopOnce.Do(func() { _ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) })
	}
}

var stopOnce sync.Once

// planted says whether a test has this fault built in, to see itself go red.
func planted(fault string) bool { return os.Getenv("ROLLBACK_AGENT_PLANTED") == fault }
