package generator

import (
	"fmt"
	"strings"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// baselineOf reads what a relative bound of a quantity is compared with; nil if nothing is. A fixed one is a number and rests on nothing;
// the others are measured, over a length of time and on a number of events.
func (r *resolver) baselineOf(given *runbook.BaselineBinding, q quantity) *slo.Baseline {
	if given == nil || !q.relative {
		return nil
	}
	b, at := *given, diag.Text{At: given.At}
	base := &slo.Baseline{Floor: r.measured(b.Floor, q)}
	if r.given(b.From, at, "from") {
		base.From = oneOf(r, b.From, "source of a baseline", slo.BaselineFromRelease, slo.BaselineFromFixed, slo.BaselineFromLastWeek)
	}
	if base.From == slo.BaselineFromFixed {
		r.fixed(b, base, q)
		return base
	}
	if b.Value.Value != "" {
		r.blame(b.Value, "only a fixed baseline is given its value; this one is measured", "write `from: fixed`, or drop `value`")
	}
	base.MinEvents = r.amount(b.MinEvents)
	if r.given(b.Over, at, "over") {
		base.Over = r.interval(b.Over, "over")
		r.longEnough(base.Over, func(message, hint string) { r.blame(b.Over, message, hint) })
	}
	return base
}

func (r *resolver) fixed(b runbook.BaselineBinding, base *slo.Baseline, q quantity) {
	for _, key := range []struct {
		text diag.Text
		name string
	}{{b.Over, "over"}, {b.MinEvents, "min_events"}} {
		if key.text.Value != "" {
			r.blame(key.text, fmt.Sprintf("a fixed baseline is not measured: `%s` means nothing", key.name), fmt.Sprintf("drop `%s`", key.name))
		}
	}
	if !r.given(b.Value, diag.Text{At: b.At}, "value") {
		return
	}
	before := len(r.problems)
	base.Value = r.measured(b.Value, q)
	if base.Value.Sign() == 0 && len(r.problems) == before {
		r.blame(b.Value, "a baseline of 0 is none: everything is more", "write for instance "+exampleOf(q))
	}
}

func exampleOf(q quantity) string {
	return map[slo.Unit]string{slo.Seconds: "240ms", slo.Ratio: "0.4%"}[q.unit] + map[bool]string{true: "12"}[q.unit == slo.Count || q.unit == slo.State]
}

// measured reads a value of a quantity as a person writes it: a time, a percentage, or a number.
func (r *resolver) measured(text diag.Text, q quantity) slo.Decimal {
	switch {
	case text.Value == "":
		return slo.Decimal{}
	case q.unit == slo.Seconds:
		return r.seconds(text)
	case q.unit != slo.Ratio:
		return r.amount(text)
	}
	digits, percent := strings.CutSuffix(text.Value, "%")
	if !percent {
		r.blame(text, fmt.Sprintf("%q is no percentage", text.Value), "write for instance 0.4%")
		return slo.Decimal{}
	}
	text.Value = strings.TrimSpace(digits)
	return r.amount(text).Percent()
}

// seconds reads a duration as an exact number of seconds: 20ms is 0.020.
func (r *resolver) seconds(text diag.Text) slo.Decimal {
	d, ok := r.duration(text)
	if !ok {
		return slo.Decimal{}
	}
	return slo.DecimalOf(d.Std().Milliseconds()).Shift(-3)
}
