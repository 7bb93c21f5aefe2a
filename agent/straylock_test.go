package agent_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/gitrepo/gittest"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

const lockRef = "refs/rollback-agent/lock/" + home

// TestALockInGitOutlivesTheLedger: an agent that starts with an empty ledger refuses what the lock on the remote refuses.
func TestALockInGitOutlivesTheLedger(t *testing.T) {
	w, first := out(t, nil)
	fixed := w.main(t, map[string]string{"services/checkout/app": "3"})
	done := first.do(release.Deed{Act: release.ActRollback, Tip: w.git.Tip(t, branch)})
	incident, tip := done.Facts["incident"], w.git.Tip(t, branch)

	r := w.start(t, w.config(t))
	r.do(release.Deed{Act: release.ActStable})
	r.do(release.Deed{Act: release.ActRecord, Gate: "1.1", Verdict: release.Pass, Commit: fixed})
	for _, d := range []release.Deed{{Act: release.ActGate, Commit: fixed}, {Act: release.ActRelease, Commit: fixed}, {Act: release.ActDeployed, Commit: tip},
		{Act: release.ActUnlock, Author: "lee", Incident: incident}} {
		r.refused(d, release.Locked, "by incident "+incident)
	}
	r.refused(release.Deed{Act: release.ActGate, Commit: tip}, release.Undecided, "nobody has reported gate 1.1") // the lock lets the rollback itself through
	r.refused(release.Deed{Act: release.ActBreak, Author: "lee", Incident: "inc-other", Reason: "now"}, release.Refused, "not by inc-other")
	r.as("lee", release.Deed{Act: release.ActBreak, Reason: "the ledger was lost; its cause is known"})
	r.do(release.Deed{Act: release.ActGate, Commit: fixed})
	i := r.state().IncidentByID(incident)
	if i == nil || i.Phase != rollback.PhaseClosed || !i.Unlocked.BreakGlass || i.Unlocked.By != "lee" {
		t.Errorf("that the glass was broken is not on record: %+v", i)
	}

	w.git.Git(t, "update-ref", lockRef, w.git.Git(t, "rev-parse", branch+":service.txt"))
	r.refused(release.Deed{Act: release.ActGate, Commit: fixed}, release.Undecided, "read the lock on the remote")
	r.as("lee", release.Deed{Act: release.ActBreak, Reason: "nobody can read it"})
	w.git.Break(gittest.Read, gittest.Status(http.StatusServiceUnavailable))
	r.refused(release.Deed{Act: release.ActGate, Commit: fixed}, release.Undecided, "read the lock on the remote")
	w.git.Break(gittest.Read, nil)
	r.do(release.Deed{Act: release.ActGate, Commit: fixed})
	r.refused(release.Deed{Act: release.ActBreak, Author: "lee", Reason: "now"}, release.Refused, "is not locked")
}

// TestAReleaseInHandYieldsToALockInGit: it could not be pushed at first, and by then somebody had locked.
func TestAReleaseInHandYieldsToALockInGit(t *testing.T) {
	w := bare(t)
	c := w.config(t)
	remote, err := gitrepo.Open(gitrepo.Config{URL: w.git.URL, Branch: branch, CredentialsFile: c.Environments[0].Git.CredentialsFile,
		Author: gitrepo.Identity{Name: "another agent", Email: "agent@example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	defer remote.Close()
	if _, err := remote.SetLock(context.Background(), gitrepo.LockRecord{Environment: home, Incident: "inc-theirs", Since: time.Now()}); err != nil {
		t.Fatal(err)
	}
	record := w.git.Git(t, "rev-parse", lockRef)
	w.git.Git(t, "update-ref", "-d", lockRef)

	r := w.start(t, c)
	next := w.release(t, 0, "next")
	r.do(release.Deed{Act: release.ActStable})
	r.do(release.Deed{Act: release.ActRecord, Gate: "1.1", Verdict: release.Pass, Commit: next})
	w.git.Break(gittest.Push, gittest.Status(http.StatusServiceUnavailable))
	r.refused(release.Deed{Act: release.ActRelease, Commit: next}, release.Undecided, "tried again")
	w.git.Git(t, "update-ref", lockRef, record)
	w.git.Break(gittest.Push, nil)
	if !eventually(30*time.Second, func() bool { return r.state().Forward == nil }) {
		t.Fatal("it is still tried")
	}
	if s := r.state(); s.Release != nil || w.git.Tip(t, branch) != w.good {
		t.Errorf("released %+v, the branch is at %s", s.Release, w.git.Tip(t, branch))
	}
}

// TestADamagedLockKeepsNoPersonFromRollingBack: nobody can read what stands on the remote, and a person goes through all the same.
func TestADamagedLockKeepsNoPersonFromRollingBack(t *testing.T) {
	w, r := out(t, nil)
	w.git.Git(t, "update-ref", lockRef, w.git.Git(t, "rev-parse", branch+":README"))
	if text, err := r.Strange(context.Background(), home); err != nil || !strings.Contains(text, "whose record cannot be read") {
		t.Errorf("%q, %v", text, err)
	}
	seen := r.do(release.Deed{Act: release.ActPreview, Tag: "stable-1"})
	if !strings.Contains(strings.Join(seen.Details, "\n"), "CAREFUL: a lock stands on the remote whose record cannot be read, and is replaced") {
		t.Errorf("the preview says %q", seen.Details)
	}
	r.do(release.Deed{Act: release.ActRollback, Tag: "stable-1", Tip: seen.Facts["tip"]})
	if got, want := w.tree(t, branch), w.tree(t, "stable-1"); got != want {
		t.Errorf("the branch holds %s, stable-1 %s", got, want)
	}
	if text := w.git.Git(t, "cat-file", "blob", lockRef); !strings.Contains(text, "incident "+r.state().Lock.Incident) {
		t.Errorf("the lock on the remote: %s", text)
	}
	if text, err := r.Strange(context.Background(), home); text != "" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}

// TestALockThatTheLedgerDoesNotKnowIsSeen: though nobody asks for anything.
func TestALockThatTheLedgerDoesNotKnowIsSeen(t *testing.T) {
	w, first := out(t, nil)
	done := first.do(release.Deed{Act: release.ActRollback, Tag: "stable-1", Tip: w.git.Tip(t, branch)})
	r := w.start(t, w.config(t))
	if text, err := r.Strange(context.Background(), home); err != nil || !strings.Contains(text, "a lock of incident "+done.Facts["incident"]+" stands") {
		t.Errorf("%q, %v", text, err)
	}
	w.git.Break(gittest.Read, gittest.Status(http.StatusForbidden))
	if _, err := r.Strange(context.Background(), home); gitrepo.KindOf(err) != gitrepo.ErrAuth {
		t.Errorf("%v", err)
	}
}
