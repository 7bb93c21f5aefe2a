package backtest

import (
	"math"
	"strconv"
	"time"
)

// jsonAnswer is an Answer for programs: times in RFC 3339, measurements as decimal strings, durations in Prometheus's form, what there is
// not left out.
type jsonAnswer struct {
	Rules    string        `json:"rules"`
	Past     string        `json:"past"`
	From     time.Time     `json:"from"`
	To       time.Time     `json:"to"`
	Notes    []string      `json:"notes"`
	Partial  []string      `json:"partial"`
	Totals   jsonTotals    `json:"totals"`
	Releases []jsonRelease `json:"releases,omitempty"`
	Alerts   []jsonAlert   `json:"alerts"`
	Compared *jsonAnswer   `json:"compared,omitempty"`
}

type jsonTotals struct {
	Alerts   int            `json:"alerts"`
	Unjudged int            `json:"unjudged"`
	Pending  int            `json:"pending"`
	Fired    int            `json:"fired"`
	Acting   int            `json:"fired_of_triggers"`
	Firing   string         `json:"firing"`
	Verdicts map[string]int `json:"verdicts"`
}

type jsonRelease struct {
	At   time.Time `json:"at"`
	Name string    `json:"name"`
}

type jsonAlert struct {
	Alert         string            `json:"alert"`
	Group         string            `json:"group"`
	Labels        map[string]string `json:"labels"`
	Expr          string            `json:"expr"`
	For           string            `json:"for"`
	KeepFiringFor string            `json:"keep_firing_for"`
	Interval      string            `json:"interval"`
	Measured      string            `json:"measured,omitempty"` // share of evaluations; absent of an alert that compares nothing
	Problem       string            `json:"problem,omitempty"`
	Gaps          []jsonSpan        `json:"gaps"`
	Episodes      []jsonEpisode     `json:"episodes"`
}

type jsonSpan struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

type jsonEpisode struct {
	Labels   map[string]string `json:"labels"`
	State    string            `json:"state"` // pending, firing: the farthest it came
	Onset    time.Time         `json:"onset"`
	Fired    time.Time         `json:"fired,omitzero"`
	Resolved time.Time         `json:"resolved,omitzero"` // absent while it goes on at the end
	Before   bool              `json:"before,omitempty"`  // it held already when the range began
	Began    time.Time         `json:"began"`
	Duration string            `json:"duration"` // of firing, or of pending where it did not fire
	Delay    string            `json:"delay,omitempty"`
	Value    string            `json:"value"`
	Peak     string            `json:"peak"`
	Bound    string            `json:"bound,omitempty"`
	Verdict  string            `json:"verdict,omitempty"`
	Reason   string            `json:"reason,omitempty"`
	Text     string            `json:"text,omitempty"`
}

// JSON is an answer to be marshalled.
func (a Answer) JSON() any {
	j := a.Report.json()
	for _, r := range a.Releases {
		j.Releases = append(j.Releases, jsonRelease(r))
	}
	if a.Other != nil {
		j.Compared = a.Other.json()
	}
	return j
}

func (r Report) json() *jsonAnswer {
	t := r.Totals()
	j := &jsonAnswer{Rules: r.File, Past: r.Past, From: r.From.UTC(), To: r.To.UTC(), Notes: append([]string{}, r.Notes...),
		Partial: append([]string{}, r.Partial...), Alerts: []jsonAlert{},
		Totals: jsonTotals{t.Alerts, t.Unjudged, t.Pending, t.Fired, t.Acting, long(t.Firing), t.Verdicts}}
	for _, a := range r.Alerts {
		j.Alerts = append(j.Alerts, a.json(r.Span))
	}
	return j
}

func (a Alert) json(s Span) jsonAlert {
	j := jsonAlert{Alert: a.Name, Group: a.Group, Labels: a.Labels, Expr: a.Expr, For: a.For.String(), KeepFiringFor: a.KeepFiringFor.String(),
		Interval: a.Interval.String(), Problem: a.Problem, Gaps: []jsonSpan{}, Episodes: []jsonEpisode{}}
	if a.Measured >= 0 {
		j.Measured = decimal(a.Measured)
	}
	for _, g := range a.Gaps {
		j.Gaps = append(j.Gaps, jsonSpan(g))
	}
	for _, e := range a.Episodes {
		j.Episodes = append(j.Episodes, e.json(s))
	}
	return j
}

func (e Episode) json(s Span) jsonEpisode {
	j := jsonEpisode{Labels: e.Labels, State: "pending", Onset: e.Onset, Fired: e.Fired, Resolved: e.Resolved, Before: e.Before, Began: e.Began,
		Duration: long(e.End(s).Sub(e.Onset)), Value: decimal(e.Value), Peak: decimal(e.Peak), Verdict: e.Verdict, Reason: e.Reason, Text: e.Text}
	if !e.Fired.IsZero() {
		j.State, j.Duration, j.Delay = "firing", long(e.FiringFor(s)), long(e.Delay())
	}
	if !math.IsNaN(e.Bound) {
		j.Bound = decimal(e.Bound)
	}
	return j
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
