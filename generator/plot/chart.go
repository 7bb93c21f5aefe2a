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
	Bound  bool // drawn as what the others are compared with
}

// Kind is what a band means; it is also its class in the drawing.
type Kind string

// The kinds of bands.
const (
	Pending Kind = "pending" // the condition holds, not yet for long enough
	Firing  Kind = "firing"
	Gap     Kind = "gap" // nothing was measured
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
	Title string
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
		class := "plot-value"
		if line.Bound {
			class = "plot-bound"
		}
		fmt.Fprintf(&b, `<path class="%s" d="%s"/>`, class, scale.path(line))
	}
	scale.marks(&b, c.Marks)
	b.WriteString("</svg>")
	for _, y := range ticks {
		fmt.Fprintf(&b, `<text class="plot-text" x="4" y="%s">%s</text>`, coordinate(scale.y(y)/box*chartHeight-3), escape(c.Label(y)))
	}
	timeAxis(&b, c.From, c.To, chartHeight+14)
	b.WriteString("</svg>")
	return b.String()
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
