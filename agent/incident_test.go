package agent_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coclai/cutover/agent"
	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/gitrepo/gittest"
	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

const home = "checkout/production"

// running is an agent that runs in this process.
type running struct {
	*agent.Agent
	t   *testing.T
	log *lines

	passed *atomic.Int64 // of its world
}

func (w *world) config(t *testing.T) config.Config {
	return config.Config{Version: 1, MaxMode: slo.ModeAuto, KillSwitchFile: filepath.Join(w.dir, "stop"), Environments: []config.Environment{{
		Service: "checkout", Environment: "production", Plan: planOf(),
		Prometheus:    config.Endpoint{URL: w.prometheus.URL, Timeout: slo.Duration(5 * time.Second)},
		Alertmanagers: []config.Endpoint{{URL: w.alertmanager, Timeout: slo.Duration(5 * time.Second)}},
		Git:           config.Git{URL: w.git.URL, Branch: branch, CredentialsFile: w.git.Credentials(t, "agent"), Author: config.Author{Name: "rollback-agent", Email: "agent@example.org"}},
		Budget:        config.Budget{PerRelease: 1, PerDay: 1},
		Arm:           config.Arm{Auto: slo.Duration(24 * time.Hour), Propose: slo.Duration(48 * time.Hour), Approval: slo.Duration(time.Hour)},
	}}}
}

// start runs an agent in the world until the test ends.
func (w *world) start(t *testing.T, c config.Config) *running {
	t.Helper()
	r, _ := w.startOn(t, c, filepath.Join(t.TempDir(), "ledger.db"))
	return r
}

// startOn runs an agent on a ledger until stop is called, or the test ends.
func (w *world) startOn(t *testing.T, c config.Config, path string) (r *running, stop func()) {
	t.Helper()
	l, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	r = &running{t: t, log: &lines{}, passed: w.passed}
	r.Agent, err = agent.New(agent.Options{Config: c, Ledger: l, Logger: r.log.logger(), Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		end()
		if err := errors.Join(<-done, l.Verify(context.Background()), l.Close()); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the agent's log:\n%s", r.log)
		}
	})
	t.Cleanup(stop)
	return r, stop
}

func (r *running) do(d release.Deed) release.Answer {
	r.t.Helper()
	return r.as("kim", d)
}

func (r *running) as(author string, d release.Deed) release.Answer {
	r.t.Helper()
	d.Author = author
	answer, err := r.Do(context.Background(), d)
	if err != nil {
		r.t.Fatalf("%s: %v", d.Act, err)
	}
	return answer
}

// ship releases a commit that has passed its gate.
func (r *running) ship(commit string) release.Answer {
	r.t.Helper()
	r.do(release.Deed{Act: release.ActRecord, Gate: "1.1", Verdict: release.Pass, Commit: commit})
	return r.do(release.Deed{Act: release.ActRelease, Commit: commit})
}

func (r *running) refused(d release.Deed, kind release.Kind, text string) {
	r.t.Helper()
	_, err := r.Do(context.Background(), d)
	var p *release.Problem
	if !errors.As(err, &p) || p.Kind != kind || !strings.Contains(p.Error(), text) {
		r.t.Errorf("%s: got %v, want %s with %q", d.Act, err, kind, text)
	}
}

func (r *running) state() *rollback.Environment { return r.View().State.Environments[home] }

// deliver posts the alert n times at once.
func (r *running) deliver(n int, startsAt time.Time) {
	r.t.Helper()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			if _, err := r.Receive(context.Background(), "am", body("firing", startsAt)); err != nil {
				r.t.Error(err)
			}
		})
	}
	all.Wait()
}

// decided waits for a decision about the alert that differs from before.
func (r *running) decided(reason rollback.Reason) rollback.Decision {
	r.t.Helper()
	var d rollback.Decision
	ok := eventually(30*time.Second, func() bool {
		s := r.state()
		if s == nil || s.Episodes["am/4f6a9e0c2b7d1835"] == nil || s.Episodes["am/4f6a9e0c2b7d1835"].Decision == nil {
			return false
		}
		d = *s.Episodes["am/4f6a9e0c2b7d1835"].Decision
		return d.Reason == reason || d.Verdict == rollback.Rollback
	})
	if !ok || d.Reason != reason {
		r.t.Fatalf("no decision for reason %s, the last is %+v\nat T0: %+v", reason, d, r.state().Release.AtT0)
	}
	return d
}

// phase waits until the only incident has come so far.
func (r *running) phase(p rollback.Phase) *rollback.Incident {
	r.t.Helper()
	var i *rollback.Incident
	if !eventually(60*time.Second, func() bool {
		if s := r.state(); s != nil && len(s.Incidents) > 0 {
			i = s.Incidents[len(s.Incidents)-1]
		}
		return i != nil && i.Phase == p
	}) {
		r.t.Fatalf("the incident does not come to %s: %+v", p, i)
	}
	return i
}

// burning waits until Prometheus's data shows the errors, by the agent's own measure at T0 of a gate-like question: the decision itself
// would otherwise be "not corroborated" for the first second.
func (w *world) burning(t *testing.T) {
	t.Helper()
	query := w.prometheus.URL + "/api/v1/query?query=" + url.QueryEscape(badRate+" > 0.05 * "+totalRate)
	if !eventually(20*time.Second, func() bool { return strings.Contains(get(query), `"value"`) }) {
		t.Fatalf("no errors are measured: %s", get(query))
	}
}

// quiet waits until there is traffic to judge by and no error in the window.
func (w *world) quiet(t *testing.T) {
	t.Helper()
	query := w.prometheus.URL + "/api/v1/query?query=" + url.QueryEscape("sum(increase(shop_requests_total[3s])) > 1000 and "+badRate+" < 0.001 * "+totalRate)
	if !eventually(20*time.Second, func() bool { return strings.Contains(get(query), `"value"`) }) {
		t.Fatalf("the shop does not come to rest: %s", get(query))
	}
}

// remote lets a minute pass, until the agent has found this of an incident's rollback on the remote.
func (r *running) remote(incident string, want rollback.Outcome) rollback.Reconciliation {
	r.t.Helper()
	var found rollback.Reconciliation
	began := r.View().State.Seq
	if !eventually(30*time.Second, func() bool {
		r.passed.Add(int64(time.Minute))
		r.deliver(1, time.Now()) // so that it looks at once
		entries, err := r.View().Entries(r.t.Context(), home, 1000)
		for _, e := range entries { // not the state: the next minute may have passed, and said that all is well again
			if e.Seq > began && e.Kind == rollback.Reconciled && e.Incident == incident && found.Outcome != want {
				err = errors.Join(err, json.Unmarshal(e.Body, &found))
			}
		}
		return err == nil && found.Outcome == want
	}) {
		r.t.Fatalf("the remote was not found %s, but %+v", want, found)
	}
	return found
}

func TestABadReleaseIsRolledBackOnceHoweverOftenItIsReported(t *testing.T) {
	w := newWorld(t)
	w.now = w.later()
	people := newReceiver(t)
	r := w.start(t, w.told(t, people))
	bad := w.release(t, 20, "bad")
	w.quiet(t)
	r.do(release.Deed{Act: release.ActStable})
	r.ship(bad)
	before := w.git.Tip(t, branch)
	w.burning(t)
	r.deliver(50, time.Now())
	i := r.phase(rollback.PhaseClassified)

	if s := r.state(); len(s.Incidents) != 1 || s.Lock == nil || s.Lock.Incident != i.ID {
		t.Errorf("%d incidents, lock %+v", len(s.Incidents), s.Lock)
	}
	if n := w.git.Git(t, "rev-list", "--count", "--grep=^Rollback-Of:", branch); n != "1" {
		t.Errorf("%s rollback commits", n)
	}
	tip := w.git.Tip(t, branch)
	if got := w.git.Git(t, "rev-parse", tip+"^"); got != before {
		t.Errorf("parent is %s, the old tip was %s", got, before)
	}
	if got, want := w.git.Git(t, "rev-parse", tip+"^{tree}"), w.git.Git(t, "rev-parse", w.good+"^{tree}"); got != want {
		t.Errorf("tree is %s, the stable tag's is %s", got, want)
	}
	if out := w.git.Git(t, "fsck", "--strict"); strings.Contains(out, "error") {
		t.Error(out)
	}
	if i.Verification.Verdict != release.Pass || i.Verification.Healthy.IsZero() || len(i.Verification.Gates) != 1 || i.Classification.Component != "runtime" {
		t.Errorf("verification %+v\nclassification %+v", i.Verification, i.Classification)
	}

	// People were told, once each.
	for _, text := range []string{"locked: checkout/production: redeployment is refused, incident " + i.ID, "rolled_back: checkout/production: the deploy branch was put back"} {
		if n := people.about(t, text); n != 1 {
			t.Errorf("told %d times: %s", n, text)
		}
	}

	// Until the cause is known the rollback is looked for on the remote: lost, it is pushed again; pushed over, a person is called.
	w.git.Git(t, "update-ref", "refs/heads/"+branch, before)
	r.remote(i.ID, rollback.Restored)
	if got := w.git.Tip(t, branch); got != tip {
		t.Errorf("the remote had lost the rollback, and the branch is at %s", got)
	}
	foreign := w.git.Commit(t, branch, map[string]string{"other.txt": "theirs"}, "Past the lock")
	if found := r.remote(i.ID, rollback.Violated); found.Tip != foreign || !strings.Contains(found.Text, "past the lock") {
		t.Errorf("%+v", found)
	}
	w.git.Git(t, "update-ref", "refs/heads/"+branch, w.good)
	r.remote(i.ID, rollback.Undone)
	w.git.Git(t, "update-ref", "refs/heads/"+branch, tip)
	r.remote(i.ID, rollback.Stands)

	// Locked until the cause is known, and the bad content for ever.
	fixed := w.release(t, 0, "fixed")
	r.refused(release.Deed{Act: release.ActGate, Commit: fixed}, release.Locked, i.ID)
	r.refused(release.Deed{Act: release.ActRelease, Commit: fixed}, release.Locked, "rca "+i.ID)
	r.refused(release.Deed{Act: release.ActUnlock, Author: "kim"}, release.Refused, "nobody has submitted the cause")
	r.refused(release.Deed{Act: release.ActRCA, Author: "kim"}, release.Invalid, "says what it was")
	r.do(release.Deed{Act: release.ActRCA, Cause: "a query without an index"})
	r.refused(release.Deed{Act: release.ActUnlock, Author: "kim"}, release.Refused, "a second person must agree")
	r.refused(release.Deed{Act: release.ActBreak, Author: "kim"}, release.Invalid, "for a reason")
	r.refused(release.Deed{Act: release.ActBreak, Author: "kim", Reason: "now", Exonerate: true}, release.Refused, "a second person")
	r.as("lee", release.Deed{Act: release.ActUnlock, Incident: i.ID})
	r.refused(release.Deed{Act: release.ActGate, Commit: bad}, release.Refused, i.ID)
	r.refused(release.Deed{Act: release.ActRelease, Commit: bad}, release.Refused, i.ID)
	for _, act := range []release.Act{release.ActGate, release.ActRelease} { // one rule for both
		r.refused(release.Deed{Act: act, Commit: fixed}, release.Undecided, "nobody has reported gate 1.1")
	}
	r.do(release.Deed{Act: release.ActRecord, Gate: "1.1", Verdict: release.Fail, Commit: fixed})
	r.refused(release.Deed{Act: release.ActGate, Commit: fixed}, release.Refused, "gate 1.1 is FAIL")
	r.do(release.Deed{Act: release.ActRecord, Gate: "1.1", Verdict: release.Pass, Commit: fixed})
	r.do(release.Deed{Act: release.ActGate, Commit: fixed})
	r.ship(fixed)
	if got, want := w.git.Git(t, "rev-parse", branch+"^{tree}"), w.git.Git(t, "rev-parse", fixed+"^{tree}"); got != want {
		t.Errorf("rolled forward to tree %s, the fixed release has %s", got, want)
	}
	for _, ancestor := range []string{before, tip, fixed} {
		w.git.Git(t, "merge-base", "--is-ancestor", ancestor, branch) // fails the test when a commit was lost
	}
}

func TestFiringsThatMustNotRollBack(t *testing.T) {
	for _, test := range []struct {
		name   string
		reason rollback.Reason
		text   string
		mode   slo.Mode
		spoil  func(t *testing.T, w *world, c config.Config)
		force  float64
		bad    int
	}{
		{name: "its condition held at T0", reason: rollback.PreExisting, text: "the condition held already", bad: 20, force: 0.1},
		{name: "nobody can corroborate it", reason: rollback.NotCorroborated, text: "not > 0.02", bad: 0},
		{name: "Prometheus is stopped", reason: rollback.CannotTell, text: "refused", bad: 20,
			spoil: func(_ *testing.T, w *world, _ config.Config) { w.prometheus.stop() }},
		{name: "the kill switch is on", reason: rollback.KillSwitch, bad: 20, spoil: func(t *testing.T, w *world, c config.Config) { write(t, c.KillSwitchFile, "") }},
		{name: "the agent may only observe", reason: rollback.ModeIs, bad: 20, mode: slo.ModeObserve},
		{name: "the pinned tag is gone", reason: rollback.TargetMissing, bad: 20, spoil: func(t *testing.T, w *world, _ config.Config) { w.git.Git(t, "tag", "-d", "stable-x") }},
		{name: "the pinned tag moved", reason: rollback.TargetMoved, bad: 20, spoil: func(t *testing.T, w *world, _ config.Config) { w.git.Tag(t, "stable-x", "main") }},
		{name: "somebody shipped over it", reason: rollback.ForeignCommit, bad: 20, spoil: func(t *testing.T, w *world, _ config.Config) {
			w.git.Commit(t, branch, map[string]string{"other.txt": "theirs"}, "Another team's change")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c := w.config(t)
			c.MaxMode = cmp.Or(test.mode, c.MaxMode)
			r := w.start(t, c)
			commit := w.release(t, test.bad, "next")
			w.quiet(t)
			r.do(release.Deed{Act: release.ActStable, Tag: "stable-x"})
			if test.force > 0 {
				w.shop.force(test.force)
				w.burning(t)
			}
			r.ship(commit)
			if test.bad > 0 {
				w.burning(t)
			}
			if test.spoil != nil {
				test.spoil(t, w, c)
			}
			before := w.git.Tip(t, branch)
			r.deliver(1, time.Now())
			d := r.decided(test.reason)
			if d.Verdict == rollback.Rollback || !strings.Contains(d.Text, test.text) {
				t.Errorf("%s: %s\nat T0: %+v", d.Verdict, d.Text, r.state().Release.AtT0)
			}
			if got := w.git.Tip(t, branch); got != before {
				t.Errorf("the branch moved from %s to %s", before, got)
			}
			locks := test.reason == rollback.TargetMissing || test.reason == rollback.TargetMoved
			if locked := r.state().Lock != nil; locked != locks {
				t.Errorf("locked: %v, want %v", locked, locks)
			}
			if locks && !eventually(20*time.Second, func() bool { return r.state().Lock.Remote == rollback.LockStands }) {
				t.Errorf("the lock is not on the remote: %+v", r.state().Lock)
			}
		})
	}
}

func TestWhatCannotBeReadIsQuarantinedAndWhatCannotBeStoredIsSaid(t *testing.T) {
	w := newWorld(t)
	r := w.start(t, w.config(t))
	_, err := r.Receive(context.Background(), "am", []byte(`{"version":"3","alerts":[]}`))
	var p *release.Problem
	if !errors.As(err, &p) || p.Kind != release.Invalid {
		t.Errorf("got %v, want an invalid body", err)
	}
	if n := r.View().State.Quarantined; n != 1 {
		t.Errorf("%d bodies in quarantine", n)
	}
	if _, err := r.Receive(context.Background(), "am", []byte(strings.Replace(string(body("firing", time.Now())), `"production"`, `"staging"`, 1))); err != nil {
		t.Errorf("an alert of an environment that is not ours: %v", err)
	}
	if s := r.state(); len(s.Episodes) != 0 {
		t.Errorf("it became an episode of ours: %+v", s.Episodes)
	}
}

func TestAnAlertThatIsNotStoredIsNotAcknowledged(t *testing.T) {
	l, err := ledger.Open(filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	c := (&world{git: gittest.New(t), prometheus: &process{URL: "http://127.0.0.1:9"}, alertmanager: "http://127.0.0.1:9", dir: t.TempDir()}).config(t)
	a, err := agent.New(agent.Options{Config: c, Ledger: l, Logger: (&lines{}).logger()})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = a.Receive(context.Background(), "am", body("firing", time.Now()))
	var p *release.Problem
	if !errors.As(err, &p) || p.Kind != release.Unavailable {
		t.Errorf("got %v, want unavailable", err)
	}
}

func get(url string) string {
	res, err := http.Get(url)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return string(b)
}
