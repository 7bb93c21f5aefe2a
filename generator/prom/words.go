package prom

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/coclai/cutover/generator/slo"
)

// shown stands for the alert's value in words; no text has this character.
const shown = "\x00"

// words are an alert's annotations before the value is put in.
type words struct {
	unit                          slo.Unit
	summary, description, runbook string
}

// template gives the annotations for Prometheus: text literal, value inserted there.
func (w words) template() map[string]string {
	pipe := `{{ $value | printf "%.6g" }}`
	switch w.unit {
	case slo.Ratio:
		pipe = `{{ $value | humanizePercentage }}`
	case slo.Seconds:
		pipe += "s"
	}
	return w.annotations(literal, pipe)
}

// of gives the annotations that Prometheus will make of template for a value.
func (w words) of(value float64) map[string]string {
	text := fmt.Sprintf("%.6g", value)
	switch w.unit {
	case slo.Ratio:
		text = fmt.Sprintf("%.4g%%", value*100) // what humanizePercentage does
	case slo.Seconds:
		text += "s"
	}
	return w.annotations(func(s string) string { return s }, text)
}

func (w words) annotations(text func(string) string, value string) map[string]string {
	put := func(s string) string { return strings.ReplaceAll(text(s), shown, value) }
	all := map[string]string{"summary": put(w.summary), "description": put(w.description)}
	if w.runbook != "" {
		all["runbook"] = put(w.runbook)
	}
	return all
}

// literal makes a text pass through Prometheus's templates as it is: a cell may contain `{{ query "up" }}`.
func literal(text string) string { return strings.ReplaceAll(text, "{{", `{{ "{{" }}`) }

func boundWords(a alert, unit slo.Unit) words {
	s, over := a.sli, ""
	if a.bound.Window > 0 {
		over = " over " + a.bound.Window.String()
	}
	said := fmt.Sprintf("alert when %s", phrase(s.Alert, unit))
	if s.SLO != nil {
		said += fmt.Sprintf(", objective %s", phrase(*s.SLO, unit))
	}
	if a.guard.Sign() > 0 {
		said += fmt.Sprintf("; fewer than %s events prove nothing", a.guard)
	}
	return words{
		unit:        unit,
		summary:     fmt.Sprintf("%s: %s%s is %s", s.Title, shown, over, phrase(a.bound, unit)),
		description: fmt.Sprintf("%s in %s: %s is %s%s (%s).", a.matrix.Service, a.matrix.Environment, s.Title, shown, over, said),
		runbook:     a.place(),
	}
}

// phrase is a bound as the runbook would say it: "> 2%", "> baseline + 35% for 10m".
func phrase(b slo.Bound, unit slo.Unit) string {
	text := string(b.Op) + " " + quantity(b, unit)
	if b.For > 0 {
		text += " for " + b.For.String()
	}
	return text
}

func quantity(b slo.Bound, unit slo.Unit) string {
	if b.Relative != nil {
		percent := b.Relative.Shift(2).String()
		if b.Relative.Sign() < 0 {
			return "baseline - " + strings.TrimPrefix(percent, "-") + "%"
		}
		return "baseline + " + percent + "%"
	}
	value := slo.Decimal{}
	if b.Value != nil {
		value = *b.Value
	}
	switch unit {
	case slo.Ratio:
		return value.Shift(2).String() + "%"
	case slo.Seconds:
		return value.String() + "s"
	}
	return value.String()
}

func noDataWords(a alert) words {
	return words{
		summary: fmt.Sprintf("%s: no measurements", a.sli.Title),
		description: fmt.Sprintf("%s in %s: nothing has measured %s for %s. Unknown is not healthy, and no reason to roll back.",
			a.matrix.Service, a.matrix.Environment, a.sli.Title, a.wait),
		runbook: a.place(),
	}
}

func baselineWords(a alert) words {
	return words{
		summary: fmt.Sprintf("%s: no baseline", a.sli.Title),
		description: fmt.Sprintf("%s in %s: a release is out and there is no baseline to compare %s with, so its alert cannot fire.",
			a.matrix.Service, a.matrix.Environment, a.sli.Title),
		runbook: a.place(),
	}
}

func watchdogWords(m slo.Matrix) words {
	return words{
		summary:     fmt.Sprintf("The rules of %s in %s are being evaluated", m.Service, m.Environment),
		description: "This alert always fires. Its absence means that no other alert can be heard.",
	}
}

// place is where the runbook says it: file#Lline.
func (a alert) place() string {
	if a.sli.Line == 0 {
		return a.matrix.Runbook.File
	}
	return a.matrix.Runbook.File + "#L" + strconv.Itoa(a.sli.Line)
}
