package proof

import (
	"math"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Traffic is what the cost of rules depends on beside the rules.
type Traffic struct {
	Scrape     time.Duration                 // how often raw series get a sample
	Evaluation time.Duration                 // how often groups are evaluated that do not say it
	Groups     float64                       // into how many groups an aggregation by labels falls
	Series     func(selector string) float64 // how many series a selector picks that no rule writes; as Rules.Selectors has it
}

// RuleCost is what one evaluation of a rule reads and writes.
type RuleCost struct {
	Group, Rule string
	Every       time.Duration
	Samples     float64 // read, as the engine counts them in its statistic SamplesRead
	Series      float64 // written; alerts write two for each that is pending or firing, and none while all is well
}

// Cost is that of all rules.
type Cost struct {
	Rules   []RuleCost
	Samples float64 // read when every rule is evaluated once
	Series  float64 // written
	// PerMinute is how many samples are read in a minute, each group at its own interval.
	PerMinute float64
}

// Cost computes what the rules read and write, without evaluating them: of every selector its series times the samples in its range. It is
// what the engine counts where samples lie on evaluations and no series is missing; a range that is no multiple of the interval of its
// samples counts as the next one. A sample of a native histogram counts as one; the engine counts it by its size.
func (r Rules) Cost(t Traffic) Cost {
	model := &costModel{Traffic: t, rules: r.all, series: map[int]float64{}}
	var cost Cost
	for i, rule := range r.all {
		parsed, err := promql.ParseExpr(rule.expr)
		if err != nil {
			continue
		}
		c := RuleCost{Group: rule.group, Rule: rule.name, Every: model.interval(rule), Samples: model.samples(parsed, once)}
		if !rule.alerting {
			c.Series = model.written(i)
		}
		cost.Rules = append(cost.Rules, c)
		cost.Samples, cost.Series = cost.Samples+c.Samples, cost.Series+c.Series
		cost.PerMinute += c.Samples * float64(time.Minute) / float64(c.Every)
	}
	return cost
}

// Selectors are the matchers by which the rules pick series that no rule writes, each once, as PromQL.
func (r Rules) Selectors() []string {
	var all []string
	for _, rule := range r.all {
		for _, matchers := range rule.reads {
			selector := selectorText(matchers)
			if r.writer(matchers) < 0 && !slices.Contains(all, selector) {
				all = append(all, selector)
			}
		}
	}
	return all
}

func selectorText(matchers []*labels.Matcher) string {
	return (&parser.VectorSelector{LabelMatchers: matchers}).String()
}

// writer is the first rule that writes what the matchers pick; -1 if none does.
func (r Rules) writer(matchers []*labels.Matcher) int {
	return slices.IndexFunc(r.all, func(o rule) bool { return o.writes(matchers) })
}

// once is a rule's expression itself.
var once = evaluations{count: 1}

type costModel struct {
	Traffic
	rules  []rule
	series map[int]float64 // written by each rule, as far as it is known
}

func (m *costModel) interval(r rule) time.Duration {
	if r.interval > 0 {
		return r.interval
	}
	return m.Evaluation
}

// source is how many series a selector picks, and how often they get a sample.
func (m *costModel) source(matchers []*labels.Matcher) (series float64, every time.Duration) {
	for i, r := range m.rules {
		if r.writes(matchers) {
			series += m.written(i)
			every = m.interval(r)
		}
	}
	if every > 0 {
		return series, every
	}
	return m.Series(selectorText(matchers)), m.Scrape
}

func (m *costModel) written(i int) float64 {
	if known, ok := m.series[i]; ok {
		return known
	}
	m.series[i] = 1 // of a rule that reads itself
	if parsed, err := promql.ParseExpr(m.rules[i].expr); err == nil {
		m.series[i] = m.results(parsed)
	}
	return m.series[i]
}

// evaluations are how often an expression is evaluated in one query, and how far apart: more than once within a subquery.
type evaluations struct {
	count float64
	every time.Duration
}

// samples is what an expression reads. Where ranges overlap from one evaluation to the next, what is new is read, as the engine does.
func (m *costModel) samples(n parser.Node, e evaluations) float64 {
	switch n := n.(type) {
	case *parser.VectorSelector:
		series, _ := m.source(n.LabelMatchers)
		return e.count * series
	case *parser.MatrixSelector:
		series, every := m.source(n.VectorSelector.(*parser.VectorSelector).LabelMatchers)
		whole, more := points(n.Range, every), points(min(n.Range, e.every), every)
		return series * (whole + (e.count-1)*more)
	case *parser.SubqueryExpr:
		step := n.Step
		if step == 0 {
			step = m.Evaluation
		}
		return m.samples(n.Expr, evaluations{e.count * points(n.Range, step), step})
	}
	sum := 0.0
	for child := range parser.ChildrenIter(n) {
		sum += m.samples(child, e)
	}
	return sum
}

// points is how many samples a range holds that ends on one; its beginning is left out.
func points(length, every time.Duration) float64 { return math.Ceil(float64(length) / float64(every)) }

// results is how many series an expression yields.
func (m *costModel) results(n parser.Node) float64 {
	switch n := n.(type) {
	case *parser.VectorSelector:
		series, _ := m.source(n.LabelMatchers)
		return series
	case *parser.AggregateExpr:
		return m.groups(n)
	case *parser.BinaryExpr:
		return m.joined(n)
	}
	most := 0.0
	for child := range parser.ChildrenIter(n) {
		most = max(most, m.results(child))
	}
	return max(most, 1)
}

// groups do not count buckets, of which a quantile makes one again.
func (m *costModel) groups(n *parser.AggregateExpr) float64 {
	by := slices.DeleteFunc(slices.Clone(n.Grouping), func(name string) bool { return name == labels.BucketLabel })
	if len(by) == 0 && !n.Without {
		return 1
	}
	return min(m.Groups, m.results(n.Expr))
}

// joined takes each series of an operand to find one in the other.
func (m *costModel) joined(n *parser.BinaryExpr) float64 {
	if n.LHS.Type() == parser.ValueTypeScalar {
		return m.results(n.RHS)
	}
	if n.RHS.Type() == parser.ValueTypeScalar || n.Op == parser.LAND || n.Op == parser.LUNLESS {
		return m.results(n.LHS)
	}
	return max(m.results(n.LHS), m.results(n.RHS))
}
