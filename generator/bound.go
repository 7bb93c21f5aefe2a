package generator

import (
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/coclai/cutover/generator/condition"
	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// boundCell is a bound with the places it comes from.
type boundCell struct {
	cell      runbook.Cell
	condition slo.Condition // as its place means it, of bad events, its rate counted over its window
	window    diag.Text     // of the bindings, where the cell names none
	bound     slo.Bound
	quantity  quantity
}

// alertOf reads the alert cell of a row as a bound of a quantity.
func (r *resolver) alertOf(row runbook.Row, about subject, q quantity, b runbook.SLIBinding) (boundCell, bool) {
	found := r.said.read(row.Alert)
	if found.err != nil {
		r.unreadable(row.Alert, found.err)
		return boundCell{}, false
	}
	c := about.lend(found.condition, alarm)
	if !r.named(about, c, row.Alert, alarm) {
		return boundCell{}, false
	}
	return r.fit(boundCell{cell: row.Alert, condition: c, window: b.Window}, q, alarm)
}

// named blames a bound that cannot be of what its row is called.
func (r *resolver) named(about subject, c slo.Condition, cell runbook.Cell, s slo.Sense) bool {
	m, wrong := errors.AsType[misnomer](about.fits(c, cell, s))
	if wrong {
		r.blameCell(cell, m.message, m.hint)
	}
	return !wrong
}

// unreadable blames the part of a cell that the condition language cannot read.
func (r *resolver) unreadable(cell runbook.Cell, err error) {
	e, ok := errors.AsType[*condition.Error](err)
	if !ok {
		r.blameCell(cell, err.Error(), "")
		return
	}
	r.problems.Add(cell.Diagnose(e.Offset, e.Width, fmt.Sprintf("cannot read %q: %s", cell.Text, e.Message), e.Hint))
}

// fit makes a condition a bound of the quantity, or says why it cannot be one.
func (r *resolver) fit(b boundCell, q quantity, s slo.Sense) (boundCell, bool) {
	placed, ok := r.inPlace(b.cell, b.condition, q, s)
	if !ok {
		return b, false
	}
	b.condition = placed
	if b.condition, ok = r.counted(b.cell, placed, q); !ok {
		return b, false
	}
	if message, hint := misfit(b.condition, q, s); message != "" {
		r.blameCell(b.cell, message, hint)
		return b, false
	}
	c := b.condition
	b.quantity = q
	b.bound = slo.Bound{Op: c.Op, Window: c.Window, For: c.For}
	value := c.Value
	b.bound.Value = &value
	if c.Relative {
		b.bound.Value, b.bound.Relative = nil, &value
	}
	return r.look(b, q, s)
}

// look settles the window over which the bound looks back.
func (r *resolver) look(b boundCell, q quantity, s slo.Sense) (boundCell, bool) {
	if !q.windowed {
		return b, true
	}
	blame := func(message, hint string) { r.blameCell(b.cell, message, hint) }
	if b.bound.Window == 0 {
		if b.window.Value == "" {
			blame("the cell names no window", "write one in the cell, for instance (5m), or give `window` in "+r.bind.File)
			return b, false
		}
		d, ok := r.duration(b.window)
		if !ok {
			return b, false
		}
		b.bound.Window = d
		blame = func(message, hint string) { r.blame(b.window, message, hint) }
	}
	return b, r.bearable(b.bound, q, s, blame)
}

// misfit says why a condition cannot bound a quantity, and what could be written instead; "" if it can.
func misfit(c slo.Condition, q quantity, s slo.Sense) (message, hint string) {
	checks := []func(slo.Condition, quantity, slo.Sense) (string, string){misfitPeriod, misfitUnit, misfitValue, misfitDirection, misfitReach}
	for _, check := range checks {
		if message, hint := check(c, q, s); message != "" {
			return message, hint
		}
	}
	return "", ""
}

// misfitPeriod refuses what an objective alone may be over.
func misfitPeriod(c slo.Condition, q quantity, _ slo.Sense) (string, string) {
	if c.Period != 0 {
		return fmt.Sprintf("a %s looks back over a window, not over a period of %s", q.kind, c.Period), "write for instance (5m)"
	}
	return "", ""
}

func misfitUnit(c slo.Condition, q quantity, _ slo.Sense) (string, string) {
	switch {
	case c.Op == "":
		return "no bound is stated", "write for instance > 2% (5m)"
	case c.Quantile.Sign() != 0 && c.Quantile.Cmp(q.quantile) != 0:
		return fmt.Sprintf("quantile %s is stated, and a %s%s is measured", c.Quantile, q.kind, quantileOf(q)), "make both the same"
	case c.Relative && !q.relative:
		return fmt.Sprintf("a %s is not compared with a baseline: %s", q.kind, q.incomparable), q.instead
	case c.Consecutive && !q.consecutive:
		return fmt.Sprintf("a %s has no consecutive events", q.kind), ""
	case c.Window != 0 && !q.windowed:
		return fmt.Sprintf("a %s has no window: it holds now, or it does not", q.kind), "drop the window"
	case !c.Relative && !measuredIn(c, q.unit):
		return fmt.Sprintf("a %s is not measured in this unit", q.kind), example(q.unit)
	}
	return "", ""
}

func quantileOf(q quantity) string {
	if q.quantile.Sign() == 0 {
		return ""
	}
	return " at " + q.quantile.String()
}

// measuredIn says whether a bound's unit can be the quantity's. A bare number is a count or a state; of a ratio only 0 is plain enough.
func measuredIn(c slo.Condition, unit slo.Unit) bool {
	switch unit {
	case slo.Ratio:
		return c.Unit == slo.Ratio || (c.Unit == "" && c.Value.Sign() == 0)
	case slo.Seconds:
		return c.Unit == slo.Seconds
	}
	return c.Unit == "" || c.Unit == slo.Count || c.Unit == slo.State
}

func example(unit slo.Unit) string {
	switch unit {
	case slo.Ratio:
		return "write a percentage, for instance > 2% (5m)"
	case slo.Seconds:
		return "write a time or a baseline, for instance > 300ms (5m), or baseline + > 35% (5m)"
	}
	return "write a plain number, for instance >= 1"
}

func misfitValue(c slo.Condition, q quantity, s slo.Sense) (string, string) {
	one := slo.DecimalOf(1)
	switch {
	case q.rising && c.Value.Sign() < 0:
		return fmt.Sprintf("a %s is never below 0", q.kind), ""
	case q.rising && q.unit == slo.Ratio && !c.Relative && c.Value.Cmp(one) >= 0:
		return "a ratio never exceeds 100%: the bound cannot be reached", "write less than 100%"
	case q.unit == slo.Seconds && c.Value.Sign() == 0:
		return "a latency of 0 is no bound", ""
	case q.whole && !c.Value.Rat().IsInt():
		return "events are counted in whole numbers", ""
	case q.rising && s == objective && c.Op == slo.Less && c.Value.Sign() == 0:
		return "the objective can never be met", "write == 0, or <= and a number"
	case q.rising && s == alarm && c.Op == slo.AtLeast && c.Value.Sign() == 0:
		return "the alert would always fire", "write > 0, or >= 1"
	}
	return "", ""
}

// misfitDirection refuses bounds that point the wrong way: an alert on a low error rate rolls back what is well.
func misfitDirection(c slo.Condition, q quantity, s slo.Sense) (string, string) {
	if !q.rising && !c.Relative {
		return "", ""
	}
	high := c.Op == slo.Greater || c.Op == slo.AtLeast
	if s == alarm && !high {
		return fmt.Sprintf("an alert on a %s must be on a high value", q.kind), "write > or >="
	}
	if s == objective && c.Op != slo.Less && c.Op != slo.AtMost && !(c.Op == slo.Equal && c.Value.Sign() == 0) {
		return fmt.Sprintf("the objective of a %s must be a low value", q.kind), "write <= or <"
	}
	return "", ""
}

// contradict says whether some value is both good and a reason to alert. The two limits cut the numbers into stretches; one value of
// each stands for all. Counts take whole numbers only; over windows of different lengths it is their rates that are compared.
func contradict(good, bad slo.Bound, whole bool) bool {
	g, b := limit(good), limit(bad)
	if whole && good.Window > 0 && bad.Window > 0 && good.Window != bad.Window {
		g, b, whole = perTime(g, good.Window), perTime(b, bad.Window), false
	}
	one := big.NewRat(1, 1)
	candidates := []*big.Rat{g, b}
	for _, l := range []*big.Rat{g, b} {
		candidates = append(candidates, new(big.Rat).Add(l, one), new(big.Rat).Sub(l, one))
	}
	if !whole {
		candidates = append(candidates, new(big.Rat).Quo(new(big.Rat).Add(g, b), big.NewRat(2, 1)))
	}
	for _, v := range candidates {
		if good.Op.Holds(v.Cmp(g)) && bad.Op.Holds(v.Cmp(b)) {
			return true
		}
	}
	return false
}

func perTime(r *big.Rat, window slo.Duration) *big.Rat {
	return new(big.Rat).Quo(r, big.NewRat(int64(window), int64(time.Second)))
}

func limit(b slo.Bound) *big.Rat {
	if b.Relative != nil {
		return b.Relative.Rat()
	}
	return b.Value.Rat()
}
