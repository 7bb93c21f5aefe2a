package agent_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/config"
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

// TestWhatIsForbiddenAfterItWasPreparedIsNotPushed holds T11: the operator forbids the target while the remote takes no push.
func TestWhatIsForbiddenAfterItWasPreparedIsNotPushed(t *testing.T) {
	for name, c := range map[string]struct {
		tags  func(w *world, commit string) config.StableTags
		there bool // the remote has the commit already, and its answer was lost
		want  rollback.Phase
	}{
		"by its commit": {tags: func(_ *world, commit string) config.StableTags { return config.StableTags{Refuse: []string{commit}} }, want: rollback.PhaseHuman},
		"by its age":    {tags: func(w *world, _ string) config.StableTags { return config.StableTags{Floor: w.git.Clock()} }, want: rollback.PhaseHuman},
		"another": {tags: func(*world, string) config.StableTags {
			return config.StableTags{Refuse: []string{"stable-10"}, Floor: time.Unix(1e9, 0)}
		}, want: rollback.PhasePushed},
		"too late": {tags: func(_ *world, commit string) config.StableTags { return config.StableTags{Refuse: []string{commit}} }, there: true,
			want: rollback.PhasePushed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := bare(t)
			w.now = w.later()
			made := w.config(t)
			path := filepath.Join(t.TempDir(), "ledger.db")
			r, stop := w.startOn(t, made, path)
			next := w.release(t, 20, "next")
			r.do(release.Deed{Act: release.ActStable})
			r.ship(next)
			r.deliver(1, w.now())
			r.decided(rollback.CannotTell)
			w.git.Break(gittest.Push, gittest.Status(http.StatusServiceUnavailable))
			out := r.state().Release
			r.do(release.Deed{Act: release.ActApprove, Incident: rollback.IncidentID(out.Commit, out.T0)})
			i := r.phase(rollback.PhasePrepared)
			stop()
			tip := w.git.Tip(t, branch)
			if c.there {
				tip = put(t, w, i.Preparation)
			}
			made.Environments[0].Git.StableTags = c.tags(w, out.Target.Commit)
			w.git.Break(gittest.Push, nil)
			r, _ = w.startOn(t, made, path)
			i = r.phase(c.want)
			if c.want == rollback.PhaseHuman && (i.Trouble.Reason != rollback.TargetForbidden || w.git.Tip(t, branch) != tip) {
				t.Errorf("%+v, the branch is at %s", i.Trouble, w.git.Tip(t, branch))
			}
		})
	}
}

// put gives the remote a commit that was prepared, as a push whose answer was lost would have.
func put(t *testing.T, w *world, p *rollback.Preparation) string {
	t.Helper()
	var prepared struct{ Raw []byte }
	if err := json.Unmarshal(p.Opaque, &prepared); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "commit")
	write(t, file, string(prepared.Raw))
	w.git.Git(t, "update-ref", "refs/heads/"+branch, w.git.Git(t, "hash-object", "-t", "commit", "-w", file))
	return w.git.Tip(t, branch)
}
