package prom

import (
	"fmt"
	"time"

	"github.com/prometheus/common/model"

	"github.com/coclai/cutover/generator/slo"
)

// situation is what is recorded for a budget's alert, and whether that is a reason to fire.
type situation struct {
	long, short, events float64
	firing              bool
}

// alone are the situations of each of the budget's alerts, of which every part of its condition decides one. What is recorded is played, since
// no traffic is over a limit in the long window and exactly at it in the short one.
func (bs budgetStage) alone() []scenario {
	var all []scenario
	for _, a := range bs.budget.alerts() {
		all = append(all, bs.inTurn(a, situations(a)))
	}
	return append(all, bs.left())
}

// left is what is spent, and left, of a budget by the ratio of each window, beside budgets of others that are as bad as can be.
func (bs budgetStage) left() scenario {
	const ratio = 0.25
	period, burnt := bs.budget.Period, ratio/bs.budget.Share().Float()
	c := scenario{name: "budget, what is left of it", until: bs.late() + bs.evaluation}
	for _, w := range bs.summed(whichever) {
		c.series = append(c.series, bs.track().hold(ratio, c.until+bs.sample).of(bs.named(slo.ErrorRatioSeries(w))))
		c.values = append(c.values, bs.recorded(slo.BurnRateSeries(w), c.until, burnt))
	}
	c.values = append(c.values, bs.recorded(slo.BudgetRemainingSeries(period), c.until, 1-burnt))
	c.series = append(c.series, bs.neighbours(c.until+bs.sample, bs.names()...)...)
	return c
}

// late is how far the slower groups look into the past, in whole evaluations.
func (bs budgetStage) late() time.Duration {
	return bs.onEvaluation(2 * bs.matrix.ScrapeInterval.Std())
}

// situations begin with one in which nothing fires, so that the next shows whether the alert waits.
func situations(a alert) []situation {
	limit, enough := a.limit(0), a.guard.Float()
	over, more := limit*1.005, limit*1.007
	all := []situation{
		{limit, more, enough, false}, {over, more, enough, true}, {over, limit, enough, false}, {more, over, enough, true},
	}
	if enough > 0 {
		all = append(all, situation{over, more, enough - 1, false})
	}
	return all
}

// inTurn plays situations one after the other, each until the group of the alert, which may look a little into the past, has seen it.
func (bs budgetStage) inTurn(a alert, all []situation) scenario {
	late := time.Duration(0)
	if bs.budget.isSlow(a.short) {
		late = bs.late()
	}
	each := late + bs.evaluation
	long, short, events := bs.track(), bs.track(), bs.track()
	c := scenario{name: fmt.Sprintf("budget over %s, each bound of its alert by itself", a.bound.Window)}
	for i, s := range all {
		c.until = time.Duration(i) * each
		until := c.until + each
		long.hold(s.long, until)
		short.hold(s.short, until)
		events.hold(s.events, until)
		c.until += late
		c.alerts = append(c.alerts, a.expect(c.until, s.firing, s.long, bs.group))
	}
	c.series = []series{
		long.of(bs.named(slo.ErrorRatioSeries(a.bound.Window))), short.of(bs.named(slo.ErrorRatioSeries(a.short))),
		events.of(bs.named(slo.BudgetEventsSeries(a.bound.Window))),
	}
	return c
}

// named is a recorded series of the budget.
func (bs budgetStage) named(name string) specimen {
	return specimen(bs.budget.id.labels()).with(model.MetricNameLabel, name).in(bs.group)
}
