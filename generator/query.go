package generator

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// percent is the unit of a query whose numbers are shares times 100. There is no such unit in the matrix: bounds are shifted to meet it.
const percent slo.Unit = "percent"

// query reads an SLI given as PromQL.
func (r *resolver) query(m *slo.Measure, b runbook.SLIBinding) quantity {
	m.Expr = &slo.ExprMeasure{}
	q, at := queryQuantity, diag.Text{At: b.Expr.At}
	if r.given(b.Expr.Unit, at, "unit") {
		q.unit = oneOf(r, b.Expr.Unit, "unit of a query", slo.Ratio, percent, slo.Seconds, slo.Count, slo.State)
	}
	if q.unit == percent {
		q.unit, m.Expr.Percent = slo.Ratio, true
		q.relative, q.incomparable, q.instead = false, "baselines are kept as shares, and this yields percent", "divide it by 100, and write `unit: ratio`"
	}
	m.Expr.Unit = q.unit
	if !r.given(b.Expr.Query, at, "query") {
		return q
	}
	if expr, ok := r.expression(b.Expr.Query); ok && r.yields(expr, b) {
		m.Expr.Expr = expr.String()
	}
	return q
}

// yields refuses queries whose answer is not one number for each group.
func (r *resolver) yields(expr parser.Expr, b runbook.SLIBinding) bool {
	before, text := len(r.problems), b.Expr.Query
	if expr.Type() != parser.ValueTypeVector {
		r.blame(text, fmt.Sprintf("the query yields a %s, not an instant vector", parser.DocumentedType(expr.Type())), hintOfType(expr.Type()))
		return false
	}
	if c, ok := inner(expr).(*parser.BinaryExpr); ok && c.Op.IsComparisonOperator() && !c.ReturnBool {
		r.blame(text, "the query compares, and yields nothing while the comparison is false", "leave the bound to the cell of the runbook")
		return false
	}
	r.oneNumber(expr, b)
	for _, window := range rangesOf(expr) {
		r.longEnough(window, func(message, hint string) { r.blame(text, message, hint) })
	}
	return len(r.problems) == before
}

func hintOfType(t parser.ValueType) string {
	if t == parser.ValueTypeMatrix {
		return "put a function around the range, for instance sum(rate(http_requests_total[5m]))"
	}
	return "the value must come from a series, for instance max(temperature_celsius)"
}

// oneNumber wants the labels of the answer to be those of `by`: with others, one alert would become several that cannot be told apart.
func (r *resolver) oneNumber(expr parser.Expr, b runbook.SLIBinding) {
	var by []string
	for _, label := range b.By {
		by = append(by, label.Value)
	}
	hint := "aggregate it, for instance max(…)"
	if len(by) > 0 {
		hint = fmt.Sprintf("aggregate it, for instance max by (%s) (…)", strings.Join(by, ", "))
	}
	labels, known := labelsOf(expr)
	switch {
	case !known:
		r.blame(b.Expr.Query, "the query may yield several series, which cannot be told apart", hint)
	case !sameWords(labels, by):
		r.blame(b.Expr.Query, fmt.Sprintf("the query yields series by (%s), and `by` is [%s]",
			strings.Join(labels, ", "), strings.Join(by, ", ")), "make both say the same")
	}
}

func sameWords(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// inner is an expression without parentheses around it.
func inner(expr parser.Expr) parser.Expr {
	for {
		p, ok := expr.(*parser.ParenExpr)
		if !ok {
			return expr
		}
		expr = p.Expr
	}
}

// labelsOf are the labels that tell the series of an answer apart, if the expression alone settles them.
func labelsOf(expr parser.Expr) ([]string, bool) {
	switch e := inner(expr).(type) {
	case *parser.AggregateExpr:
		return e.Grouping, !e.Without && !slices.Contains([]parser.ItemType{parser.TOPK, parser.BOTTOMK, parser.LIMITK,
			parser.LIMIT_RATIO, parser.COUNT_VALUES}, e.Op)
	case *parser.BinaryExpr:
		return labelsOfOperation(e)
	case *parser.Call:
		return labelsOfCall(e)
	case *parser.UnaryExpr:
		return labelsOf(e.Expr)
	case *parser.SubqueryExpr:
		return labelsOf(e.Expr)
	}
	return nil, false
}

// labelsOfOperation follows Prometheus's rules for matching vectors (querying/operators, "Vector matching").
func labelsOfOperation(e *parser.BinaryExpr) ([]string, bool) {
	if e.LHS.Type() == parser.ValueTypeScalar {
		return labelsOf(e.RHS)
	}
	left, known := labelsOf(e.LHS)
	if e.RHS.Type() == parser.ValueTypeScalar || e.Op == parser.LAND || e.Op == parser.LUNLESS {
		return left, known
	}
	right, both := labelsOf(e.RHS)
	match := e.VectorMatching
	switch {
	case e.Op == parser.LOR:
		return left, known && both && sameWords(left, right)
	case match.Card == parser.CardManyToOne:
		return append(slices.Clone(left), match.Include...), known
	case match.Card == parser.CardOneToMany:
		return append(slices.Clone(right), match.Include...), both
	case match.On:
		return match.MatchingLabels, true
	}
	return without(left, match.MatchingLabels...), known
}

// labelsOfCall takes a function's labels from its one vector.
func labelsOfCall(e *parser.Call) ([]string, bool) {
	if slices.Contains([]string{"label_replace", "label_join", "absent", "absent_over_time", "info", "histogram_quantiles"}, e.Func.Name) {
		return nil, false
	}
	var vectors []parser.Expr
	for _, a := range e.Args {
		if t := a.Type(); t == parser.ValueTypeVector || t == parser.ValueTypeMatrix {
			vectors = append(vectors, a)
		}
	}
	if len(vectors) == 0 {
		return nil, true // vector(1), hour()
	}
	labels, known := labelsOf(vectors[0])
	if e.Func.Name == "histogram_quantile" {
		labels = without(labels, "le")
	}
	return labels, known && len(vectors) == 1
}

func without(labels []string, drop ...string) []string {
	return slices.DeleteFunc(slices.Clone(labels), func(l string) bool { return slices.Contains(drop, l) })
}

// rangesOf are the windows that an expression looks back over.
func rangesOf(expr parser.Expr) []slo.Duration {
	var all []slo.Duration
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if m, ok := n.(*parser.MatrixSelector); ok {
			all = append(all, slo.Duration(m.Range.Round(time.Millisecond)))
		}
		return nil
	})
	return all
}
