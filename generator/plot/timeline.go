package plot

import (
	"fmt"
	"strings"
	"time"
)

// Lane is one row of a Timeline.
type Lane struct {
	Name  string
	Bands []Band
}

// Timeline shows rows of bands over one axis of time.
type Timeline struct {
	Title    string
	From, To time.Time
	Lanes    []Lane
	Marks    []Mark
}

// laneHeight is that of a row with its name above it.
const laneHeight = 30

// SVG is the drawing as one element.
func (t Timeline) SVG() string {
	var b strings.Builder
	height := len(t.Lanes) * laneHeight
	open(&b, t.Title, height+axisHeight)
	scale := scale{from: t.From, to: t.To}
	for i, lane := range t.Lanes {
		top := i * laneHeight
		fmt.Fprintf(&b, `<text class="plot-text" x="0" y="%d">%s</text>`, top+11, escape(lane.Name))
		stretched(&b, top+15, laneHeight-18)
		fmt.Fprintf(&b, `<rect class="plot-lane" width="%d" height="%d"/>`, box, box)
		for _, band := range lane.Bands {
			scale.band(&b, band)
		}
		b.WriteString("</svg>")
	}
	stretched(&b, 0, height)
	scale.marks(&b, t.Marks)
	b.WriteString("</svg>")
	timeAxis(&b, t.From, t.To, height+14)
	b.WriteString("</svg>")
	return b.String()
}
