package prom

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/coclai/cutover/generator/slo"
)

// act is one scenario of one SLI, on its way into a test. promtool evaluates every rule of the file in every test, so scenarios that
// cannot see each other are played in one: it is an order of magnitude that a user would wait.
type act struct {
	scenario
	sli   slo.SLI
	picks [][]*labels.Matcher // the selectors of the SLI's rules
}

// actsOf are the scenarios of one SLI.
func actsOf(m slo.Matrix, s slo.SLI, p pace) []act {
	picks := selectorsOf(sliGroup(m, s))
	var all []act
	for _, c := range scenariosOf(m, s, p) {
		all = append(all, act{c, s, picks})
	}
	return all
}

// selectorsOf are the matchers of all that the rules of a group read.
func selectorsOf(g Group) [][]*labels.Matcher {
	var all [][]*labels.Matcher
	for _, r := range g.Rules {
		expr, err := promql.ParseExpr(r.Expr)
		if err != nil {
			continue
		}
		parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
			if v, ok := n.(*parser.VectorSelector); ok {
				all = append(all, v.LabelMatchers)
			}
			return nil
		})
	}
	return all
}

// company is how many SLIs share tests. Acts are compared with each other, so that without a limit the time for one row would grow with
// the number of rows.
const company = 16

// together distributes acts, which come SLI by SLI, over tests.
func together(acts []act) [][]act {
	var tests [][]act
	for len(acts) > 0 {
		n := firstSLIs(acts, company)
		tests = append(tests, packed(acts[:n])...)
		acts = acts[n:]
	}
	return tests
}

// firstSLIs is how many of the acts belong to the first SLIs, at most limit of them.
func firstSLIs(acts []act, limit int) int {
	seen := map[string]bool{}
	for i, a := range acts {
		seen[a.sli.ID] = true
		if len(seen) > limit {
			return i
		}
	}
	return len(acts)
}

// packed distributes acts over tests, the longest first, so that long ones share a test with long ones.
func packed(acts []act) [][]act {
	slices.SortStableFunc(acts, func(a, b act) int { return int((b.until - a.until) / time.Millisecond) })
	var tests [][]act
	for _, a := range acts {
		i := slices.IndexFunc(tests, func(test []act) bool { return !slices.ContainsFunc(test, a.disturbs) })
		if i < 0 {
			tests = append(tests, []act{a})
			continue
		}
		tests[i] = append(tests[i], a)
	}
	return tests
}

// disturbs says whether one of the two has series that the other's rules read, and does not have itself.
func (a act) disturbs(b act) bool {
	return a.sli.ID == b.sli.ID || b.isShownMoreBy(a) || a.isShownMoreBy(b)
}

func (a act) isShownMoreBy(other act) bool {
	return slices.ContainsFunc(other.series, func(s series) bool {
		return slices.ContainsFunc(a.picks, s.labels.picked) && !slices.ContainsFunc(a.series, s.equal)
	})
}

// testOf is the test in which the acts are played.
func testOf(m slo.Matrix, p pace, acts []act) test {
	t := test{Interval: slo.Duration(p.sample)}
	var names []string
	for _, a := range acts {
		names = append(names, a.sli.ID+": "+a.name)
		for _, s := range a.series {
			if !slices.ContainsFunc(t.Series, s.equal) {
				t.Series = append(t.Series, s)
			}
		}
		t.Alerts, t.Values = append(t.Alerts, a.alerts...), append(t.Values, a.values...)
		if a.timeline != nil {
			for _, alert := range alerts(m, a.sli) {
				t.Alerts = append(t.Alerts, a.checks(alert, p)...)
			}
		}
		if a.recorded {
			t.Values = append(t.Values, a.recordings(m, a.sli)...)
		}
	}
	t.Name = strings.Join(names, "; ")
	return t
}
