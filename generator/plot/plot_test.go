package plot

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// hour is a line of a point each second, with what value says.
func hour(value func(i int) float64) Line {
	line := Line{Step: 1500 * time.Millisecond}
	for i := range 3600 {
		line.Points = append(line.Points, Point{noon.Add(time.Duration(i) * time.Second), value(i)})
	}
	return line
}

func chart(lines ...Line) Chart {
	return Chart{Title: "t", From: noon, To: noon.Add(time.Hour), Lines: lines}
}

// wellFormed reads a drawing as XML does, which is stricter than browsers.
func wellFormed(t *testing.T, svg string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
	}
}

// path is the drawing of the measured line.
func path(t *testing.T, svg string) string {
	t.Helper()
	_, rest, ok := strings.Cut(svg, `class="plot-value" d="`)
	if !ok {
		t.Fatalf("no line in %s", svg)
	}
	d, _, _ := strings.Cut(rest, `"`)
	return d
}

func TestASpikeOfOnePointIsDrawn(t *testing.T) {
	svg := chart(hour(func(i int) float64 {
		if i == 1801 {
			return 100
		}
		return 1
	})).SVG()
	wellFormed(t, svg)
	top := coordinate(scale{low: 0, high: 112}.y(100))
	if d := path(t, svg); !strings.Contains(d, "V"+top) {
		t.Errorf("no point at %s in %s", top, d)
	}
	if len(svg) > 60_000 {
		t.Errorf("%d bytes for %d columns", len(svg), columns)
	}
}

func TestAGapIsNotBridged(t *testing.T) {
	gap := func(i int) float64 {
		if i > 1000 && i < 2000 {
			return math.NaN()
		}
		return 1
	}
	if d := path(t, chart(hour(gap)).SVG()); strings.Count(d, "M") != 2 {
		t.Errorf("%d strokes, want 2: %.200s", strings.Count(d, "M"), d)
	}
	if d := path(t, chart(hour(func(int) float64 { return 1 })).SVG()); strings.Count(d, "M") != 1 {
		t.Errorf("a line without gaps has %d strokes", strings.Count(d, "M"))
	}
}

func TestNothingMeasuredIsAnEmptyChart(t *testing.T) {
	for _, c := range []Chart{chart(), chart(hour(func(int) float64 { return math.NaN() })), chart(hour(func(int) float64 { return 0 })),
		chart(hour(func(int) float64 { return -5 })), chart(hour(func(int) float64 { return math.Inf(1) })), {}} {
		svg := c.SVG()
		wellFormed(t, svg)
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Errorf("a coordinate is no number: %s", svg)
		}
	}
}

func TestTheAxisHasRoundValuesAndFew(t *testing.T) {
	for _, high := range []float64{0.003, 0.11, 0.84, 1, 4.2, 19, 33, 1e6} {
		if n := len(steps(0, high)); n < 1 || n > 5 {
			t.Errorf("to %v: %d values: %v", high, n, steps(0, high))
		}
	}
}

func TestTextIsEscaped(t *testing.T) {
	hostile := `</svg><script>"&'` + "\xff"
	c := chart()
	c.Title, c.Bands, c.Marks = hostile, []Band{{noon, noon.Add(time.Minute), Firing, hostile}}, []Mark{{noon, hostile, hostile}}
	c.Label = func(float64) string { return hostile }
	line := Timeline{Title: hostile, From: noon, To: noon.Add(time.Hour), Lanes: []Lane{{hostile, c.Bands}}, Marks: c.Marks}
	for _, svg := range []string{c.SVG(), line.SVG()} {
		wellFormed(t, svg)
		if strings.Contains(svg, "<script") {
			t.Errorf("not escaped: %s", svg)
		}
	}
}

func TestBandsOutsideAreLeftOutAndOthersCut(t *testing.T) {
	c := chart()
	c.Bands = []Band{{noon.Add(-2 * time.Hour), noon.Add(-time.Hour), Firing, "before"}, {noon.Add(-time.Hour), noon.Add(30 * time.Minute), Firing, "half"}}
	svg := c.SVG()
	if strings.Contains(svg, "before") || !strings.Contains(svg, `x="0" y="0" width="500"`) {
		t.Errorf("got %s", svg)
	}
}

func TestACountStaysUntilItsNextValue(t *testing.T) {
	line := Line{Step: time.Hour, Steps: true, Points: []Point{{noon, 0}, {noon.Add(30 * time.Minute), 2}}}
	if d := path(t, chart(line).SVG()); strings.Contains(d, "L") || !strings.Contains(d, "H500V") {
		t.Errorf("it is drawn with slopes: %s", d)
	}
}

func TestTwoBoundsAreToldApart(t *testing.T) {
	at := func(v float64) []Point { return []Point{{noon, v}, {noon.Add(time.Hour), v}} }
	svg := chart(Line{Points: at(1), Bound: true, Name: "alert > 1"}, Line{Points: at(0.9), Bound: true, Soft: true, Name: "SLO < 0.9"}).SVG()
	wellFormed(t, svg)
	for _, want := range []string{`class="plot-bound"`, `class="plot-soft"`, `x="100%"`, `>alert &gt; 1</text>`, `x="62%"`, `>SLO &lt; 0.9</text>`} {
		if !strings.Contains(svg, want) {
			t.Errorf("%s is not in %s", want, svg)
		}
	}
}
