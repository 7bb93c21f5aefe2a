package prom

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/coclai/cutover/generator/slo"
)

// act is one scenario of one SLI, on its way into a test. promtool evaluates every rule of the file in every test, so scenarios that
// cannot see each other are played in one: it is an order of magnitude that a user would wait.
type act struct {
	scenario
	part *part
}

// part is what the acts of one SLI share.
type part struct {
	matrix slo.Matrix
	sli    slo.SLI
	alerts []alert
	picks  picks // the selectors of its rules
}

func newPart(m slo.Matrix, s slo.SLI) *part {
	return &part{m, s, alerts(m, s), selectorsOf(sliGroup(m, s))}
}

// actsOf are the scenarios of one SLI.
func actsOf(whose *part, p pace) []act {
	var all []act
	for _, c := range scenariosOf(whose.matrix, whose.sli, p) {
		all = append(all, act{c, whose})
	}
	return all
}

// picks are the matchers of selectors, by the name of the metric; those that name none are under "".
type picks map[string][][]*labels.Matcher

// selectorsOf are the matchers of all that the rules of a group read.
func selectorsOf(g Group) picks {
	all := picks{}
	for _, r := range g.Rules {
		expr, err := promql.ParseExpr(r.Expr)
		if err != nil {
			continue
		}
		parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
			if v, ok := n.(*parser.VectorSelector); ok {
				all[v.Name] = append(all[v.Name], v.LabelMatchers)
			}
			return nil
		})
	}
	return all
}

// any says whether one of the selectors picks the label set.
func (p picks) any(s specimen) bool {
	return slices.ContainsFunc(p[s[model.MetricNameLabel]], s.picked) || slices.ContainsFunc(p[""], s.picked)
}

// company is how many SLIs share tests. Acts are compared with each other, so that without a limit the time for one row would grow with
// the number of rows.
const company = 16

// packed distributes acts over tests, the longest first, so that long ones share a test with long ones.
func packed(acts []act) [][]act {
	slices.SortStableFunc(acts, func(a, b act) int { return int((b.until - a.until) / time.Millisecond) })
	known := acquaintance{}
	var tests [][]act
	for _, a := range acts {
		i := slices.IndexFunc(tests, func(test []act) bool {
			return !slices.ContainsFunc(test, func(b act) bool { return known.between(acts, a, b) && a.disturbs(b) })
		})
		if i < 0 {
			tests = append(tests, []act{a})
			continue
		}
		tests[i] = append(tests[i], a)
	}
	return tests
}

// acquaintance says of pairs of SLIs whether the rules of one pick any series that the other is played with. Few do, and it is not asked
// again for each of their acts.
type acquaintance map[[2]*part]bool

func (k acquaintance) between(acts []act, a, b act) bool {
	pair := [2]*part{a.part, b.part}
	meet, asked := k[pair]
	if !asked {
		meet = a.part == b.part || a.part.meets(b.part, acts) || b.part.meets(a.part, acts)
		k[pair], k[[2]*part{b.part, a.part}] = meet, meet
	}
	return meet
}

func (p *part) meets(other *part, acts []act) bool {
	return slices.ContainsFunc(acts, func(a act) bool {
		return a.part == other && slices.ContainsFunc(a.series, func(s series) bool { return p.picks.any(s.labels) })
	})
}

// disturbs says whether one of the two has series that the other's rules read, and does not have itself.
func (a act) disturbs(b act) bool {
	return a.part == b.part || b.isShownMoreBy(a) || a.isShownMoreBy(b)
}

func (a act) isShownMoreBy(other act) bool {
	return slices.ContainsFunc(other.series, func(s series) bool {
		return a.part.picks.any(s.labels) && !slices.ContainsFunc(a.series, s.equal)
	})
}

// testOf is the test in which the acts are played.
func testOf(p pace, acts []act) test {
	t := test{Interval: slo.Duration(p.sample)}
	var names []string
	shown := map[[2]string]bool{}
	for _, a := range acts {
		names = append(names, a.part.sli.ID+": "+a.name)
		for _, s := range a.series {
			if key := [2]string{s.Series, s.Values}; !shown[key] {
				shown[key], t.Series = true, append(t.Series, s)
			}
		}
		t.Alerts, t.Values = append(t.Alerts, a.alerts...), append(t.Values, a.values...)
		if a.timeline != nil {
			for _, alert := range a.part.alerts {
				t.Alerts = append(t.Alerts, a.checks(alert, p)...)
			}
		}
		if a.recorded {
			t.Values = append(t.Values, a.recordings(a.part.matrix, a.part.sli)...)
		}
	}
	t.Name = strings.Join(names, "; ")
	return t
}
