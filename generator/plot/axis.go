package plot

import (
	"fmt"
	"strings"
	"time"
)

// timeAxis writes the ends and the middle of a stretch: what fits on a phone.
func timeAxis(b *strings.Builder, from, to time.Time, y int) {
	layout := "Jan 2 15:04"
	if to.Sub(from) < 24*time.Hour {
		layout = "15:04:05"
	}
	for _, tick := range []struct {
		part   int
		anchor string
	}{{0, "start"}, {50, "middle"}, {100, "end"}} {
		at := from.Add(to.Sub(from) / 100 * time.Duration(tick.part))
		fmt.Fprintf(b, `<text class="plot-text" x="%d%%" y="%d" text-anchor="%s">%s</text>`, tick.part, y, tick.anchor, at.UTC().Format(layout))
	}
}
