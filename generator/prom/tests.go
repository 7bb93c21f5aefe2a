package prom

import (
	"bytes"
	"fmt"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// testFile is the format of `promtool test rules`.
type testFile struct {
	RuleFiles          []string     `yaml:"rule_files"`
	EvaluationInterval slo.Duration `yaml:"evaluation_interval"`
	Tests              []test       `yaml:"tests"`
}

type test struct {
	Name     string       `yaml:"name"`
	Interval slo.Duration `yaml:"interval"`
	Series   []series     `yaml:"input_series,omitempty"`
	Alerts   []alertTest  `yaml:"alert_rule_test,omitempty"`
	Values   []valueTest  `yaml:"promql_expr_test,omitempty"`
}

type alertTest struct {
	EvalTime slo.Duration  `yaml:"eval_time"`
	Name     string        `yaml:"alertname"`
	Firing   []firingAlert `yaml:"exp_alerts,omitempty"`
}

// firingAlert is compared whole: promtool takes annotations that are left out for annotations that are not there.
type firingAlert struct {
	Labels      map[string]string `yaml:"exp_labels"`
	Annotations map[string]string `yaml:"exp_annotations,omitempty"`
}

type valueTest struct {
	Expr     string       `yaml:"expr"`
	EvalTime slo.Duration `yaml:"eval_time"`
	Samples  []sample     `yaml:"exp_samples,omitempty"`
}

type sample struct {
	Labels string  `yaml:"labels"`
	Value  float64 `yaml:"value"`
}

// Tests proves the rules of the matrix to `promtool test rules`: for every alert, silence on the good side of its bound and exactly at
// it, firing just beyond it and not one evaluation before its `for` has passed, and what its kind is known to get wrong. rulesFile is
// the path of the rules as seen from the test file.
//
// Series are made up from the selectors. One for which no matching label values can be found is named in a comment and left untested.
func Tests(m slo.Matrix, rulesFile string) []byte {
	p := paceOf(m)
	file := testFile{RuleFiles: []string{rulesFile}, EvaluationInterval: m.EvaluationInterval, Tests: []test{setTest(m, p)}}
	var untested bytes.Buffer
	var acts []act
	for _, s := range m.SLIs {
		of := actsOf(m, s, p)
		if len(of) == 0 {
			fmt.Fprintf(&untested, "# Not tested: %s, no series could be made up that its selectors pick.\n", s.ID)
		}
		acts = append(acts, of...)
	}
	for _, of := range together(acts) {
		file.Tests = append(file.Tests, testOf(m, p, of))
	}
	return append(append(doNotEdit(m.Runbook.File), untested.Bytes()...), encode(file)...)
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

// setTest looks at what the set says of itself.
func setTest(m slo.Matrix, p pace) test {
	info := Rules(m).info()
	labels := specimen(info.Labels).with("__name__", info.Record)
	return test{
		Name:     m.Service + ": the rules are evaluated, and say which they are",
		Interval: slo.Duration(p.sample),
		Alerts:   []alertTest{watchdogAlert(m).expect(0, true, 1)},
		Values:   []valueTest{{Expr: slo.RulesInfo, Samples: []sample{{labels.String(), 1}}}},
	}
}

// values compares the recorded value of each window at the peak.
func (c scenario) values(m slo.Matrix, s slo.SLI) []valueTest {
	var tests []valueTest
	r, id := read(m, s), identity{m.Service, m.Environment, s.ID}
	for _, w := range windows(s) {
		series := id.of(r.current(w))
		test := valueTest{Expr: canonical(series), EvalTime: slo.Duration(c.peak)}
		if now := at(c.timeline(w.Std()), c.peak); now.known {
			test.Samples = []sample{{Labels: series, Value: now.value}}
		}
		tests = append(tests, test)
	}
	return tests
}

// scenariosOf chooses by kind, like read.
func scenariosOf(m slo.Matrix, s slo.SLI, p pace) []scenario {
	stage := newStage(m, s, p)
	switch measure := s.Measure; {
	case measure.Ratio != nil:
		return ratioScenarios(stage, *measure.Ratio)
	case measure.Latency != nil:
		return latencyScenarios(stage, *measure.Latency)
	case measure.Restarts != nil:
		return restartScenarios(stage, *measure.Restarts)
	case measure.Count != nil:
		return countScenarios(stage, *measure.Count)
	case measure.State != nil:
		return stateScenarios(stage, *measure.State)
	}
	return gateScenarios(stage, *s.Measure.Gate)
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
	apart    string        // a label that tells processes apart
}

func newStage(m slo.Matrix, s slo.SLI, p pace) stage {
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
	return st
}
