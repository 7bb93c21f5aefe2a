//go:build chaos

package agent

import (
	"os"
	"syscall"
)

// crashpoint ends the process as a power cut would, if ROLLBACK_AGENT_CRASH_AT names this point. Builds with the tag chaos only.
func crashpoint(name string) {
	if os.Getenv("ROLLBACK_AGENT_CRASH_AT") == name {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way: nothing after this point may run
	}
}
