package prom

import (
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
)

// grouping are the labels by which an SLI is told apart; none: one value for all.
type grouping []string

// aggregate is an aggregation that keeps the groups apart: "sum", "sum by (tenant)".
func (g grouping) aggregate(op string, more ...string) string {
	kept := append(append([]string(nil), more...), g...)
	if len(kept) == 0 {
		return op
	}
	return op + " by (" + strings.Join(kept, ", ") + ") "
}

func (g grouping) sum(expr string) string { return g.aggregate("sum") + "(" + expr + ")" }

// on matches what is in the same group.
func (g grouping) on() string { return "on (" + strings.Join(g, ", ") + ")" }

// orNone makes absence 0 for every group that is in all: without it a service that never failed has no value at all. `or` without `on`
// would keep both (facts/promql.md B1).
func (g grouping) orNone(expr, all string) string {
	return expr + " or " + g.on() + " 0 * " + all
}

// one is the group that tests play in, if there is one that all matchers pick.
func (g grouping) one(match []*labels.Matcher) (specimen, bool) {
	return g.group("one", match)
}

// other is a second group.
func (g grouping) other(match []*labels.Matcher) (specimen, bool) {
	one, ok := g.one(match)
	if !ok || len(g) == 0 {
		return nil, false
	}
	other, ok := g.group("two", match)
	for name, value := range other {
		if !ok || value != one[name] {
			continue
		}
		// What the selector names has no value of our own choice: another one that it picks, if there is any.
		other[name], ok = valueFor(name, match, labels.MustNewMatcher(labels.MatchEqual, name, value))
	}
	return other, ok
}

func (g grouping) group(value string, match []*labels.Matcher) (specimen, bool) {
	group := specimen{}
	for _, name := range g {
		v := value
		if !accepted(name, v, match) {
			found, ok := valueFor(name, match, nil)
			if !ok || found == "" {
				return nil, false
			}
			v = found
		}
		group[name] = v
	}
	return group, true
}

// in is the label set in a group.
func (s specimen) in(group specimen) specimen {
	for name, value := range group {
		s = s.with(name, value)
	}
	return s
}

// beside puts a decoy into the group, as far as the matchers leave that open: there a lost matcher would let it in.
func (s specimen) beside(group specimen, match []*labels.Matcher) specimen {
	for name, value := range group {
		if !slices.Contains(namesIn(match), name) {
			s = s.with(name, value)
		}
	}
	return s
}
