package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/generator/plot"
	"github.com/coclai/cutover/generator/slo"
)

// about says how to read the plots, or why there are none.
func (s Story) about() string {
	if len(s.Result.Total) == 0 {
		return "Nothing was judged, so there is nothing to plot."
	}
	if !slices.ContainsFunc(s.Result.Total, func(r release.Row) bool { return len(s.Series[r.SLO].Points) > 0 }) {
		return "There are no plots: Prometheus gave no values when this was written. What was judged is in the tables above all the same; it was measured at its time."
	}
	return fmt.Sprintf("From %s to %s. A plot asks Prometheus again, at a few hundred moments: what happened between two of them is in the tables above and not in the line, except each row's worst value, which is put in.",
		s.at(s.Since), s.at(s.Result.At))
}

// figures are one for each row, in the plan's order.
func (s Story) figures() []Figure {
	var all []Figure
	for _, r := range s.Result.Total {
		all = append(all, s.figure(r))
	}
	return all
}

func (s Story) figure(r release.Row) Figure {
	row, series := s.row(r.SLO), s.Series[r.SLO]
	f := Figure{Title: row.Title}
	points := withWorst(series.Points, r.Worst)
	if len(points) == 0 {
		f.Summary = "No plot: Prometheus has no value of it in this time."
		if series.Problem != "" {
			f.Summary = "No plot: " + cut(series.Problem, 300)
		}
		return f
	}
	from, to := s.Since, s.Result.At
	c := plot.Chart{Title: row.Title + ": value, bounds, and when it was not PASS", From: from, To: to, Bands: s.bands(r),
		Marks: []plot.Mark{{At: s.cutover().T0, Title: "T0 " + moment(s.cutover().T0), Name: "T0"}}, Label: func(v float64) string { return amount(row.Unit, v) }}
	value := plot.Line{Step: series.Step * 3 / 2, Steps: row.Unit == slo.Count || row.Unit == slo.State}
	for _, p := range points {
		value.Points = append(value.Points, plot.Point{At: p.At, Value: p.Value})
	}
	c.Lines = append(c.Lines, value)
	if bound := boundOf(r.Last, row.SLO != nil); bound != "" {
		c.Lines = append(c.Lines, level(c, bound, "SLO "+sign(r.Last.Op), true))
	}
	c.Lines = append(c.Lines, level(c, r.Last.Alert, "alert "+sign(r.Last.AlertOp), false))
	f.SVG, f.Summary, f.Table = c.SVG(), s.summary(row, r, points), s.numbers(row.Unit, points)
	return f
}

// withWorst has the worst value among the points: a sample every few minutes would miss it.
func withWorst(points []Point, worst *release.Extreme) []Point {
	if worst == nil || len(points) == 0 {
		return points
	}
	v, err := strconv.ParseFloat(worst.Value, 64)
	if err != nil {
		return points
	}
	n, there := slices.BinarySearchFunc(points, worst.At, func(p Point, at time.Time) int { return p.At.Compare(at) })
	if there {
		return points
	}
	return slices.Insert(slices.Clone(points), n, Point{worst.At, v})
}

// level is a bound as a line through a chart; one that is not known has no points.
func level(c plot.Chart, bound, name string, soft bool) plot.Line {
	l := plot.Line{Bound: true, Soft: soft}
	v, err := strconv.ParseFloat(bound, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return l
	}
	l.Name = name + " " + c.Label(v)
	l.Points = []plot.Point{{At: c.From, Value: v}, {At: c.To, Value: v}}
	return l
}

// bands are when the row was not PASS, and when its alert fired.
func (s Story) bands(r release.Row) []plot.Band {
	kinds := map[release.Verdict]plot.Kind{release.Fail: plot.Failing, release.Unknown: plot.Gap}
	var all []plot.Band
	for _, spell := range r.Spells {
		from := spell.From.Add(-s.Interval) // a moment stands for the time before it
		all = append(all, plot.Band{From: from, To: spell.To, Kind: kinds[spell.Verdict], Title: fmt.Sprintf("%s from %s to %s", spell.Verdict, s.at(spell.From), s.at(spell.To))})
	}
	for _, a := range s.everyAlarm() {
		if a.SLO != r.SLO {
			continue
		}
		to, until := a.To, s.at(a.To)
		if to.IsZero() {
			to, until = s.Result.At, "now"
		}
		all = append(all, plot.Band{From: a.From, To: to, Kind: plot.Firing, Title: fmt.Sprintf("%s fired from %s to %s", cut(a.Name, 200), s.at(a.From), until)})
	}
	return all
}

// everyAlarm are the alerts of all milestones so far, each once, as it was seen last.
func (s Story) everyAlarm() []release.Alarm {
	var all []release.Alarm
	for _, m := range s.milestones() {
		for _, a := range m.Alerts {
			n := slices.IndexFunc(all, func(b release.Alarm) bool { return a.Name == b.Name && a.SLO == b.SLO && a.From.Equal(b.From) })
			if n < 0 {
				all = append(all, a)
				continue
			}
			all[n] = a
		}
	}
	return all
}

// summary is the plot in a sentence.
func (s Story) summary(row slo.PlanSLO, r release.Row, points []Point) string {
	low, high := extremes(points)
	t0 := s.cutover().T0
	text := fmt.Sprintf("Lowest %s at %s, highest %s at %s, last %s.", amount(row.Unit, low.Value), since(t0, low.At), amount(row.Unit, high.Value), since(t0, high.At),
		amount(row.Unit, points[len(points)-1].Value))
	if r.Fail+r.Unknown > 0 {
		text += " " + s.moments(r) + "."
	}
	return text
}

// extremes are the first lowest and the first highest of some points.
func extremes(points []Point) (low, high Point) {
	low, high = points[0], points[0]
	for _, p := range points {
		if p.Value < low.Value {
			low = p
		}
		if p.Value > high.Value {
			high = p
		}
	}
	return low, high
}

// parts is into how many stretches the numbers of a plot are summed up.
const parts = 8

// numbers are the plot for those who cannot see it.
func (s Story) numbers(unit slo.Unit, points []Point) *Table {
	t := &Table{Head: []string{"From", "Until", "Lowest", "Highest", "Last"}}
	from, to := s.Since, s.Result.At
	for n := range parts {
		begin, end := from.Add(to.Sub(from)/parts*time.Duration(n)), from.Add(to.Sub(from)/parts*time.Duration(n+1))
		low, high, last := math.Inf(1), math.Inf(-1), math.NaN()
		for _, p := range points {
			if !p.At.Before(begin) && (p.At.Before(end) || n == parts-1) {
				low, high, last = min(low, p.Value), max(high, p.Value), p.Value
			}
		}
		line := Line{text(since(s.cutover().T0, begin)), text(since(s.cutover().T0, end)), text("not measured"), text(none), text(none)}
		if low <= high {
			line[2], line[3], line[4] = text(amount(unit, low)), text(amount(unit, high)), text(amount(unit, last))
		}
		t.Rows = append(t.Rows, line)
	}
	return t
}
