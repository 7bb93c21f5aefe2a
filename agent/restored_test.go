package agent_test

import (
	"testing"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// TestAFailingGateOnTheRestoredTreeIsAPersonsAndNoSecondRollback is item 4.2.2 of the runbook: the gate runs on what was restored, and whatever
// it says, the branch stays where the rollback put it.
func TestAFailingGateOnTheRestoredTreeIsAPersonsAndNoSecondRollback(t *testing.T) {
	w := bare(t)
	w.git.Commit(t, branch, map[string]string{"scripts/preflight.sh": "echo the database is gone; exit 1\n"}, "What ran before")
	r := w.start(t, w.config(t))
	tag := r.do(release.Deed{Act: release.ActStable}).Facts["tag"]
	r.ship(w.release(t, 0, "next"))
	r.do(release.Deed{Act: release.ActRollback, Tag: tag, Tip: w.git.Tip(t, branch), Reason: "it is slow"})
	i := r.phase(rollback.PhaseClassified)
	if i.Trouble == nil || i.Trouble.Reason != rollback.VerificationFail {
		t.Errorf("nobody is called: %+v", i.Trouble)
	}
	if gates := i.Verification.Gates; len(gates) != 1 || gates[0].Verdict != release.Fail || gates[0].Output != "the database is gone\n" {
		t.Errorf("verification %+v", i.Verification)
	}
	tip := w.git.Tip(t, branch)
	r.deliver(3, time.Now())
	r.phase(rollback.PhaseClassified)
	if n := w.git.Git(t, "rev-list", "--count", "--grep=^Rollback-Of:", branch); n != "1" || w.git.Tip(t, branch) != tip || r.state().Lock == nil {
		t.Errorf("%s rollback commits, the branch is at %s and was at %s, lock %+v", n, w.git.Tip(t, branch), tip, r.state().Lock)
	}
}
