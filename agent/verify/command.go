package verify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/generator/slo"
)

// grace is how long after the end of a command something may still hold its output open.
const grace = 2 * time.Second

// command is what to run: argv without a shell.
type command struct {
	argv, env []string
	dir       string
	timeout   time.Duration
}

// outcome is how a command ended: failed is set when it did not exit by itself.
type outcome struct {
	failed error
	exit   int
	output string
	cut    bool // there was more output than that
	took   time.Duration
}

// run starts a command and returns when it, its process group and, where there is one, its cgroup are gone.
func (s scratch) run(ctx context.Context, c command) outcome {
	var o outcome
	began := time.Now()
	onThread(func() { o = s.wait(ctx, c) })
	o.took = time.Since(began)
	return o
}

func (s scratch) wait(parent context.Context, c command) outcome {
	ctx, cancel := context.WithTimeout(parent, c.timeout)
	defer cancel()
	group, kin := newCgroup(), (*family)(nil)
	if group == nil {
		kin = newFamily(s.owner)
	}
	defer group.remove()
	var output capped
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = c.dir, kin.marked(c.env), grace
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.SysProcAttr = confined(s.owner, group)
	cmd.Cancel = func() error {
		group.kill()
		err := killGroup(cmd)
		kin.kill()
		return err
	}
	err := kin.start(cmd)
	if err != nil {
		return outcome{failed: notStarted(c.argv[0], err)}
	}
	defer kin.ended(cmd.Process.Pid)
	err = cmd.Wait()
	_ = killGroup(cmd) // what it left in the background; an error says that nothing was left
	group.kill()
	kin.kill()
	o := outcome{exit: cmd.ProcessState.ExitCode(), output: output.text(), cut: output.left > 0}
	if !exited(cmd) {
		o.failed = interrupted(ctx, c.timeout, err)
	}
	return o
}

// killGroup kills the whole process group; its id is that of the command, which was made its leader.
func killGroup(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// exited says whether the command ended by itself. Wait's error does not say that: it also stands for output held open by others.
func exited(cmd *exec.Cmd) bool { return cmd.ProcessState.Exited() }

func interrupted(ctx context.Context, timeout time.Duration, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%w: killed after %s", errTimeout, timeout)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return err // "signal: segmentation fault"
}

func notStarted(program string, err error) error {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is not installed: %w", program, err)
	}
	return err
}

// found counts what a search shows: a line each.
func found(o outcome) string {
	lines, more := strings.Count(strings.TrimRight(o.output, "\n"), "\n")+1, ""
	if o.cut {
		more = "more than "
	}
	if lines == 1 {
		return "something was found: " + more + "1 line"
	}
	return fmt.Sprintf("something was found: %s%d lines", more, lines)
}

// judge is what an outcome means for a gate. A command that did not run to its end has said nothing.
func judge(g slo.Gate, o outcome) (release.Verdict, string) {
	if o.failed != nil {
		return release.Unknown, o.failed.Error()
	}
	status := fmt.Sprintf("exit status %d", o.exit)
	switch {
	case g.Pass == slo.PassNoMatch && o.exit == 1:
		return release.Pass, "nothing was found"
	case g.Pass == slo.PassNoMatch && o.exit == 0:
		return release.Fail, found(o)
	case g.Pass == slo.PassNoMatch:
		return release.Unknown, status + ": the search itself failed"
	case o.exit == 0:
		return release.Pass, status
	}
	return release.Fail, status
}
