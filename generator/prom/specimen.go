package prom

import (
	"fmt"
	"maps"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// specimen is a label set, metric name included, that a selector picks. A label that must be absent is not in it.
type specimen map[string]string

// ordinary are values tried for a label when the selector says only what it must not be.
var ordinary = []string{"200", "other", "a", "1", "0", ""}

// examplesOfRegex bounds the values tried for one regular expression.
const examplesOfRegex = 8

// matchersOf reads a selector; nil if it is not one.
func matchersOf(selector string) []*labels.Matcher {
	matchers, err := promql.ParseMetricSelector(selector)
	if err != nil {
		return nil
	}
	return matchers
}

// find makes a label set that all of match pick and, if any are given, not all of avoid do. It finds none if two regular expressions on
// one label have nothing in common among the values tried, or if a pattern holds what no example is made for.
func find(match, avoid []*labels.Matcher) (specimen, bool) {
	found := specimen{}
	for _, name := range namesIn(match) {
		value, ok := valueFor(name, match, nil)
		if !ok {
			return nil, false
		}
		found.set(name, value)
	}
	if len(avoid) == 0 || !found.picked(avoid) {
		return found, len(found) > 0
	}
	for _, m := range avoid {
		if value, ok := valueFor(m.Name, match, m); ok {
			found.set(m.Name, value)
			return found, true
		}
	}
	return nil, false
}

// valueFor is a value of one label that all matchers on it accept, and unwanted, if given, does not.
func valueFor(name string, match []*labels.Matcher, unwanted *labels.Matcher) (string, bool) {
	tried := candidates(name, match)
	if unwanted != nil {
		tried = append(tried, candidates(name, []*labels.Matcher{unwanted})...)
	}
	for _, value := range append(tried, ordinary...) {
		if accepted(name, value, match) && (unwanted == nil || !unwanted.Matches(value)) {
			return value, true
		}
	}
	return "", false
}

func candidates(name string, match []*labels.Matcher) []string {
	var all []string
	for _, m := range match {
		if m.Name != name {
			continue
		}
		switch m.Type {
		case labels.MatchEqual, labels.MatchNotEqual:
			all = append(all, m.Value)
		case labels.MatchRegexp, labels.MatchNotRegexp:
			if re, err := syntax.Parse(m.Value, syntax.Perl); err == nil {
				all = append(all, examples(re.Simplify())...)
			}
		}
	}
	return all
}

func accepted(name, value string, match []*labels.Matcher) bool {
	return !slices.ContainsFunc(match, func(m *labels.Matcher) bool { return m.Name == name && !m.Matches(value) })
}

func namesIn(match []*labels.Matcher) []string {
	names := map[string]bool{}
	for _, m := range match {
		names[m.Name] = true
	}
	return slices.Sorted(maps.Keys(names))
}

func (s specimen) set(name, value string) {
	delete(s, name)
	if value != "" {
		s[name] = value
	}
}

// picked says whether all matchers pick the label set.
func (s specimen) picked(match []*labels.Matcher) bool {
	return !slices.ContainsFunc(match, func(m *labels.Matcher) bool { return !m.Matches(s[m.Name]) })
}

// with is a copy with one more label.
func (s specimen) with(name, value string) specimen {
	c := maps.Clone(s)
	c.set(name, value)
	return c
}

// String is the label set as promtool's input_series has it.
func (s specimen) String() string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if name != model.MetricNameLabel {
			pairs = append(pairs, fmt.Sprintf("%s=%q", name, s[name]))
		}
	}
	return s[model.MetricNameLabel] + "{" + strings.Join(pairs, ",") + "}"
}

// decoys are label sets that exactly one of the matchers in doubt keeps out of match: they show a rule that lost it.
func decoys(match, doubt []*labels.Matcher) []specimen {
	var all []specimen
	for _, m := range doubt {
		others := slices.DeleteFunc(slices.Clone(match), func(o *labels.Matcher) bool { return o.String() == m.String() })
		if d, ok := find(others, []*labels.Matcher{m}); ok && m.Name != model.MetricNameLabel {
			all = append(all, d)
		}
	}
	return all
}

// apartLabel is a label that none of the matchers names: it tells the processes of a test apart.
func apartLabel(match []*labels.Matcher) string {
	name := "process"
	for slices.Contains(namesIn(match), name) {
		name += "_"
	}
	return name
}

// examples are a few strings a regular expression may match. Assertions are passed over: the caller asks the matcher.
func examples(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		return []string{string(re.Rune)}
	case syntax.OpCharClass:
		return classExamples(re.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return []string{"0", "a"}
	case syntax.OpCapture, syntax.OpPlus:
		return examples(re.Sub[0])
	case syntax.OpStar, syntax.OpQuest:
		return append([]string{""}, examples(re.Sub[0])...)
	case syntax.OpAlternate:
		return alternatives(re.Sub)
	case syntax.OpConcat:
		return concatenations(re.Sub)
	case syntax.OpNoMatch:
		return nil
	}
	return []string{""}
}

// classExamples takes the first of each range that prints.
func classExamples(ranges []rune) []string {
	var all []string
	for i := 0; i+1 < len(ranges) && len(all) < examplesOfRegex; i += 2 {
		if first := max(ranges[i], min('0', ranges[i+1])); first >= ' ' {
			all = append(all, string(first))
		}
	}
	return all
}

func alternatives(sub []*syntax.Regexp) []string {
	var all []string
	for _, s := range sub {
		all = append(all, examples(s)...)
	}
	return all[:min(len(all), examplesOfRegex)]
}

func concatenations(sub []*syntax.Regexp) []string {
	all := []string{""}
	for _, s := range sub {
		var longer []string
		for _, tail := range examples(s) {
			for _, head := range all {
				longer = append(longer, head+tail)
			}
		}
		all = longer[:min(len(longer), examplesOfRegex)]
	}
	return all
}
