package gitrepo_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/gitrepo/gittest"
)

func TestMain(m *testing.M) {
	if arg := os.Getenv(childEnv); arg != "" { // a benchmark's rollback
		if err := child(arg); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

var author = gitrepo.Identity{Name: "Rollback Agent", Email: "agent@example.org"}

// rig is a remote on which release bad went out after good, tagged stable-1.
type rig struct {
	*gittest.Server
	remote    *gitrepo.Remote
	good, bad gitrepo.ID
}

func newRig(t *testing.T) rig {
	t.Helper()
	s := gittest.New(t)
	good := s.Commit(t, "main", map[string]string{"app.txt": "good", "conf/a": "1"}, "good release")
	s.Tag(t, "stable-1", good)
	bad := s.Commit(t, "main", map[string]string{"app.txt": "bad", "conf/b": "2"}, "bad release")
	return rig{s, open(t, s, "agent"), gitrepo.ID(good), gitrepo.ID(bad)}
}

func open(t *testing.T, s *gittest.Server, user string) *gitrepo.Remote {
	t.Helper()
	return openWith(t, gitrepo.Config{URL: s.URL, CredentialsFile: s.Credentials(t, user)})
}

func openWith(t *testing.T, c gitrepo.Config) *gitrepo.Remote {
	t.Helper()
	c.Branch, c.Author = "main", author
	r, err := gitrepo.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// rollback prepares the stable tag's tree on top of the tip.
func (g rig) rollback(t *testing.T, lock *gitrepo.LockRecord) gitrepo.Prepared {
	t.Helper()
	ctx := context.Background()
	pin, err := g.remote.ReadTag(ctx, "stable-1")
	if err != nil {
		t.Fatal(err)
	}
	tip, err := g.remote.Tip(ctx)
	if err != nil {
		t.Fatal(err)
	}
	p, err := g.remote.Prepare(gitrepo.Change{
		Parents: []gitrepo.ID{tip.ID}, Tree: pin.Tree, Message: "Roll back to stable-1",
		Now: g.Clock(), NotBefore: tip.Committed, Lock: lock,
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func lockOf(environment string) *gitrepo.LockRecord {
	return &gitrepo.LockRecord{Environment: environment, Branch: "main", Incident: "inc-7", Since: time.Unix(1_700_000_500, 0).UTC()}
}

func (g rig) push(t *testing.T, p gitrepo.Prepared) gitrepo.Pushed {
	t.Helper()
	out, err := g.remote.Push(context.Background(), p)
	if err != nil {
		t.Fatalf("push: %v (%+v)", err, out)
	}
	return out
}

// fsck fails the test if the repository holds anything git objects to.
func (g rig) fsck(t *testing.T) {
	t.Helper()
	if out := g.Git(t, "fsck", "--strict", "--no-dangling", "--no-progress"); out != "" {
		t.Errorf("fsck: %s", out)
	}
}

func (g rig) count(t *testing.T) string {
	t.Helper()
	return g.Git(t, "rev-list", "--count", "main")
}

// pipe runs git in the repository with something to read.
func (g rig) pipe(t *testing.T, in string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", g.Dir}, args...)...)
	cmd.Stdin = strings.NewReader(in)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}
