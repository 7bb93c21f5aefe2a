package main

import "syscall"

// ownGroup keeps the terminal's Ctrl-C from the children (the demo ends them in order), and lets none outlive the demo, however it ends.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
