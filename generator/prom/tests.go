package prom

import (
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/coclai/cutover/generator/slo"
)

// testFile is the format of `promtool test rules`.
type testFile struct {
	RuleFiles          []string
	EvaluationInterval slo.Duration
	GroupOrder         []string
}

type test struct {
	Name     string
	Interval slo.Duration
	Series   []series
	Alerts   []alertTest
	Values   []valueTest
}

type alertTest struct {
	EvalTime slo.Duration
	Name     string
	Firing   []firingAlert
}

// firingAlert is compared whole: promtool takes annotations that are left out for annotations that are not there.
type firingAlert struct {
	Labels      map[string]string
	Annotations map[string]string
}

type valueTest struct {
	Expr     string
	EvalTime slo.Duration
	Samples  []sample
}

type sample struct {
	Labels string
	Value  float64
}

// TestFile is a file for `promtool test rules`, by its name beside the rules.
type TestFile struct {
	Name    string
	Content []byte
}

// Tests proves the rules to `promtool test rules`: for every alert, silence on the good side of its bound and exactly at it, firing just
// beyond it and not one evaluation before its `for` has passed, and what its kind is known to get wrong. rulesFile is the path of the
// rules as seen from the test files.
//
// promtool evaluates all groups of a file at one interval, whatever theirs is. So there is a file for each interval, and each looks only at
// what its interval leaves as it is in production: rules_test.yaml at that of the matrix, rules_2m_test.yaml at that of a budget's tiles,
// and rules_6h_test.yaml, which takes weeks in strides, at what does not depend on it: how long the longest windows are, and last week.
//
// Series are made up from the selectors. One for which no matching label values can be found is named in a comment and left untested.
func (s Set) Tests(rulesFile string) []TestFile {
	p := paceOf(s.matrix)
	first := newPlay(s.matrix, p.evaluation)
	first.tests.test(s.test(p))
	first.first(p)
	plays := []*play{first}
	for _, p := range budgetPaces(s.matrix) {
		plays = join(plays, s.matrix, p)
	}
	var files []TestFile
	for _, played := range plays {
		if len(played.tests.out) > 0 {
			files = append(files, played.testFile(rulesFile))
		}
	}
	return files
}

// paceOf lets samples arrive at least as often as in production, and so that every evaluation falls on one: extrapolation, which would
// blur exact bounds, then has nothing to do.
func paceOf(m slo.Matrix) pace {
	a, b := m.EvaluationInterval.Std(), m.ScrapeInterval.Std()
	for b > 0 {
		a, b = b, a%b
	}
	return pace{sample: a, evaluation: m.EvaluationInterval.Std()}
}

// test looks at what the set says of itself.
func (s Set) test(p pace) test {
	info, m := s.info(), s.matrix
	labels := specimen(info.Labels).with("__name__", info.Record)
	return test{
		Name:     m.Service + ": the rules are evaluated, and say which they are",
		Interval: slo.Duration(p.sample),
		Alerts:   []alertTest{watchdogAlert(m).expect(0, true, 1, nil)},
		Values:   []valueTest{{Expr: slo.RulesInfo, Samples: []sample{{labels.String(), 1}}}},
	}
}

// recordings compares the recorded value of each window at the peak.
func (c scenario) recordings(m slo.Matrix, s slo.SLI) []valueTest {
	var tests []valueTest
	r, id := read(m, s), identity{m.Service, m.Environment, s.ID}
	for _, w := range windows(s) {
		series := id.in(c.group, r.current(w))
		test := valueTest{Expr: canonical(series), EvalTime: slo.Duration(c.peak)}
		if now := at(c.timeline(w.Std()), c.peak); now.known {
			test.Samples = []sample{{Labels: series, Value: now.value}}
		}
		tests = append(tests, test)
	}
	return tests
}

// scenariosOf chooses by kind, like read. None if the selectors, or the labels it is grouped by, have no specimen.
func scenariosOf(m slo.Matrix, s slo.SLI, p pace) []scenario {
	stage, ok := newStage(m, s, p)
	if !ok {
		return nil
	}
	all := kindScenarios(stage, s.Measure)
	if b := baseline(s); b != nil && !missable(b) && len(all) > 0 {
		all[0].values = append(all[0].values, stage.stands(nil, slo.BaselineSeries, all[0].peak, b.Value.Float()))
	}
	for i := range all {
		all[i].group = stage.group
	}
	return all
}

func kindScenarios(stage stage, measure slo.Measure) []scenario {
	switch {
	case measure.Ratio != nil:
		return ratioScenarios(stage, *measure.Ratio)
	case measure.Availability != nil:
		return availabilityScenarios(stage, *measure.Availability)
	case measure.Expr != nil:
		return exprScenarios(stage, *measure.Expr)
	case measure.Latency != nil:
		return latencyScenarios(stage, *measure.Latency)
	case measure.Restarts != nil:
		return restartScenarios(stage, *measure.Restarts)
	case measure.Count != nil:
		return countScenarios(stage, *measure.Count)
	case measure.State != nil:
		return stateScenarios(stage, *measure.State)
	}
	return gateScenarios(stage, *measure.Gate)
}

// stage is what the scenarios of one SLI share.
type stage struct {
	pace
	matrix   slo.Matrix
	sli      slo.SLI
	alerts   []alert       // those with a bound
	longest  time.Duration // `for` of any of them
	narrow   time.Duration // least and greatest window
	wide     time.Duration
	patience time.Duration // how long nothing may be measured
	finish   time.Duration // when series end; 0: when every window has let go of them
	uneven   bool          // as many events more at some jumps as every window has room for, and for so long that an alert would fire
	apart    string        // a label that tells processes apart
	group    specimen      // that is played in
	second   specimen      // another one; nil if there is none
}

func newStage(m slo.Matrix, s slo.SLI, p pace) (stage, bool) {
	st := stage{pace: p, matrix: m, sli: s, patience: patience(m).Std(), narrow: s.Alert.Window.Std()}
	for _, a := range alerts(m, s) {
		if a.watches == theBound {
			st.alerts = append(st.alerts, a)
			st.longest = max(st.longest, a.wait.Std())
		}
	}
	for _, w := range windows(s) {
		st.narrow, st.wide = min(st.narrow, w.Std()), max(st.wide, w.Std())
	}
	by, match := grouping(s.By), groupedBy(s.Measure)
	group, ok := by.one(match)
	if second, ok := by.other(match); ok {
		st.second = second
	}
	st.group = group
	return st, ok
}

// groupedBy are the matchers that a group must satisfy.
func groupedBy(measure slo.Measure) []*labels.Matcher {
	switch {
	case measure.Ratio != nil:
		r := measure.Ratio
		return slices.Concat(matchersOf(r.Bad+r.Good), matchersOf(r.Total))
	case measure.Availability != nil:
		return matchersOf(measure.Availability.Up)
	case measure.Latency != nil:
		return matchersOf(measure.Latency.Histogram.With(""))
	case measure.Count != nil:
		return matchersOf(measure.Count.Counter)
	}
	return nil
}
