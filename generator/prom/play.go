package prom

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// play is a test file on its way: all that is evaluated at one interval.
type play struct {
	matrix   slo.Matrix
	acts     []act // of the pace that is being added
	file     testFile
	untested bytes.Buffer
}

// newPlay orders the groups of budgets, which read each other; promtool would take them at random.
func newPlay(m slo.Matrix, evaluation time.Duration) *play {
	p := &play{matrix: m, file: testFile{EvaluationInterval: slo.Duration(evaluation)}}
	for _, s := range m.SLIs {
		if groups := budgetGroups(m, s); len(groups) > 0 {
			fast, slow, period := groups[0], groups[1], groups[2]
			p.file.GroupOrder = append(p.file.GroupOrder, slow.Name, period.Name, fast.Name)
		}
	}
	return p
}

// play turns the acts so far into tests, all of them with samples at one pace.
func (p *play) play(at pace) {
	for _, acts := range together(p.acts) {
		p.file.Tests = append(p.file.Tests, testOf(p.matrix, at, acts))
	}
	p.acts = nil
}

// join plays the budgets' acts of a pace, beside what is evaluated as often.
func join(plays []*play, m slo.Matrix, at pace) []*play {
	i := slices.IndexFunc(plays, func(other *play) bool { return other.file.EvaluationInterval.Std() == at.evaluation })
	if i < 0 {
		i, plays = len(plays), append(plays, newPlay(m, at.evaluation))
	}
	for _, s := range m.SLIs {
		plays[i].acts = append(plays[i].acts, slowActs(m, s, at)...)
	}
	plays[i].play(at)
	return plays
}

// testFile is the file, named after its rules and, where it is not theirs, its interval.
func (p *play) testFile(rulesFile string) TestFile {
	name := strings.TrimSuffix(rulesFile, ".yaml")
	if p.file.EvaluationInterval != p.matrix.EvaluationInterval {
		name += "_" + p.file.EvaluationInterval.String()
	}
	p.file.RuleFiles = []string{rulesFile}
	return TestFile{name + "_test.yaml", slices.Concat(doNotEdit(p.matrix.Runbook.File), p.untested.Bytes(), encode(p.file))}
}

// budgetPaces are those at which budgets, and baselines of last week, are tested: that of the matrix, that of the tiles, and one at which
// weeks pass quickly, with samples that are as many as need be.
func budgetPaces(m slo.Matrix) []pace {
	slow := m
	slow.EvaluationInterval = tileLength
	paces := []pace{paceOf(m), paceOf(slow)}
	for _, sample := range []time.Duration{m.ScrapeInterval.Std(), coarse, coarsest} {
		paces = append(paces, pace{sample, stride})
	}
	return slices.Compact(paces)
}

// slowActs are those of one SLI that are played at a pace.
func slowActs(m slo.Matrix, s slo.SLI, p pace) []act {
	if s.Budget == nil && baseline(s) == nil {
		return nil
	}
	st, ok := newStage(m, s, p)
	if !ok {
		return nil
	}
	var all []act
	picks := selectorsOf(sliGroup(m, s))
	for _, c := range append(budgetScenarios(st), lastWeekScenarios(st)...) {
		c.group = st.group
		all = append(all, act{c, s, picks})
	}
	return all
}
