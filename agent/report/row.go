package report

import (
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/generator/plot"
	"github.com/coclai/cutover/generator/slo"
)

// Row is a row of the matrix as it is at this moment, for who looks at the page.
type Row struct {
	Plan     slo.PlanSLO
	Reading  release.Reading // as of release.Observe
	Series   Series
	From, To time.Time // of the plot
	T0       time.Time // zero when nothing is released
}

// Value is the measured value with its unit, and how many events it rests on.
func (r Row) Value() string {
	text := quantity(r.Plan.Unit, r.Reading.Value)
	if r.Reading.Value != "" && r.Reading.Events != "" {
		text += " of " + r.Reading.Events + " events"
	}
	return text
}

// Bounds are the SLO's and the alert's, in words; of the SLO "" where the row has none.
func (r Row) Bounds() (objective, alert string) {
	if r.Plan.SLO != nil {
		objective = boundText(r.Plan.SLO, r.Plan.Unit, boundOf(r.Reading, true))
	}
	return objective, boundText(&r.Plan.Alert, r.Plan.Unit, r.Reading.Alert)
}

// Summary is the plot in a sentence, or why there is none.
func (r Row) Summary() string {
	if len(r.Series.Points) == 0 {
		if r.Series.Problem != "" {
			return "No plot: " + cut(r.Series.Problem, 300)
		}
		return "No plot: Prometheus has no value of it in this time."
	}
	low, high := extremes(r.Series.Points)
	return "From " + clock(r.From) + " to " + clock(r.To) + ": lowest " + amount(r.Plan.Unit, low.Value) + " at " + clock(low.At) +
		", highest " + amount(r.Plan.Unit, high.Value) + " at " + clock(high.At) + "."
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05Z") }

// SVG is the plot, "" when there is nothing to draw.
func (r Row) SVG() string {
	if len(r.Series.Points) == 0 {
		return ""
	}
	c := plot.Chart{Title: r.Plan.Title + ": value and bounds", From: r.From, To: r.To, Label: func(v float64) string { return amount(r.Plan.Unit, v) }}
	if !r.T0.IsZero() {
		c.Marks = []plot.Mark{{At: r.T0, Title: "T0 " + moment(r.T0), Name: "T0"}}
	}
	value := plot.Line{Step: r.Series.Step * 3 / 2, Steps: r.Plan.Unit == slo.Count || r.Plan.Unit == slo.State}
	for _, p := range r.Series.Points {
		value.Points = append(value.Points, plot.Point{At: p.At, Value: p.Value})
	}
	c.Lines = []plot.Line{value}
	objective, alert := r.levels()
	c.Lines = append(c.Lines, level(c, objective, "SLO "+sign(r.objectiveOp()), true), level(c, alert, "alert "+sign(r.Plan.Alert.Op), false))
	return c.SVG()
}

func (r Row) objectiveOp() slo.Op {
	if r.Plan.SLO == nil {
		return ""
	}
	return r.Plan.SLO.Op
}

// levels are the bounds as numbers. What depends on a baseline is known from the reading only.
func (r Row) levels() (objective, alert string) {
	objective, alert = boundOf(r.Reading, r.Plan.SLO != nil), r.Reading.Alert
	if objective == "" && r.Plan.SLO != nil && r.Plan.SLO.Value != nil {
		objective = r.Plan.SLO.Value.String()
	}
	if alert == "" && r.Plan.Alert.Value != nil {
		alert = r.Plan.Alert.Value.String()
	}
	return objective, alert
}
