package agent_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/gitrepo/gittest"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// offline makes the remote fall silent at the next push, whether or not it takes it.
func (w *world) offline(takes bool) {
	down := gittest.Status(http.StatusServiceUnavailable)
	if !takes {
		w.git.Break(gittest.Push, down)
		return
	}
	w.git.Break(gittest.Push, func(rw http.ResponseWriter, q *http.Request, git http.Handler) {
		if q.Method != http.MethodPost {
			git.ServeHTTP(rw, q)
			return
		}
		w.git.Break(gittest.Push, down)
		w.git.Break(gittest.Read, down)
		gittest.DropAnswer(rw, q, git)
	})
}

func (w *world) online() {
	w.git.Break(gittest.Push, nil)
	w.git.Break(gittest.Read, nil)
}

func TestARollbackWhoseAnswerWasLostIsFoundAfterItWasGivenUp(t *testing.T) {
	for _, test := range []struct {
		name         string
		takes, onTop bool
	}{
		{"it is the tip", true, false},
		{"somebody pushed on top", true, true},
		{"it never came there", false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w, r, id := unanswered(t)
			before := w.git.Tip(t, branch)
			w.offline(test.takes)
			r.do(release.Deed{Act: release.ActApprove, Incident: id})
			r.phase(rollback.PhasePrepared)
			if test.takes && !eventually(20*time.Second, func() bool { return w.git.Tip(t, branch) != before }) {
				t.Fatal("the remote took no push")
			}
			w.pass(6 * time.Minute)
			r.deliver(1, w.now())
			i := r.phase(rollback.PhaseHuman)
			if i.Trouble.Reason != rollback.RemoteUnknown || i.Push != nil {
				t.Fatalf("%+v, pushed %+v", i.Trouble, i.Push)
			}
			tip := w.git.Tip(t, branch)
			if test.onTop {
				tip = w.git.Commit(t, branch, map[string]string{"other.txt": "theirs"}, "Past the lock")
			}
			w.online()
			w.pass(2 * time.Minute)
			r.deliverOther("0000000000000001")
			if !test.takes {
				r.reason("am/0000000000000001", rollback.AlreadyActing)
				if now := r.state().IncidentByID(id); now.Phase != rollback.PhaseHuman || now.Push != nil || w.git.Tip(t, branch) != before {
					t.Errorf("%s, pushed %+v, the branch is at %s", now.Phase, now.Push, w.git.Tip(t, branch))
				}
				return
			}
			i = r.phase(rollback.PhasePushed)
			if i.Push.Commit != i.Preparation.Commit || i.Push.Tip != tip || i.Push.Outcome != "done" || i.PushedAt.IsZero() || w.git.Tip(t, branch) != tip {
				t.Errorf("%+v at %s, the branch is at %s", i.Push, i.PushedAt, w.git.Tip(t, branch))
			}
			if i.Trouble == nil || i.Trouble.Reason != rollback.RemoteUnknown {
				t.Errorf("what the person was told is gone: %+v", i.Trouble)
			}
		})
	}
}

func TestARollbackThatIsBehindTheTipCannotBeCancelled(t *testing.T) {
	w, r, id := unanswered(t)
	before := w.git.Tip(t, branch)
	w.offline(true)
	r.do(release.Deed{Act: release.ActApprove, Incident: id})
	if !eventually(20*time.Second, func() bool { return w.git.Tip(t, branch) != before }) {
		t.Fatal("the remote took no push")
	}
	w.git.Commit(t, branch, map[string]string{"other.txt": "theirs"}, "Past the lock")
	w.online()
	r.refused(release.Deed{Act: release.ActCancel, Author: "kim", Incident: id, Reason: "a load test"}, release.Refused, "")
	if i := r.phase(rollback.PhasePushed); i.Trouble != nil {
		t.Errorf("%+v", i.Trouble)
	}
}
