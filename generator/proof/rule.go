package proof

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

var promql = parser.NewParser(parser.Options{})

// rule is one rule of a file, with what must be known to evaluate it: which series it reads and which it writes.
type rule struct {
	file, group, name string
	alerting          bool
	expr              string
	wait, keep        time.Duration // `for` and `keep_firing_for`
	interval, offset  time.Duration // of the group; 0: the file's
	limit             int
	labels            labels.Labels
	annotations       labels.Labels
	reads             [][]*labels.Matcher
	spans             bool // may be evaluated for a range of times at once
}

// Rules are the rules of one or more files, in the order of the files.
type Rules struct{ all []rule }

// ParseRules reads a rule file as Prometheus does. The error names the file and everything that is wrong.
func ParseRules(file string, content []byte) (Rules, error) {
	groups, errs := rulefmt.Parse(content, false, model.UTF8Validation, promql, slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		return Rules{}, fmt.Errorf("read %s: %w", file, errors.Join(errs...))
	}
	var rules Rules
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			rules.all = append(rules.all, ruleOf(file, g, r))
		}
	}
	return rules, nil
}

func ruleOf(file string, g rulefmt.RuleGroup, r rulefmt.Rule) rule {
	all := maps.Clone(g.Labels)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, r.Labels)
	made := rule{
		file: file, group: g.Name, name: r.Record + r.Alert, alerting: r.Alert != "", wait: time.Duration(r.For), keep: time.Duration(r.KeepFiringFor),
		interval: time.Duration(g.Interval), limit: g.Limit, labels: labels.FromMap(all), annotations: labels.FromMap(r.Annotations),
	}
	if g.QueryOffset != nil {
		made.offset = time.Duration(*g.QueryOffset)
	}
	return made.with(r.Expr)
}

// with is the rule with another expression, which must parse.
func (r rule) with(expr string) rule {
	r.expr, r.reads, r.spans = expr, nil, true
	parsed, err := promql.ParseExpr(expr)
	if err != nil {
		return r
	}
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.VectorSelector:
			r.reads = append(r.reads, n.LabelMatchers)
			r.spans = r.spans && n.StartOrEnd == 0 && n.OriginalOffset >= 0
		case *parser.SubqueryExpr:
			r.spans = r.spans && n.StartOrEnd == 0 && n.OriginalOffset >= 0
		}
		return nil
	})
	return r
}

// Names of the series that Prometheus writes for alerts.
const (
	alertSeries    = "ALERTS"
	alertForSeries = "ALERTS_FOR_STATE"
)

// feeds says whether the other rule may read what this one writes.
func (r rule) feeds(other rule) bool {
	return slices.ContainsFunc(other.reads, r.writes)
}

// writes says whether matchers may pick a series of the rule: by its name and the labels that it sets. A label with a template, or one
// that the rule does not set, may have any value.
func (r rule) writes(matchers []*labels.Matcher) bool {
	return !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool {
		if m.Name == model.MetricNameLabel {
			return !r.named(m)
		}
		value := r.labels.Get(m.Name)
		return value != "" && !isTemplate(value) && !m.Matches(value)
	})
}

func (r rule) named(m *labels.Matcher) bool {
	if r.alerting {
		return m.Matches(alertSeries) || m.Matches(alertForSeries)
	}
	return m.Matches(r.name)
}

// ordered are the rules in the order of their groups: first those that are named, in that order; promtool takes the others at random, here
// they keep the order of the files.
func (r Rules) ordered(names []string) []rule {
	place := map[string]int{}
	for i, name := range names {
		place[name] = i
	}
	all := slices.Clone(r.all)
	slices.SortStableFunc(all, func(a, b rule) int { return place[a.group] - place[b.group] })
	return all
}

// atOnce says whether every rule can be evaluated for all times before the next rule is: none reads what itself or a later one writes.
func atOnce(all []rule) bool {
	for i, r := range all {
		if !r.spans || slices.ContainsFunc(all[i:], func(later rule) bool { return later.feeds(r) }) {
			return false
		}
	}
	return true
}

// And is both sets of rules.
func (r Rules) And(o Rules) Rules { return Rules{slices.Concat(r.all, o.all)} }
