package prom

import (
	"fmt"

	"github.com/coclai/cutover/generator/slo"
)

// readRatio divides sums, never averages ratios.
func readRatio(id identity, r slo.RatioMeasure, by grouping) reading {
	if r.Good != "" {
		return goodShare(r, by).reading(id)
	}
	reading := badShare(r, by).reading(id)
	reading.value = func(w slo.Duration) string {
		total := by.sum(rate(r.Total, w))
		return fmt.Sprintf("(%s) / (%s > 0)", by.orNone(by.sum(rate(r.Bad, w)), total), total)
	}
	return reading
}

func rate(selector string, w slo.Duration) string { return "rate(" + over(selector, w) + ")" }

func increase(selector string, w slo.Duration) string { return "increase(" + over(selector, w) + ")" }

// badShare counts bad events where they are counted.
func badShare(r slo.RatioMeasure, by grouping) share {
	tile := func(selector string, w slo.Duration) string { return by.sum(difference(selector, r.Total, w)) }
	return share{
		by: by, newest: r.Total,
		events: func(w slo.Duration) string { return by.sum(increase(r.Total, w)) },
		bad:    func(w slo.Duration, all string) string { return by.orNone(by.sum(increase(r.Bad, w)), all) },
		tile: tally{
			events: func(w slo.Duration) string { return tile(r.Total, w) },
			bad:    func(w slo.Duration, all string) string { return by.orNone(tile(r.Bad, w), all) },
		},
	}
}

// goodShare takes what is not good for bad. A good series that is born late would make its first events bad ones, so births count here,
// and in total as well, lest they hide as many errors. Only a difference of two counts can be exact at the bound: 1 − 0.98 > 0.02.
func goodShare(r slo.RatioMeasure, by grouping) share {
	grown := func(selector string, w slo.Duration) string { return by.sum(growth(selector, r.Total, w)) }
	tile := func(selector string, w slo.Duration) string { return by.sum(difference(selector, r.Total, w)) }
	rest := func(good, all string) string { return fmt.Sprintf("%s - %s (%s)", all, by.on(), by.orNone(good, all)) }
	return share{
		by: by, newest: r.Total,
		events: func(w slo.Duration) string { return grown(r.Total, w) },
		bad: func(w slo.Duration, all string) string {
			return fmt.Sprintf("clamp_min(%s, 0)", rest(grown(r.Good, w), all)) // two scrapes may catch one request at its two ends
		},
		tile: tally{
			events: func(w slo.Duration) string { return tile(r.Total, w) },
			bad:    func(w slo.Duration, all string) string { return rest(tile(r.Good, w), all) },
		},
	}
}

// growth is increase(), and for a series born in the window on a target that was known before all it has counted. What is not known by
// job and instance adds nothing: a target that was merely met has old counts.
func growth(selector, known string, w slo.Duration) string {
	return fmt.Sprintf("(max_over_time(%s) unless %s offset %s) and on (job, instance) group by (job, instance) (%s offset %s) or %s",
		over(selector, w), selector, w, known, w, increase(selector, w))
}

// How far back the last value before a tile is looked for (facts/promql.md B2). Every scrape of the last minutes is read; before that, one
// every two minutes, each of which shows what was scraped up to five minutes earlier: as exact where Prometheus was down. Where scrapes
// failed for longer than tileMemory, which Prometheus marks, up to a tile's events count twice; without the strides they would be lost.
const (
	tileMemory = 10 * minute
	tileStride = tileLength
	tileBridge = 62 * minute // of which the tile itself are the first two
)

// difference is what counters grew by in one tile: of last values, so that nothing is lost between tiles. A reset, and a birth on a known
// target, count from 0.
func difference(selector, known string, w slo.Duration) string {
	last := "last_over_time(" + over(selector, w) + ")"
	near := fmt.Sprintf("last_over_time(%s[%s] offset %s)", selector, tileMemory, w)
	far := fmt.Sprintf("last_over_time(%s[%s:%s] offset %s)", selector, tileBridge-tileMemory, tileStride, tileMemory)
	return fmt.Sprintf("(%s - (%s or %s)) >= 0 or %s and on (job, instance) group by (job, instance) (%s offset %s)",
		last, near, far, last, known, w)
}
