package prom

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// play is a test file on its way: all that is evaluated at one interval.
type play struct {
	matrix     slo.Matrix
	evaluation slo.Duration
	tests      lines
	untested   bytes.Buffer
}

func newPlay(m slo.Matrix, evaluation time.Duration) *play {
	return &play{matrix: m, evaluation: slo.Duration(evaluation)}
}

// order is that of the groups of budgets, which read each other; promtool would take them at random.
func (p *play) order() []string {
	var names []string
	for _, s := range p.matrix.SLIs {
		if b, ok := budgetOf(p.matrix, s); ok {
			names = append(names, b.name()+slowSuffix, b.name()+periodSuffix, b.name())
		}
	}
	return names
}

// wave is how many companies are played before their text is put to the rest.
const wave = 16

// play turns the acts of SLIs into tests, all of them with samples at one pace, and names those that have none.
func (p *play) play(at pace, all []slo.SLI, acts func(slo.SLI) []act) (idle []string) {
	companies := slices.Collect(slices.Chunk(all, company))
	for part := range slices.Chunk(companies, wave) {
		scenes := inParallel(len(part), func(i int) scene { return sceneOf(at, part[i], acts) })
		for _, s := range scenes {
			p.tests.out, idle = append(p.tests.out, s.tests.out...), append(idle, s.idle...)
		}
	}
	return idle
}

// scene are the tests of one company, and which of its SLIs have none.
type scene struct {
	tests lines
	idle  []string
}

func sceneOf(at pace, all []slo.SLI, acts func(slo.SLI) []act) (s scene) {
	var together []act
	for _, sli := range all {
		own := acts(sli)
		if len(own) == 0 {
			s.idle = append(s.idle, sli.ID)
		}
		together = append(together, own...)
	}
	for _, acts := range packed(together) {
		s.tests.test(testOf(at, acts))
	}
	return s
}

// first plays what every SLI has.
func (p *play) first(at pace) {
	idle := p.play(at, p.matrix.SLIs, func(s slo.SLI) []act { return actsOf(newPart(p.matrix, s), at) })
	for _, id := range idle {
		fmt.Fprintf(&p.untested, "# Not tested: %s, no series could be made up that its selectors pick.\n", id)
	}
}

// join plays the budgets' acts of a pace, beside what is evaluated as often.
func join(plays []*play, m slo.Matrix, at pace) []*play {
	i := slices.IndexFunc(plays, func(other *play) bool { return other.evaluation.Std() == at.evaluation })
	if i < 0 {
		i, plays = len(plays), append(plays, newPlay(m, at.evaluation))
	}
	var all []slo.SLI
	for _, s := range m.SLIs {
		if s.Budget != nil || baseline(s) != nil {
			all = append(all, s)
		}
	}
	plays[i].play(at, all, func(s slo.SLI) []act { return slowActs(newPart(m, s), at) })
	return plays
}

// testFile is the file, named after its rules and, where it is not theirs, its interval.
func (p *play) testFile(rulesFile string) TestFile {
	name := strings.TrimSuffix(rulesFile, ".yaml")
	if p.evaluation != p.matrix.EvaluationInterval {
		name += "_" + p.evaluation.String()
	}
	head := lines{out: slices.Concat(doNotEdit(p.matrix.Runbook.File), p.untested.Bytes())}
	head.testFile(testFile{[]string{rulesFile}, p.evaluation, p.order()})
	return TestFile{name + "_test.yaml", slices.Concat(head.out, p.tests.out)}
}

// budgetPaces are those at which budgets, and baselines of last week, are tested: that of the matrix, that of the tiles, and one at which
// weeks pass quickly, with samples that are as many as need be.
func budgetPaces(m slo.Matrix) []pace {
	slow := m
	slow.EvaluationInterval = tileLength
	paces := []pace{paceOf(m), paceOf(slow)}
	for _, sample := range []time.Duration{m.ScrapeInterval.Std(), m.EvaluationInterval.Std(), coarse, pieceStride, coarsest} {
		if at := (pace{sample, stride}); !slices.Contains(paces, at) {
			paces = append(paces, at)
		}
	}
	return slices.Compact(paces)
}

// slowActs are those of one SLI that are played at a pace.
func slowActs(whose *part, p pace) []act {
	st, ok := newStage(whose.matrix, whose.sli, p)
	if !ok {
		return nil
	}
	var all []act
	for _, c := range append(budgetScenarios(st), lastWeekScenarios(st)...) {
		c.group = st.group
		all = append(all, act{c, whose})
	}
	return all
}
