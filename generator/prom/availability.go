package prom

import (
	"fmt"

	"github.com/coclai/cutover/generator/slo"
)

// downShare takes samples of a gauge for events: 1 is a good one, 0 a bad one. Sums over all targets, for an average of averages would let
// a target that has just come weigh as much as one that was there all along, and 1 − average is not exact at the bound. Targets that are
// gone have no samples, and so no value once the window has passed.
func downShare(a slo.AvailabilityMeasure, by grouping) share {
	counted := func(w slo.Duration) string { return fmt.Sprintf("count_over_time(%s)", over(a.Up, w)) }
	events := func(w slo.Duration) string { return by.sum(counted(w)) }
	bad := func(w slo.Duration, _ string) string {
		return by.sum(fmt.Sprintf("%s - sum_over_time(%s)", counted(w), over(a.Up, w)))
	}
	return share{by: by, newest: a.Up, some: true, events: events, bad: bad, tile: tally{events, bad}}
}
