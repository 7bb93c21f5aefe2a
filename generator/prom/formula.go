package prom

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/coclai/cutover/generator/slo"
)

// percent is the unit, in words only, of an expression that yields percent.
const percent slo.Unit = "percent"

// readExpr takes the user's expression as it is: one series, or one for each group. `>= -Inf` drops NaN, which is no measurement.
func readExpr(id identity, e slo.ExprMeasure) reading {
	value := func(slo.Duration) string { return fmt.Sprintf("(%s) >= -Inf", e.Expr) }
	unit := e.Unit
	if e.Percent {
		unit = percent
	}
	return reading{
		unit:    unit,
		value:   value,
		age:     fmt.Sprintf("time() - max(timestamp(%s))", strings.Join(inputs(e.Expr), ") or timestamp(")),
		missing: fmt.Sprintf("absent(%s)", id.of(slo.ValueSeries(0))),
		current: slo.ValueSeries,
		records: id.recordValue(value),
	}
}

// inputs are the selectors of an expression that look at the present; the expression itself, which is always of the present, if it has
// none.
func inputs(expr string) []string {
	parsed, err := promql.ParseExpr(expr)
	if err != nil {
		return []string{expr}
	}
	var all []string
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		v, ok := n.(*parser.VectorSelector)
		if ok && v.OriginalOffset == 0 && v.Timestamp == nil && v.StartOrEnd == 0 && !slices.Contains(all, v.String()) {
			all = append(all, v.String())
		}
		return nil
	})
	if len(all) == 0 {
		return []string{expr}
	}
	return all
}

// speaksAlone says whether an expression has a value though no series exists.
func speaksAlone(expr string) bool {
	parsed, err := promql.ParseExpr(expr)
	if err != nil {
		return true
	}
	reads, alone := false, false
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.VectorSelector:
			reads = true
		case *parser.Call:
			alone = alone || strings.HasPrefix(n.Func.Name, "absent") || n.Func.Name == "vector" ||
				(len(n.Args) == 0 && n.Func.ReturnType == parser.ValueTypeVector)
		}
		return nil
	})
	return alone || !reads
}
