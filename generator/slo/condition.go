package slo

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

// Condition is one cell or list item as read by package condition: a comparison, and over what it holds. Zero fields were not named.
type Condition struct {
	Op          Op
	Value       Decimal  // in Unit; for a Relative condition the excess over the baseline as a ratio: +35 % is 0.35
	Relative    bool     // against the captured baseline
	Unit        Unit     // "" when the text gives a bare number
	Quantile    Decimal  // p95 is 0.95
	Window      Duration // the look-back: (5m)
	For         Duration // how long it must hold: for 10m
	Consecutive bool     // "3 consecutive"
}

// Bound is a condition resolved against its SLI: unit known, window settled.
type Bound struct {
	Op       Op       `yaml:"op" json:"op"`
	Value    *Decimal `yaml:"value,omitempty" json:"value,omitempty"`       // absolute bound, in the SLI's unit
	Relative *Decimal `yaml:"relative,omitempty" json:"relative,omitempty"` // excess over the baseline as a ratio
	Window   Duration `yaml:"window,omitempty" json:"window,omitempty"`
	For      Duration `yaml:"for,omitempty" json:"for,omitempty"`
}
