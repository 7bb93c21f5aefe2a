package grafana

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/coclai/cutover/generator/slo"
)

// Sizes on Grafana's grid, which is 24 wide.
const (
	fullWidth   = 24
	wideWidth   = 16
	graphHeight = 8
	statHeight  = 4
	statWidth   = 8
)

// line is one curve of a graph. Its ref names the query, and by it the curve's looks.
type line struct {
	ref, expr, legend, color string
	bound                    bool // drawn dashed: a limit, not a measurement
}

// graph draws lines over time. Values hold until the next evaluation, so they are drawn as steps.
func (s *sheet) graph(title string, unit slo.Unit, lines []line) *timeseries.PanelBuilder {
	g := timeseries.NewPanelBuilder().
		Id(s.id()).
		Title(title).
		Datasource(source()).
		Height(graphHeight).
		Interval(step(s.matrix.EvaluationInterval)).
		Unit(unitName(unit)).
		AxisSoftMin(0).
		LineInterpolation(common.LineInterpolationStepAfter).
		ShowPoints(common.VisibilityModeNever)
	for _, l := range lines {
		g.WithTarget(s.query(l.ref, l.expr).LegendFormat(l.legend).Range())
		g.OverrideByQuery(l.ref, l.looks())
	}
	return g
}

func (s *sheet) query(ref, expr string) *prometheus.DataqueryBuilder {
	return prometheus.NewDataqueryBuilder().RefId(ref).Expr(expr).Datasource(source()).EditorMode(prometheus.QueryEditorModeCode)
}

func (l line) looks() []dashboard.DynamicConfigValue {
	looks := []dashboard.DynamicConfigValue{{Id: "color", Value: map[string]any{"mode": "fixed", "fixedColor": l.color}}}
	if l.bound {
		looks = append(looks, dashboard.DynamicConfigValue{Id: "custom.lineStyle", Value: map[string]any{"fill": "dash", "dash": []int{10, 10}}})
	}
	return looks
}

func unitName(unit slo.Unit) string {
	switch unit {
	case slo.Ratio:
		return units.PercentUnit
	case slo.Seconds:
		return units.Seconds
	}
	return units.Short
}
