package gitrepo_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/gitrepo/gittest"
)

// A lock that came with no commit: the rollback was decided and could not be made. Nothing passes, until a rollback by hand replaces it.
func TestALockAloneAdmitsNothingButItsReplacement(t *testing.T) {
	ctx, g := context.Background(), newRig(t)
	g.InstallHook(t, hook)
	lone := *lockOf("production")
	standing, err := g.remote.SetLock(ctx, lone)
	if err != nil || standing.Allow != "" || standing.Incident != "inc-7" {
		t.Fatalf("%+v, %v", standing, err)
	}
	if again, err := g.remote.SetLock(ctx, lone); err != nil || again != standing {
		t.Errorf("again: %+v, %v", again, err)
	}
	other := lone
	other.Incident = "inc-8"
	if _, err := g.remote.SetLock(ctx, other); !errors.Is(err, gitrepo.ErrLocked) {
		t.Errorf("another incident's: %v", err)
	}
	dev := g.shipper(t, "dev")
	dev.git(t, "commit", "--quiet", "--allow-empty", "-m", "an innocent change")
	if out, err := dev.try("push", "origin", "HEAD:main"); err == nil || !strings.Contains(out, "allowed:    none") {
		t.Errorf("%v\n%s", err, out)
	}
	if out := g.push(t, g.rollback(t, nil)); out.Outcome != gitrepo.Rejected {
		t.Errorf("the agent, without a new record: %+v", out)
	}
	p := g.rollback(t, &other)
	p.Lock.Replaces = standing.ID()
	for _, name := range []string{"with a new record", "repeated"} {
		if out := g.push(t, p); out.Outcome != gitrepo.Done || !out.LockStands {
			t.Errorf("the agent, %s: %+v", name, out)
		}
	}
	g.fsck(t)
}

func TestSetLockUnderFaults(t *testing.T) {
	ctx, g := context.Background(), newRig(t)
	for name, fault := range map[string]gittest.Fault{"an empty answer": gittest.EmptyOK, "a login page": gittest.LoginPage} {
		g.Break(gittest.Push, fault)
		if _, err := g.remote.SetLock(ctx, *lockOf("production")); !errors.Is(err, gitrepo.ErrNotGit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	g.Break(gittest.Push, gittest.DropAnswer)
	if l, err := g.remote.SetLock(ctx, *lockOf("production")); err != nil || l.Incident != "inc-7" {
		t.Errorf("a lost answer: %+v, %v", l, err)
	}
	g.Break(gittest.Push, nil)
	g.InstallHook(t, hook)
	if _, err := open(t, g.Server, "dev").SetLock(ctx, *lockOf("staging")); !errors.Is(err, gitrepo.ErrRefused) {
		t.Errorf("not the agent: %v", err)
	}
}

// A push of many refs is judged whole, by the records as they will be.
func TestHookJudgesAPushOfManyRefs(t *testing.T) {
	g := newRig(t)
	g.InstallHook(t, hook)
	dev, agent := g.shipper(t, "dev"), g.shipper(t, "agent")
	dev.git(t, "commit", "--quiet", "--allow-empty", "-m", "an innocent change")
	g.push(t, g.rollback(t, lockOf("production")))
	agent.git(t, "fetch", "--quiet", "origin")
	agent.git(t, "fetch", "--quiet", dev.dir, "HEAD:refs/heads/theirs")
	lock := "refs/rollback-agent/lock/production"
	for name, c := range map[string]struct {
		by   shipper
		refs []string
	}{
		"a locked branch among free ones":      {dev, []string{"HEAD:refs/heads/a", "+HEAD:main", "HEAD:refs/heads/b"}},
		"the branch with the lock deleted":     {dev, []string{"+HEAD:main", ":" + lock}},
		"the branch with another's lock moved": {agent, []string{"+theirs:main", "theirs:refs/rollback-agent/lock/staging"}},
	} {
		before := g.Git(t, "for-each-ref")
		if out, err := c.by.try(append([]string{"push", "origin"}, c.refs...)...); err == nil {
			t.Errorf("%s passed:\n%s", name, out)
		}
		if after := g.Git(t, "for-each-ref"); after != before {
			t.Errorf("%s: refs moved\n%s", name, after)
		}
	}
	agent.git(t, "push", "--atomic", "origin", "+theirs:main", ":"+lock) // the agent, as a person told it to: opened in the same push
}

func TestHookTakesOnlySignedLocksWhereItIsTold(t *testing.T) {
	g := newRig(t)
	g.InstallHook(t, hook)
	k, other := sshKeyring(t, "ed25519", ""), sshKeyring(t, "ed25519", "")
	k.write("lock.signers", []byte(strings.Replace(string(k.public), "agent@example.org", `agent@example.org namespaces="rollback-agent-lock"`, 1)))
	g.Git(t, "config", "rollback-agent.allowedSigners", k.path("lock.signers"))
	signed := func(k keyring) *gitrepo.Remote {
		return openWith(t, gitrepo.Config{URL: g.URL, CredentialsFile: g.Credentials(t, "agent"), Key: k.key()})
	}
	for name, remote := range map[string]*gitrepo.Remote{"unsigned": g.remote, "another's": signed(other)} {
		g.remote = remote
		if out := g.push(t, g.rollback(t, lockOf("production"))); out.Outcome != gitrepo.Rejected || !strings.Contains(out.Text, "not signed by whom") {
			t.Errorf("%s: %+v", name, out)
		}
	}
	g.remote = signed(k)
	p := g.rollback(t, lockOf("production"))
	if out := g.push(t, p); out.Outcome != gitrepo.Done {
		t.Fatalf("signed: %+v", out)
	}
	record := g.Git(t, "cat-file", "blob", "refs/rollback-agent/lock/production") + "\n"
	forged := g.pipe(t, strings.Replace(record, string(p.Commit), string(g.bad), 1), "hash-object", "-w", "--stdin")
	g.Git(t, "update-ref", "refs/rollback-agent/lock/production", forged) // by somebody with access to the disk
	if out, err := g.shipper(t, "dev").try("push", "--force", "origin", string(g.bad)+":refs/heads/main"); err == nil || !strings.Contains(out, "not signed by whom") {
		t.Errorf("a forged record: %v\n%s", err, out)
	}
}
