package report_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	renderer "github.com/yuin/goldmark/renderer/html"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/report"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

var update = flag.Bool("update", false, "write the golden files anew")

var t0 = time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)

func after(d time.Duration) time.Time { return t0.Add(d) }

func decimal(text string) *slo.Decimal { return new(slo.MustDecimal(text)) }

func minutes(n int) slo.Duration { return slo.Duration(n) * slo.Duration(time.Minute) }

// plan has one row of each kind that a report draws differently.
func plan() slo.Plan {
	return slo.Plan{Service: "checkout", Environment: "production", Runbook: slo.Source{SHA256: strings.Repeat("9f", 32)}, Rules: slo.Source{SHA256: strings.Repeat("51", 32)},
		SLOs: []slo.PlanSLO{
			{ID: "api-error-rate", Title: "API error rate", Owner: "Runtime on-call", Unit: slo.Ratio, SLO: &slo.Bound{Op: "<=", Value: decimal("0.01"), Window: minutes(5)}, Alert: slo.Bound{Op: ">", Value: decimal("0.02"), Window: minutes(5)}},
			{ID: "p95-latency", Title: "p95 latency", Owner: "Runtime on-call", Unit: slo.Seconds, SLO: &slo.Bound{Op: "<=", Relative: decimal("0.20"), Window: minutes(5)}, Alert: slo.Bound{Op: ">", Relative: decimal("0.35"), Window: minutes(5), For: minutes(10)}},
			{ID: "runtime-restarts", Title: "런타임 재시작 횟수", Owner: "Runtime on-call", Unit: slo.Count, SLO: &slo.Bound{Op: "==", Value: decimal("0"), Window: minutes(20)}, Alert: slo.Bound{Op: ">=", Value: decimal("3"), Window: minutes(20)}},
			{ID: "doc-contract-drift", Title: "Doc contract drift", Owner: "Release manager", Unit: slo.State, Alert: slo.Bound{Op: ">", Value: decimal("0")}},
		},
		Gates: []slo.Gate{{ID: "1.1", Argv: []string{"bash", "scripts/release_preflight.sh"}},
			{ID: "1.4", Argv: []string{"bash", "scripts/check_doc_contract_sync.sh"}, Hard: true, Every: minutes(30)}},
		Milestones: []slo.Milestone{{Item: "6.1", After: minutes(30), Title: "집중 모니터링 종료 판단", Ends: slo.EndsIntensive, Needs: slo.NeedsJudgement},
			{Item: "6.2", After: minutes(120), Title: "오류/성능 회고 1차", Needs: slo.NeedsReading}, {Item: "6.3", After: minutes(24 * 60), Title: "안정화 종료 및 릴리즈 노트 확정", Draft: slo.DraftReleaseNotes, Needs: slo.NeedsAcceptance},
			{Item: "6.4", After: minutes(48 * 60), Title: "리팩토링 후속 최적화 backlog 분리", Draft: slo.DraftBacklog, Needs: slo.NeedsAcceptance}},
	}
}

// scene is a release that is observed, one moment a minute, until a milestone is reached.
type scene struct {
	p    slo.Plan
	c    release.Cutover
	base release.Baseline
}

func newScene() *scene {
	s := &scene{p: plan(), base: release.Baseline{SLO: "p95-latency", Value: "0.18", Events: "120000", Over: "1h", At: after(-10 * time.Minute)}}
	s.c = release.Cutover{ID: "cut-20260301T013000Z-bbbbbbbb", Commit: strings.Repeat("b", 40), From: strings.Repeat("a", 40), Course: release.CourseOf(s.p), Started: after(-30 * time.Minute), By: "kim"}
	s.c = *s.c.Start()
	s.c = *s.c.Deploy(release.Release{T0: t0, Commit: s.c.Commit, By: "ci"}, t0)
	return s
}

// values are what a row measures at a time; NaN is no data.
type values map[string]func(time.Time) float64

func good() values {
	return values{
		"api-error-rate":     func(at time.Time) float64 { return 0.004 + 0.002*math.Sin(float64(at.Unix())/700) },
		"p95-latency":        func(at time.Time) float64 { return 0.19 + 0.01*math.Sin(float64(at.Unix())/500) },
		"runtime-restarts":   func(time.Time) float64 { return 0 },
		"doc-contract-drift": func(time.Time) float64 { return 0 },
	}
}

// between is one value for a time, and what it was else.
func between(v float64, from, to time.Duration, other func(time.Time) float64) func(time.Time) float64 {
	return func(at time.Time) float64 {
		if !at.Before(after(from)) && !at.After(after(to)) {
			return v
		}
		return other(at)
	}
}

// watch judges every minute until the next milestone is due, and reaches it.
func (s *scene) watch(v values, alarms ...release.Alarm) release.Result {
	for {
		at := s.c.Observation.At.Add(time.Minute)
		m := release.Moment{At: at, Since: s.c.Observation.At}
		for _, row := range s.p.SLOs {
			sample := release.Sample{Age: new(5.0), At: at}
			if value := v[row.ID](at); !math.IsNaN(value) {
				sample.Value = &value
			}
			row.AgeMax = minutes(1)
			m.Readings = append(m.Readings, release.Observe(row, sample, &s.base))
		}
		s.c = *s.c.Note(release.Watched{}.Add(m, s.c.Observation))
		if due, is := s.c.Due(); is {
			r := s.c.Evaluate(due, alarms)
			s.c = *s.c.Reach(r, at, "rollback-agent")
			return s.c.Reached[len(s.c.Reached)-1]
		}
	}
}

// story is the report's matter after a milestone was reached.
func (s *scene) story(r release.Result, v values) report.Story {
	deployed := release.Release{Commit: s.c.Commit, T0: t0, Baselines: []release.Baseline{s.base}, Target: release.Pin{Ref: "refs/tags/pre-bigbang-cutover-20260301", Commit: s.c.From},
		AtT0: []release.Reading{{SLO: "api-error-rate", Value: "0.003"}}}
	st := report.Story{Result: r, Interval: time.Minute, Since: after(-30 * time.Minute), Series: map[string]report.Series{},
		State: &rollback.Environment{Name: "checkout/production", Cutover: &s.c, Release: &deployed, Rulebook: &rollback.Rulebook{Plan: s.p}, Gates: map[string]release.GateResult{
			"1.1": {Gate: "1.1", Verdict: release.Pass, Commit: s.c.Commit, At: after(-40 * time.Minute), Reason: "exit status 0", Log: "/logs/gate-1.1.log"},
			"1.4": {Gate: "1.4", Verdict: release.Pass, Commit: s.c.Commit, At: r.At.Add(-12 * time.Minute), Reason: "exit status 0"}}}}
	step := r.At.Sub(st.Since) / 60
	for id, value := range v {
		series := report.Series{Step: step}
		for at := st.Since; !at.After(r.At); at = at.Add(step) {
			if x := value(at); !math.IsNaN(x) {
				series.Points = append(series.Points, report.Point{At: at, Value: x})
			}
		}
		st.Series[id] = series
	}
	return st
}

// golden compares with a file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", path, diff)
	}
}

// show keeps the page where $REPORTS says, to be looked at.
func show(t *testing.T, name string, d report.Document) string {
	t.Helper()
	html, err := d.HTML()
	if err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("REPORTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".html"), []byte(html), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return html
}

func TestAGoodReleaseIsReported(t *testing.T) {
	s := newScene()
	r := s.watch(good())
	d := report.Milestone(s.story(r, good()))
	golden(t, "good.md", d.Markdown())
	html := show(t, "good", d)
	if n := strings.Count(html, "<svg xmlns"); n != len(s.p.SLOs) {
		t.Errorf("%d plots for %d rows", n, len(s.p.SLOs))
	}
}

func bad() values {
	v := good()
	v["api-error-rate"] = between(0.013, 10*time.Minute, 14*time.Minute, v["api-error-rate"])
	v["p95-latency"] = between(math.NaN(), 18*time.Minute, 20*time.Minute, between(0.235, 24*time.Minute, 24*time.Minute, v["p95-latency"]))
	v["runtime-restarts"] = between(1, 5*time.Minute, 25*time.Minute, v["runtime-restarts"])
	return v
}

func fired() release.Alarm {
	return release.Alarm{Name: "CheckoutApprovalTimeout", SLO: "api-error-rate", Trigger: "4.1.1", From: after(11 * time.Minute), To: after(13 * time.Minute), Decision: "hold (not_corroborated)"}
}

func TestABadReleaseIsReported(t *testing.T) {
	s := newScene()
	r := s.watch(bad(), fired())
	st := s.story(r, bad())
	st.Pauses = []report.Pause{{Stop: release.Stop{Reason: release.HeldByPerson, Text: "the load balancer is being changed", By: "kim", Since: after(21 * time.Minute)},
		Until: after(22 * time.Minute), Why: "done", By: "kim"}}
	d := report.Milestone(st)
	golden(t, "bad.md", d.Markdown())
	show(t, "bad", d)
}

func TestNothingMeasuredIsReported(t *testing.T) {
	s := newScene()
	s.c.Observation.Clock = minutes(30) // it was measured once, and then no more
	nothing := func(time.Time) float64 { return math.NaN() }
	none := values{"api-error-rate": nothing, "p95-latency": nothing, "runtime-restarts": nothing, "doc-contract-drift": nothing}
	r := s.watch(none)
	st := s.story(r, none)
	for id := range st.Series {
		st.Series[id] = report.Series{Problem: "query value of " + id + ": connection refused"}
	}
	d := report.Milestone(st)
	golden(t, "nothing.md", d.Markdown())
	if html := show(t, "nothing", d); strings.Contains(html, "<svg") {
		t.Error("a plot of nothing")
	}
}

func TestLaterMilestonesAddWhatTheRunbookAsksFor(t *testing.T) {
	s := newScene()
	s.watch(bad())
	quiet := values{}
	for id, v := range bad() {
		quiet[id] = v
	}
	quiet["api-error-rate"] = between(0.012, 20*time.Hour, 20*time.Hour+3*time.Minute, between(0.014, 5*time.Hour, 5*time.Hour, between(0.017, 3*time.Hour, 3*time.Hour, quiet["api-error-rate"])))
	quiet["p95-latency"] = between(math.NaN(), 30*time.Hour, 31*time.Hour, quiet["p95-latency"])
	for _, name := range []string{"second", "notes", "backlog"} {
		r := s.watch(quiet)
		st := s.story(r, quiet)
		st.Log = &report.Log{From: s.c.From, To: s.c.Commit, Tag: "pre-bigbang-cutover-20260301", Commits: commits()}
		d := report.Milestone(st)
		golden(t, name+".md", d.Markdown())
		show(t, name, d)
	}
}

func commits() []report.Commit {
	id := func(n int) string { return fmt.Sprintf("%040x", 0xc0ffee00+n) }
	return []report.Commit{{ID: id(1), Subject: "Merge pull request #12 from side", Author: "Kim", Merge: true}, {ID: id(2), Subject: "feat(web)!: approvals need two persons", Author: "Kim"},
		{ID: id(3), Subject: "fix: 재시작 횟수가 두 번 계산되던 문제", Author: "이서준"}, {ID: id(4), Subject: "agent/ledger: repair a torn last line", Author: "Kim"},
		{ID: id(5), Subject: "perf(db): one query less", Author: "Kim"}, {ID: id(6), Subject: "refactor: rooms", Author: "Kim", Breaking: true}, {ID: id(7), Subject: "- [x] <script>alert(1)</script> `| *bold*", Author: "<b>Mallory</b>"}}
}

func TestNotesSayWhatTheyLeaveOut(t *testing.T) {
	s := newScene()
	s.watch(good())
	r := s.watch(good())
	r.Draft = slo.DraftReleaseNotes
	st := s.story(r, good())
	st.Log = &report.Log{From: s.c.From, To: s.c.Commit, Cut: true}
	for n := range 70 {
		st.Log.Commits = append(st.Log.Commits, report.Commit{ID: fmt.Sprintf("%040x", n+1), Subject: fmt.Sprintf("fix: number %d", n), Author: "Kim"})
	}
	text := report.Milestone(st).Markdown()
	for _, want := range []string{"70 commits by Kim (70); 0 merges folded. There are more: only the last 70 were read.", "- and 10 more\n", "number 59 ", "### Fixes"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	st.Log.Problem = "the remote did not answer"
	if text = report.Milestone(st).Markdown(); !strings.Contains(text, "The log could not be read: the remote did not answer") || !strings.Contains(text, "`git log aaaaaaaaaaaa..bbbbbbbbbbbb`") {
		t.Errorf("no fallback in\n%s", text)
	}
}

// hostile is a text that everything would be made of by somebody who does not escape.
const hostile = "</svg></style><script>alert(1)</script><img src=x onerror=alert(1)> | [x](javascript:alert(1)) `code` **bold** $x$ \n# heading\n- item & &lt; \u202egnihton"

func TestHostileTextsAreTexts(t *testing.T) {
	s := newScene()
	for n := range s.p.SLOs {
		s.p.SLOs[n].Title, s.p.SLOs[n].Owner = hostile+strings.Repeat(" long", 50), hostile
	}
	for n := range s.c.Course.Milestones {
		s.c.Course.Milestones[n].Title = hostile
	}
	r := s.watch(bad(), release.Alarm{Name: hostile, SLO: hostile, Trigger: hostile, From: after(time.Minute), Decision: hostile})
	r.Draft, r.Asks = slo.DraftReleaseNotes, []string{hostile}
	st := s.story(r, bad())
	st.Series["api-error-rate"] = report.Series{Problem: hostile}
	st.Pauses = []report.Pause{{Stop: release.Stop{Reason: release.HeldByPerson, Text: hostile, By: hostile, Since: t0}}}
	st.Log = &report.Log{Tag: hostile, Commits: []report.Commit{{Subject: hostile, Author: hostile, ID: hostile}}}
	d := report.Milestone(st)
	html := show(t, "hostile", d)
	for _, bad := range []string{"<script", "<img", "</svg></style>"} {
		if strings.Contains(html, bad) {
			t.Errorf("%s is in the page", bad)
		}
	}
	text := d.Markdown()
	var rendered strings.Builder
	raw := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(renderer.WithUnsafe()))
	if err := raw.Convert([]byte(text), &rendered); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script", "<img", "<a href", "<h1>heading", "<li>item", "<strong>bold", "<input", "<del"} {
		if strings.Contains(rendered.String(), bad) {
			t.Errorf("%s comes of the Markdown", bad)
		}
	}
	if n, want := strings.Count(rendered.String(), "<th>"), 9+5+6+5+5; n != want {
		t.Errorf("%d columns, want %d: a bar made one", n, want)
	}
	golden(t, "hostile.md", text)
}

func TestTheSameMatterGivesTheSameBytes(t *testing.T) {
	made := func() []string {
		s := newScene()
		r := s.watch(bad(), fired())
		d := report.Milestone(s.story(r, bad()))
		html, err := d.HTML()
		if err != nil {
			t.Fatal(err)
		}
		return []string{d.Markdown(), html}
	}
	if a, b := made(), made(); !slices.Equal(a, b) {
		t.Error("two reports of the same differ")
	}
}

func TestThePageLoadsAndRunsNothing(t *testing.T) {
	s := newScene()
	html := show(t, "good", report.Milestone(s.story(s.watch(good()), good())))
	for _, bad := range []string{"<script", "<link", "href=", "src=", " style=", "url(", "@import", "onclick"} {
		if strings.Contains(html, bad) {
			t.Errorf("%q is in the page", bad)
		}
	}
	if !strings.Contains(html, `http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;; style-src &#39;sha256-`) {
		t.Error("the page has no policy")
	}
}

func TestNamesOfReports(t *testing.T) {
	c := release.CourseOf(plan())
	c.Milestones = append(c.Milestones, slo.Milestone{Item: "../7/x", After: minutes(90)}, slo.Milestone{Item: "8", After: minutes(120)})
	for item, want := range map[string]string{"6.1": "T+30m", "6.2": "T+2h-6.2", "8": "T+2h-8", "6.3": "T+24h", "6.4": "T+48h", "../7/x": "T+1h30m", "/etc/../x": "-_etc_.._x"} {
		if got := report.Name(c, item); got != want {
			t.Errorf("%s is called %s, want %s", item, got, want)
		}
	}
}
