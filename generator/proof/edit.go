package proof

import (
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

// Operator names a way in which a rule is broken.
type Operator string

// The ways, as the table of equivalents and reports name them.
const (
	OtherComparison Operator = "comparison"     // > becomes >=, <, and so on
	OtherSet        Operator = "set operator"   // and becomes or, unless becomes and
	GreaterNumber   Operator = "greater number" // by a hundredth; whole ones by one, times by an evaluation, 0 by a half
	SmallerNumber   Operator = "smaller number"
	LongerWindow    Operator = "longer window" // by a tenth, one evaluation at least; offsets, too
	ShorterWindow   Operator = "shorter window"
	OtherFor        Operator = "for"     // one evaluation more or less; keep_firing_for, too
	NoMatcher       Operator = "matcher" // one is dropped
	Swapped         Operator = "swap"    // the operands of an operator that cares
	NoBranch        Operator = "branch"  // one side of or, and, unless is dropped
	NoLabel         Operator = "label"   // one that groups are told apart by, or that operands are matched on
)

// edit is one change of an expression, as the whole text that results.
type edit struct {
	operator Operator
	was, is  string // what changed
	near     string // the operation around it
	within   string // the case, of those joined by or
	expr     string
	idle     bool // shown to change nothing, without any test
}

// edits are all changes of an expression, each once. every is the interval of evaluations.
func edits(expr string, every time.Duration) []edit {
	root, err := promql.ParseExpr(expr)
	if err != nil {
		return nil
	}
	e := &editor{root: root, every: every, seen: map[string]bool{expr: true, root.String(): true}}
	e.visit(root, func(n parser.Expr) { e.root = n })
	return e.all
}

// editor walks an expression, and at each place changes it, prints it and changes it back.
type editor struct {
	root   parser.Expr
	every  time.Duration
	seen   map[string]bool
	all    []edit
	timed  bool   // the operand beside is a time
	asked  bool   // only whether there is a value matters
	idle   bool   // the change makes no difference
	near   string // the operation around
	within string // the case, of those joined by or
	around []around
}

// try records a change, unless it gives no expression or one that was there.
func (e *editor) try(operator Operator, part func() string, change, back func()) {
	was := part()
	change()
	is, text := part(), e.root.String()
	back()
	if parsed, err := promql.ParseExpr(text); err != nil || e.seen[parsed.String()] {
		return
	}
	e.seen[text] = true
	e.all = append(e.all, edit{operator, was, is, e.near, e.within, text, e.idle})
}

func (e *editor) visit(n parser.Expr, set func(parser.Expr)) {
	switch n := n.(type) {
	case *parser.BinaryExpr:
		e.binary(n, set)
	case *parser.AggregateExpr:
		e.aggregate(n)
	case *parser.Call:
		for i, arg := range n.Args {
			e.standing(around{call: n}, func() { e.visit(arg, func(x parser.Expr) { n.Args[i] = x }) })
		}
	case *parser.ParenExpr:
		e.visit(n.Expr, func(x parser.Expr) { n.Expr = x })
	case *parser.UnaryExpr:
		e.visit(n.Expr, func(x parser.Expr) { n.Expr = x })
	case *parser.SubqueryExpr:
		e.length("[", &n.Range)
		e.offset(&n.OriginalOffset)
		e.visit(n.Expr, func(x parser.Expr) { n.Expr = x })
	case *parser.MatrixSelector:
		e.length("[", &n.Range)
		e.visit(n.VectorSelector, func(x parser.Expr) { n.VectorSelector = x })
	case *parser.VectorSelector:
		e.offset(&n.OriginalOffset)
		e.matchers(n)
	case *parser.NumberLiteral:
		e.number(n)
	}
}

// neighbours are what a comparison is mistaken for.
var neighbours = map[parser.ItemType][]parser.ItemType{
	parser.GTR: {parser.GTE, parser.LSS}, parser.GTE: {parser.GTR, parser.LTE}, parser.LSS: {parser.LTE, parser.GTR},
	parser.LTE: {parser.LSS, parser.GTE}, parser.EQLC: {parser.NEQ}, parser.NEQ: {parser.EQLC},
}

var setNeighbours = map[parser.ItemType]parser.ItemType{parser.LAND: parser.LOR, parser.LUNLESS: parser.LAND}

func (e *editor) binary(n *parser.BinaryExpr, set func(parser.Expr)) {
	op := n.Op
	for _, other := range neighbours[op] {
		e.try(OtherComparison, n.String, func() { n.Op = other }, func() { n.Op = op })
	}
	if other, ok := setNeighbours[op]; ok {
		e.otherSet(n, set, other)
	}
	if op.IsSetOperator() {
		e.branches(n, set)
	}
	if e.cares(n) {
		e.swap(n)
	}
	if m := n.VectorMatching; m != nil {
		e.without(NoLabel, n.String, &m.MatchingLabels, func(label string) bool { return m.On && sameEverywhere(n, label) })
	}
	outside := *e
	e.timed, e.near = e.timed || isTime(n.LHS) || isTime(n.RHS), n.String()
	e.inside(n.LHS, op, outside.within)
	e.standing(around{binary: n, other: n.RHS}, func() { e.visit(n.LHS, func(x parser.Expr) { n.LHS = x }) })
	e.asked = e.asked || op == parser.LAND || op == parser.LUNLESS
	e.inside(n.RHS, op, outside.within)
	e.standing(around{binary: n, other: n.LHS, right: true}, func() { e.visit(n.RHS, func(x parser.Expr) { n.RHS = x }) })
	e.timed, e.asked, e.near, e.within = outside.timed, outside.asked, outside.near, outside.within
}

func (e *editor) aggregate(n *parser.AggregateExpr) {
	e.without(NoLabel, n.String, &n.Grouping, func(string) bool { return false })
	outside := e.near
	e.near = n.String()
	e.standing(around{aggregate: n}, func() { e.visit(n.Expr, func(x parser.Expr) { n.Expr = x }) })
	if n.Param != nil {
		e.visit(n.Param, func(x parser.Expr) { n.Param = x })
	}
	e.near = outside
}

// standing visits what stands in an operation.
func (e *editor) standing(in around, visit func()) {
	e.around = append(e.around, in)
	visit()
	e.around = e.around[:len(e.around)-1]
}

// inside remembers the outermost case that an operand is.
func (e *editor) inside(operand parser.Expr, op parser.ItemType, outside string) {
	e.within = outside
	if chain, ok := operand.(*parser.BinaryExpr); ok && chain.Op == parser.LOR {
		return
	}
	if _, sum := operand.(*parser.AggregateExpr); !sum && op == parser.LOR && outside == "" {
		e.within = operand.String()
	}
}

// cares says whether it matters which operand stands where. A comparison with a number turned round is another comparison, tried anyway;
// operands of or are cases, each of which is dropped in turn; and where only its presence is asked for, and may have either.
func (e *editor) cares(n *parser.BinaryExpr) bool {
	numbers := n.LHS.Type() == parser.ValueTypeScalar || n.RHS.Type() == parser.ValueTypeScalar
	switch n.Op {
	case parser.SUB, parser.DIV, parser.LUNLESS:
		return true
	case parser.GTR, parser.GTE, parser.LSS, parser.LTE:
		return !numbers
	case parser.LAND:
		return !e.asked
	}
	return false
}

// otherSet puts the node in parentheses: the other operator may bind otherwise.
func (e *editor) otherSet(n *parser.BinaryExpr, set func(parser.Expr), op parser.ItemType) {
	was, matching := n.Op, n.VectorMatching
	e.try(OtherSet, n.String, func() {
		n.Op = op
		set(&parser.ParenExpr{Expr: n})
	}, func() {
		n.Op, n.VectorMatching = was, matching
		set(n)
	})
}

func (e *editor) branches(n *parser.BinaryExpr, set func(parser.Expr)) {
	was := n.String()
	for i, kept := range []parser.Expr{n.LHS, n.RHS} {
		if i == 1 && n.Op == parser.LUNLESS {
			continue // the other side alone is another rule altogether
		}
		now := was
		e.try(NoBranch, func() string { return now }, func() { now = kept.String(); set(kept) }, func() { set(n) })
	}
}

func (e *editor) swap(n *parser.BinaryExpr) {
	l, r := n.LHS, n.RHS
	e.try(Swapped, n.String, func() { n.LHS, n.RHS = grouped(r), grouped(l) }, func() { n.LHS, n.RHS = l, r })
}

func grouped(n parser.Expr) parser.Expr {
	if _, ok := n.(*parser.BinaryExpr); ok {
		return &parser.ParenExpr{Expr: n}
	}
	return n
}

// without drops each of some names in turn.
func (e *editor) without(operator Operator, part func() string, names *[]string, idle func(string) bool) {
	all := *names
	defer func() { e.idle = false }()
	for i, name := range all {
		e.idle = idle(name)
		e.try(operator, part, func() { *names = slices.Delete(slices.Clone(all), i, i+1) }, func() { *names = all })
	}
}

func (e *editor) matchers(n *parser.VectorSelector) {
	all := n.LabelMatchers
	defer func() { e.idle = false }()
	for i, m := range all {
		if e.idle = e.redundant(m); m.Name != model.MetricNameLabel {
			e.try(NoMatcher, n.String, func() { n.LabelMatchers = slices.Delete(slices.Clone(all), i, i+1) }, func() { n.LabelMatchers = all })
		}
	}
}

// length changes a window by a tenth, but by one evaluation at least: less cannot be seen.
func (e *editor) length(sign string, window *time.Duration) {
	was := *window
	by := max(e.every, (was / 10).Truncate(e.every))
	part := func() string { return sign + model.Duration(*window).String() }
	e.try(LongerWindow, part, func() { *window = was + by }, func() { *window = was })
	if was > by {
		e.try(ShorterWindow, part, func() { *window = was - by }, func() { *window = was })
	}
}

func (e *editor) offset(offset *time.Duration) {
	if *offset != 0 {
		e.length("offset ", offset)
	}
}

// number changes a number by a hundredth: whole numbers by one at least, times by one evaluation.
func (e *editor) number(n *parser.NumberLiteral) {
	was := n.Val
	by := math.Abs(was) / 100
	switch {
	case e.timed && was != 0:
		by = max(by, e.every.Seconds())
	case was == 0:
		by = 0.5
	case was == math.Trunc(was):
		by = max(by, 1)
	}
	if math.IsInf(was, 0) {
		return
	}
	e.try(GreaterNumber, n.String, func() { n.Val = was + by }, func() { n.Val = was })
	e.try(SmallerNumber, n.String, func() { n.Val = was - by }, func() { n.Val = was })
}

// isTime says whether an operand is a time or an age in seconds.
func isTime(n parser.Expr) bool {
	found := false
	parser.Inspect(n, func(n parser.Node, _ []parser.Node) error {
		c, ok := n.(*parser.Call)
		found = found || ok && (c.Func.Name == "time" || c.Func.Name == "timestamp")
		return nil
	})
	return found
}

// diffText shows an expression with a part of it replaced, as two lines.
func diffText(before, after string) string {
	return "- " + before + "\n+ " + after
}
