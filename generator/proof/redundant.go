package proof

import (
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// around is an operation that a part of an expression stands in, on one side.
type around struct {
	binary    *parser.BinaryExpr
	aggregate *parser.AggregateExpr
	call      *parser.Call
	other     parser.Expr // the operand beside, of a binary one
	right     bool
}

// redundant says whether a matcher of the selector just visited may as well be missing: on its way out, what it picks is matched on the label
// with an operand that keeps the very same matcher, and nothing before that makes of other label values what shows.
func (e *editor) redundant(m *labels.Matcher) bool {
	for _, a := range slices.Backward(e.around) {
		switch {
		case a.call != nil && !preserves(a.call, m.Name), a.aggregate != nil && !groupsBy(a.aggregate, m.Name):
			return false
		case a.binary == nil || a.other.Type() == parser.ValueTypeScalar:
			continue
		case a.restricts() && matchesOn(a.binary.VectorMatching, m.Name) && keeps(a.other, m):
			return true
		case !a.passes() && !matchesOn(a.binary.VectorMatching, m.Name):
			return false
		}
	}
	return false
}

// restricts says whether what the operand beside does not match is dropped.
func (a around) restricts() bool {
	return a.binary.Op != parser.LOR && (a.binary.Op != parser.LUNLESS || a.right)
}

// passes says whether each series of this side goes through the operation by itself, with its own labels.
func (a around) passes() bool {
	switch card := a.binary.VectorMatching.Card; {
	case a.binary.Op == parser.LAND || a.binary.Op == parser.LUNLESS:
		return !a.right
	case card == parser.CardManyToOne:
		return !a.right
	case card == parser.CardOneToMany:
		return a.right
	}
	return false
}

// sameEverywhere says whether both operands are picked by one value of a label, so that matching on it tells nothing apart.
func sameEverywhere(n *parser.BinaryExpr, label string) bool {
	found := false
	parser.Inspect(n.LHS, func(part parser.Node, _ []parser.Node) error {
		if v, ok := part.(*parser.VectorSelector); ok {
			found = found || slices.ContainsFunc(v.LabelMatchers, func(m *labels.Matcher) bool {
				return m.Name == label && m.Type == labels.MatchEqual && keeps(n.LHS, m) && keeps(n.RHS, m)
			})
		}
		return nil
	})
	return found
}

// keeps says whether everything that an expression yields satisfies a matcher.
func keeps(n parser.Expr, m *labels.Matcher) bool {
	switch n := n.(type) {
	case *parser.VectorSelector:
		return slices.ContainsFunc(n.LabelMatchers, func(o *labels.Matcher) bool { return o.String() == m.String() })
	case *parser.MatrixSelector:
		return keeps(n.VectorSelector, m)
	case *parser.SubqueryExpr:
		return keeps(n.Expr, m)
	case *parser.ParenExpr:
		return keeps(n.Expr, m)
	case *parser.UnaryExpr:
		return keeps(n.Expr, m)
	case *parser.AggregateExpr:
		return groupsBy(n, m.Name) && keeps(n.Expr, m)
	case *parser.Call:
		return preserves(n, m.Name) && slices.ContainsFunc(n.Args, func(arg parser.Expr) bool { return keeps(arg, m) })
	case *parser.BinaryExpr:
		return keepsEither(n, m)
	}
	return false
}

func keepsEither(n *parser.BinaryExpr, m *labels.Matcher) bool {
	left, right := keeps(n.LHS, m), keeps(n.RHS, m)
	switch {
	case n.LHS.Type() == parser.ValueTypeScalar || n.RHS.Type() == parser.ValueTypeScalar:
		return left || right
	case n.Op == parser.LOR:
		return left && right
	case n.Op == parser.LUNLESS:
		return left
	}
	return left || right && matchesOn(n.VectorMatching, m.Name)
}

func matchesOn(m *parser.VectorMatching, label string) bool {
	return m != nil && m.On == slices.Contains(m.MatchingLabels, label)
}

func groupsBy(n *parser.AggregateExpr, label string) bool {
	return n.Without != slices.Contains(n.Grouping, label)
}

// preserves says whether a function leaves a label as it is.
func preserves(c *parser.Call, label string) bool {
	switch c.Func.Name {
	case "absent", "absent_over_time", "scalar", "vector", "label_replace", "label_join":
		return false
	case "histogram_quantile":
		return label != labels.BucketLabel
	}
	return true
}
