package grafana

import (
	"strconv"
	"strings"

	"github.com/coclai/cutover/generator/slo"
)

// alerts is the series by which Prometheus says which alerts are pending or firing.
const alerts = "ALERTS"

// of selects a series of the matrix's service, by further matchers if need be.
func (s *sheet) of(series string, matchers ...string) string {
	all := append([]string{equal(slo.LabelService, s.matrix.Service), equal(slo.LabelEnvironment, s.matrix.Environment)}, matchers...)
	return series + "{" + strings.Join(all, ",") + "}"
}

func equal(label, value string) string { return label + "=" + quoted(value) }

func different(label, value string) string { return label + "!=" + quoted(value) }

// recorded selects a series that the rules record for an SLI.
func (s *sheet) recorded(series string, i slo.SLI) string {
	return s.of(series, equal(slo.LabelSLO, i.ID))
}

// value is the SLI's recorded quantity over a window.
func (s *sheet) value(i slo.SLI, window slo.Duration) string {
	if i.Measure.Count != nil {
		return s.recorded(slo.EventsSeries(window), i)
	}
	return s.recorded(slo.ValueSeries(window), i)
}

// quoted is a PromQL string. Grafana replaces variables in expressions, too, so what begins one is written as an escape.
func quoted(value string) string {
	return strings.NewReplacer("$", `\x24`, "[", `\x5b`).Replace(strconv.Quote(value))
}
