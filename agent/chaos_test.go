package agent_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

const token = "a-token-of-the-test-suite"

// program under test, in a process of its own: it can be killed.
type daemon struct {
	t       *testing.T
	binary  string
	config  string
	address string // file
	url     string
	cmd     *exec.Cmd
	log     *lines
	ended   chan struct{}
	as      string // who asks

	variables []string // of its environment
}

func newDaemon(t *testing.T, w *world) *daemon {
	t.Helper()
	dir := t.TempDir()
	d := &daemon{t: t, binary: filepath.Join(dir, "rollback-agent"), config: filepath.Join(dir, "agent.yaml"), address: filepath.Join(dir, "address"), log: &lines{}, as: "kim"}
	build := exec.Command("go", "build", "-tags", "chaos", "-o", d.binary, "../cmd/rollback-agent")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	plan, err := yaml.Marshal(planOf())
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "plan.yaml"), string(plan))
	for _, name := range []string{"kim", "lee"} {
		write(t, filepath.Join(dir, name), name+token+"\n")
	}
	write(t, d.config, fmt.Sprintf(`version: 1
storage: {sqlite: ledger.db}
max_mode: auto
budget: {per_day: 100}
web: {tokens: [{name: kim, file: kim, may: [alerts, gate, deployed, record, read, operate, approve]}, {name: lee, file: lee, may: [unlock]}]}
environments:
  - service: checkout
    environment: production
    plan: plan.yaml
    prometheus: {url: %s}
    alertmanagers: [{url: %s}]
    git: {url: %s, branch: %s, credentials_file: %s, author: {name: rollback-agent, email: agent@example.org}}
    budget: {per_release: 1, per_day: 100, cooldown: 0s}
`, w.prometheus.URL, w.alertmanager, w.git.URL, branch, w.git.Credentials(t, "agent")))
	t.Cleanup(func() {
		d.kill()
		if t.Failed() {
			t.Logf("the agent's log:\n%s", d.log)
		}
	})
	return d
}

// start runs the daemon, to be killed at the point if one is named, and waits until it listens or has ended.
func (d *daemon) start(point string) {
	d.t.Helper()
	_ = os.Remove(d.address)
	d.cmd = exec.Command(d.binary, "serve", "--config.file", d.config, "--web.listen-address", "127.0.0.1:0", "--web.address-file", d.address)
	d.cmd.Env = append(append(os.Environ(), "ROLLBACK_AGENT_CRASH_AT="+point), d.variables...)
	d.cmd.Stdout, d.cmd.Stderr = d.log, d.log
	if err := d.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) { _ = cmd.Wait(); close(ended) }(d.cmd, d.ended)
	if !eventually(20*time.Second, func() bool {
		b, err := os.ReadFile(d.address)
		d.url = "http://" + strings.TrimSpace(strings.TrimPrefix(string(b), "http://"))
		return d.dead() || err == nil && len(b) > 0 && answers(d.url+"/-/healthy")
	}) {
		d.t.Fatalf("the daemon does not start:\n%s", d.log)
	}
}

func (d *daemon) dead() bool {
	select {
	case <-d.ended:
		return true
	default:
		return false
	}
}

func (d *daemon) kill() {
	if d.cmd != nil {
		_ = d.cmd.Process.Kill()
		<-d.ended
	}
}

// post sends a body with the token, and returns the status and what was answered; 0 when nothing was.
func (d *daemon) post(path string, body []byte) (int, string) {
	req, err := http.NewRequest("POST", d.url+path, bytes.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+d.as+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text)
}

// do carries a deed out, restarting the daemon when it was killed meanwhile.
func (d *daemon) do(deed release.Deed) {
	d.t.Helper()
	text, _ := json.Marshal(deed)
	for range 3 {
		status, answer := d.post("/api/v1/deeds", text)
		if status == http.StatusOK {
			return
		}
		if status != 0 {
			d.t.Fatalf("%s: %d %s", deed.Act, status, answer)
		}
		if !eventually(5*time.Second, d.dead) {
			d.t.Fatalf("%s: no answer, and not dead: %s", deed.Act, answer)
		}
		d.start("")
		if d.has(deed) {
			return
		}
	}
	d.t.Fatalf("%s: no answer", deed.Act)
}

// has says whether a deed that got no answer was done all the same.
func (d *daemon) has(deed release.Deed) bool {
	switch deed.Act {
	case release.ActRelease:
		return eventually(20*time.Second, func() bool {
			s := d.state()
			return s.Release != nil && s.Forward == nil && s.Lock == nil && !rolledBack(s)
		})
	case release.ActUnlock:
		return d.state().Lock == nil
	}
	return false
}

// rolledBack says whether the release that is out has an incident already: then it is not the one that was asked for.
func rolledBack(s *rollback.Environment) bool {
	return s.IncidentOf(s.Release.Commit, s.Release.T0) != nil
}

func (d *daemon) state() *rollback.Environment {
	req, _ := http.NewRequest("GET", d.url+"/api/v1/state", nil)
	req.Header.Set("Authorization", "Bearer kim"+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return &rollback.Environment{}
	}
	defer res.Body.Close()
	var body struct{ State rollback.State }
	_ = json.NewDecoder(res.Body).Decode(&body)
	return body.State.Environment(home)
}

// TestKilledAtEveryStepItRollsBackOnce kills the agent with SIGKILL at each step of a release's life, one bad release after another, and
// starts it again: each release has one incident and one rollback commit, and what was acknowledged is there.
func TestKilledAtEveryStepItRollsBackOnce(t *testing.T) {
	w := newWorld(t)
	d := newDaemon(t, w)
	d.start("")
	w.quiet(t)
	d.do(release.Deed{Act: release.ActStable})
	points := []string{"received", "deciding", "decided", "preparing", "prepared", "pushing", "push answered", "pushed", "verified", "classified",
		"forward prepared", "forward pushed", "deployed", "unlocking"}
	for n, point := range points {
		bad := w.release(t, 20, fmt.Sprint("bad ", n))
		w.quiet(t)
		d.kill()
		d.start(point)
		d.do(release.Deed{Act: release.ActRecord, Gate: "1.1", Verdict: release.Pass, Commit: bad})
		d.do(release.Deed{Act: release.ActRelease, Commit: bad})
		w.burning(t)
		fired := time.Now()
		d.report(fired)
		d.awaitClassified(n + 1)
		if d.dead() {
			t.Fatalf("%s: dead", point)
		}
		if point == "unlocking" {
			d.kill()
			d.start(point)
		}
		d.do(release.Deed{Act: release.ActRCA, Cause: "the test wanted it"})
		d.as = "lee"
		d.do(release.Deed{Act: release.ActUnlock})
		d.as = "kim"
		d.post("/api/v1/alerts", body("resolved", fired))
		if count := w.git.Git(t, "rev-list", "--count", "--grep=^Rollback-Of:", branch); count != fmt.Sprint(n+1) {
			t.Fatalf("killed at %q: %s rollback commits after %d bad releases", point, count, n+1)
		}
		if s := d.state(); len(s.Incidents) != n+1 {
			t.Fatalf("killed at %q: %d incidents after %d bad releases", point, len(s.Incidents), n+1)
		}
	}
	for _, commit := range strings.Fields(w.git.Git(t, "rev-list", "--grep=^Rollback-Of:", branch)) {
		if got, want := w.git.Git(t, "rev-parse", commit+"^{tree}"), w.git.Git(t, "rev-parse", w.good+"^{tree}"); got != want {
			t.Errorf("rollback %s has tree %s, not that of the stable tag", commit, got)
		}
	}
	if out := w.git.Git(t, "fsck", "--strict"); strings.Contains(out, "error") {
		t.Error(out)
	}
}

// TestKilledWhereOnlyTroubleLeads kills the agent at the steps that a release's life takes when the remote makes trouble.
func TestKilledWhereOnlyTroubleLeads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := newDaemon(t, w)
	d.start("forward prepared again")
	w.quiet(t)
	d.do(release.Deed{Act: release.ActStable})
	bad := w.release(t, 20, "bad")
	d.do(release.Deed{Act: release.ActRecord, Gate: "1.1", Verdict: release.Pass, Commit: bad})
	w.offline(false)
	deed, _ := json.Marshal(release.Deed{Act: release.ActRelease, Commit: bad})
	if status, answer := d.post("/api/v1/deeds", deed); status != http.StatusServiceUnavailable {
		t.Fatalf("%d %s", status, answer)
	}
	first := d.state().Forward.At
	if !eventually(60*time.Second, d.dead) { // it is measured again ten seconds later
		t.Fatal("the release is not prepared again")
	}
	w.online()
	d.start("")
	if !eventually(30*time.Second, func() bool { s := d.state(); return s.Release != nil && s.Forward == nil }) {
		t.Fatalf("not released: %+v", d.state().Forward)
	}
	if s := d.state(); s.Release.Commit != w.git.Tip(t, branch) || !s.Release.T0.After(first) {
		t.Errorf("T0 %s, first tried %s", s.Release.T0, first)
	}

	w.burning(t)
	before := w.git.Tip(t, branch)
	w.offline(true)
	d.report(time.Now())
	if !eventually(30*time.Second, func() bool { return w.git.Tip(t, branch) != before }) {
		t.Fatal("the remote took no push")
	}
	d.do(release.Deed{Act: release.ActKill, Reason: "the remote is down"})
	if !eventually(60*time.Second, func() bool { i := d.state().Incidents; return i[len(i)-1].Phase == rollback.PhaseHuman }) {
		t.Fatal("the kill switch stops nothing")
	}
	d.kill()
	w.online()
	d.start("landed")
	if !eventually(60*time.Second, d.dead) {
		t.Fatal("the rollback is not found")
	}
	d.start("")
	d.awaitClassified(1)
	i := d.state().Incidents[0]
	if count := w.git.Git(t, "rev-list", "--count", "--grep=^Rollback-Of:", branch); count != "1" || i.Push.Commit != w.git.Tip(t, branch) {
		t.Errorf("%s rollback commits, pushed %+v", count, i.Push)
	}
}

// report posts the alert as Alertmanager does: again and again until it is acknowledged.
func (d *daemon) report(startsAt time.Time) {
	d.t.Helper()
	if !eventually(20*time.Second, func() bool {
		if d.dead() {
			d.start("")
		}
		status, _ := d.post("/api/v1/alerts", body("firing", startsAt))
		return status == http.StatusOK
	}) {
		d.t.Fatal("the alert is not acknowledged")
	}
}

// awaitClassified waits until the n-th incident is classified, starting the daemon again whenever it was killed.
func (d *daemon) awaitClassified(n int) {
	d.t.Helper()
	var last any
	if !eventually(60*time.Second, func() bool {
		if d.dead() {
			d.start("")
		}
		s := d.state()
		last = s.Incidents
		return len(s.Incidents) == n && s.Incidents[n-1].Phase == rollback.PhaseClassified
	}) {
		text, _ := json.MarshalIndent(last, "", " ")
		d.t.Fatalf("incident %d is not classified: %s", n, text)
	}
}
