package report

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/generator/slo"
)

// none stands where there is nothing to show.
const none = "–"

// quantity is a number of the ledger as persons read it, with its unit.
func quantity(unit slo.Unit, number string) string {
	v, err := strconv.ParseFloat(number, 64)
	switch {
	case number == "":
		return none
	case err != nil:
		return number
	}
	return amount(unit, v)
}

func amount(unit slo.Unit, v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return fmt.Sprint(v)
	case unit == slo.Ratio:
		return significant(v*100) + " %"
	case unit == slo.Seconds && math.Abs(v) < 1 && v != 0:
		return significant(v*1000) + " ms"
	case unit == slo.Seconds:
		return significant(v) + " s"
	}
	return significant(v)
}

// significant has four digits, and never an exponent below a million millions.
func significant(v float64) string {
	if v == 0 || math.Abs(v) >= 1e12 {
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	places := max(0, 3-int(math.Floor(math.Log10(math.Abs(v)))))
	text := strconv.FormatFloat(v, 'f', min(places, 12), 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// boundText is a bound of the plan, and what its number is where that depends on a baseline.
func boundText(b *slo.Bound, unit slo.Unit, number string) string {
	if b == nil {
		return none
	}
	text := sign(b.Op) + " "
	switch {
	case b.Value != nil:
		text += quantity(unit, b.Value.String())
	case b.Relative != nil:
		text += "baseline + " + significant(b.Relative.Float()*100) + " %"
		if number != "" {
			text += " = " + quantity(unit, number)
		}
	}
	if b.Window > 0 {
		text += " (" + b.Window.String() + ")"
	}
	if b.For > 0 {
		text += " for " + b.For.String()
	}
	return text
}

// change is how much one number is more or less than another.
func change(from, to string) string {
	a, errA := strconv.ParseFloat(from, 64)
	b, errB := strconv.ParseFloat(to, 64)
	switch {
	case errA != nil || errB != nil || math.IsNaN(a) || math.IsNaN(b):
		return none
	case a == b:
		return "the same"
	case a == 0:
		return "was 0"
	}
	return fmt.Sprintf("%+.1f %%", (b/a-1)*100)
}

// nearer says whether one value came nearer to its alert than another.
func nearer(a, b release.Extreme) bool {
	x, _ := strconv.ParseFloat(a.Share, 64)
	y, _ := strconv.ParseFloat(b.Share, 64)
	return x > y
}

// shareOf is how near to the alert's bound a row came.
func shareOf(worst *release.Extreme) string {
	if worst == nil || worst.Share == "" {
		return none
	}
	s, err := strconv.ParseFloat(worst.Share, 64)
	if err != nil {
		return worst.Share
	}
	return significant(math.Round(s*1000)/10) + " % of the bound"
}

// long is a duration as runbooks say it: 48h, not 2d.
func long(d time.Duration) string {
	if d >= 10*time.Second {
		d = d.Round(time.Second)
	}
	hours := d.Truncate(time.Hour)
	switch rest := slo.Duration((d - hours).Truncate(time.Millisecond)); {
	case hours == 0:
		return rest.String()
	case rest == 0:
		return fmt.Sprintf("%dh", int(hours.Hours()))
	default:
		return fmt.Sprintf("%dh%s", int(hours.Hours()), rest)
	}
}

// signs are the comparisons of a plan as they are printed.
var signs = map[slo.Op]string{"<=": "≤", ">=": "≥", "==": "=", "!=": "≠"}

func sign(op slo.Op) string { return cmp.Or(signs[op], string(op)) }

// since is a moment as seen from T0.
func since(t0, at time.Time) string {
	if at.Before(t0) {
		return "T-" + long(t0.Sub(at))
	}
	return "T+" + long(at.Sub(t0))
}

// counted is a number with its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func short(id string) string { return id[:min(len(id), 12)] }
