package backtest

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/coclai/cutover/generator/plot"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"minute": minute, "stamp": stamp, "long": long, "counted": counted, "measured": measured,
}).Parse(pageText))

// Page is an answer as one HTML page: it loads nothing, runs nothing, and reads on a phone, in light and dark.
func (a Answer) Page() ([]byte, error) {
	var b bytes.Buffer
	view := answerView{Answer: a, Cards: a.cards(), Timeline: template.HTML(a.timeline())}
	view.Sides = append(view.Sides, sideView{Triggers: a.views(a.Report, Alert.Acts), Alerts: a.views(a.Report, did), Quiet: quiet(a.Report)})
	if a.Other != nil {
		view.Sides = append(view.Sides, sideView{Title: a.Other.File, Totals: a.Other.Totals().sentence(),
			Triggers: a.views(*a.Other, Alert.Acts), Alerts: a.views(*a.Other, did), Quiet: quiet(*a.Other)})
		view.Ours, view.Theirs = a.Matches(*a.Other), a.Other.Matches(a.Report)
	}
	if err := page.Execute(&b, view); err != nil {
		return nil, fmt.Errorf("write the page: %w", err)
	}
	return b.Bytes(), nil
}

// answerView is what the page shows.
type answerView struct {
	Answer
	Cards        []card
	Timeline     template.HTML
	Sides        []sideView
	Ours, Theirs []Match
}

// Length is that of the range.
func (v answerView) Length() string { return long(v.To.Sub(v.From)) }

// card is one number of the head of the page.
type card struct{ Number, Text, Class string }

// sideView is one file of rules.
type sideView struct {
	Title, Totals    string
	Triggers, Alerts []alertView
	Quiet            []Alert
}

// alertView is an alert in full.
type alertView struct {
	Alert
	Trigger  string
	Plot     template.HTML
	Episodes []episodeView
	Longest  []Span
	MoreGaps int
}

type episodeView struct {
	Episode
	Plot                                                   template.HTML // a close-up, of a trigger's
	Would, Class, Numbers, Detected, Distinct, Lasted, End string
}

// cards are what a reader wants first: what would have been done, then how much there was of it, then what is not known.
func (a Answer) cards() []card {
	t := a.Totals()
	var cards []card
	for _, v := range Verdicts {
		if n := t.Verdicts[v.Key]; n > 0 {
			cards = append(cards, card{fmt.Sprint(n), v.Would, v.Key})
		}
	}
	cards = append(cards, card{fmt.Sprint(t.Acting), "times a trigger fired", ""}, card{fmt.Sprint(t.Fired - t.Acting), "times another alert did", ""},
		card{fmt.Sprint(t.Pending), "times one stayed pending", ""})
	if t.Unjudged > 0 {
		cards = append(cards, card{fmt.Sprint(t.Unjudged), fmt.Sprintf("of %d alerts could not be judged", t.Alerts), "unknown"})
	}
	return cards
}

func (a Answer) marks() []plot.Mark {
	var marks []plot.Mark
	for _, r := range a.Releases {
		marks = append(marks, plot.Mark{At: r.At, Title: "release " + r.Name + " " + stamp(r.At)})
	}
	return marks
}

// timeline has a row for each trigger's alert, then one for each other that fired, all on one axis.
func (a Answer) timeline() string {
	t := plot.Timeline{Title: "when each alert was pending or firing", From: a.From, To: a.To, Marks: a.marks()}
	t.Lanes = append(t.Lanes, a.Report.lanes("trigger ", Alert.Acts)...)
	t.Lanes = append(t.Lanes, a.Report.lanes("", did)...)
	if a.Other != nil {
		t.Lanes = append(t.Lanes, a.Other.lanes("compared: ", func(one Alert) bool { return len(one.Episodes) > 0 })...)
	}
	return t.SVG()
}

// did says that an alert without a trigger held at some time.
func did(a Alert) bool { return !a.Acts() && len(a.Episodes) > 0 }

func (r Report) lanes(before string, which func(Alert) bool) []plot.Lane {
	var lanes []plot.Lane
	for _, a := range r.Alerts {
		if !which(a) {
			continue
		}
		name := before + a.Name
		if a.Acts() {
			name = before + a.trigger() + ": " + a.Name
		}
		lanes = append(lanes, plot.Lane{Name: name, Bands: a.bands(r.Span)})
	}
	return lanes
}

// bands are an alert's gaps and episodes.
func (a Alert) bands(s Span) []plot.Band {
	var bands []plot.Band
	if a.Problem != "" {
		bands = append(bands, plot.Band{From: s.From, To: s.To, Kind: plot.Gap, Title: a.Problem})
	}
	for _, g := range a.Gaps {
		bands = append(bands, plot.Band{From: g.From, To: g.To, Kind: plot.Gap, Title: fmt.Sprintf("not measured %s to %s", stamp(g.From), stamp(g.To))})
	}
	for _, e := range a.Episodes {
		held := e.End(s)
		if pending := firstOf(e.Fired, held); pending.After(e.Onset) {
			bands = append(bands, plot.Band{From: e.Onset, To: pending, Kind: plot.Pending, Title: fmt.Sprintf("pending %s to %s", stamp(e.Onset), stamp(pending))})
		}
		if !e.Fired.IsZero() {
			bands = append(bands, plot.Band{From: e.Fired, To: held, Kind: plot.Firing, Title: fmt.Sprintf("firing %s to %s", stamp(e.Fired), stamp(held))})
		}
	}
	return bands
}

// firstOf is the first time unless it is zero.
func firstOf(a, b time.Time) time.Time {
	if a.IsZero() {
		return b
	}
	return a
}

// views are the alerts of which more than a line is to be said.
func (a Answer) views(r Report, which func(Alert) bool) []alertView {
	var views []alertView
	for _, alert := range r.Alerts {
		if !which(alert) {
			continue
		}
		v := alertView{Alert: alert, Trigger: alert.trigger(), Longest: longest(alert.Gaps, mostGaps), MoreGaps: max(len(alert.Gaps)-mostGaps, 0)}
		if alert.Problem == "" && alert.value != nil {
			v.Plot = template.HTML(a.chart(alert, r.Span, r.Span))
		}
		for i, e := range alert.Episodes {
			one := alert.view(e, r.Span)
			if alert.Acts() && alert.value != nil && !e.Fired.IsZero() && i < mostCloseUps {
				one.Plot = template.HTML(a.chart(alert, r.Span, closeUp(e, r.Span)))
			}
			v.Episodes = append(v.Episodes, one)
		}
		views = append(views, v)
	}
	return views
}

// mostCloseUps is of how many episodes of an alert a plot of their own is shown.
const mostCloseUps = 12

// closeUp is an episode with as much before and after it, and no less than a quarter of an hour.
func closeUp(e Episode, s Span) Span {
	around := max(e.End(s).Sub(e.Began), 15*time.Minute)
	return Span{later(e.Began.Add(-around), s.From), earlier(e.End(s).Add(around), s.To)}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// quiet are the alerts of which a line is enough.
func quiet(r Report) []Alert {
	var all []Alert
	for _, a := range r.Alerts {
		if !a.Acts() && !did(a) {
			all = append(all, a)
		}
	}
	return all
}

func (a Alert) view(e Episode, s Span) episodeView {
	v := episodeView{Episode: e, Class: e.Verdict, Would: e.would(), Numbers: a.comparison(e), Distinct: strings.TrimPrefix(e.distinct(a), "; "),
		Lasted: long(e.FiringFor(s)), Detected: e.detected(), End: "goes on"}
	if !e.Resolved.IsZero() {
		v.End = stamp(e.Resolved)
	}
	if e.Fired.IsZero() {
		v.Lasted, v.Detected = long(e.End(s).Sub(e.Onset)), "did not fire"
	}
	return v
}

// chart is the plot of what an alert compares, in part of the whole range.
func (a Answer) chart(alert Alert, whole, part Span) string {
	c := plot.Chart{Title: alert.Name + ": value, bound, and when it was pending or firing", From: part.From, To: part.To, Bands: alert.bands(whole), Marks: a.marks(),
		Label: func(v float64) string { return number(v, alert.Unit) }}
	c.Lines = append(c.Lines, alert.line(alert.value))
	if alert.bound != nil {
		bound := alert.line(alert.bound)
		bound.Bound = true
		c.Lines = append(c.Lines, bound)
	}
	return c.SVG()
}

func (a Alert) line(values []float64) plot.Line {
	line := plot.Line{Step: time.Duration(a.Interval) * 3 / 2, Points: make([]plot.Point, len(values))}
	for i, v := range values {
		line.Points[i] = plot.Point{At: at(a.grid.from + int64(i)*a.grid.step).Add(a.offset), Value: v}
	}
	return line
}

// Sentence says whether, and how much later, the other rules fired.
func (m Match) Sentence() string { return m.sentence() }
