package agent_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/gitrepo/gittest"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// bare is a world with a git server only: nobody answers for Prometheus and Alertmanager.
func bare(t *testing.T) *world {
	t.Helper()
	w := &world{git: gittest.New(t), prometheus: &process{URL: "http://127.0.0.1:9"}, alertmanager: "http://127.0.0.1:9", dir: t.TempDir()}
	w.good = w.git.Commit(t, branch, map[string]string{"service.txt": "errors 0\n"}, "A good release")
	return w
}

// later is a clock that pass moves forward.
func (w *world) later() func() time.Time {
	w.passed = &atomic.Int64{}
	return func() time.Time { return time.Now().Add(time.Duration(w.passed.Load())) }
}

// pass lets time go by.
func (w *world) pass(d time.Duration) { w.passed.Add(int64(d)) }

// deliverOther posts the alert under another fingerprint.
func (r *running) deliverOther(fingerprint string) {
	r.t.Helper()
	text := strings.Replace(string(body("firing", time.Now())), "4f6a9e0c2b7d1835", fingerprint, 1)
	if _, err := r.Receive(context.Background(), "am", []byte(text)); err != nil {
		r.t.Fatal(err)
	}
}

// reason waits until the last decision about an episode has this reason.
func (r *running) reason(key string, want rollback.Reason) {
	r.t.Helper()
	var d rollback.Decision
	if !eventually(30*time.Second, func() bool {
		if episode := r.state().Episodes[key]; episode != nil && episode.Decision != nil {
			d = *episode.Decision
		}
		return d.Reason == want
	}) {
		r.t.Fatalf("%s: no decision for %s, the last is %+v", key, want, d)
	}
}

func TestAKillSwitchAfterTheDecisionStopsThePush(t *testing.T) {
	w := newWorld(t)
	c := w.config(t)
	r := w.start(t, c)
	bad := w.release(t, 20, "bad")
	w.quiet(t)
	r.do(release.Deed{Act: release.ActStable})
	r.ship(bad)
	before := w.git.Tip(t, branch)
	w.burning(t)
	w.git.Break(gittest.Push, gittest.Status(http.StatusServiceUnavailable))
	r.deliver(1, time.Now())
	r.phase(rollback.PhasePrepared)
	write(t, c.KillSwitchFile, "")
	if i := r.phase(rollback.PhaseHuman); i.Trouble.Reason != rollback.KillSwitch {
		t.Errorf("stopped for %s", i.Trouble.Reason)
	}
	if got := w.git.Tip(t, branch); got != before || r.state().Lock == nil {
		t.Errorf("the branch moved from %s to %s, lock %+v", before, got, r.state().Lock)
	}
}

func TestAReleaseThatAGateFailsIsNotReleased(t *testing.T) {
	w := bare(t)
	r := w.start(t, w.config(t))
	next, other := w.release(t, 20, "next"), w.release(t, 0, "other")
	r.do(release.Deed{Act: release.ActStable})
	r.do(release.Deed{Act: release.ActRecord, Gate: "1.1", Verdict: release.Fail, Commit: next})
	r.do(release.Deed{Act: release.ActRecord, Gate: "1.1", Verdict: release.Pass, Commit: other})
	for _, act := range []release.Act{release.ActGate, release.ActRelease} {
		r.refused(release.Deed{Act: act, Commit: next}, release.Refused, "gate 1.1 is FAIL")
	}
	if got := w.git.Tip(t, branch); got != w.good {
		t.Errorf("the branch moved to %s", got)
	}
}

func TestAReleaseThatCouldNotBePushedInTimeIsForgone(t *testing.T) {
	w := bare(t)
	var later atomic.Int64
	w.now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	r := w.start(t, w.config(t))
	next := w.release(t, 0, "next")
	r.do(release.Deed{Act: release.ActStable})
	w.git.Break(gittest.Push, gittest.Status(http.StatusServiceUnavailable))
	r.do(release.Deed{Act: release.ActRecord, Gate: "1.1", Verdict: release.Pass, Commit: next})
	r.refused(release.Deed{Act: release.ActRelease, Commit: next}, release.Undecided, "tried again")
	r.refused(release.Deed{Act: release.ActStable}, release.Refused, "is being pushed")
	first := r.state().Forward.At
	later.Store(int64(time.Minute))
	if !eventually(30*time.Second, func() bool { f := r.state().Forward; return f.At.After(first) && f.Since.Equal(first) }) {
		t.Errorf("T0 would be before it was tried last: %+v", r.state().Forward)
	}
	later.Store(int64(6 * time.Minute))
	if !eventually(10*time.Second, func() bool { return r.state().Forward == nil }) {
		t.Fatal("it is still tried")
	}
	w.git.Break(gittest.Push, nil)
	if s := r.state(); s.Release != nil || w.git.Tip(t, branch) != w.good {
		t.Errorf("released %+v, the branch is at %s", s.Release, w.git.Tip(t, branch))
	}
	r.do(release.Deed{Act: release.ActRelease, Commit: next})
}

func TestADeedAfterAReloadWaitsForTheOneInHand(t *testing.T) {
	w := bare(t)
	c := w.config(t)
	r := w.start(t, c)
	next := w.release(t, 0, "next")
	r.do(release.Deed{Act: release.ActStable})
	r.do(release.Deed{Act: release.ActRecord, Gate: "1.1", Verdict: release.Pass, Commit: next})
	pushing, goOn := make(chan struct{}), make(chan struct{})
	w.git.Break(gittest.Push, func(rw http.ResponseWriter, q *http.Request, git http.Handler) {
		close(pushing)
		<-goOn
		git.ServeHTTP(rw, q)
	})
	released, recorded := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := r.Do(context.Background(), release.Deed{Act: release.ActRelease, Commit: next, Author: "kim"})
		released <- err
	}()
	<-pushing
	if err := r.Reload(c); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := r.Do(context.Background(), release.Deed{Act: release.ActRecord, Gate: "1.1", Verdict: release.Pass, Author: "ci"})
		recorded <- err
	}()
	select {
	case <-recorded:
		t.Error("a deed was done while another was in hand")
	case <-time.After(200 * time.Millisecond):
	}
	close(goOn)
	if err := <-released; err != nil {
		t.Error(err)
	}
	if s := r.state(); s.Release == nil || s.Forward != nil {
		t.Errorf("released %+v, in hand %+v", s.Release, s.Forward)
	}
}
