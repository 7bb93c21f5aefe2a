package agent_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/gitrepo/gittest"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// TestAnOldDecisionIsNotPushedWithoutAskingAgain: the agent was down for an hour between the decision and the push.
func TestAnOldDecisionIsNotPushedWithoutAskingAgain(t *testing.T) {
	for name, recovered := range map[string]bool{"it burns still": false, "it has recovered": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.now = w.later()
			w.pass(-time.Hour) // of that time Prometheus knows nothing: a person approves
			path := filepath.Join(t.TempDir(), "ledger.db")
			r, stop := w.startOn(t, w.config(t), path)
			bad := w.release(t, 20, "bad")
			r.do(release.Deed{Act: release.ActStable})
			r.ship(bad)
			tip := w.git.Tip(t, branch)
			w.git.Break(gittest.Push, gittest.Status(http.StatusServiceUnavailable))
			r.deliver(1, w.now())
			r.decided(rollback.CannotTell)
			r.do(release.Deed{Act: release.ActApprove, Incident: "am/4f6a9e0c2b7d1835"})
			r.phase(rollback.PhasePrepared)
			stop()
			w.git.Break(gittest.Push, nil)
			w.pass(time.Hour)
			if recovered {
				w.shop.recover(tip)
				w.quiet(t)
			} else {
				w.burning(t)
			}
			r, _ = w.startOn(t, w.config(t), path)
			if !recovered {
				r.phase(rollback.PhasePushed)
				return
			}
			i := r.phase(rollback.PhaseHuman)
			if i.Trouble.Reason != rollback.NotCorroborated || !strings.Contains(i.Trouble.Text, "taken up 1h0m") || w.git.Tip(t, branch) != tip || r.state().Lock == nil {
				t.Errorf("%+v, the branch is at %s", i.Trouble, w.git.Tip(t, branch))
			}
		})
	}
}

// TestCredentialsThatAreRefusedAreNamed: one refusal may be a rotation, a minute of them is for a person.
func TestCredentialsThatAreRefusedAreNamed(t *testing.T) {
	for name, lasting := range map[string]bool{"for a moment": false, "for good": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, r, id := unanswered(t)
			w.git.Break(gittest.Push, gittest.Status(http.StatusForbidden))
			r.do(release.Deed{Act: release.ActApprove, Incident: id})
			r.phase(rollback.PhasePrepared)
			if !lasting {
				w.git.Break(gittest.Push, nil)
				r.phase(rollback.PhasePushed)
				return
			}
			w.pass(61 * time.Second)
			i := r.phase(rollback.PhaseHuman)
			if i.Trouble.Reason != rollback.CredentialsRefused || !strings.Contains(i.Trouble.Text, "credentials in /") || !strings.Contains(i.Trouble.Text, "403") {
				t.Errorf("%+v", i.Trouble)
			}
		})
	}
}
