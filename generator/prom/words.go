package prom

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/coclai/cutover/generator/slo"
)

// shown stands for the alert's value in words, and labelled, with a label's name and unlabelled after it, for the value of that label. No
// text has these characters.
const (
	shown      = "\x00"
	labelled   = "\x01"
	unlabelled = "\x02"
)

// words are an alert's annotations before the value is put in.
type words struct {
	unit                          slo.Unit
	by                            grouping // labels that are shown, too
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
	case percent:
		pipe += "%"
	}
	return w.annotations(literal, pipe, func(label string) string { return "{{ $labels." + label + " }}" })
}

// of gives the annotations that Prometheus will make of template for a value, and the labels of a group.
func (w words) of(value float64, group specimen) map[string]string {
	text := fmt.Sprintf("%.6g", value)
	switch w.unit {
	case slo.Ratio:
		text = fmt.Sprintf("%.4g%%", value*100) // what humanizePercentage does
	case slo.Seconds:
		text += "s"
	case percent:
		text += "%"
	}
	return w.annotations(func(s string) string { return s }, text, func(label string) string { return group[label] })
}

func (w words) annotations(text func(string) string, value string, label func(string) string) map[string]string {
	put := func(s string) string {
		s = strings.ReplaceAll(text(s), shown, value)
		for _, name := range w.by {
			s = strings.ReplaceAll(s, labelled+name+unlabelled, label(name))
		}
		return s
	}
	all := map[string]string{"summary": put(w.summary), "description": put(w.description)}
	if w.runbook != "" {
		all["runbook"] = put(w.runbook)
	}
	return all
}

// literal makes a text pass through Prometheus's templates as it is: a cell may contain `{{ query "up" }}`.
func literal(text string) string { return strings.ReplaceAll(text, "{{", `{{ "{{" }}`) }

// subject is what an alert is about: the SLI, and which group of it.
func (a alert) subject() string {
	if len(a.sli.By) == 0 {
		return a.sli.Title
	}
	var group []string
	for _, name := range a.sli.By {
		group = append(group, name+" "+labelled+name+unlabelled)
	}
	return a.sli.Title + " of " + strings.Join(group, ", ")
}

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
		by:          s.By,
		summary:     fmt.Sprintf("%s: %s%s is %s", a.subject(), shown, over, phrase(a.bound, unit)),
		description: fmt.Sprintf("%s in %s: %s is %s%s (%s).", a.matrix.Service, a.matrix.Environment, a.subject(), shown, over, said),
		runbook:     a.place(),
	}
}

// burnWords say the share of bad events, and how fast that is.
func burnWords(a alert, w BurnWindow) words {
	objective := fmt.Sprintf("an objective of %s%% over %s", a.sli.Budget.Objective.Shift(2), a.sli.Budget.Period)
	said := fmt.Sprintf("more than %s, in the last %s too, spends the budget of %s more than %s times too fast",
		quantity(a.bound, slo.Ratio), w.Short, objective, w.Factor)
	if a.guard.Sign() > 0 {
		said += fmt.Sprintf("; fewer than %s events prove nothing", a.guard)
	}
	return words{
		unit:    slo.Ratio,
		by:      a.sli.By,
		summary: fmt.Sprintf("%s: the error budget is being spent, %s bad over %s", a.subject(), shown, w.Long),
		description: fmt.Sprintf("%s in %s: %s is %s bad over %s (%s).",
			a.matrix.Service, a.matrix.Environment, a.subject(), shown, w.Long, said),
		runbook: a.place(),
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
	case percent:
		return value.String() + "%"
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
