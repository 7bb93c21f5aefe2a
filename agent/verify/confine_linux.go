package verify

import (
	"runtime"
	"syscall"
)

// confined makes a command the leader of a group of its own, in a cgroup if there is one, as owner, dying with the agent.
func confined(owner *syscall.Credential, group *cgroup) *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setpgid: true, Credential: owner, Pdeathsig: syscall.SIGKILL}
	if group != nil {
		attributes.UseCgroupFD, attributes.CgroupFD = true, int(group.folder.Fd())
	}
	return attributes
}

const (
	prSetNoNewPrivs   = 38  // prctl(2): set-user-ID programs such as sudo give no rights any more; inherited, irrevocable
	sysCloseRange     = 436 // close_range(2), the same number on every architecture
	closeRangeCloexec = 4   // closes nothing here, and all of it in what is executed
)

// onThread calls f on a thread of its own, which may gain no privileges and ends with f. The thread must live as long as the command:
// Pdeathsig is sent when the thread that started it ends, not the process (golang.org/issue/27505).
func onThread(f func()) {
	done := make(chan struct{})
	go func() {
		runtime.LockOSThread() // and never unlocked: the runtime ends the thread with the goroutine
		defer close(done)
		// No kernel since 3.5 refuses; without it the command still has no rights of its own to gain by.
		_, _, _ = syscall.RawSyscall6(syscall.SYS_PRCTL, prSetNoNewPrivs, 1, 0, 0, 0, 0)
		// Go's own files are closed in commands; those that a service manager handed over (sockets) would not be. Since Linux 5.11.
		_, _, _ = syscall.RawSyscall(sysCloseRange, 3, 1<<32-1, closeRangeCloexec)
		f()
	}()
	<-done
}
