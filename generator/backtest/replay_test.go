package backtest

import (
	"maps"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/generator/backtest/pasttest"
	"github.com/coclai/cutover/generator/slo"
)

// recordedSeries are some that a rule group would have written, each minute, with labels of its own.
func recordedSeries(name string, set map[string]string, at func(time.Time) float64) pasttest.Series {
	all := map[string]string{"__name__": name}
	maps.Copy(all, set)
	return pasttest.Series{Labels: all, At: at}
}

// openSeries is a day of series, scraped each minute.
func openSeries(t *testing.T, all ...pasttest.Series) *Past {
	t.Helper()
	dir := t.TempDir()
	if err := (pasttest.Past{From: day.From.Add(-time.Hour), To: day.To, Scrape: time.Minute}).Write(dir, all); err != nil {
		t.Fatal(err)
	}
	past, err := OpenDirectory(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { past.Close() })
	return past
}

func reading(t *testing.T, rules string) Rules {
	t.Helper()
	r, err := ReadRules("r.yaml", ruleFile(rules), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const ratioRules = "      - record: slo:value:5m\n        expr: raw / 2\n        labels: {slo: a}\n" +
	"      - alert: A\n        expr: slo:value:5m{slo=\"a\"} > 1\n"

func always(v float64) func(time.Time) float64 { return func(time.Time) float64 { return v } }

func TestRecordedSeriesAreReadWhereTheyAreAndDerivedWhereNot(t *testing.T) {
	half := func(v float64) func(time.Time) float64 { // from noon on
		return func(at time.Time) float64 {
			if at.Before(day.From.Add(12 * time.Hour)) {
				return nan
			}
			return v
		}
	}
	raw := recordedSeries("raw", nil, always(4)) // derived: 2, fires
	value := func(at func(time.Time) float64) pasttest.Series {
		return recordedSeries("slo:value:5m", map[string]string{"slo": "a"}, at)
	}
	ours := func(sha string) pasttest.Series {
		return recordedSeries(slo.RulesInfo, map[string]string{"service": "s", "environment": "e", "sha256": sha}, always(1))
	}
	info := "      - record: promrulegen_rules_info\n        expr: vector(1)\n        labels: {service: s, environment: e, sha256: mine}\n"
	for _, test := range []struct {
		name   string
		rules  string
		series []pasttest.Series
		fired  int
		note   string
	}{
		{"recorded throughout: read, whatever raw data would give", ratioRules, []pasttest.Series{raw, value(always(0))}, 0, ""},
		{"not recorded: derived", ratioRules, []pasttest.Series{raw}, 1, ""},
		{"recorded in part: derived throughout", ratioRules, []pasttest.Series{raw, value(half(0))}, 1, ""},
		{"recorded in part, and no raw data: as it stands", ratioRules, []pasttest.Series{value(half(2))}, 1, "in part"},
		{"recorded by these rules", ratioRules + info, []pasttest.Series{raw, value(always(0)), ours("mine")}, 0, ""},
		{"recorded by other rules: derived", ratioRules + info, []pasttest.Series{raw, value(always(0)), ours("other")}, 1, "other rules ran then"},
	} {
		r := replayed(t, openSeries(t, test.series...), reading(t, test.rules), Options{Span: day})
		if got := r.Totals().Fired; got != test.fired || r.Alerts[0].Problem != "" {
			t.Errorf("%s: %d fired, problem %q", test.name, got, r.Alerts[0].Problem)
		}
		if notes := strings.Join(r.Notes, "\n"); !strings.Contains(notes, test.note) || test.note == "" && notes != "" {
			t.Errorf("%s: notes %q", test.name, notes)
		}
	}
}

func TestAnAlertWithoutDataIsNeverQuiet(t *testing.T) {
	for _, test := range []struct {
		name, expr string
		series     []pasttest.Series
		problem    string
		agent      bool
	}{
		{"no sample of the metric", "nothing > 1", nil, "there is no sample of nothing", false},
		{"other labels", `raw{job="x"} > 1`, []pasttest.Series{recordedSeries("raw", map[string]string{"job": "y"}, always(1))}, "do the labels agree?", false},
		{"no bound", "raw > 1.35 * baseline", []pasttest.Series{recordedSeries("raw", nil, always(1))}, "there is no sample of baseline", false},
		{"what the agent exports", `rollback_agent_gate_result{gate="x"} < 1`, nil, "which rollback-agent exports", true},
		{"unless something is there", "nothing unless raw", []pasttest.Series{recordedSeries("raw", nil, always(1))}, "there is no sample of nothing", false},
		{"two series at once", "a > 1 or on(z) b > 1", []pasttest.Series{recordedSeries("a", map[string]string{"p": "1"}, always(2)),
			recordedSeries("a", map[string]string{"p": "2"}, always(3))}, "", false},
	} {
		rules := reading(t, "      - alert: A\n        expr: '"+test.expr+"'\n        labels: {rollback: auto, severity: page}\n")
		r := replayed(t, openSeries(t, append(test.series, recordedSeries("up", nil, always(1)))...), rules, Options{Span: day})
		a := r.Alerts[0]
		if !strings.Contains(a.Problem, test.problem) || (test.problem == "") != (a.Problem == "") || a.NeedsAgent != test.agent {
			t.Errorf("%s: problem %q, needs the agent: %v", test.name, a.Problem, a.NeedsAgent)
		}
		if len(r.Untold()) == 0 && test.problem != "" {
			t.Errorf("%s: is told to have an answer", test.name)
		}
	}
}

func TestAbsenceNeedsNoMeasurement(t *testing.T) {
	gone := recordedSeries("raw", nil, func(at time.Time) float64 {
		if h := at.Sub(day.From).Hours(); h > 6 && h < 7 {
			return nan
		}
		return 1
	})
	r := replayed(t, openSeries(t, gone), reading(t, "      - alert: A\n        expr: absent(raw)\n        for: 5m\n"), Options{Span: day})
	if a := r.Alerts[0]; len(a.Fired()) != 1 || a.Problem != "" || a.Measured >= 0 {
		t.Errorf("%d fired, problem %q, measured %v", len(a.Fired()), a.Problem, a.Measured)
	}
}

// Baselines and T0 hold from their release to the next, and only then.
func TestGivenSeriesHoldForTheirRelease(t *testing.T) {
	noon := day.From.Add(12 * time.Hour)
	given := []Given{
		{Name: "base", Labels: map[string]string{"x": "1"}, Span: Span{day.From.Add(6 * time.Hour), noon.Add(-time.Millisecond)}, Value: 10},
		{Name: "base", Labels: map[string]string{"x": "1"}, Span: Span{noon, day.To}, Value: 1},
	}
	rules := reading(t, "      - alert: A\n        expr: raw > on() base\n")
	r := replayed(t, openSeries(t, recordedSeries("raw", nil, always(5))), rules, Options{Span: day, Given: given})
	a := r.Alerts[0]
	if len(a.Episodes) != 1 || !a.Episodes[0].Onset.Equal(noon) {
		t.Errorf("episodes %v, want one from noon", a.Episodes)
	}
	if len(a.Gaps) != 1 || !a.Gaps[0].To.Equal(day.From.Add(6*time.Hour)) {
		t.Errorf("gaps %v, want one to the first release", a.Gaps)
	}
	there := replayed(t, openSeries(t, recordedSeries("raw", nil, always(5)), recordedSeries("base", nil, always(100))), rules, Options{Span: day, Given: given})
	if len(there.Alerts[0].Episodes) > 0 {
		t.Error("a series that the past has was replaced")
	}
}

// What held when the range began is told to have held before, and rules evaluated later than they query are told at their evaluation.
func TestTheEndsOfTheRange(t *testing.T) {
	content := []byte("groups:\n  - name: g\n    interval: 1m\n    query_offset: 30s\n    rules:\n      - alert: A\n        expr: raw > 1\n        for: 5m\n")
	rules, err := ReadRules("r", content, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	raw := recordedSeries("raw", nil, func(at time.Time) float64 {
		if h := at.Sub(day.From).Hours(); h < 1 || h >= 20 {
			return 2
		}
		return 0
	})
	a := replayed(t, openSeries(t, raw), rules, Options{Span: day}).Alerts[0]
	if len(a.Episodes) != 2 || !a.Episodes[0].Before || a.Episodes[1].Before || !a.Episodes[1].Resolved.IsZero() {
		t.Fatalf("episodes %+v", a.Episodes)
	}
	want := []time.Time{day.From.Add(time.Hour + time.Minute), day.From.Add(20*time.Hour + time.Minute), day.From.Add(20*time.Hour + 6*time.Minute)}
	if diff := cmp.Diff(want, []time.Time{a.Episodes[0].Resolved, a.Episodes[1].Onset, a.Episodes[1].Fired}); diff != "" {
		t.Error(diff)
	}
}

func TestRulesAreReplayedBesideOthers(t *testing.T) {
	ours := replayed(t, openMonth(t), groupsIn(t, "api-error-rate"), Options{Span: Span{outage.From.Add(-time.Hour), outage.To.Add(2 * time.Hour)}})
	theirs := replayed(t, openMonth(t), rulesIn(t, filepath.Join("testdata", "theirs.yaml")), Options{Span: ours.Span})
	matches := ours.Matches(theirs.Report)
	if len(matches) != 2 || matches[0].By != "HighErrors" || matches[0].Later <= 0 {
		t.Errorf("ours: %+v", matches)
	}
	if matches := theirs.Matches(ours.Report); len(matches) != 1 || matches[0].Later >= 0 {
		t.Errorf("theirs: %+v", matches)
	}
}

// nan is a scrape that failed.
var nan = math.NaN()
