package plot

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
	"time"
)

// columns are those that a line is reduced to: more than a screen of this width shows.
const columns = 800

// scale maps times and values to the box.
type scale struct {
	from, to  time.Time
	low, high float64
}

func (s scale) x(at time.Time) float64 {
	whole := s.to.Sub(s.from)
	if whole <= 0 {
		return 0
	}
	return min(max(box*float64(at.Sub(s.from))/float64(whole), 0), box)
}

func (s scale) y(v float64) float64 {
	return min(max(box-box*(v-s.low)/(s.high-s.low), 0), box)
}

// column is the part of a line that falls on one place of the axis.
type column struct {
	x, first, least, greatest, last float64
	end                             time.Time
}

// path is the line's drawing: what is missing leaves a hole.
func (s scale) path(line Line) string {
	var b strings.Builder
	var now *column
	open := false
	flush := func() {
		if now == nil {
			return
		}
		s.draw(&b, *now, open, line.Steps)
		open = true
	}
	for _, p := range line.Points {
		if math.IsNaN(p.Value) || p.At.Before(s.from) || p.At.After(s.to) {
			continue
		}
		x := math.Floor(s.x(p.At)/box*columns) / columns * box
		hole := now != nil && line.Step > 0 && p.At.Sub(now.end) > line.Step
		if now != nil && !hole && x == now.x {
			now.least, now.greatest, now.last, now.end = min(now.least, p.Value), max(now.greatest, p.Value), p.Value, p.At
			continue
		}
		flush()
		if hole {
			open = false
		}
		now = &column{x, p.Value, p.Value, p.Value, p.Value, p.At}
	}
	flush()
	return b.String()
}

// draw adds a column: where it begins, its extremes, where it ends.
func (s scale) draw(b *strings.Builder, c column, joined, steps bool) {
	switch {
	case joined && steps:
		fmt.Fprintf(b, "H%sV%s", coordinate(c.x), coordinate(s.y(c.first)))
	case joined:
		fmt.Fprintf(b, "L%s %s", coordinate(c.x), coordinate(s.y(c.first)))
	default:
		fmt.Fprintf(b, "M%s %s", coordinate(c.x), coordinate(s.y(c.first)))
	}
	if c.least == c.greatest && joined {
		return
	}
	fmt.Fprintf(b, "V%sV%sV%s", coordinate(s.y(c.least)), coordinate(s.y(c.greatest)), coordinate(s.y(c.last)))
	if !joined {
		b.WriteString("h1") // a single point is seen too
	}
}

// band is a stretch. Its style gives it a border of some pixels, so that none is too narrow to be seen.
func (s scale) band(b *strings.Builder, band Band) {
	from, to := s.x(band.From), s.x(band.To)
	if band.To.Before(s.from) || band.From.After(s.to) {
		return
	}
	fmt.Fprintf(b, `<rect class="plot-%s" x="%s" y="0" width="%s" height="%d"><title>%s</title></rect>`, escape(string(band.Kind)),
		coordinate(from), coordinate(to-from), box, escape(band.Title))
}

func (s scale) marks(b *strings.Builder, marks []Mark) {
	for _, m := range marks {
		if m.At.Before(s.from) || m.At.After(s.to) {
			continue
		}
		fmt.Fprintf(b, `<path class="plot-mark" d="M%s 0V%d"><title>%s</title></path>`, coordinate(s.x(m.At)), box, escape(m.Title))
	}
}

// Style is the content of the style element that every drawing carries, for pages whose policy admits styles by their hash. It follows the
// reader's scheme, as an image of its own, too; its classes are the drawing's own, so that many drawings on one page do not disturb it.
const Style = `.plot{color-scheme:light dark}.plot-text{font:11px system-ui,sans-serif;fill:#57606a}.plot-name{paint-order:stroke;stroke:Canvas;stroke-width:3px}.plot-grid{stroke:#8884;fill:none}` +
	`.plot-value{stroke:#0969da;stroke-width:1.5;fill:none}.plot-bound{stroke:#cf222e;stroke-width:1.2;stroke-dasharray:5 3;fill:none}` +
	`.plot-mark{stroke:#8250df;stroke-width:1.5;stroke-dasharray:2 2;fill:none}.plot-firing{fill:#cf222e;stroke:#cf222e}` +
	`.plot-pending{fill:#d4a72c;stroke:#d4a72c}.plot-gap{fill:#8c959f;fill-opacity:.25}.plot-over{fill-opacity:.28;stroke-opacity:.28}` +
	`.plot-over .plot-gap{fill-opacity:.15}.plot-firing,.plot-pending{stroke-width:2.5}.plot path,.plot rect{vector-effect:non-scaling-stroke}` +
	`.plot-soft{stroke:#9a6700;stroke-width:1.2;stroke-dasharray:1 3;fill:none}.plot-failing{fill:#e36209;stroke:#e36209;stroke-width:2.5}` +
	`.plot-lane{fill:#8881}@media(prefers-color-scheme:dark){.plot-text{fill:#9198a1}.plot-value{stroke:#4493f8}.plot-bound{stroke:#f85149}` +
	`.plot-mark{stroke:#ab7df8}.plot-firing{fill:#f85149;stroke:#f85149}.plot-pending{fill:#e3b341;stroke:#e3b341}.plot-over{fill-opacity:.4;stroke-opacity:.4}` +
	`.plot-soft{stroke:#d29922}.plot-failing{fill:#f0883e;stroke:#f0883e}}`

// open begins a drawing that is as wide as its place and so many pixels high.
func open(b *strings.Builder, title string, height int) {
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" width="100%%" height="%d" overflow="hidden"><title>%s</title><style>%s</style>`,
		height, escape(title), Style)
}

// stretched begins the part whose coordinates go from 0 to box in both directions.
func stretched(b *strings.Builder, top, height int) {
	fmt.Fprintf(b, `<svg x="0" y="%d" width="100%%" height="%d" viewBox="0 0 %d %d" preserveAspectRatio="none">`, top, height, box, box)
}

func coordinate(f float64) string {
	return strconv.FormatFloat(math.Round(f*10)/10, 'f', -1, 64)
}

func escape(text string) string { return html.EscapeString(strings.ToValidUTF8(text, "\uFFFD")) }
