package generator

import (
	"fmt"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// baseline reads what a relative bound is compared with. A fixed one is a number and rests on nothing; the others are measured, over a
// length of time and on a number of events.
func (r *resolver) baseline(b runbook.BaselineBinding) *slo.Baseline {
	at := diag.Text{At: b.At}
	base := &slo.Baseline{Floor: r.seconds(b.Floor)}
	if r.given(b.From, at, "from") {
		base.From = oneOf(r, b.From, "source of a baseline", slo.BaselineFromRelease, slo.BaselineFromFixed, slo.BaselineFromLastWeek)
	}
	if base.From == slo.BaselineFromFixed {
		r.fixed(b, base)
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

func (r *resolver) fixed(b runbook.BaselineBinding, base *slo.Baseline) {
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
	base.Value = r.seconds(b.Value)
	if base.Value.Sign() == 0 && len(r.problems) == before {
		r.blame(b.Value, "a baseline of 0 is none: everything is more", "write for instance 240ms")
	}
}

// seconds reads a duration as an exact number of seconds: 20ms is 0.020.
func (r *resolver) seconds(text diag.Text) slo.Decimal {
	d, ok := r.duration(text)
	if !ok {
		return slo.Decimal{}
	}
	return slo.DecimalOf(d.Std().Milliseconds()).Shift(-3)
}
