package plot

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Point is a value at a time. NaN is no value.
type Point struct {
	At    time.Time
	Value float64
}

// Line is a series in order of time. Points farther apart than Step are not joined.
type Line struct {
	Points []Point
	Step   time.Duration
	Bound  bool   // drawn as what the others are compared with
	Soft   bool   // of a bound: one that nothing acts upon
	Steps  bool   // a value holds until the next one: a count or a state
	Name   string // written at a bound
}

// Kind is what a band means; it is also its class in the drawing.
type Kind string

// The kinds of bands.
const (
	Pending Kind = "pending" // the condition holds, not yet for long enough
	Firing  Kind = "firing"
	Failing Kind = "failing" // what should hold did not, and no alert need follow
	Gap     Kind = "gap"     // nothing was measured
)

// Band is a stretch of time.
type Band struct {
	From, To time.Time
	Kind     Kind
	Title    string // shown when pointed at
}

// Mark is a moment that all rows share, such as a release.
type Mark struct {
	At    time.Time
	Title string // shown when pointed at
	Name  string // written beside it in a Chart
}

// Chart is one plot.
type Chart struct {
	Title    string // for those who cannot see it
	From, To time.Time
	Lines    []Line
	Bands    []Band
	Marks    []Mark
	Label    func(float64) string // of the value axis; %g unless given
}

// Sizes: of the drawing in pixels, and of the box that is stretched to its width.
const (
	chartHeight = 132
	axisHeight  = 20
	box         = 1000
)

// SVG is the drawing as one element.
func (c Chart) SVG() string {
	c.Label = labelOf(c.Label)
	low, high := c.extent()
	var b strings.Builder
	open(&b, c.Title, chartHeight+axisHeight)
	stretched(&b, 0, chartHeight)
	scale := scale{c.From, c.To, low, high}
	b.WriteString(`<g class="plot-over">`)
	for _, band := range c.Bands {
		scale.band(&b, band)
	}
	b.WriteString("</g>")
	ticks := steps(low, high)
	for _, y := range ticks {
		fmt.Fprintf(&b, `<path class="plot-grid" d="M0 %sH%d"/>`, coordinate(scale.y(y)), box)
	}
	for _, line := range c.Lines {
		fmt.Fprintf(&b, `<path class="%s" d="%s"/>`, line.class(), scale.path(line))
	}
	scale.marks(&b, c.Marks)
	b.WriteString("</svg>")
	for _, y := range ticks {
		fmt.Fprintf(&b, `<text class="plot-text" x="4" y="%s">%s</text>`, coordinate(scale.y(y)/box*chartHeight-3), escape(c.Label(y)))
	}
	c.names(&b, scale)
	timeAxis(&b, c.From, c.To, chartHeight+14)
	b.WriteString("</svg>")
	return b.String()
}

func (l Line) class() string {
	switch {
	case l.Bound && l.Soft:
		return "plot-soft"
	case l.Bound:
		return "plot-bound"
	}
	return "plot-value"
}

// names writes what bounds and marks are called. Two bounds may lie close to each other, so each kind has a place of its own.
func (c Chart) names(b *strings.Builder, s scale) {
	for _, l := range c.Lines {
		if l.Name == "" || len(l.Points) == 0 {
			continue
		}
		place, above := 100, 3.0
		if l.Soft {
			place, above = 62, -11
		}
		y := s.y(l.Points[len(l.Points)-1].Value)/box*chartHeight - above
		fmt.Fprintf(b, `<text class="plot-text plot-name" x="%d%%" y="%s" text-anchor="end">%s</text>`, place, coordinate(min(max(y, 10), chartHeight-2)), escape(l.Name))
	}
	for _, m := range c.Marks {
		if m.Name != "" && !m.At.Before(c.From) && !m.At.After(c.To) {
			part, beside := s.x(m.At)*100/box, 4
			if part < 4 {
				beside = 44 // clear of the value axis
			}
			fmt.Fprintf(b, `<text class="plot-text" x="%s%%" dx="%d" y="10">%s</text>`, coordinate(part), beside, escape(m.Name))
		}
	}
}

// extent is what the value axis shows: everything, and 0 where nothing is below it.
func (c Chart) extent() (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, line := range c.Lines {
		for _, p := range line.Points {
			if !math.IsNaN(p.Value) && !math.IsInf(p.Value, 0) {
				low, high = min(low, p.Value), max(high, p.Value)
			}
		}
	}
	if low > high {
		return 0, 1
	}
	low = min(low, 0)
	if high <= low {
		high = low + 1
	}
	return low, high + (high-low)*0.12
}

func labelOf(label func(float64) string) func(float64) string {
	if label != nil {
		return label
	}
	return func(v float64) string { return fmt.Sprintf("%.4g", v) }
}

// steps are two or three round values between low and high.
func steps(low, high float64) []float64 {
	size := math.Pow(10, math.Floor(math.Log10(high-low)))
	for _, part := range []float64{0.1, 0.2, 0.5, 1, 2, 5} {
		if (high-low)/(size*part) < 4 {
			size *= part
			break
		}
	}
	var all []float64
	for n := math.Ceil(low / size); n*size < high && len(all) < 8; n++ {
		all = append(all, n*size)
	}
	return all
}
