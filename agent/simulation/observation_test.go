package simulation

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// twoDays is a cutover from its start to its last milestone, in virtual time: Prometheus's numbers are a function of the time, whoever asks,
// and persons do what the script says. Restarts are all that two runs of it differ by.
type twoDays struct {
	t      *testing.T
	world  *world // its processes, its git and its disk
	t0     time.Time
	away   []time.Duration // since T0: when a process dies
	good   string
	wanted string
	script []deedAt
	dark   bool   // nothing delivers the Watchdog
	mute   bool   // Prometheus answers no range query
	kept   string // folder of reports, "" for none
	deaf   bool   // no Alertmanager takes a page
	live   string // what production says it runs
}

// deedAt is what somebody does, since T0.
type deedAt struct {
	at   time.Duration
	what func(*twoDays)
}

// stretch is a part of the two days in which a row is not what it should be.
type stretch struct {
	from, to time.Duration
	value    string // "" for no data
}

// rows are what becomes of each row: two failures of its SLO, two hours without data, a near miss.
var rows = map[string][]stretch{
	errorsSLO:  {{10 * time.Minute, 13 * time.Minute, "0.015"}, {20 * time.Hour, 20*time.Hour + 10*time.Minute, "0.019"}, {30 * time.Hour, 30*time.Hour + 10*time.Minute, "0.012"}},
	latencySLO: {{time.Hour, time.Hour + 12*time.Minute, ""}, {26 * time.Hour, 27*time.Hour + 48*time.Minute, ""}},
}

func (d *twoDays) value(id string, at time.Time) (float64, bool) {
	since := at.Sub(d.t0)
	for _, s := range rows[id] {
		if d.t0.IsZero() || since <= s.from || since > s.to {
			continue
		}
		var v float64
		n, _ := fmt.Sscan(s.value, &v)
		return v, n == 1
	}
	return 0.001, true
}

func (d *twoDays) measure(query string, at time.Time) (float64, bool) {
	id, what, _ := strings.Cut(query, ":")
	switch v, ok := d.value(id, at); {
	case what == "value" || what == "base":
		return v, ok
	case !ok:
		return 0, false
	case what == "events":
		return 1000, true
	}
	return 5, true
}

// locked sets what the servers of this world read.
func (d *twoDays) locked(set func()) {
	d.world.mu.Lock()
	defer d.world.mu.Unlock()
	set()
}

// prometheus answers the plan's queries, and what the agent's own gates ask.
func (d *twoDays) prometheus(out http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	d.world.mu.Lock()
	defer d.world.mu.Unlock()
	switch query := r.Form.Get("query"); {
	case r.URL.Path == "/api/v1/alerts":
		tell(out, map[string]any{"alerts": []any{}}, false)
	case r.URL.Path == "/api/v1/rules":
		rule := map[string]any{"type": "alerting", "name": "CheckoutErrors", "query": "1", "duration": 0, "labels": labels(errorsSLO), "annotations": map[string]string{},
			"alerts": []any{}, "health": "ok", "state": "inactive", "evaluationTime": 0.1, "lastEvaluation": time.Now().Format(time.RFC3339Nano)}
		tell(out, map[string]any{"groups": []any{map[string]any{"name": "checkout", "file": "rules.yaml", "interval": 15, "rules": []any{rule}}}}, false)
	case strings.HasPrefix(query, slo.RulesInfo):
		tell(out, vector(time.Now(), map[string]string{slo.LabelSHA256: strings.Repeat("0", 64)}, 1), false)
	case query == "live":
		tell(out, vector(time.Now(), map[string]string{"commit": d.live}, 1), false)
	case r.URL.Path == "/api/v1/query_range" && d.mute:
		http.Error(out, "too much is asked of me", http.StatusServiceUnavailable)
	case r.URL.Path == "/api/v1/query_range":
		tell(out, d.stretch(r.Form.Get("query"), r.Form), false)
	default:
		at := moment(r.Form.Get("time"))
		v, ok := d.measure(query, at)
		if !ok {
			tell(out, map[string]any{"resultType": "vector", "result": []any{}}, false)
			return
		}
		tell(out, vector(at, map[string]string{}, v), false)
	}
}

// stretch is what a plot asks for.
func (d *twoDays) stretch(query string, form url.Values) map[string]any {
	var values [][]any
	step, _ := strconv.ParseFloat(form.Get("step"), 64)
	for at, end := moment(form.Get("start")), moment(form.Get("end")); !at.After(end); at = at.Add(time.Duration(step * float64(time.Second))) {
		if v, ok := d.measure(query, at); ok {
			values = append(values, sample(at, v))
		}
	}
	return map[string]any{"resultType": "matrix", "result": []any{map[string]any{"metric": map[string]string{}, "values": values}}}
}

func vector(at time.Time, labels map[string]string, v float64) map[string]any {
	return map[string]any{"resultType": "vector", "result": []any{map[string]any{"metric": labels, "value": sample(at, v)}}}
}

func (d *twoDays) alertmanager(out http.ResponseWriter, r *http.Request) {
	d.world.mu.Lock()
	defer d.world.mu.Unlock()
	if r.Method == http.MethodPost && d.deaf {
		out.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if r.Method == http.MethodPost {
		var pages []struct{ Labels map[string]string }
		body, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(body, &pages)
		for _, p := range pages {
			d.world.pages[p.Labels["alertname"]] = time.Now()
		}
		return
	}
	_, _ = io.WriteString(out, "[]")
}

// plan has the reference runbook's milestones.
func (d *twoDays) plan() slo.Plan {
	p := planOf()
	bound, relative := slo.MustDecimal("0.01"), slo.MustDecimal("0.5")
	for n := range p.SLOs {
		p.SLOs[n].SLO = &slo.Bound{Op: slo.Op("<="), Value: &bound, Window: p.SLOs[n].Alert.Window}
		if p.SLOs[n].ID == latencySLO {
			p.SLOs[n].Alert.Value, p.SLOs[n].Alert.Relative = nil, &relative
			p.SLOs[n].Baseline = &slo.PlanBaseline{From: slo.BaselineFromRelease, Over: slo.Duration(time.Hour), MinEvents: slo.MustDecimal("1"), Floor: slo.MustDecimal("0.1"),
				Value: latencySLO + ":base", Events: latencySLO + ":events"}
		}
	}
	hours := func(h float64) slo.Duration { return slo.Duration(h * float64(time.Hour)) }
	p.Checklist = []slo.Step{{Item: "3.1", Step: slo.StepTag, By: slo.ByAgent}, {Item: "3.4", Step: slo.StepDeploy, By: slo.ByPerson}, {Item: "3.5", Step: slo.StepObserve, By: slo.ByAgent, Until: hours(0.5)}}
	p.Milestones = []slo.Milestone{{Item: "6.1", After: hours(0.5), Ends: slo.EndsIntensive, Needs: slo.NeedsJudgement}, {Item: "6.2", After: hours(2), Needs: slo.NeedsReading},
		{Item: "6.3", After: hours(24), Ends: slo.EndsStabilisation, Needs: slo.NeedsAcceptance}, {Item: "6.4", After: hours(48), Ends: slo.EndsWatch, Needs: slo.NeedsAcceptance}}
	return p
}

func (d *twoDays) config(c config.Config) config.Config {
	c.Environments[0].Plan, c.Reports = d.plan(), d.kept
	c.Environments[0].Arm = config.Arm{Auto: slo.Duration(time.Minute), Propose: slo.Duration(time.Minute), Approval: slo.Duration(time.Minute)} // nothing fires here
	return c
}

// do is a deed that must succeed.
func (d *twoDays) do(author string, deed release.Deed) {
	d.t.Helper()
	deed.Author = author
	if _, err := d.world.agent.Do(context.Background(), deed); err != nil {
		d.t.Errorf("T+%s: %s: %v", time.Since(d.t0), deed.Act, err)
	}
}

func (d *twoDays) cutover() *release.Cutover {
	return d.world.agent.View().State.Environments["checkout/production"].Cutover
}

// open begins the world, and the agent in it.
func (d *twoDays) open() {
	w := d.world
	w.listen("git", w.serveGit)
	w.listen("prometheus", func(out http.ResponseWriter, r *http.Request) bool { d.prometheus(out, r); return true })
	w.listen("alertmanager", func(out http.ResponseWriter, r *http.Request) bool { d.alertmanager(out, r); return true })
	d.good = w.git.commit("good 0", "A good release", time.Now().Add(-time.Hour))
	w.git.set(branch, d.good)
	d.wanted = w.git.commit("good 1", "The next one", time.Now(), d.good)
	w.git.set("refs/heads/main", d.wanted)
	if err := w.start(); err != nil {
		d.t.Fatal(err)
	}
	d.watchdog()
	d.pass(10 * time.Second)
}

// begin runs until T0.
func (d *twoDays) begin() {
	w := d.world
	d.open()
	d.do("kim", release.Deed{Act: release.ActStart, Commit: d.wanted})
	d.pass(time.Minute)
	d.setRef(branch, d.wanted)
	for d.cutover().T0.IsZero() && time.Since(w.began) < time.Hour {
		d.pass(time.Second)
	}
	t0 := d.cutover().T0
	d.locked(func() { d.t0 = t0 })
	if d.t0.IsZero() {
		d.t.Fatalf("T0 was not seen: %+v", d.cutover())
	}
}

// pass lets time go by.
func (d *twoDays) pass(t time.Duration) {
	time.Sleep(t)
	synctest.Wait()
}

// watchdog is what Alertmanager repeats.
func (d *twoDays) watchdog() {
	if d.world.agent == nil || d.dark {
		return
	}
	w := bodyOf(alert{id: "watchdog", status: "firing", starts: d.world.began})
	d.world.post(bytes.Replace(w, []byte("Checkoutwatchdog"), []byte(slo.Watchdog), 1), amToken)
}

// run lets the two days go by, and gives what the ledger says of the cutover.
func (d *twoDays) run(lasts time.Duration) []rollback.Entry {
	w := d.world
	d.begin()
	for time.Since(d.t0) < lasts {
		d.pass(time.Until(w.began.Add(time.Since(w.began).Truncate(time.Minute) + time.Minute)))
		since := time.Since(d.t0)
		if len(d.away) > 0 && since >= d.away[0] {
			d.away = d.away[1:]
			w.bury()
			d.pass(time.Duration(len(d.away)%4)*40*time.Second + 5*time.Second)
			if err := w.start(); err != nil {
				d.t.Fatal(err)
			}
			synctest.Wait()
		}
		d.watchdog()
		for len(d.script) > 0 && since >= d.script[0].at {
			d.script[0].what(d)
			d.script = d.script[1:]
		}
	}
	var all []rollback.Entry
	for _, e := range w.disk.entries(0) {
		if strings.HasPrefix(string(e.Kind), "cutover.") || strings.HasPrefix(string(e.Kind), "observation.") || strings.HasPrefix(string(e.Kind), "milestone.") {
			all = append(all, rollback.Entry{Kind: e.Kind, Author: e.Author, Body: e.Body})
		}
	}
	return all
}

// newTwoDays makes the world of d, with nothing in it.
func newTwoDays(t *testing.T, d *twoDays, logger *slog.Logger) *world {
	w := &world{logger: logger, suffix: fmt.Sprintf(".world-%d:80", worlds.Add(1)), kill: filepath.Join(t.TempDir(), "stop"), git: newRemote(), disk: &disk{}, began: time.Now(),
		faults: map[string]fault{}, begun: map[string]time.Time{}, pages: map[string]time.Time{}, crashIn: -1, script: script{mode: slo.ModeAuto}, configured: d.config}
	w.disk.trouble = w.trouble
	d.t, d.world = t, w
	return w
}

// end lets the process end, and its connections.
func (d *twoDays) end() {
	w := d.world
	w.bury()
	for _, name := range []string{"git", "prometheus", "alertmanager"} {
		hosts.Delete(name + w.suffix)
	}
}

// simulate plays a cutover in a bubble of its own.
func simulate(t *testing.T, d *twoDays, lasts time.Duration, look func()) (entries []rollback.Entry) {
	synctest.Test(t, func(t *testing.T) {
		logger := slog.New(slog.DiscardHandler)
		if testing.Verbose() {
			logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
		}
		newTwoDays(t, d, logger)
		defer d.end()
		entries = d.run(lasts)
		if look != nil {
			look()
		}
	})
	return entries
}

// persons is what people do in the two days: they judge, hold and resume, read and accept.
func persons() []deedAt {
	act := func(at time.Duration, deed release.Deed) deedAt {
		return deedAt{at, func(d *twoDays) { d.do("kim", deed) }}
	}
	return []deedAt{
		act(45*time.Minute, release.Deed{Act: release.ActDone, Item: "6.1", Reason: "the cache was filling"}),
		act(5*time.Hour, release.Deed{Act: release.ActPause, Reason: "the balancer is being changed"}),
		act(5*time.Hour+30*time.Minute, release.Deed{Act: release.ActProceed}),
		act(6*time.Hour, release.Deed{Act: release.ActDone, Item: "6.2"}),
		act(52*time.Hour, release.Deed{Act: release.ActDone, Item: "6.3", Reason: "ten minutes at 0.019 were the nightly export"}),
		act(52*time.Hour, release.Deed{Act: release.ActDone, Item: "6.4", Reason: "the slow ten minutes are in the backlog"}),
	}
}

// TestTwoDaysWithRestartsAreTwoDaysWithout: a process that dies at any point goes on with the same clock, and the ledger is the same.
func TestTwoDaysWithRestartsAreTwoDaysWithout(t *testing.T) {
	const lasts = 53 * time.Hour
	var closed *release.Cutover
	calm := &twoDays{script: persons(), kept: t.TempDir()}
	want := simulate(t, calm, lasts, func() { closed = calm.cutover() })
	random := rand.New(rand.NewPCG(48, 7))
	restless := &twoDays{script: persons(), kept: t.TempDir()}
	for at := time.Duration(0); at < lasts; at += time.Duration(random.IntN(int(2 * time.Hour))) {
		if since := at % (30 * time.Minute); since > 5*time.Minute && since < 25*time.Minute { // not while a person acts: nobody would answer
			restless.away = append(restless.away, at)
		}
	}
	died := len(restless.away)
	got := simulate(t, restless, lasts, nil)
	if diff := cmp.Diff(texts(want), texts(got)); diff != "" {
		t.Errorf("%d restarts change the ledger (-without +with):\n%s", died, diff)
	}
	with, without := documents(t, restless.kept), documents(t, calm.kept)
	if diff := cmp.Diff(without, with); diff != "" || len(with) != 2*(4+1) {
		t.Errorf("%d documents; restarts change them (-without +with):\n%s", len(with), diff)
	}
	var report []string
	for _, r := range closed.Reached {
		report = append(report, fmt.Sprintf("%s %s clock %s late %s settled by %s", r.Item, r.Verdict, r.Clock, slo.Duration(r.Late.Std().Round(time.Minute)), r.Settled.By))
	}
	if diff := cmp.Diff([]string{
		"6.1 FAIL clock 30m late 0s settled by kim",   // three minutes beyond the SLO, at T+10m
		"6.2 PASS clock 2h late 12m settled by kim",   // twelve minutes without data
		"6.3 FAIL clock 1d late 43m settled by kim",   // and half an hour's hold, from the last moment before it; 0.019 at T+20h
		"6.4 FAIL clock 2d late 2h33m settled by kim", // and 108 minutes without data, seen every five
	}, report); diff != "" {
		t.Errorf("milestones (-want +got):\n%s", diff)
	}
	if closed.Phase != release.Closed || closed.Observation.Gaps != 0 || died < 20 {
		t.Errorf("%s, gaps %s, %d restarts", closed.Phase, closed.Observation.Gaps, died)
	}
	if near := closed.Reached[2].Rows[0]; !near.Near || near.Worst.Share != "0.95" {
		t.Errorf("0.019 of 0.02 is a near miss: %+v", near)
	}
}

// documents are the files below a folder, by name.
func documents(t *testing.T, folder string) map[string]string {
	all := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(folder, path)
		all[name] = string(content)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return all
}

func texts(all []rollback.Entry) []string {
	var lines []string
	for _, e := range all {
		lines = append(lines, fmt.Sprintf("%s %s %s", e.Kind, e.Author, e.Body))
	}
	return lines
}

// TestWhatStopsTheClock: a foreign commit, a missing Watchdog, and a clock that was set, each with what lets it go on.
func TestWhatStopsTheClock(t *testing.T) {
	var seen []string
	look := func(at time.Duration) deedAt {
		return deedAt{at, func(d *twoDays) {
			c := d.cutover()
			text := "goes on" // the ledger's clock is some minutes old
			if c.Stop != nil {
				text = fmt.Sprintf("%s, clock about %s", c.Stop.Reason, c.Observation.Clock.Std().Round(3*time.Minute))
			}
			seen = append(seen, fmt.Sprintf("T+%s %s", at, text))
		}}
	}
	branchTo := func(at time.Duration, content string) deedAt {
		return deedAt{at, func(d *twoDays) {
			g := d.world.git
			g.mu.Lock()
			defer g.mu.Unlock()
			if content == "" {
				g.set(branch, d.wanted)
				return
			}
			g.set(branch, g.commit(content, "Somebody's work", time.Now(), g.refs[branch]))
		}}
	}
	resume := func(d *twoDays) { d.do("kim", release.Deed{Act: release.ActProceed, Reason: "looked at it"}) }
	refused := func(d *twoDays) {
		if _, err := d.world.agent.Do(context.Background(), release.Deed{Act: release.ActProceed, Author: "kim"}); err == nil {
			t.Error("a person waves a foreign commit away")
		}
	}
	const m = time.Minute
	d := &twoDays{script: []deedAt{
		branchTo(13*m, "good elsewhere"), look(20 * m), {20 * m, refused}, branchTo(20*m, ""), look(25 * m),
		branchTo(26*m, "good 1"), look(30 * m), // the same content under another id is still the release
		{31 * m, func(d *twoDays) { d.dark = true }}, look(36 * m), {36 * m, func(d *twoDays) { d.dark = false; d.watchdog() }}, look(38 * m),
		{39 * m, func(d *twoDays) { d.world.skewed.Add(int64(time.Hour)) }}, look(42 * m), {42 * m, resume}, look(44 * m),
	}}
	simulate(t, d, 45*m, nil)
	want := []string{"T+20m0s foreign_commit, clock about 15m0s", "T+25m0s goes on", "T+30m0s goes on", "T+36m0s no_watchdog, clock about 27m0s", "T+38m0s goes on",
		"T+42m0s clock_jump, clock about 30m0s", "T+44m0s goes on"}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, page := range []string{"RollbackAgentCutover", "RollbackAgentCutoverStopped", "RollbackAgentMilestone"} {
		if d.world.pages[page].IsZero() {
			t.Errorf("nobody was told by %s", page)
		}
	}
}
