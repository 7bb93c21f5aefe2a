package prom

import (
	"fmt"
	"strings"

	"github.com/coclai/cutover/generator/slo"
)

// countMemory is how far back a counter's last value before the window is looked for, and its target: what bridges an outage of Prometheus.
// The value is one of all scrapes, and read once: to the one that was the last, nothing is near enough. That the target was there, any scrape
// of it shows.
const (
	countMemory = 1 * day
	countStride = 5 * minute // as long as Prometheus shows a sample
)

// readCount counts events of counters, each series by the first of countCases that applies. increase() alone misses the first increment
// of a series that is born with it, and what a new process had counted before its first scrape (facts/promql.md C4).
func readCount(id identity, c slo.CountMeasure, noData slo.NoData, by grouping) reading {
	// A violation counter without a series is healthy where `up` speaks for the target, unless the runbook wants absence alerted.
	alive, newest := fmt.Sprintf("%s or up%s == 1", c.Counter, c.Job), fmt.Sprintf("timestamp(%s) or timestamp(up%s) and up%s == 1", c.Counter, c.Job, c.Job)
	if noData == slo.NoDataAlert {
		alive, newest = c.Counter, fmt.Sprintf("timestamp(%s)", c.Counter)
	}
	value := func(w slo.Duration) string {
		counted, zero := by.sum(strings.Join(countCases(c, w), " or ")), fmt.Sprintf("count(%s)", alive)
		if len(by) > 0 { // whose target is up says nothing about a group
			zero = fmt.Sprintf("%s(%s)", by.aggregate("count"), c.Counter)
		}
		return by.orNone(counted, zero)
	}
	// A group without a series counted nothing, and of no group at all the target's own series says as much.
	query := func(w slo.Duration) string {
		if len(by) > 0 {
			return fmt.Sprintf("%s or on () 0 * count(%s)", id.of(slo.EventsSeries(w)), alive)
		}
		return id.of(slo.EventsSeries(w))
	}
	return reading{
		unit:    slo.Count,
		value:   query,
		age:     fmt.Sprintf("time() - max(%s)", newest),
		missing: fmt.Sprintf("absent(count(%s))", alive),
		current: slo.EventsSeries,
		records: func(w slo.Duration) []Rule { return []Rule{id.record(slo.EventsSeries(w), value(w))} },
	}
}

// countCases are the ways in which a series can have counted something within w, in the order in which they are tried. They are those of
// expression X8 (facts/promql.md C4), made to yield numbers, with two more restraints where Prometheus has known the target for less than
// the window: an old process's count is not its successor's, and a series younger than its target is new.
func countCases(c slo.CountMeasure, w slo.Duration) []string {
	const join = "and on (job, instance)"
	window := over(c.Counter, w)
	highest, increase := fmt.Sprintf("max_over_time(%s)", window), fmt.Sprintf("round(increase(%s))", window)
	up, started, recently := "up"+c.Job, "process_start_time_seconds"+c.Job, "> time() - "+seconds(w)
	return []string{
		// Reset within the window: increase() knows resets, and its extrapolation of a few events is rounded away. Of many, up to a scrape's
		// share of the window are counted too many, and more where less than the window is known.
		fmt.Sprintf("%s > 0 and resets(%s) > 0", increase, window),
		// What the counter stands at, less what it stood at: exact, also across a gap.
		fmt.Sprintf("%s - (%s) > 0", highest, strings.Join(countedBefore(c, w), " or ")),
		// An old target that Prometheus has just met: only what it saw happen.
		increase + " > 0",
		// Absent when the window began, though its target was up.
		fmt.Sprintf("(%s > 0 unless %s offset %s) %s (%s offset %s == 1)", highest, c.Counter, w, join, up, w),
		// The process restarted and reached the same value between two scrapes: only its start time tells.
		fmt.Sprintf("%s > 0 %s (%s %s)", c.Counter, join, started, recently),
	}
}

// countedBefore is what a series stood at before it counted anything in the window; none if that is not known.
func countedBefore(c slo.CountMeasure, w slo.Duration) []string {
	const join = "and on (job, instance)"
	highest := fmt.Sprintf("max_over_time(%s)", over(c.Counter, w))
	up, started := "up"+c.Job, over("process_start_time_seconds"+c.Job, w)
	known := fmt.Sprintf("last_over_time(%s[%s:%s] offset %s)", up, countMemory, countStride, w)
	first := fmt.Sprintf("last_over_time(%s) > time() - %s and changes(%s) == 0", started, seconds(w), started)
	scrapes := fmt.Sprintf("min by (job, instance) (sum_over_time(%s))", over(up, w))
	return []string{
		// Its last value, unless it is back from a gap with less: then all is new.
		fmt.Sprintf("last_over_time(%s[%s] offset %s) <= %s", c.Counter, countMemory, w, highest),
		// 0, of a series born in the window on a target that was known, or in its first process.
		fmt.Sprintf("0 * %s %s (%s or %s)", highest, join, known, first),
		// 0, of one born in the window, and scraped less often than its target.
		fmt.Sprintf("0 * %s and count_over_time(%s) < on (job, instance) group_left () %s", c.Counter, over(c.Counter, w), scrapes),
	}
}
