package release_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/generator/slo"
)

var start = time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)

const wanted = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

func minutes(n float64) slo.Duration { return slo.Duration(n * float64(time.Minute)) }

// course is the reference runbook's.
func course() release.Course {
	return release.Course{Every: slo.Duration(30 * time.Second),
		Checklist: []slo.Step{{Item: "3.1", Step: slo.StepTag, By: slo.ByAgent}, {Item: "3.2", Step: slo.StepRecheck, By: slo.ByAgent},
			{Item: "3.3", Step: slo.StepAnnounce, By: slo.ByAgent}, {Item: "3.4", Step: slo.StepDeploy, By: slo.ByPerson},
			{Item: "3.5", Step: slo.StepObserve, By: slo.ByAgent, Until: minutes(30)}, {Item: "3.6", Step: slo.StepObserve, By: slo.ByAgent, Until: minutes(1440)}},
		Milestones: []slo.Milestone{{Item: "6.1", After: minutes(30), Ends: slo.EndsIntensive, Needs: slo.NeedsJudgement}, {Item: "6.2", After: minutes(120), Needs: slo.NeedsReading},
			{Item: "6.3", After: minutes(1440), Ends: slo.EndsStabilisation, Needs: slo.NeedsAcceptance}, {Item: "6.4", After: minutes(2880), Ends: slo.EndsWatch, Needs: slo.NeedsAcceptance}}}
}

// out is a cutover whose release has been deployed at start.
func out() *release.Cutover {
	c := release.Cutover{ID: "cut-1", Commit: wanted, Course: course(), Started: start.Add(-time.Hour), By: "kim"}.Start()
	for _, item := range []string{"3.1", "3.2", "3.3"} {
		c = c.Done(release.Tick{Item: item, By: "rollback-agent"})
	}
	return c.Deploy(release.Release{Commit: wanted, T0: start, By: "ci"}, start)
}

func row(id string, v release.Verdict) release.Reading {
	r := release.Reading{SLO: id, Verdict: v, Reason: id + " is " + string(v), Value: "0.01", Alert: "0.02", AlertOp: slo.Greater}
	if v == release.Unknown {
		r.Value = ""
	}
	return r
}

// watch judges moment after moment until a time, by what verdict says of one row; a second row always passes.
func watch(c *release.Cutover, until time.Time, verdict func(at time.Time) release.Verdict) *release.Cutover {
	for {
		m := c.NextMoment(*c.Observation, until, 1000*time.Hour)
		if m.At.After(until) {
			return c
		}
		errors, restarts := row("errors", verdict(m.At)), row("restarts", release.Pass)
		errors.At, restarts.At = m.At, m.At
		m.Readings = []release.Reading{errors, restarts}
		c = c.Note(release.Watched{Cutover: c.ID}.Add(m, c.Observation))
		if due, reached := c.Due(); reached {
			c = c.Reach(c.Evaluate(due, nil), m.At, "rollback-agent")
		}
	}
}

func always(v release.Verdict) func(time.Time) release.Verdict {
	return func(time.Time) release.Verdict { return v }
}

func TestTheClockCountsHealthyTimeWithData(t *testing.T) {
	between := func(from, to float64, v release.Verdict) func(time.Time) release.Verdict {
		return func(at time.Time) release.Verdict {
			if since := at.Sub(start).Minutes(); since > from && since <= to {
				return v
			}
			return release.Pass
		}
	}
	for _, test := range []struct {
		name          string
		verdict       func(time.Time) release.Verdict
		until         float64 // minutes
		clock         string
		reached, late string // the first milestone: when, and how late
		verdictOf     release.Verdict
	}{
		{"all passes", always(release.Pass), 31, "31m", "02:30:00", "0s", release.Pass},
		{"a minute before", always(release.Pass), 29, "29m", "", "", ""},
		{"a failure counts as time", between(10, 12, release.Fail), 31, "31m", "02:30:00", "0s", release.Fail},
		{"a minute without data does not", between(10, 11, release.Unknown), 31, "30m", "02:31:00", "1m", release.Pass},
		{"an hour without data", between(10, 70, release.Unknown), 95, "35m", "03:30:00", "1h", release.Pass},
		{"no data at all", always(release.Unknown), 95, "0s", "", "", ""},
		{"data lost at the end", between(29, 40, release.Unknown), 41, "30m", "02:41:00", "11m", release.Pass},
	} {
		c := watch(out(), start.Add(minutes(test.until).Std()), test.verdict)
		if got := c.Observation.Clock.String(); got != test.clock {
			t.Errorf("%s: the clock is %s, want %s", test.name, got, test.clock)
		}
		if test.reached == "" {
			if len(c.Reached) > 0 {
				t.Errorf("%s: %s was reached", test.name, c.Reached[0].Item)
			}
			continue
		}
		if len(c.Reached) != 1 {
			t.Errorf("%s: %d milestones are reached", test.name, len(c.Reached))
			continue
		}
		r := c.Reached[0]
		if at := r.At.Format("15:04:05"); at != test.reached || r.Late.String() != test.late || r.Verdict != test.verdictOf {
			t.Errorf("%s: reached %s, %s late, %s; want %s, %s, %s", test.name, at, r.Late, r.Verdict, test.reached, test.late, test.verdictOf)
		}
	}
}

func TestWhatTheAgentMissedIsMadeUpForOrCountsForNothing(t *testing.T) {
	c := watch(out(), start.Add(10*time.Minute), always(release.Pass))
	soon := c.NextMoment(*c.Observation, start.Add(14*time.Minute), 5*time.Minute)
	if want := start.Add(10*time.Minute + 30*time.Second); !soon.At.Equal(want) || soon.Gap {
		t.Errorf("four minutes away: the next moment is %s, want the one after the last, %s", soon.At, want)
	}
	late := c.NextMoment(*c.Observation, start.Add(70*time.Minute), 5*time.Minute)
	late.Readings = []release.Reading{row("errors", release.Pass)}
	c = c.Note(release.Watched{}.Add(late, c.Observation))
	if o := c.Observation; !late.Gap || o.Clock != minutes(10) || o.Gaps != minutes(60) || !o.At.Equal(start.Add(70*time.Minute)) {
		t.Errorf("an hour away: clock %s, gaps %s, at %s", o.Clock, o.Gaps, o.At)
	}
}

func TestANotedEntryIsWhatItsMomentsAre(t *testing.T) {
	verdicts := []release.Verdict{release.Pass, release.Fail, release.Fail, release.Unknown, release.Pass, release.Fail, release.Unknown, release.Unknown, release.Pass}
	one, many := out(), out()
	w := release.Watched{Cutover: one.ID}
	for n, v := range verdicts {
		r := row("errors", v)
		r.At = start.Add(time.Duration(n+1) * 30 * time.Second)
		r.Value = fmt.Sprintf("0.0%d", n)
		m := release.Moment{At: r.At, Since: r.At.Add(-30 * time.Second), Readings: []release.Reading{r}}
		w = w.Add(m, one.Observation)
		many = many.Note(release.Watched{Cutover: many.ID}.Add(m, many.Observation))
	}
	text, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	var stored release.Watched
	if err := json.Unmarshal(text, &stored); err != nil {
		t.Fatal(err)
	}
	one = one.Note(stored)
	if diff := cmp.Diff(many.Observation, one.Observation); diff != "" {
		t.Errorf("noted together it is something else (-one by one +together):\n%s", diff)
	}
	r, _ := one.Observation.Row("errors")
	if r.Pass != 3 || r.Fail != 3 || r.Unknown != 3 || len(r.Spells) != 4 || r.Worst.Value != "0.08" || r.Worst.Share != "4" {
		t.Errorf("%+v, worst %+v", r, r.Worst)
	}
}

func TestTheDarkIsMeasuredFromItsBeginning(t *testing.T) {
	c := watch(out(), start.Add(10*time.Minute), func(at time.Time) release.Verdict {
		if at.After(start.Add(5 * time.Minute)) {
			return release.Unknown
		}
		return release.Pass
	})
	if s := c.Dark(4*time.Minute + 30*time.Second); s == nil || s.Reason != release.Unmeasured || !strings.Contains(s.Text, "errors is UNKNOWN since 2026-03-01T02:05:30Z") {
		t.Errorf("four and a half minutes dark: %+v", s)
	}
	if s := c.Dark(5 * time.Minute); s != nil {
		t.Errorf("it is not five minutes yet: %+v", s)
	}
}

func TestAPhaseEndsByItsMilestone(t *testing.T) {
	c := out()
	phase := func(want release.Phase) {
		t.Helper()
		if c.Phase != want {
			t.Errorf("at %s the phase is %s, want %s", c.Observation.At, c.Phase, want)
		}
	}
	phase(release.Intensive)
	bad := func(at time.Time) release.Verdict {
		if at.Equal(start.Add(time.Minute)) {
			return release.Fail
		}
		return release.Pass
	}
	c = watch(c, start.Add(40*time.Minute), bad)
	phase(release.Intensive) // 6.1 did not pass: a person judges
	if asks := c.Reached[0].Asks; len(asks) != 2 || !strings.Contains(asks[0], "errors was beyond its SLO at 1 of 60 moments") {
		t.Errorf("asks %q", asks)
	}
	c = c.Done(release.Tick{Item: "6.1", Note: "the cache", By: "kim", At: start.Add(41 * time.Minute)})
	phase(release.Stabilisation)
	if c.Interval() != time.Minute {
		t.Errorf("stabilisation is judged every %s", c.Interval())
	}
	c = watch(c, start.Add(25*time.Hour), bad)
	phase(release.Watch)
	if c.Interval() != 5*time.Minute || c.Reached[1].Verdict != release.Pass || c.Reached[2].Clock != minutes(1440) {
		t.Errorf("every %s, %s, %s", c.Interval(), c.Reached[1].Verdict, c.Reached[2].Clock)
	}
	c = watch(c, start.Add(49*time.Hour), bad)
	phase(release.Closing)
	if c.Observing() || len(c.Reached) != 4 {
		t.Error("after the last milestone nothing is observed any more")
	}
	for _, item := range []string{"6.2", "6.3", "6.4"} {
		if c.Ended != nil {
			t.Errorf("closed before %s", item)
		}
		c = c.Done(release.Tick{Item: item, By: "lee"})
	}
	if c.Phase != release.Closed || c.Ended == nil || c.Ended.By != "lee" {
		t.Errorf("%s %+v", c.Phase, c.Ended)
	}
	for _, i := range c.Items() {
		if i.State != release.ItemDone {
			t.Errorf("%s %s is %s", i.Item, i.What, i.State)
		}
	}
}

func TestNothingIsDoneTwiceOrSkippedBeforeT0(t *testing.T) {
	c := release.Cutover{ID: "cut-1", Commit: wanted, Course: course(), By: "kim"}.Start()
	for _, want := range []string{"tag 3.1", "recheck 3.2", "announce 3.3"} {
		step, item := c.NextStep()
		if got := step + " " + item; got != want || c.Phase != release.Preparing {
			t.Errorf("next is %s in phase %s, want %s", got, c.Phase, want)
		}
		c = c.Done(release.Tick{Item: item})
	}
	if c.Phase != release.Waiting || c.Observing() {
		t.Errorf("phase %s", c.Phase)
	}
	bare := release.Cutover{Course: release.Course{}}.Start()
	if step, item := bare.NextStep(); step != slo.StepTag || item != slo.StepTag {
		t.Errorf("a checklist without a tag begins with %s %s", step, item)
	}
}

func TestAHoldOfAPersonOutlivesTheDeploy(t *testing.T) {
	c := release.Cutover{ID: "cut-1", Commit: wanted, Course: course()}.Start()
	c = c.Halt(release.Stop{Reason: release.HeldByPerson, Text: "wait"}).Deploy(release.Release{Commit: wanted, T0: start}, start)
	if c.Stop == nil || c.T0.IsZero() {
		t.Error("T0 is declared, and the hold stays")
	}
	c = c.Continue(release.Continuation{From: start.Add(time.Hour)})
	if m := c.NextMoment(*c.Observation, start.Add(time.Hour), time.Minute); !m.Since.Equal(start.Add(time.Hour)) || c.Observation.Clock != 0 {
		t.Errorf("it goes on from %s with %s", m.Since, c.Observation.Clock)
	}
}

func TestARowIsJudgedByItsSLO(t *testing.T) {
	bound := func(op slo.Op, value string) *slo.Bound { return &slo.Bound{Op: op, Value: decimal(value)} }
	latency := slo.PlanSLO{ID: "p95", SLO: &slo.Bound{Op: slo.Op("<="), Relative: decimal("0.20")}, Alert: slo.Bound{Op: slo.Greater, Relative: decimal("0.35")},
		AgeMax: minutes(1), Baseline: &slo.PlanBaseline{Floor: slo.MustDecimal("0.02")}}
	base := &release.Baseline{Value: "0.2"}
	for _, test := range []struct {
		name     string
		slo      slo.PlanSLO
		sample   release.Sample
		baseline *release.Baseline
		want     release.Verdict
		alert    string
		reason   string
	}{
		{"between the two bounds", slo.PlanSLO{ID: "errors", SLO: bound("<=", "0.01"), Alert: *bound(">", "0.02"), AgeMax: minutes(1)}, release.Sample{Value: f(0.015), Age: f(1)}, nil, release.Fail, "0.02", "errors is 0.015, not <= 0.01"},
		{"at the SLO's bound", slo.PlanSLO{ID: "errors", SLO: bound("<=", "0.01"), Alert: *bound(">", "0.02"), AgeMax: minutes(1)}, release.Sample{Value: f(0.01), Age: f(1)}, nil, release.Pass, "0.02", "errors is 0.01, <= 0.01"},
		{"only an alert", slo.PlanSLO{ID: "leaks", Alert: *bound(">=", "1"), AgeMax: minutes(1)}, release.Sample{Value: f(1), Age: f(1)}, nil, release.Fail, "1", ">= 1"},
		{"one restart", slo.PlanSLO{ID: "restarts", SLO: bound("==", "0"), Alert: *bound(">=", "3"), AgeMax: minutes(1)}, release.Sample{Value: f(1), Age: f(1)}, nil, release.Fail, "3", "not == 0"},
		{"latency within", latency, release.Sample{Value: f(0.24), Age: f(1)}, base, release.Pass, "0.27", ""},
		{"latency beyond", latency, release.Sample{Value: f(0.25), Age: f(1)}, base, release.Fail, "0.27", "not <= 0.24"},
		{"latency beyond, but within the floor", latency, release.Sample{Value: f(0.0021), Age: f(1)}, &release.Baseline{Value: "0.0015"}, release.Pass, "0.002025", ""},
		{"no baseline", latency, release.Sample{Value: f(0.25), Age: f(1)}, nil, release.Unknown, "", "no baseline"},
		{"stale", latency, release.Sample{Value: f(0.25), Age: f(61)}, base, release.Unknown, "", "61 s old"},
	} {
		got := release.Observe(test.slo, test.sample, test.baseline)
		if got.Verdict != test.want || got.Alert != test.alert || !strings.Contains(got.Reason, test.reason) {
			t.Errorf("%s: %s, alert %q (%s); want %s, %q (…%s…)", test.name, got.Verdict, got.Alert, got.Reason, test.want, test.alert, test.reason)
		}
	}
	idle := slo.PlanSLO{ID: "approvals", Alert: *bound(">", "1"), AgeMax: minutes(1), MinEvents: decimal("20"), NoData: slo.NoDataOK}
	if r := release.Observe(idle, release.Sample{Value: f(0), Events: f(3), Age: f(1)}, nil); r.Verdict != release.Unknown || !r.Tolerated {
		t.Errorf("idle where idle is healthy: %+v: not green, and no reason to stop", r)
	}
}
