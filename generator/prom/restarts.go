package prom

import (
	"fmt"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

const (
	restartSteps  = 80 // tiles of a window, at most: cost against how many restarts within one tile count as one
	restartJitter = 2  // seconds by which the kernel's boot time wanders without a restart (facts/promql.md C3)
)

// longestRestartTile and longestRestartMemory bound what one evaluation reads when the window is long.
const (
	longestRestartTile   = slo.Duration(time.Minute)
	longestRestartMemory = slo.Duration(30 * time.Minute)
)

// readRestarts counts the tiles of the window in which the process was younger than the last one known before the tile. changes() would
// count clock jitter, and `x offset` would miss every restart behind a failed scrape, whose stale marker hides the older sample. Restarts
// of one tile, or no further apart than the jitter, count as one.
func readRestarts(id identity, r slo.RestartsMeasure, scrape slo.Duration) reading {
	value := func(w slo.Duration) string {
		tile, memory := restartTile(w, scrape), min(w, longestRestartMemory)
		return fmt.Sprintf("max(sum_over_time(((last_over_time(%s) - last_over_time(%s offset %s)) > bool %d)[%s:%s]))",
			over(r.StartedAt, tile), over(r.StartedAt, memory), tile, restartJitter, w, tile)
	}
	return reading{
		unit:    slo.Count,
		value:   value,
		age:     fmt.Sprintf("time() - max(timestamp(%s))", r.StartedAt),
		missing: fmt.Sprintf("absent(max(%s))", r.StartedAt),
		current: slo.ValueSeries,
		records: id.recordValue(value),
	}
}

// restartTile is the step of the subquery: whole scrapes, and few enough of them.
func restartTile(window, scrape slo.Duration) slo.Duration {
	scrapes := (window + restartSteps*scrape - 1) / (restartSteps * scrape)
	return max(scrape, min(scrapes*scrape, longestRestartTile/scrape*scrape))
}

// MostRestarts is how many restarts a window can tell apart, one for each tile. Neither length may be zero.
func MostRestarts(window, scrape slo.Duration) int64 {
	return int64(window / restartTile(window, scrape))
}
