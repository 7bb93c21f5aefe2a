package agent_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/coclai/cutover/agent/gitrepo/gittest"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// TestARollbackWithoutAtomicPushesIsPreparedAgain: the lock is on the remote, and before the branch moves somebody pushes the same content on
// top. What is prepared then replaces the lock and is marked under another name.
func TestARollbackWithoutAtomicPushesIsPreparedAgain(t *testing.T) {
	w := bare(t)
	w.git.Git(t, "config", "receive.advertiseAtomic", "false")
	c := w.config(t)
	c.Environments[0].Git.MarkerTags = true
	r := w.start(t, c)
	next := w.release(t, 20, "next")
	r.do(release.Deed{Act: release.ActStable})
	r.ship(next)
	r.deliver(1, r.state().Release.T0)
	r.decided(rollback.CannotTell)
	posts := 0
	w.git.Break(gittest.Push, func(rw http.ResponseWriter, q *http.Request, git http.Handler) {
		if q.Method == http.MethodPost {
			if posts++; posts == 2 {
				w.git.Commit(t, branch, nil, "The same, again")
			}
		}
		git.ServeHTTP(rw, q)
	})
	if _, err := r.Do(context.Background(), release.Deed{Act: release.ActApprove, Author: "kim", Incident: "am/4f6a9e0c2b7d1835"}); err != nil {
		t.Fatal(err)
	}
	i := r.phase(rollback.PhasePushed)
	if i.Attempts != 2 || w.git.Tip(t, branch) != i.Preparation.Commit || w.tree(t, branch) != w.tree(t, w.good) {
		t.Errorf("%d preparations, pushed %+v, the branch is at %s", i.Attempts, i.Push, w.git.Tip(t, branch))
	}
	if text := w.git.Git(t, "cat-file", "blob", lockRef); !strings.Contains(text, "allow "+i.Preparation.Commit) {
		t.Errorf("the lock on the remote is not the last one's:\n%s", text)
	}
	tags := w.git.Git(t, "for-each-ref", "--format=%(refname) %(*objectname)", "refs/tags/rollback-agent/")
	if want := "refs/tags/rollback-agent/" + i.ID + "-2 " + i.Preparation.Commit; tags != want {
		t.Errorf("marked by %q, want %q", tags, want)
	}
}
