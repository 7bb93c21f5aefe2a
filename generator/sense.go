package generator

import (
	"fmt"
	"math/big"

	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// What a column, or a list, states.
const (
	objective = slo.SenseTarget
	alarm     = slo.SenseAlert
)

// inPlace is a condition as the place where it stands means it, and of the events that the quantity counts: bad ones.
func (r *resolver) inPlace(cell runbook.Cell, c slo.Condition, q quantity, s slo.Sense) (slo.Condition, bool) {
	placed, err := c.As(s)
	if err != nil {
		r.blameCell(cell, err.Error(), "move it to its place, or turn it round")
		return c, false
	}
	if c.For != 0 && s == objective {
		r.blameCell(cell, fmt.Sprintf("an objective is met or missed over its window: it does not last for %s", c.For),
			"write the window in parentheses, for instance <= 1% (5m)")
		return c, false
	}
	if !q.events() {
		return placed, true
	}
	if message, hint := unlikely(c, placed, q); message != "" {
		r.blameCell(cell, message, hint)
		return c, false
	}
	if placed.Share == slo.ShareGood {
		placed = placed.Complement()
	}
	return placed, true
}

// events says whether the quantity is a share of bad events.
func (q quantity) events() bool { return q.unit == slo.Ratio && q.rising }

// half is where a share of events that its own words do not name, good or bad, becomes unlikely: ">= 2%" as an objective is more likely
// an error rate with the comparison the wrong way round than a success rate of 2 %.
var half = slo.MustDecimal("0.5")

// unlikely refuses a percentage whose direction alone says which events it counts, and whose size says the opposite.
func unlikely(written, placed slo.Condition, q quantity) (message, hint string) {
	if written.Share != "" || placed.Share == "" {
		return "", ""
	}
	switch {
	case placed.Share == slo.ShareGood && placed.Value.Cmp(half) < 0 && placed.Sense == objective:
		return fmt.Sprintf("the objective of a %s must be a low value, or a high share of good events", q.kind),
			`write <= or <; if good events are meant, say so: ">= 40% availability"`
	case placed.Share == slo.ShareGood && placed.Value.Cmp(half) < 0:
		return fmt.Sprintf("an alert on a %s must be on a high value, or on a low share of good events", q.kind),
			`write > or >=; if good events are meant, say so: "< 40% availability"`
	case placed.Share == slo.ShareBad && placed.Value.Cmp(half) > 0 && placed.Value.Cmp(slo.DecimalOf(1)) < 0:
		return fmt.Sprintf("are these %s the bad events, or the good ones with the comparison turned round?", percentage(placed.Value)),
			`name the events: "> 60% errors", or "< 99% availability"`
	}
	return "", ""
}

func percentage(d slo.Decimal) string { return d.Shift(2).String() + "%" }

// counted turns a rate of events into their number in a window: 10/min over 5m is 50. A cell that names no window means the time that
// the rate is stated in.
func (r *resolver) counted(cell runbook.Cell, c slo.Condition, q quantity) (slo.Condition, bool) {
	if c.Per != 0 && !q.whole {
		r.blameCell(cell, fmt.Sprintf("this states a rate, and a %s has none", q.kind), "")
		return c, false
	}
	c, whole := overWindow(c)
	if !whole {
		r.blameCell(cell, notWhole(c), "write how many in a window, for instance >= 10 (5m)")
	}
	return c, whole
}

// overWindow is a rate as a number of events in its window, if that is a whole one; anything else is returned as it is.
func overWindow(c slo.Condition) (slo.Condition, bool) {
	if c.Per == 0 {
		return c, true
	}
	if c.Window == 0 {
		c.Window = c.Per
	}
	number := new(big.Rat).Mul(c.Value.Rat(), big.NewRat(int64(c.Window), int64(c.Per)))
	if !number.IsInt() || !number.Num().IsInt64() {
		return c, false
	}
	c.Value, c.Per = slo.DecimalOf(number.Num().Int64()), 0
	return c, true
}

func notWhole(c slo.Condition) string {
	return fmt.Sprintf("%s every %s is no whole number of events in %s", c.Value, c.Per, c.Window)
}
