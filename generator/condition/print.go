package condition

import (
	"strings"

	"github.com/coclai/cutover/generator/slo"
)

// Print writes a condition in the one canonical form, which Parse reads back: "p95 baseline + > 35% (5m) for 10m". What Parse cannot
// have returned (a relative count, a state) has no such form; a zero condition is "".
func Print(c slo.Condition) string {
	var parts []string
	if c.Quantile.Sign() != 0 {
		parts = append(parts, "p"+c.Quantile.Shift(2).String())
	}
	if c.Relative {
		parts = append(parts, "baseline +")
	}
	if c.Op != "" {
		parts = append(parts, string(c.Op), quantity(c))
	}
	if c.Window != 0 {
		parts = append(parts, "("+c.Window.String()+")")
	}
	if c.For != 0 {
		parts = append(parts, "for "+c.For.String())
	}
	return strings.Join(parts, " ")
}

func quantity(c slo.Condition) string {
	switch {
	case c.Consecutive:
		return c.Value.String() + " consecutive"
	case c.Unit == slo.Ratio:
		return c.Value.Shift(2).String() + "%"
	case c.Unit == slo.Count:
		return c.Value.String() + " times"
	case c.Unit == slo.Seconds:
		return seconds(c.Value)
	}
	return c.Value.String()
}

// seconds prefers milliseconds below one second: 300ms rather than 0.3s.
func seconds(d slo.Decimal) string {
	if d.Cmp(slo.DecimalOf(1)) < 0 && d.Sign() != 0 {
		return d.Shift(3).String() + "ms"
	}
	return d.String() + "s"
}
