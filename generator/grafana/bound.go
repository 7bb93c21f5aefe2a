package grafana

import (
	"fmt"
	"strings"

	"github.com/coclai/cutover/generator/slo"
)

// limit is where the bound lies, as an expression: a constant, or what the alert compares with while a release has a baseline. bad is
// the comparison by which the bound is passed.
func (s *sheet) limit(i slo.SLI, b slo.Bound, bad slo.Op) string {
	if b.Relative == nil {
		return "vector(" + amount(b).String() + ")"
	}
	base := s.recorded(slo.BaselineSeries, i)
	limit := fmt.Sprintf("%s * %s", b.Relative.PlusOne(), base)
	floor := floorOf(i)
	if floor.Sign() <= 0 {
		return limit
	}
	// An alert needs both the factor and the floor, so the bound is the one further from the baseline.
	if bad == slo.Less || bad == slo.AtMost {
		return fmt.Sprintf("%s < %s - %s or %s - %s", limit, base, floor, base, floor)
	}
	return fmt.Sprintf("%s > %s + %s or %s + %s", limit, base, floor, base, floor)
}

func amount(b slo.Bound) slo.Decimal {
	if b.Value == nil {
		return slo.Decimal{}
	}
	return *b.Value
}

func floorOf(i slo.SLI) slo.Decimal {
	if i.Baseline == nil {
		return slo.Decimal{}
	}
	return i.Baseline.Floor
}

// relative says whether a bound of the SLI is drawn from a baseline.
func relative(i slo.SLI) bool {
	return i.Alert.Relative != nil || i.SLO != nil && i.SLO.Relative != nil
}

// passed is the comparison by which an objective is missed.
func passed(objective slo.Op) slo.Op {
	if objective == slo.Greater || objective == slo.AtLeast {
		return slo.Less
	}
	return slo.Greater
}

// phrase is a bound as the runbook would say it: "> 2% over 5m", "> baseline + 35% over 5m for 10m".
func phrase(b slo.Bound, unit slo.Unit) string {
	text := string(b.Op) + " " + quantity(b, unit) + over(b.Window)
	if b.For > 0 {
		text += " for " + b.For.String()
	}
	return text
}

func over(window slo.Duration) string {
	if window == 0 {
		return ""
	}
	return " over " + window.String()
}

func quantity(b slo.Bound, unit slo.Unit) string {
	if b.Relative != nil {
		percent := b.Relative.Shift(2).String()
		if less, below := strings.CutPrefix(percent, "-"); below {
			return "baseline - " + less + "%"
		}
		return "baseline + " + percent + "%"
	}
	switch unit {
	case slo.Ratio:
		return amount(b).Shift(2).String() + "%"
	case slo.Seconds:
		return amount(b).String() + "s"
	}
	return amount(b).String()
}

func unitOf(m slo.Measure) slo.Unit {
	switch {
	case m.Ratio != nil:
		return slo.Ratio
	case m.Latency != nil:
		return slo.Seconds
	case m.Count != nil, m.Restarts != nil:
		return slo.Count
	}
	return slo.State
}
