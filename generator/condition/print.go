package condition

import (
	"strings"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// Print writes a condition in the one canonical form, which Parse reads back: "p95 baseline + > 35% (5m) for 10m". What Parse cannot
// have returned (a relative count, a state) has no such form; a zero condition is "".
func Print(c slo.Condition) string {
	var parts []string
	if c.Sense != "" && !bare(c) {
		parts = append(parts, string(c.Sense)+":")
	}
	if c.Quantile.Sign() != 0 {
		parts = append(parts, "p"+c.Quantile.Shift(2).String())
	}
	if c.Relative {
		parts = append(parts, "baseline +")
	}
	if c.Op != "" {
		parts = append(parts, comparison(c))
	}
	if c.Window != 0 {
		parts = append(parts, "("+c.Window.String()+")")
	}
	if c.Period != 0 {
		parts = append(parts, "("+c.Period.String()+periodSuffix(c)+")")
	}
	if c.For != 0 {
		parts = append(parts, "for "+c.For.String())
	}
	return strings.Join(parts, " ")
}

// bare says whether a percentage alone says all: 99.9%.
func bare(c slo.Condition) bool {
	return c.Objective() && c.Value.Cmp(clearlyGood) >= 0 && c.Value.Cmp(whole) <= 0
}

func comparison(c slo.Condition) string {
	switch {
	case bare(c):
		return quantity(c)
	case c.Share != "":
		return string(c.Op) + " " + quantity(c) + " " + string(c.Share)
	}
	return string(c.Op) + " " + quantity(c)
}

// periodSuffix is left out where a long time beside an objective is a period anyway.
func periodSuffix(c slo.Condition) string {
	if c.Objective() && c.Period > slo.Duration(24*time.Hour) {
		return ""
	}
	return " " + period
}

// rateSuffix is "/min", or " per 5m".
func rateSuffix(per slo.Duration) string {
	switch per.Std() {
	case time.Second:
		return "/s"
	case time.Minute:
		return "/min"
	case time.Hour:
		return "/h"
	case 24 * time.Hour:
		return "/d"
	}
	return " per " + per.String()
}

// digits writes a number that Parse cannot take for a thousand times as much: 1.5550.
func digits(d slo.Decimal) string {
	text := d.String()
	if looksGrouped.MatchString(text) {
		return text + "0"
	}
	return text
}

func quantity(c slo.Condition) string {
	switch {
	case c.Consecutive:
		return digits(c.Value) + " consecutive"
	case c.Per != 0:
		return digits(c.Value) + rateSuffix(c.Per)
	case c.Unit == slo.Ratio:
		return c.Value.Shift(2).String() + "%"
	case c.Unit == slo.Count:
		return digits(c.Value) + " times"
	case c.Unit == slo.Seconds:
		return seconds(c.Value)
	}
	return digits(c.Value)
}

// seconds prefers milliseconds below one second: 300ms rather than 0.3s.
func seconds(d slo.Decimal) string {
	if d.Cmp(slo.DecimalOf(1)) < 0 && d.Sign() != 0 {
		return digits(d.Shift(3)) + "ms"
	}
	return d.String() + "s"
}
