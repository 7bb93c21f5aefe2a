package prom

import (
	"fmt"
	"slices"

	"github.com/coclai/cutover/generator/slo"
)

// The rhythm of a budget's recordings (facts/promql.md B). All are shorter than the five minutes after which Prometheus forgets a sample.
const (
	tileLength     = 2 * minute // also the interval of the group that cuts tiles: what a crash or the lag of this group loses
	periodInterval = 4 * minute
	longestFast    = hour // windows up to here are summed of strips, longer ones of tiles
)

// budget is the error budget of an SLI on its way into rules: counted once in short pieces, of which every window is summed, so that the
// period costs no more samples than it has pieces. Ratios are of sums and never averaged.
type budget struct {
	slo.Budget
	share  share
	id     identity
	matrix slo.Matrix
	sli    slo.SLI
}

// budgetOf is the budget of an SLI, if it has one.
func budgetOf(m slo.Matrix, s slo.SLI) (budget, bool) {
	sh, ok := shareOf(s)
	if s.Budget == nil || !ok {
		return budget{}, false
	}
	return budget{*s.Budget, sh, identity{m.Service, m.Environment, s.ID}, m, s}, true
}

// budgetGroups are three groups at three intervals. The slower ones look a little into the past, so that no piece is cut before late
// samples are in: those would be lost for good.
func budgetGroups(m slo.Matrix, s slo.SLI) []Group {
	b, ok := budgetOf(m, s)
	if !ok {
		return nil
	}
	name, late := b.name(), 2*m.ScrapeInterval
	quick := slices.Concat(b.strips(), b.windows(b.isFast), sloths{b}.windows(b.isFast), b.alertRules(b.isFast))
	lasting := slices.Concat(b.tiles(), b.windows(b.isSlow), sloths{b}.windows(b.isSlow), b.alertRules(b.isSlow))
	return []Group{
		{Name: name, Interval: m.EvaluationInterval, Rules: quick},
		{Name: name + slowSuffix, Interval: tileLength, QueryOffset: late, Rules: lasting},
		{Name: name + periodSuffix, Interval: periodInterval, QueryOffset: late, Rules: append(b.period(), sloths{b}.period()...)},
	}
}

// name is that of the group with the shorter windows; the other two have a suffix.
func (b budget) name() string { return groupName(b.matrix) + ":" + b.sli.ID + ":budget" }

const (
	slowSuffix   = ":slow"
	periodSuffix = ":period"
)

func (b budget) isFast(w slo.Duration) bool { return w <= longestFast }

func (b budget) isSlow(w slo.Duration) bool { return w > longestFast }

// strip is the range of one fast sample, and step how far the next one is from it. Of counters, each scrape interval must be in as many
// strips as any other: evaluations, at least four scrapes, and the one interval that increase() needs to begin with. Samples of a gauge
// are simply cut.
func (b budget) strip() (length, step slo.Duration) {
	step, scrape := b.matrix.EvaluationInterval, b.matrix.ScrapeInterval
	if b.sli.Measure.Availability != nil {
		return step, step
	}
	return (4*scrape+step-1)/step*step + scrape, step
}

// strips are the fast counts of events.
func (b budget) strips() []Rule {
	if b.Raw {
		return nil
	}
	length, _ := b.strip()
	events, bad := slo.BudgetStrip(slo.BudgetEvents, length), slo.BudgetStrip(slo.BudgetBad, length)
	return []Rule{b.id.record(events, b.share.events(length)), b.id.record(bad, b.share.bad(length, b.id.of(events)))}
}

// tiles are the slow counts, without overlap and without loss.
func (b budget) tiles() []Rule {
	if b.Raw {
		return nil
	}
	events, bad := slo.BudgetTile(slo.BudgetEvents, tileLength), slo.BudgetTile(slo.BudgetBad, tileLength)
	return []Rule{b.id.record(events, b.share.tile.events(tileLength)), b.id.record(bad, b.share.tile.bad(tileLength, b.id.of(events)))}
}

// windows are the recorded ratios of those windows that a group is for.
func (b budget) windows(here func(slo.Duration) bool) []Rule {
	var all []slo.Duration
	guarded := map[slo.Duration]bool{}
	for _, w := range BurnWindows(b.Period) {
		all = append(all, w.Short, w.Long)
		guarded[w.Long] = b.sli.MinEvents.Sign() > 0
	}
	slices.Sort(all)
	var rules []Rule
	for _, w := range slices.Compact(all) {
		if !here(w) {
			continue
		}
		rules = append(rules, b.ratio(w), b.burnRate(w))
		if guarded[w] {
			rules = append(rules, b.id.record(slo.BudgetEventsSeries(w), b.eventsIn(w)))
		}
	}
	return rules
}

func (b budget) ratio(w slo.Duration) Rule {
	bad, all := b.sums(w)
	value := fmt.Sprintf("(%s) / %s", bad, b.share.divisor(all))
	if b.sli.Measure.Ratio != nil && b.sli.Measure.Ratio.Good != "" {
		value = fmt.Sprintf("clamp_min(%s, 0)", value) // a difference of two counts, each a scrape early or late
	}
	return b.id.record(slo.ErrorRatioSeries(w), value)
}

func (b budget) burnRate(w slo.Duration) Rule {
	return b.id.record(slo.BurnRateSeries(w), fmt.Sprintf("%s / %s", b.id.of(slo.ErrorRatioSeries(w)), b.Share()))
}

// sums are bad events and all events of a window, in the same unit whatever it is.
func (b budget) sums(w slo.Duration) (bad, all string) {
	if b.Raw {
		all = b.share.events(w)
		return b.share.bad(w, all), all
	}
	return b.sum(slo.BudgetBad, w), b.sum(slo.BudgetEvents, w)
}

// sum adds up the pieces of a window. A strip reaches back further than to the one before it, so the window of strips is that much shorter.
func (b budget) sum(what string, w slo.Duration) string {
	pieces := b.id.of(slo.BudgetTile(what, tileLength))
	if b.isFast(w) {
		length, _ := b.strip()
		pieces = b.id.of(slo.BudgetStrip(what, length))
		w -= b.overhang()
	}
	return fmt.Sprintf("sum_over_time(%s)", over(pieces, w))
}

// overhang is how much of a strip, whole evaluations, is older than the step to the next.
func (b budget) overhang() slo.Duration {
	length, step := b.strip()
	if length == step {
		return 0
	}
	return length - b.matrix.ScrapeInterval
}

// eventsIn is the number of events in a window: what strips count more than once is taken out again.
func (b budget) eventsIn(w slo.Duration) string {
	_, all := b.sums(w)
	length, step := b.strip()
	if b.Raw || !b.isFast(w) || length == step {
		return all
	}
	return fmt.Sprintf("%s * %s / %s", all, seconds(step), seconds(length))
}

// period is what is left of the budget. With raw windows nothing depends on what was recorded, so there is nothing to cover.
func (b budget) period() []Rule {
	rules := []Rule{
		b.ratio(b.Period), b.burnRate(b.Period),
		b.id.record(slo.BudgetRemainingSeries(b.Period), "1 - "+b.id.of(slo.BurnRateSeries(b.Period))),
	}
	if b.Raw {
		return rules
	}
	tiles := b.id.of(slo.BudgetTile(slo.BudgetEvents, tileLength))
	return append(rules, b.id.record(slo.BudgetCoverageSeries(b.Period),
		fmt.Sprintf("count_over_time(%s) / %d", over(tiles, b.Period), b.Period/tileLength)))
}

// alerts are one for each pair of windows.
func (b budget) alerts() []alert {
	var all []alert
	for _, w := range BurnWindows(b.Period) {
		limit := w.Limit(b.Budget)
		a := ticket(b.matrix, b.sli, theBudget)
		a.name += slo.SuffixBurn + w.Long.String()
		a.severity, a.guard = w.Severity, b.sli.MinEvents
		a.bound = slo.Bound{Op: slo.Greater, Value: &limit, Window: w.Long}
		a.short = w.Short
		a.expr, a.words = b.burning(w, limit), burnWords(a, w)
		all = append(all, a)
	}
	return all
}

// burning is a ratio over the limit in both windows, in traffic enough. Its value is that of the long one.
func (b budget) burning(w BurnWindow, limit slo.Decimal) string {
	expr := fmt.Sprintf("%s > %s and %s > %s", b.id.of(slo.ErrorRatioSeries(w.Long)), limit, b.id.of(slo.ErrorRatioSeries(w.Short)), limit)
	if b.sli.MinEvents.Sign() > 0 {
		expr += fmt.Sprintf(" and %s >= %s", b.id.of(slo.BudgetEventsSeries(w.Long)), b.sli.MinEvents)
	}
	return expr
}

// alertRules are the alerts whose short window a group records: it decides how soon they fire.
func (b budget) alertRules(here func(slo.Duration) bool) []Rule {
	var rules []Rule
	for _, a := range b.alerts() {
		if here(a.short) {
			rules = append(rules, a.rule())
		}
	}
	return rules
}
