package gitrepo_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/gitrepo/gittest"
)

const lockRef = "refs/rollback-agent/lock/production"

// newTurns is a rig whose server updates one ref after the other, behind the hook.
func newTurns(t *testing.T) (rig, gitrepo.Prepared) {
	t.Helper()
	g := newRig(t)
	g.Git(t, "config", "receive.advertiseAtomic", "false")
	g.InstallHook(t, "../../deploy/hooks/pre-receive")
	p := g.rollback(t, lockOf("production"))
	return g, p
}

func (g rig) at(t *testing.T, ref string) string {
	t.Helper()
	return g.Git(t, "for-each-ref", "--format=%(objectname)", ref)
}

func TestWithoutAtomicPushesTheLockComesFirst(t *testing.T) {
	g, p := newTurns(t)
	if err := g.remote.Probe(context.Background()); err != nil {
		t.Error(err)
	}
	var order []string
	g.Break(gittest.Push, func(w http.ResponseWriter, r *http.Request, git http.Handler) {
		git.ServeHTTP(w, r)
		if r.Method == http.MethodPost {
			order = append(order, strings.Join([]string{g.at(t, "refs/heads/main"), g.at(t, lockRef)}, " "))
		}
	})
	if out := g.push(t, p); out.Outcome != gitrepo.Done || !out.LockStands {
		t.Errorf("%+v", out)
	}
	want := []string{string(g.bad) + " " + string(p.Lock.Object), string(p.Commit) + " " + string(p.Lock.Object)}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Errorf("branch and lock after each push (-want +got)\n%s", diff)
	}
	if again := g.push(t, p); again.Outcome != gitrepo.Done || len(order) != 2 {
		t.Errorf("pushed again: %+v, %d pushes", again, len(order))
	}
	g.fsck(t)
}

// TestWithoutAtomicPushesACutLeavesALock: at each push the exchange is cut before it is taken, or its answer after; then it is pushed again.
func TestWithoutAtomicPushesACutLeavesALock(t *testing.T) {
	for name, fault := range map[string]gittest.Fault{"before": gittest.Status(http.StatusServiceUnavailable), "after": gittest.DropAnswer} {
		for n := range 2 {
			g, p := newTurns(t)
			posts := 0
			g.Break(gittest.Push, func(w http.ResponseWriter, r *http.Request, git http.Handler) {
				if r.Method == http.MethodPost {
					if posts++; posts == n+1 {
						fault(w, r, git)
						return
					}
				}
				git.ServeHTTP(w, r)
			})
			if _, err := g.remote.Push(context.Background(), p); err == nil && !(name == "after" && n == 1) {
				t.Errorf("%s push %d: no error", name, n+1)
			}
			branch, lock := g.at(t, "refs/heads/main"), g.at(t, lockRef)
			if branch == string(p.Commit) && lock == "" {
				t.Errorf("%s push %d: rolled back, and not locked", name, n+1)
			}
			if out := g.push(t, p); out.Outcome != gitrepo.Done || !out.LockStands {
				t.Errorf("%s push %d, again: %+v", name, n+1, out)
			}
			g.fsck(t)
		}
	}
}

// TestWithoutAtomicPushesALostRaceMovesNothing: somebody without the hook pushes between the lock and the branch.
func TestWithoutAtomicPushesALostRaceMovesNothing(t *testing.T) {
	g, p := newTurns(t)
	posts, theirs := 0, ""
	g.Break(gittest.Push, func(w http.ResponseWriter, r *http.Request, git http.Handler) {
		if r.Method == http.MethodPost {
			if posts++; posts == 2 {
				theirs = g.Commit(t, "main", map[string]string{"theirs": "1"}, "Theirs")
			}
		}
		git.ServeHTTP(w, r)
	})
	out := g.push(t, p)
	if out.Outcome != gitrepo.Moved || g.at(t, "refs/heads/main") != theirs || !out.LockStands {
		t.Errorf("%+v, the branch is at %s, theirs is %s", out, g.at(t, "refs/heads/main"), theirs)
	}
}
