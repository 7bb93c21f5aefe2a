package backtest

import "github.com/prometheus/prometheus/promql/parser"

// comparison is what an alert compares: pointers into a copy of its expression, so that each part can be evaluated once and the copy read
// the result.
type comparison struct {
	expr         parser.Expr
	value, bound *parser.Expr // nil for what the alert does not have
	op           string       // with the value on its left
}

// comparisonIn looks for the first comparison of an alert: of `value > bound and events >= n` what stands before `and`. An alert that is
// there when something is absent compares nothing; of `this unless that` the first is what must be measured for it to fire.
func comparisonIn(expr parser.Expr) comparison {
	copied, err := promql.ParseExpr(expr.String())
	if err != nil { // what was parsed prints as it parses
		return comparison{expr: expr}
	}
	c := comparison{expr: copied}
	c.find(&c.expr)
	return c
}

func (c *comparison) find(at *parser.Expr) {
	switch e := (*at).(type) {
	case *parser.ParenExpr:
		c.find(&e.Expr)
	case *parser.BinaryExpr:
		switch {
		case e.Op.IsComparisonOperator() && !e.ReturnBool:
			c.compared(e)
		case e.Op == parser.LUNLESS:
			if c.find(&e.LHS); c.value == nil {
				c.value = &e.LHS
			}
		case e.Op.IsSetOperator():
			c.find(&e.LHS)
		}
	}
}

// compared puts the value on the left: `0.02 < x` is about x. Two scalars compare nothing.
func (c *comparison) compared(e *parser.BinaryExpr) {
	switch {
	case e.LHS.Type() != parser.ValueTypeScalar:
		c.value, c.bound, c.op = &e.LHS, &e.RHS, e.Op.String()
	case e.RHS.Type() != parser.ValueTypeScalar:
		c.value, c.bound, c.op = &e.RHS, &e.LHS, mirrored[e.Op]
	}
}

var mirrored = map[parser.ItemType]string{parser.GTR: "<", parser.LSS: ">", parser.GTE: "<=", parser.LTE: ">=", parser.EQLC: "==", parser.NEQ: "!="}

func unwrapped(expr parser.Expr) parser.Expr {
	for {
		paren, ok := expr.(*parser.ParenExpr)
		if !ok {
			return expr
		}
		expr = paren.Expr
	}
}
