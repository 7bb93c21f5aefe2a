package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// grace is how long a program may take to end before it is killed with all its children.
const grace = 5 * time.Second

// process is a program that runs during the whole story, in a process group of its own, its output in a file.
type process struct {
	name, log string
	cmd       *exec.Cmd
	ended     chan struct{} // closed when it has been waited for
}

// start runs a program. When it ends before stop, died is called with the reason: the story cannot go on without it.
func start(folder string, died func(error), name string, argv ...string) (*process, error) {
	log, err := os.Create(filepath.Join(folder, name+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own
	p := &process{name: name, log: log.Name(), cmd: exec.Command(argv[0], argv[1:]...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Dir = log, log, folder
	p.cmd.SysProcAttr = ownGroup()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		err := p.cmd.Wait()
		close(p.ended)
		died(fmt.Errorf("%s ended by itself (%v), see %s", name, err, p.log))
	}()
	return p, nil
}

// stop asks the program to end, waits a while, and then kills whatever is left of its group.
func (p *process) stop() {
	group := -p.cmd.Process.Pid
	_ = syscall.Kill(group, syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(grace):
	}
	_ = syscall.Kill(group, syscall.SIGKILL)
	<-p.ended
}

// tail is the end of the program's log.
func (p *process) tail(lines int) string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// command runs a program to its end and returns what it wrote to stdout and stderr together, trimmed.
func command(ctx context.Context, folder string, env []string, argv ...string) (string, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = folder, &out, &out
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr, cmd.WaitDelay = ownGroup(), grace
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err := cmd.Run()
	text := strings.TrimSpace(out.String())
	if err != nil {
		return text, fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, text)
	}
	return text, nil
}
