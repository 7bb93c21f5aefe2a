package proof

import (
	"time"

	"github.com/prometheus/common/model"
)

// Mutant is a rule with one mistake in it.
type Mutant struct {
	Group, Rule string // the names of the group and of the recorded series or alert
	Operator    Operator
	Was, Is     string // what changed
	Near        string // the operation around it, as it was
	Within      string // the case that it stands in, where cases are joined by or
	Before      string // the whole expression, or `for`
	After       string
	Idle        bool // it is shown to say the same, without any test
	rule        int  // in Rules
	broken      rule
}

// Diff is the change as two lines.
func (m Mutant) Diff() string { return diffText(m.Before, m.After) }

// mutants are all mistakes in all rules. every is the interval of groups that say none.
func (r Rules) mutants(every time.Duration) []Mutant {
	var all []Mutant
	for i, original := range r.all {
		step := original.interval
		if step == 0 {
			step = every
		}
		for _, e := range edits(original.expr, step) {
			all = append(all, Mutant{original.group, original.name, e.operator, e.was, e.is, e.near, e.within, original.expr, e.expr, e.idle, i, original.with(e.expr)})
		}
		if original.alerting {
			all = append(all, original.waits(i, step)...)
		}
	}
	return all
}

// waits are `for` and keep_firing_for, one evaluation more or less.
func (r rule) waits(index int, step time.Duration) []Mutant {
	var all []Mutant
	change := func(key string, was, is time.Duration, broken rule) {
		if is >= 0 {
			text := func(d time.Duration) string { return key + ": " + model.Duration(d).String() }
			all = append(all, Mutant{r.group, r.name, OtherFor, text(was), text(is), "", "", text(was), text(is), false, index, broken})
		}
	}
	for _, d := range []time.Duration{r.wait + step, r.wait - step} {
		other := r
		other.wait = d
		change("for", r.wait, d, other)
	}
	if r.keep == 0 {
		return all
	}
	for _, d := range []time.Duration{r.keep + step, r.keep - step} {
		other := r
		other.keep = d
		change("keep_firing_for", r.keep, d, other)
	}
	return all
}
