package backtest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/coclai/cutover/generator/slo"
)

// Rules are the rules of one file: recordings in an order in which each follows what it reads, and alerts.
type Rules struct {
	File    string
	records []rule
	alerts  []rule
}

// rule is a recording or an alert with what it has of its group.
type rule struct {
	name          string // of the alert, or of the series recorded
	group         string
	expr          parser.Expr
	labels        map[string]string
	hold, keep    time.Duration
	every, offset time.Duration
}

// promql reads what any ruler may have been given, also what stands behind a feature flag.
var promql = parser.NewParser(parser.Options{EnableExperimentalFunctions: true, ExperimentalDurationExpr: true, EnableExtendedRangeSelectors: true})

// ReadRules reads a rule file in Prometheus's format, ours or another generator's. Groups without an interval have the one given. The
// Watchdog is left out: it fires always. An error says what cannot be read, or cannot be replayed.
func ReadRules(file string, content []byte, interval time.Duration) (Rules, error) {
	groups, problems := rulefmt.Parse(content, false, model.UTF8Validation, promql, nil)
	if len(problems) > 0 {
		return Rules{}, fmt.Errorf("read rules of %s: %w", file, errors.Join(problems...))
	}
	r := Rules{File: file}
	for _, g := range groups.Groups {
		every := time.Duration(g.Interval)
		if every == 0 {
			every = interval
		}
		for _, one := range g.Rules {
			if one.Alert == slo.Watchdog {
				continue
			}
			read, err := ruleOf(g, one, every)
			if err != nil {
				return Rules{}, fmt.Errorf("read rules of %s: group %q: %w", file, g.Name, err)
			}
			r.add(one.Record != "", read)
		}
	}
	if len(r.alerts) == 0 {
		return Rules{}, fmt.Errorf("read rules of %s: there is no alert in it", file)
	}
	return r, r.order()
}

func ruleOf(g rulefmt.RuleGroup, one rulefmt.Rule, every time.Duration) (rule, error) {
	expr, err := promql.ParseExpr(one.Expr)
	if err != nil {
		return rule{}, err
	}
	if moment := momentOfAQuery(expr); moment != "" {
		return rule{}, fmt.Errorf("%s has %s, which means the ends of a query: that cannot be replayed in blocks", one.Record+one.Alert, moment)
	}
	read := rule{name: one.Record + one.Alert, group: g.Name, expr: expr, labels: map[string]string{}, every: every,
		hold: time.Duration(one.For), keep: time.Duration(one.KeepFiringFor)}
	if g.QueryOffset != nil {
		read.offset = time.Duration(*g.QueryOffset)
	}
	maps.Copy(read.labels, g.Labels)
	maps.Copy(read.labels, one.Labels)
	return read, nil
}

// momentOfAQuery finds @ start() and @ end(): of a range query they are other moments than of the instant ones that rules are.
func momentOfAQuery(expr parser.Expr) string {
	found := ""
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		var which parser.ItemType
		switch n := n.(type) {
		case *parser.VectorSelector:
			which = n.StartOrEnd
		case *parser.SubqueryExpr:
			which = n.StartOrEnd
		}
		if which != 0 {
			found = "@ " + which.String() + "()"
		}
		return nil
	})
	return found
}

func (r *Rules) add(records bool, one rule) {
	if records {
		r.records = append(r.records, one)
		return
	}
	r.alerts = append(r.alerts, one)
}

// order sorts the recordings so that each follows all that it reads.
func (r *Rules) order() error {
	byName := map[string][]rule{}
	for _, one := range r.records {
		byName[one.name] = append(byName[one.name], one)
	}
	s := sorter{byName: byName, state: map[string]int{}}
	for _, one := range append(slices.Clone(r.records), r.alerts...) {
		for _, name := range s.reads(one.expr) {
			if err := s.visit(name); err != nil {
				return fmt.Errorf("replay rules of %s: %w", r.File, err)
			}
		}
	}
	for _, one := range r.records {
		if err := s.visit(one.name); err != nil {
			return fmt.Errorf("replay rules of %s: %w", r.File, err)
		}
	}
	if s.pattern != "" {
		return fmt.Errorf("replay rules of %s: %s selects recorded series by a pattern of their names: which ones cannot be told before they are made",
			r.File, s.pattern)
	}
	r.records = s.sorted
	return nil
}

// sorter visits recordings by name, depth first.
type sorter struct {
	byName  map[string][]rule
	state   map[string]int // 1: being visited, 2: done
	sorted  []rule
	pattern string // a selector that cannot be followed
}

func (s *sorter) visit(name string) error {
	switch s.state[name] {
	case 1:
		return fmt.Errorf("%s is computed from its own past: that cannot be replayed in blocks", name)
	case 2:
		return nil
	}
	s.state[name] = 1
	for _, one := range s.byName[name] {
		for _, input := range s.reads(one.expr) {
			if err := s.visit(input); err != nil {
				return err
			}
		}
	}
	s.state[name] = 2
	s.sorted = append(s.sorted, s.byName[name]...)
	return nil
}

// reads are the recorded names that an expression selects.
func (s *sorter) reads(expr parser.Expr) []string {
	var names []string
	for _, v := range selectors(expr) {
		name, exact := metricOf(v)
		switch {
		case exact && s.byName[name] != nil:
			names = append(names, name)
		case !exact && s.matches(v):
			s.pattern = v.String()
		}
	}
	return names
}

// matches says whether a selector without a name could select a recorded series.
func (s *sorter) matches(v *parser.VectorSelector) bool {
	for name := range s.byName {
		if admits(v, name) {
			return true
		}
	}
	return false
}

func admits(v *parser.VectorSelector, name string) bool {
	return !slices.ContainsFunc(v.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == model.MetricNameLabel && !m.Matches(name) })
}

// selectors are all vector selectors of an expression, those of ranges included.
func selectors(expr parser.Expr) []*parser.VectorSelector {
	var all []*parser.VectorSelector
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok {
			all = append(all, v)
		}
		return nil
	})
	return all
}

// metricOf is the name that a selector asks for, if it asks for exactly one.
func metricOf(v *parser.VectorSelector) (string, bool) {
	for _, m := range v.LabelMatchers {
		if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual {
			return m.Value, true
		}
	}
	return "", false
}

// selector asks for the series that a recording writes.
func (r rule) selector() string {
	var b strings.Builder
	for i, name := range slices.Sorted(maps.Keys(r.labels)) {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, "%s=%q", name, r.labels[name])
	}
	return fmt.Sprintf("{__name__=%q,%s}", r.name, b.String())
}
