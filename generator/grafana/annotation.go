package grafana

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/coclai/cutover/generator/slo"
)

// annotations are the marks that all graphs show.
type annotations struct {
	List []annotation `json:"list"`
}

// annotation adds to Grafana's the keys that its Prometheus data source reads and that the SDK's model leaves out (Grafana:
// packages/grafana-prometheus, processAnnotationResponse). Formats are templates over labels.
type annotation struct {
	dashboard.AnnotationQuery
	Step            string `json:"step"`
	TitleFormat     string `json:"titleFormat"`
	TextFormat      string `json:"textFormat,omitempty"`
	TagKeys         string `json:"tagKeys,omitempty"`
	UseValueForTime bool   `json:"useValueForTime"` // the value is the time of the mark, in milliseconds
}

// annotations mark how long each alert was firing or pending, and T0 where the agent says it was, whenever it was scraped.
func (s *sheet) annotations() []annotation {
	release := s.mark("T0", "blue", fmt.Sprintf("max(%s) * 1000", s.of(slo.AgentT0)))
	release.TitleFormat, release.UseValueForTime = "T0: the release is out", true
	return []annotation{s.alerting("firing", "red"), s.alerting("pending", "orange"), release}
}

func (s *sheet) alerting(state, color string) annotation {
	a := s.mark("Alerts "+state, color, s.state(state))
	a.TitleFormat, a.TextFormat = "{{alertname}} is "+state, "rollback: {{"+slo.LabelRollback+"}}"
	a.TagKeys = slo.LabelSLO + "," + slo.LabelSeverity
	return a
}

func (s *sheet) mark(name, color, expr string) annotation {
	q, ref := dashboard.NewAnnotationQuery(), source()
	q.Name, q.IconColor, q.Expr, q.Datasource = name, color, &expr, &ref
	return annotation{AnnotationQuery: *q, Step: step(s.matrix.EvaluationInterval)}
}
