//go:build !linux

package verify

import (
	"os/exec"
	"syscall"
)

// confined makes a command the leader of a group of its own, as owner.
func confined(owner *syscall.Credential, _ *cgroup) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: owner}
}

func onThread(f func()) { f() }

// cgroup does not exist here.
type cgroup struct{}

func newCgroup() *cgroup { return nil }

func (*cgroup) kill() {}

func (*cgroup) remove() {}

// family does not exist here.
type family struct{}

func newFamily(*syscall.Credential) *family { return nil }

func (*family) marked(env []string) []string { return env }

func (*family) start(cmd *exec.Cmd) error { return cmd.Start() }

func (*family) kill() {}

func (*family) ended(int) {}
