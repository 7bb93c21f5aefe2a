package grafana

import (
	"fmt"
	"strings"

	"github.com/coclai/cutover/generator/slo"
)

// sli is the row of one SLI: its value between its bounds, and beside it the events that the value rests on, where they are counted.
func (s *sheet) sli(i slo.SLI) {
	s.row(literal(strings.TrimSpace(i.Item + " " + i.Title)))
	if !i.Bounded() {
		s.board.WithPanel(s.graph(literal(i.Title)+": error budget left", slo.Ratio, s.budgetLines(i)).Description(s.account(i)).Span(fullWidth))
		return
	}
	value := s.graph(literal(i.Title)+over(i.Alert.Window), unitOf(i.Measure), s.valueLines(i)).Description(s.account(i))
	if i.Measure.Ratio == nil && i.Measure.Latency == nil {
		s.board.WithPanel(value.Span(fullWidth))
		return
	}
	s.board.WithPanel(value.Span(wideWidth))
	s.board.WithPanel(s.graph("Events"+over(i.Alert.Window), slo.Count, s.eventLines(i)).Span(fullWidth - wideWidth))
}

func (s *sheet) valueLines(i slo.SLI) []line {
	unit := unitOf(i.Measure)
	lines := []line{{ref: "value", expr: s.value(i, i.Alert.Window), legend: "value" + over(i.Alert.Window), color: "blue"}}
	if i.SLO != nil && i.SLO.Window != i.Alert.Window {
		lines = append(lines, line{ref: "value-objective", expr: s.value(i, i.SLO.Window), legend: "value" + over(i.SLO.Window), color: "purple"})
	}
	if relative(i) {
		lines = append(lines, line{ref: "baseline", expr: s.recorded(slo.BaselineSeries, i), legend: "baseline", color: "text"})
	}
	if i.SLO != nil {
		lines = append(lines, line{"objective", s.limit(i, *i.SLO, passed(i.SLO.Op)), "objective " + phrase(*i.SLO, unit), "orange", true})
	}
	return append(lines, line{"alert", s.limit(i, i.Alert, i.Alert.Op), "alert " + phrase(i.Alert, unit), "red", true})
}

func (s *sheet) budgetLines(i slo.SLI) []line {
	left := s.recorded(slo.BudgetRemainingSeries(i.Budget.Period), i)
	return []line{{ref: "left", expr: left, legend: "left of " + i.Budget.Period.String(), color: "blue"}}
}

func (s *sheet) eventLines(i slo.SLI) []line {
	lines := []line{{ref: "events", expr: s.recorded(slo.EventsSeries(i.Alert.Window), i), legend: "events", color: "blue"}}
	if i.Measure.Ratio != nil {
		lines = append(lines, line{ref: "bad", expr: s.recorded(slo.BadSeries(i.Alert.Window), i), legend: "bad events", color: "red"})
	}
	if i.MinEvents.Sign() > 0 {
		legend := fmt.Sprintf("fewer than %s prove nothing", i.MinEvents)
		lines = append(lines, line{"enough", "vector(" + i.MinEvents.String() + ")", legend, "orange", true})
	}
	return lines
}

// account says in words what the graph shows and where it was decided.
func (s *sheet) account(i slo.SLI) string {
	unit, place := unitOf(i.Measure), s.matrix.Runbook.File
	if i.Line > 0 {
		place = fmt.Sprintf("%s, line %d", place, i.Line)
	}
	said := []string{"Watched by the alerts of its error budget"}
	if i.Bounded() {
		said[0] = fmt.Sprintf("Alert when %s", phrase(i.Alert, unit))
	}
	if i.SLO != nil {
		said = append(said, "objective "+phrase(*i.SLO, unit))
	}
	text := fmt.Sprintf("%s. No data means: %s. Component %s, owner %s; %s.",
		strings.Join(said, ", "), i.NoData, i.Component, i.Owner, place)
	if i.Trigger != "" {
		text += fmt.Sprintf(" Trigger %s, mode %s.", i.Trigger, i.Mode)
	}
	return markdown(text)
}
