package generator

import (
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/prom"
	"github.com/coclai/cutover/generator/slo"
)

// lookback is for how long Prometheus takes a series' last sample for its value, unless it is started with another --query.lookback-delta.
// A sample is gone when it is that old to the second: the interval is left-open since Prometheus 3.0.
const lookback = slo.Duration(5 * time.Minute)

// oftenEnough refuses intervals at which series would be gone again before they are read.
func (r *resolver) oftenEnough(text diag.Text, interval slo.Duration, key string) {
	if interval >= lookback {
		r.blame(text, fmt.Sprintf("%s of %s is too long: Prometheus forgets a sample after %s", key, interval, lookback), "use 1m or less")
	}
}

// longEnough refuses windows that cannot hold enough samples: a rate needs two, and one scrape may be late and another lost.
func (r *resolver) longEnough(window slo.Duration, blame func(message, hint string)) {
	least := 4 * r.matrix.ScrapeInterval
	if window != 0 && window < least {
		blame(fmt.Sprintf("a window of %s is shorter than four scrapes of %s", window, r.matrix.ScrapeInterval),
			fmt.Sprintf("use at least %s", least))
	}
}

// bearable refuses bounds that their window cannot bear.
func (r *resolver) bearable(b slo.Bound, q quantity, s slo.Sense, blame func(message, hint string)) bool {
	before, window := len(r.problems), b.Window
	r.longEnough(window, blame)
	if window < r.matrix.EvaluationInterval {
		blame(fmt.Sprintf("between two evaluations, %s apart, a window of %s would see nothing", r.matrix.EvaluationInterval, window),
			fmt.Sprintf("use at least %s", r.matrix.EvaluationInterval))
	}
	if q.whole && b.For >= window {
		blame(fmt.Sprintf("an event stays in the window for %s, so it cannot last for %s", window, b.For),
			"drop the time it must last, or look back longer")
	}
	if len(r.problems) == before && q.kind == slo.KindRestarts && r.matrix.ScrapeInterval > 0 {
		r.tellable(b, s, blame)
	}
	return len(r.problems) == before
}

// tellable refuses more restarts than can be told apart in a window.
func (r *resolver) tellable(b slo.Bound, s slo.Sense, blame func(message, hint string)) {
	most := prom.MostRestarts(b.Window, r.matrix.ScrapeInterval)
	if !bad(slo.Condition{Op: b.Op, Value: *b.Value}, s, new(big.Rat).SetInt64(most)) {
		blame(fmt.Sprintf("the alert can never fire: in %s, scraped every %s, at most %d restarts can be told apart",
			b.Window, r.matrix.ScrapeInterval, most), "expect fewer, or look back longer")
	}
}

// bad says whether a value is what the condition, read in its sense, wants an alert on.
func bad(c slo.Condition, s slo.Sense, value *big.Rat) bool {
	return c.Op.Holds(value.Cmp(c.Value.Rat())) == (s == alarm)
}

// misfitReach refuses bounds that every possible value passes, or none.
func misfitReach(c slo.Condition, q quantity, s slo.Sense) (string, string) {
	values := possible(c, q)
	fires := slices.ContainsFunc(values, func(v *big.Rat) bool { return bad(c, s, v) })
	silent := slices.ContainsFunc(values, func(v *big.Rat) bool { return !bad(c, s, v) })
	switch {
	case fires && silent:
		return "", ""
	case s == alarm && fires:
		return "the alert would always fire", "state what is not always so"
	case s == alarm:
		return fmt.Sprintf("the alert can never fire: a %s cannot get there", q.kind), "state what can be"
	case fires:
		return "the objective can never be met", "state what can be"
	}
	return "the objective cannot be missed", "state what can be missed"
}

// possible are values of the quantity, one for each stretch into which the bound cuts what it can take: a ratio is between 0 and 1, a
// state anything, all else 0 or more.
func possible(c slo.Condition, q quantity) []*big.Rat {
	limit, one := c.Value.Rat(), big.NewRat(1, 1)
	values := []*big.Rat{limit, new(big.Rat).Add(limit, one), new(big.Rat).Sub(limit, one)}
	least, most := new(big.Rat), new(big.Rat)
	switch {
	case c.Relative:
		least = big.NewRat(-1, 1)
	case q.unit == slo.State:
		return values
	case q.unit == slo.Ratio:
		most = one
		values = append(values, one)
	}
	return slices.DeleteFunc(append(values, least), func(v *big.Rat) bool {
		return v.Cmp(least) < 0 || most.Sign() > 0 && v.Cmp(most) > 0
	})
}

// burns refuses budgets with alerts that cannot fire, or that look back over too little.
func (r *resolver) burns(b slo.Budget, blame func(message, hint string)) {
	one := slo.DecimalOf(1)
	if b.Objective.Cmp(one) >= 0 {
		blame("an objective of 100% leaves no budget to burn: the first bad event would spend it", "state an objective below 100%, or drop the budget")
		return
	}
	if b.Objective.Sign() <= 0 {
		blame("an objective of 0% cannot be missed", "state the share of good events, for instance 99.9%")
		return
	}
	windows := prom.BurnWindows(b.Period)
	if len(windows) == 0 {
		blame(fmt.Sprintf("a period of %s is shorter than the windows in which a budget is watched", b.Period), "give it a period of days")
		return
	}
	for _, w := range windows {
		if w.Limit(b).Cmp(one) >= 0 {
			blame(fmt.Sprintf("the alert on burning the budget %s times too fast can never fire: an objective of %s is missed at most %s times too fast",
				w.Factor, percentage(b.Objective), new(big.Rat).Inv(b.Share().Rat()).FloatString(1)), "raise the objective, or bound the share over a window")
			return
		}
		r.longEnough(w.Short, blame)
	}
	if least := r.shortestSum(); !b.Raw && windows[0].Short < least {
		blame(fmt.Sprintf("with evaluations every %s, a window of %s cannot be summed of recordings", r.matrix.EvaluationInterval, windows[0].Short),
			"evaluate more often, or give the budget `windows: raw`")
	}
}

// shortestSum is the shortest window that can be summed of recorded counts: each reaches back over four scrapes, in whole evaluations, and
// the window must reach one evaluation further.
func (r *resolver) shortestSum() slo.Duration {
	step := max(r.matrix.EvaluationInterval, 1)
	return (4*r.matrix.ScrapeInterval+step-1)/step*step + step
}
