package grafana

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/coclai/cutover/generator/slo"
)

// release is the first row: how long the release has been out, whether redeployment is locked, how many alerts fire. Where nobody
// speaks, each says so: no data is never green.
func (s *sheet) release() {
	s.row("Release")
	s.board.WithPanel(s.stat("Time since T0", s.elapsed()).Unit(units.DurationSeconds).NoValue("no release"))
	s.board.WithPanel(s.stat("Redeployment", fmt.Sprintf("max(%s)", s.of(slo.AgentLocked))).
		Mappings(words(map[string]word{"0": {"open", "green"}, "1": {"LOCKED", "red"}})).
		NoValue("unknown: no agent"))
	s.board.WithPanel(s.stat("Alerts firing", s.firing()).
		Thresholds(greenUnder(1)).
		NoValue("unknown: the rules are not evaluated"))
}

func (s *sheet) elapsed() string { return fmt.Sprintf("time() - max(%s)", s.of(slo.AgentT0)) }

// firing counts the service's alerts. Its zero comes from the Watchdog: without that, silence would look like health.
func (s *sheet) firing() string {
	watchdog := s.of(alerts, equal("alertstate", "firing"), equal("alertname", slo.Watchdog))
	return fmt.Sprintf("count(%s) or 0 * count(%s)", s.state("firing"), watchdog)
}

// state are the alerts in a state, except the one that always fires.
func (s *sheet) state(state string) string {
	return s.of(alerts, equal("alertstate", state), different("alertname", slo.Watchdog))
}

// stat shows the last value of a query, large.
func (s *sheet) stat(title, expr string) *stat.PanelBuilder {
	return stat.NewPanelBuilder().
		Id(s.id()).
		Title(title).
		Datasource(source()).
		Height(statHeight).
		Span(statWidth).
		GraphMode(common.BigValueGraphModeNone).
		Orientation(common.VizOrientationAuto).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})).
		Thresholds(dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).
			Steps([]dashboard.Threshold{{Color: "text"}})).
		WithTarget(s.query("value", expr).Instant())
}

// word is what a number is shown as.
type word struct{ text, color string }

func words(of map[string]word) []dashboard.ValueMapping {
	options := map[string]dashboard.ValueMappingResult{}
	for value, w := range of {
		options[value] = dashboard.ValueMappingResult{Text: &w.text, Color: &w.color}
	}
	return []dashboard.ValueMapping{{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: options}}}
}

func greenUnder(limit float64) *dashboard.ThresholdsConfigBuilder {
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).
		Steps([]dashboard.Threshold{{Color: "green"}, {Value: &limit, Color: "red"}})
}
