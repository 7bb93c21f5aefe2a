package prom

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/coclai/cutover/generator/slo"
)

var promql = parser.NewParser(parser.Options{})

// canonical is an expression as Prometheus prints it, on one line. One that does not parse is left as it is: Check names it.
func canonical(expr string) string {
	parsed, err := promql.ParseExpr(expr)
	if err != nil {
		return expr
	}
	return parsed.String()
}

// identity is what tells the recorded series of one SLI from all others.
type identity struct{ service, environment, slo string }

func (id identity) of(series string) string {
	return fmt.Sprintf("%s{%s=%q,%s=%q,%s=%q}", series,
		slo.LabelService, id.service, slo.LabelEnvironment, id.environment, slo.LabelSLO, id.slo)
}

// in selects what is recorded of one group.
func (id identity) in(group specimen, series string) string {
	selector := strings.TrimSuffix(id.of(series), "}")
	for _, name := range slices.Sorted(maps.Keys(group)) {
		selector += fmt.Sprintf(",%s=%q", name, group[name])
	}
	return selector + "}"
}

func (id identity) labels() map[string]string {
	return map[string]string{slo.LabelService: id.service, slo.LabelEnvironment: id.environment, slo.LabelSLO: id.slo}
}

// release is T0 as the agent exports it: absent while no release is out.
func (id identity) release() string {
	return fmt.Sprintf("max(%s{%s=%q,%s=%q})", slo.AgentT0, slo.LabelService, id.service, slo.LabelEnvironment, id.environment)
}

// over is a range selector.
func over(selector string, window slo.Duration) string { return selector + "[" + window.String() + "]" }

// seconds is a duration as PromQL compares it with times.
func seconds(d slo.Duration) string { return number(d.Std().Seconds()) }

// number is the shortest decimal that reads back as v.
func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
