package slo

import (
	"fmt"
	"time"
)

// Op is a comparison as PromQL writes it.
type Op string

// The comparisons a bound may use.
const (
	Less      Op = "<"
	AtMost    Op = "<="
	Equal     Op = "=="
	AtLeast   Op = ">="
	Greater   Op = ">"
	Different Op = "!="
)

// Holds says whether c, the result of comparing a measurement with the bound (-1, 0, 1), satisfies op.
func (op Op) Holds(c int) bool {
	switch op {
	case Less:
		return c < 0
	case AtMost:
		return c <= 0
	case Equal:
		return c == 0
	case AtLeast:
		return c >= 0
	case Greater:
		return c > 0
	}
	return c != 0
}

// Unit is what a quantity is measured in.
type Unit string

// The units of the matrix. A percentage is a ratio: 2 % is 0.02.
const (
	Ratio   Unit = "ratio"
	Seconds Unit = "seconds"
	Count   Unit = "count"
	State   Unit = "state"
)

// Sense is which of two conditions a text states. Its own words seldom tell: a cell's column does, or the list an item stands in.
type Sense string

// The senses.
const (
	SenseTarget Sense = "target" // what is good: "0 is normal", "99.9%", "must be <= 1%"
	SenseAlert  Sense = "alert"  // what is bad: "alert: > 2%", "any violation"
)

// Share is which events a percentage counts.
type Share string

// The shares.
const (
	ShareGood Share = "good" // availability, success rate: high is well
	ShareBad  Share = "bad"  // error rate, 5xx: low is well
)

// Condition is one cell or list item as read by package condition: a comparison, and over what it holds. Zero fields were not named.
type Condition struct {
	Op          Op
	Value       Decimal  // in Unit; for a Relative condition the excess over the baseline as a ratio: +35 % is 0.35
	Relative    bool     // against the captured baseline
	Unit        Unit     // "" when the text gives a bare number
	Per         Duration // a rate, 10/min: Value events per this long; Unit is Count
	Quantile    Decimal  // p95 is 0.95
	Window      Duration // the look-back: (5m)
	Period      Duration // what an objective holds over: 99.9% (30d); never together with Window
	For         Duration // how long it must hold: for 10m
	Consecutive bool     // "3 consecutive"
	Sense       Sense    // only where the text itself says it
	Share       Share    // of a percentage that is not Relative, only where the text itself says it
}

// longestWindow is where a look-back ends and a period begins: nobody is paged on the last thirty days.
const longestWindow = 24 * Duration(time.Hour)

// Objective says whether the text alone states a share of good events to be reached: "99.9%", "target: >= 99.9% availability".
func (c Condition) Objective() bool {
	return c.Sense == SenseTarget && c.Share == ShareGood && c.Op == AtLeast
}

// As is the condition as a place of known sense means it: a table's target column, its alert column, the list of triggers. A percentage
// then tells which events it counts, since what is good is many good or few bad events; and over more than a day a target has a
// period. The error says why the text cannot stand there.
func (c Condition) As(s Sense) (Condition, error) {
	if c.Sense != "" && c.Sense != s {
		return c, fmt.Errorf("the words state the %s condition, the place is for the %s condition", c.Sense.adjective(), s.adjective())
	}
	c.Sense = s
	if s == SenseTarget && c.Window > longestWindow {
		c.Window, c.Period = 0, c.Window
	}
	counted := c.counted()
	if counted != "" && c.Share != "" && c.Share != counted {
		return c, fmt.Errorf("a share of %s events cannot be bounded by %s in the %s condition", c.Share, c.Op, s.adjective())
	}
	if counted != "" {
		c.Share = counted
	}
	return c, nil
}

func (s Sense) adjective() string {
	if s == SenseTarget {
		return "good"
	}
	return "bad"
}

// counted is which events a percentage must count for its direction to make sense; "" where there is no telling.
func (c Condition) counted() Share {
	if c.Unit != Ratio || c.Relative || c.Op == Equal || c.Op == Different {
		return ""
	}
	high := c.Op == Greater || c.Op == AtLeast
	if high == (c.Sense == SenseTarget) {
		return ShareGood
	}
	return ShareBad
}

var mirrored = map[Op]Op{Less: Greater, AtMost: AtLeast, Equal: Equal, AtLeast: AtMost, Greater: Less, Different: Different}

// Complement is the same condition on the other events: at least 99.9 % good is at most 0.1 % bad. It is for percentages up to 100 %
// that are not Relative; anything else comes back as it is.
func (c Condition) Complement() Condition {
	if c.Unit != Ratio || c.Relative || c.Value.Cmp(DecimalOf(1)) > 0 {
		return c
	}
	c.Op = mirrored[c.Op]
	negative := c.Value
	negative.unscaled = -negative.unscaled
	c.Value = negative.PlusOne()
	switch c.Share {
	case ShareGood:
		c.Share = ShareBad
	case ShareBad:
		c.Share = ShareGood
	}
	return c
}

// Bound is a condition resolved against its SLI: unit known, window settled.
type Bound struct {
	Op       Op       `yaml:"op" json:"op"`
	Value    *Decimal `yaml:"value,omitempty" json:"value,omitempty"`       // absolute bound, in the SLI's unit
	Relative *Decimal `yaml:"relative,omitempty" json:"relative,omitempty"` // excess over the baseline as a ratio
	Window   Duration `yaml:"window,omitempty" json:"window,omitempty"`
	For      Duration `yaml:"for,omitempty" json:"for,omitempty"`
}
