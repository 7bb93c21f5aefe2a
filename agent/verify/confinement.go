package verify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Confinement is what a command of a gate finds itself in.
type Confinement struct {
	User            string // its user's id
	Own             bool   // it is the agent's own, and not root's: what the agent can read, a gate can
	NoNewPrivileges bool
	Cgroup          bool // it is in one of its own, and all that it starts
}

// String says what holds a gate, beside its user.
func (c Confinement) String() string {
	say := func(is bool, yes, no string) string {
		if is {
			return yes
		}
		return no
	}
	return say(c.NoNewPrivileges, "they can gain no privileges", "they may gain privileges") + "; " +
		say(c.Cgroup, "each in a cgroup that is killed whole", "without a cgroup: what a gate starts is known by a mark in its environment, and killed")
}

const confinementTimeout = 10 * time.Second

// Confinement runs a command as gates are run, without a checkout, and looks at what the kernel says of it (proc(5)). It fails where gates
// cannot be run at all: without git, or without /proc.
func (r Runner) Confinement(ctx context.Context) (Confinement, error) {
	git := r.Git
	if git == "" {
		git = "git"
	}
	if _, err := exec.LookPath(git); err != nil {
		return Confinement{}, notStarted(git, err)
	}
	s, err := newScratch(r.Dir)
	if err != nil {
		return Confinement{}, err
	}
	defer s.remove()
	o := s.run(ctx, command{argv: []string{"cat", "/proc/self/status", "/proc/self/cgroup"}, dir: s.checkout, env: s.env(), timeout: confinementTimeout})
	switch {
	case o.failed != nil:
		return Confinement{}, o.failed
	case o.exit != 0:
		return Confinement{}, fmt.Errorf("look at a command as gates are run: exit status %d: %s", o.exit, o.output)
	}
	return confinementOf(o.output)
}

func confinementOf(said string) (Confinement, error) {
	c := Confinement{}
	for line := range strings.Lines(said) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), ":"); name {
		case "Uid":
			if ids := strings.Fields(value); len(ids) > 1 {
				c.User = ids[1] // the effective one
			}
		case "NoNewPrivs":
			c.NoNewPrivileges = strings.TrimSpace(value) == "1"
		case "0":
			c.Cgroup = strings.Contains(value, "/rollback-verify-")
		}
	}
	if c.User == "" {
		return c, errors.New("the kernel does not say as whom gates run")
	}
	c.Own, c.User = c.User == fmt.Sprint(os.Geteuid()), "user "+c.User
	return c, nil
}
