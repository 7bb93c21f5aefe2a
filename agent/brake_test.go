package agent_test

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/gitrepo/gittest"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// silent is the URL of a server that takes connections and says nothing; asked hears of the first.
func silent(t *testing.T) (url string, asked chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	asked = make(chan struct{}, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			select {
			case asked <- struct{}{}:
			default:
			}
		}
	}()
	return "http://" + l.Addr().String(), asked
}

// TestABrakeWaitsForNobody: while it is asked about a firing, and nobody answers, a person can stop the agent at once.
func TestABrakeWaitsForNobody(t *testing.T) {
	w := bare(t)
	c := w.config(t)
	r := w.start(t, c)
	next := w.release(t, 20, "next")
	r.do(release.Deed{Act: release.ActStable})
	r.ship(next)
	url, asked := silent(t)
	c.Environments[0].Prometheus.URL = url
	if err := r.Reload(c); err != nil {
		t.Fatal(err)
	}
	for len(asked) > 0 {
		<-asked // the poller's
	}
	r.deliver(1, time.Now())
	<-asked
	for _, act := range []release.Act{release.ActHold, release.ActKill} {
		began := time.Now()
		r.do(release.Deed{Act: act, Reason: "now"})
		if took := time.Since(began); took > 2*time.Second { // the question lasts for 5
			t.Errorf("%s took %s", act, took)
		}
	}
	if s := r.state(); s.Kill == nil || s.Hold == nil || len(s.Episodes) == 0 {
		t.Errorf("kill switch %+v, hold %+v, %d episodes", s.Kill, s.Hold, len(s.Episodes))
	}
	if r.state().Episodes["am/4f6a9e0c2b7d1835"].Decision != nil {
		t.Error("the question was answered meanwhile: nothing is shown by this")
	}
}

// TestADecisionThatABrakeOvertakesIsVoid: the switch was turned after the evidence had been asked for, and before the decision.
func TestADecisionThatABrakeOvertakesIsVoid(t *testing.T) {
	w := newWorld(t)
	r := w.start(t, w.config(t))
	bad := w.release(t, 20, "bad")
	w.quiet(t)
	r.do(release.Deed{Act: release.ActStable})
	r.ship(bad)
	before := w.git.Tip(t, branch)
	w.burning(t)
	asked, goOn := make(chan struct{}), make(chan struct{})
	w.git.Break(gittest.Read, func(rw http.ResponseWriter, q *http.Request, git http.Handler) {
		select {
		case asked <- struct{}{}:
			<-goOn
		case <-goOn:
		}
		git.ServeHTTP(rw, q)
	})
	r.deliver(1, time.Now())
	<-asked // the remote is the last that is asked
	r.do(release.Deed{Act: release.ActKill, Reason: "now"})
	close(goOn)
	if d := r.decided(rollback.KillSwitch); d.Verdict != rollback.Observe {
		t.Errorf("%+v", d)
	}
	if s := r.state(); s.Lock != nil || w.git.Tip(t, branch) != before {
		t.Errorf("lock %+v, and the branch is at %s", s.Lock, w.git.Tip(t, branch))
	}
}

// TestAPendingReleaseKeepsNobodyFromJudgingWhatRuns: the next release cannot be pushed, and the one that runs begins to burn.
func TestAPendingReleaseKeepsNobodyFromJudgingWhatRuns(t *testing.T) {
	w := newWorld(t)
	r := w.start(t, w.config(t))
	runs, next := w.release(t, 20, "runs"), w.release(t, 0, "next")
	w.quiet(t)
	r.do(release.Deed{Act: release.ActStable})
	r.ship(runs)
	good := w.tree(t, w.good)
	r.do(release.Deed{Act: release.ActStable, Tag: "stable-runs"})
	w.git.Break(gittest.Push, gittest.Status(http.StatusServiceUnavailable))
	r.do(release.Deed{Act: release.ActRecord, Gate: "1.1", Verdict: release.Pass, Commit: next})
	r.refused(release.Deed{Act: release.ActRelease, Commit: next}, release.Undecided, "tried again")
	w.burning(t)
	r.deliver(1, time.Now())
	i := r.phase(rollback.PhasePrepared)
	if s := r.state(); s.Forward != nil || i.Release != s.Release.Commit || s.Lock == nil {
		t.Errorf("in hand %+v, incident of %s, lock %+v", s.Forward, i.Release, s.Lock)
	}
	w.git.Break(gittest.Push, nil)
	r.phase(rollback.PhasePushed)
	if got := w.tree(t, branch); got != good {
		t.Errorf("the branch holds %s, not %s", got, good)
	}
	r.refused(release.Deed{Act: release.ActRelease, Commit: next}, release.Locked, "is locked")
}

// TestADismissalIsOfTheAlertWhoeverTellsOfIt: two sources have told of it, and a third does so later.
func TestADismissalIsOfTheAlertWhoeverTellsOfIt(t *testing.T) {
	w, r, _ := unanswered(t)
	deliver := func(source string) {
		if _, err := r.Receive(context.Background(), source, body("firing", w.now())); err != nil {
			t.Fatal(err)
		}
	}
	deliver("peer")
	r.reason("peer/4f6a9e0c2b7d1835", rollback.CannotTell)
	r.do(release.Deed{Act: release.ActCancel, Incident: "am/4f6a9e0c2b7d1835", Reason: "a load test"})
	for key, episode := range r.state().Episodes {
		if d := episode.Decision; d.Reason != rollback.Dismissed || d.By != "kim" {
			t.Errorf("%s: %+v", key, d)
		}
	}
	deliver("third")
	r.reason("third/4f6a9e0c2b7d1835", rollback.Dismissed)
	r.refused(release.Deed{Act: release.ActApprove, Author: "kim", Incident: "peer/4f6a9e0c2b7d1835"}, release.Refused, "nothing is proposed")
}
