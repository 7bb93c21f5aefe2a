package gitrepo_test

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/gitrepo/gittest"
)

const hook = "../../deploy/hooks/pre-receive"

func TestLockTravelsWithTheRollback(t *testing.T) {
	ctx := context.Background()
	g := newRig(t)
	g.InstallHook(t, hook)
	if _, ok, err := g.remote.ReadLock(ctx, "production"); ok || err != nil {
		t.Fatalf("before: %t, %v", ok, err)
	}
	p := g.rollback(t, lockOf("production"))
	if out, want := g.push(t, p), (gitrepo.Pushed{Outcome: gitrepo.Done, Tip: p.Commit, LockStands: true}); out != want {
		t.Fatalf("got %+v, want %+v", out, want)
	}
	text := "version 1\nenvironment production\nbranch main\nincident inc-7\nby Rollback Agent <agent@example.org>\n" +
		"allow " + string(p.Commit) + "\nsince 2023-11-14T22:21:40Z"
	if diff := cmp.Diff(text, g.Git(t, "cat-file", "blob", "refs/rollback-agent/lock/production")); diff != "" {
		t.Errorf("record (-want +got)\n%s", diff)
	}
	want := *lockOf("production")
	want.By, want.Allow = author.String(), p.Commit
	got, ok, err := g.remote.ReadLock(ctx, "production")
	if diff := cmp.Diff(want, got); diff != "" || !ok || err != nil {
		t.Errorf("%t, %v (-want +got)\n%s", ok, err, diff)
	}
	if err := g.remote.ClearLock(ctx, "production"); err != nil {
		t.Errorf("clear: %v", err)
	}
	if err := g.remote.ClearLock(ctx, "production"); err != nil {
		t.Errorf("clear again: %v", err)
	}
	if out := g.push(t, p); out.LockStands || out.Outcome != gitrepo.Done {
		t.Errorf("after clearing: %+v", out)
	}
	g.fsck(t)
}

func TestClearLockUnderFaults(t *testing.T) {
	ctx := context.Background()
	g := newRig(t)
	g.push(t, g.rollback(t, lockOf("production")))
	g.Break(gittest.Push, gittest.EmptyOK)
	if err := g.remote.ClearLock(ctx, "production"); !errors.Is(err, gitrepo.ErrNotGit) {
		t.Errorf("empty 200: %v", err)
	}
	g.Break(gittest.Push, nil)
	if err := g.remote.ClearLock(ctx, "staging"); err != nil {
		t.Errorf("none stands: %v", err)
	}
	if err := g.remote.ClearLock(ctx, "../x"); !errors.Is(err, gitrepo.ErrInvalid) {
		t.Errorf("no name: %v", err)
	}
	g.Hook(t, "pre-receive", "#!/bin/sh\necho not today\nexit 1\n")
	if err := g.remote.ClearLock(ctx, "production"); !errors.Is(err, gitrepo.ErrRefused) || !strings.Contains(err.Error(), "not today") {
		t.Errorf("hook: %v", err)
	}
	g.Hook(t, "pre-receive", "#!/bin/sh\nexit 0\n")
	g.Break(gittest.Push, gittest.DropAnswer)
	if err := g.remote.ClearLock(ctx, "production"); err != nil {
		t.Errorf("lost answer: %v", err)
	}
	if _, ok, err := g.remote.ReadLock(ctx, "production"); ok || err != nil {
		t.Errorf("after: %t, %v", ok, err)
	}
}

func TestAnotherIncidentsLockIsInTheWay(t *testing.T) {
	g := newRig(t)
	g.push(t, g.rollback(t, lockOf("production")))
	g.Commit(t, "main", map[string]string{"app.txt": "bad again"}, "shipped past the lock")
	second := lockOf("production")
	second.Incident = "inc-8"
	p := g.rollback(t, second)
	for _, want := range []int{2, 1} { // the first push learns it from the remote, a repeat looks before
		g.Requests()
		out, err := g.remote.Push(context.Background(), p)
		if out.Outcome != gitrepo.Rejected || !errors.Is(err, gitrepo.ErrLocked) || out.LockStands {
			t.Errorf("got %+v, %v", out, err)
		}
		if got := g.Requests(); len(got) != want {
			t.Errorf("requests %v, want %d", got, want)
		}
	}
	if tip := g.Tip(t, "main"); tip != string(p.Expected) {
		t.Errorf("the branch moved to %s", tip)
	}
}

// TestBranchLostLockKept: a server restored from a backup kept the lock but not
// the commit; the same Prepared goes through again.
func TestBranchLostLockKept(t *testing.T) {
	g := newRig(t)
	p := g.rollback(t, lockOf("production"))
	g.push(t, p)
	g.Git(t, "update-ref", "refs/heads/main", string(g.bad))
	g.InstallHook(t, hook)
	if out := g.push(t, p); out.Outcome != gitrepo.Done || !out.LockStands {
		t.Errorf("got %+v", out)
	}
}

func TestUnreadableLockStands(t *testing.T) {
	g := newRig(t)
	g.Git(t, "update-ref", "refs/rollback-agent/lock/production", string(g.good))
	if _, ok, err := g.remote.ReadLock(context.Background(), "production"); !ok || err == nil {
		t.Errorf("a commit as record: %t, %v", ok, err)
	}
	g.Git(t, "update-ref", "refs/rollback-agent/lock/production", g.Git(t, "rev-parse", "main:app.txt"))
	if _, ok, err := g.remote.ReadLock(context.Background(), "production"); !ok || err == nil {
		t.Errorf("some file as record: %t, %v", ok, err)
	}
}

// shipper is a developer with git and a clone.
type shipper struct {
	g    rig
	user string
	dir  string
}

func (g rig) shipper(t *testing.T, user string) shipper {
	t.Helper()
	s := shipper{g, user, t.TempDir()}
	s.git(t, "clone", "--quiet", g.PushURL(user), ".")
	return s
}

func (s shipper) git(t *testing.T, args ...string) string {
	t.Helper()
	out, err := s.try(args...)
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return out
}

func (s shipper) try(args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = s.dir
	cmd.Env = append(cmd.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "LC_ALL=C", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=D", "GIT_AUTHOR_EMAIL=d@e", "GIT_COMMITTER_NAME=D", "GIT_COMMITTER_EMAIL=d@e")
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func TestHookGuardsTheLockedBranch(t *testing.T) {
	g := newRig(t)
	g.InstallHook(t, hook)
	dev, agent := g.shipper(t, "dev"), g.shipper(t, "agent")
	dev.git(t, "commit", "--quiet", "--allow-empty", "-m", "an innocent change")
	p := g.rollback(t, lockOf("production"))
	g.push(t, p)

	dev.git(t, "fetch", "--quiet")
	dev.git(t, "rebase", "--quiet", "origin/main")
	lock := "refs/rollback-agent/lock/production"
	g.Git(t, "symbolic-ref", "refs/heads/alias", "refs/heads/main")
	refused := []struct {
		name string
		by   shipper
		args []string
		want string
	}{
		{"push", dev, []string{"push", "origin", "HEAD:main"}, "main is locked"},
		{"the agent's own push", agent, []string{"push", "-f", "origin", "HEAD:main"}, "main is locked"},
		{"force-push", dev, []string{"push", "-f", "origin", string(g.bad) + ":refs/heads/main"}, "main is locked"},
		{"deletion", dev, []string{"push", "origin", ":main"}, "main is locked"},
		{"by another name", dev, []string{"push", "origin", "HEAD:alias"}, "main is locked"},
		{"along with a free branch", dev, []string{"push", "origin", "HEAD:main", "HEAD:free"}, "main is locked"},
		{"unlock by push", dev, []string{"push", "origin", ":" + lock}, "belongs to the rollback agent; you are dev"},
		{"replace the lock", dev, []string{"push", "-f", "origin", "HEAD:" + lock}, "belongs to the rollback agent"},
		{"a lock of one's own", dev, []string{"push", "origin", "HEAD:refs/rollback-agent/lock/x"}, "belongs to the rollback agent"},
		{"a ref in the lock's way", dev, []string{"push", "origin", "HEAD:refs/rollback-agent"}, "belongs to the rollback agent"},
	}
	for _, c := range refused {
		out, err := c.by.try(c.args...)
		if err == nil || !strings.Contains(out, c.want) {
			t.Errorf("%s: %v\n%s\nwant %q", c.name, err, out, c.want)
		}
	}
	out, _ := dev.try("push", "origin", "HEAD:main")
	for _, want := range []string{"locked by:  Rollback Agent <agent@example.org>", "incident:   inc-7", "since:      2023-11-14T22:21:40Z", string(p.Commit), "rollback-agent unlock --environment production"} {
		if !strings.Contains(out, want) {
			t.Errorf("refusal lacks %q:\n%s", want, out)
		}
	}
	if tip := g.Tip(t, "main"); tip != string(p.Commit) {
		t.Errorf("main is at %s", tip)
	}

	dev.git(t, "push", "origin", "HEAD:feature") // other branches are free
	g.Git(t, "update-ref", "refs/heads/main", string(g.bad))
	dev.git(t, "push", "origin", string(p.Commit)+":refs/heads/main") // and so is the way to the rollback

	if err := open(t, g.Server, "dev").ClearLock(context.Background(), "production"); !errors.Is(err, gitrepo.ErrRefused) {
		t.Errorf("dev cleared the lock: %v", err)
	}
	if err := g.remote.ClearLock(context.Background(), "production"); err != nil {
		t.Fatal(err)
	}
	dev.git(t, "push", "origin", "HEAD:main")
}

func TestHookRefusesWithoutAnAgentConfigured(t *testing.T) {
	g := newRig(t)
	g.InstallHook(t, hook)
	g.Git(t, "config", "--unset", "rollback-agent.user")
	out := g.push(t, g.rollback(t, lockOf("production")))
	if out.Outcome != gitrepo.Rejected || out.Tip != g.bad || !strings.Contains(out.Text, "git config rollback-agent.user") {
		t.Errorf("got %+v", out)
	}
	if out := g.push(t, g.rollback(t, nil)); out.Outcome != gitrepo.Done {
		t.Errorf("a push without lock: %+v", out)
	}
}

func TestHookFailsClosedOnADamagedRecord(t *testing.T) {
	g := newRig(t)
	g.InstallHook(t, hook)
	g.Git(t, "update-ref", "refs/rollback-agent/lock/production", g.Git(t, "rev-parse", "main:app.txt"))
	if out := g.push(t, g.rollback(t, nil)); out.Outcome != gitrepo.Rejected || !strings.Contains(out.Text, "cannot be read") {
		t.Errorf("got %+v", out)
	}
	if err := g.remote.ClearLock(context.Background(), "production"); err != nil {
		t.Errorf("it cannot be opened: %v", err)
	}
	if out := g.push(t, g.rollback(t, nil)); out.Outcome != gitrepo.Done {
		t.Errorf("opened: %+v", out)
	}
}
