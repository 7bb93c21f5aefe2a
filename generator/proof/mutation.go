package proof

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// Mutation is what became of all mutants.
type Mutation struct {
	Total, Killed int
	Equivalent    []Equivalence               // survivors that the table names
	Survivors     []Mutant                    // the others
	Wrong         []Equivalence               // mutants that the table calls equivalent and a test killed
	Tests         []string                    // their names, in the order in which they are tried
	Killers       map[string]map[Operator]int // how many mutants of each kind a test is the first to kill
	Took          time.Duration
}

// PerSecond is how many mutants were judged in a second.
func (m Mutation) PerSecond() float64 { return float64(m.Total) / m.Took.Seconds() }

// Equivalence is a mutant with the entry of the table that names it.
type Equivalence struct {
	Mutant Mutant
	Reason string
}

// errRed means that tests fail before anything is broken, so that a mutant's failure would say nothing.
var errRed = errors.New("the tests fail as the rules stand")

// Mutate breaks the rules of the suites, which must be the same in all, one mistake at a time, and runs those tests that can tell. A mutant
// is killed by the first case that fails. Only the broken rule and what reads it, directly or not, are evaluated anew; a broken rule that
// reads what a later one writes sees it without the delay of one evaluation that it would have.
func Mutate(ctx context.Context, suites []Suite, table []Equivalent, progress Progress) (Mutation, error) {
	if len(suites) == 0 {
		return Mutation{}, nil
	}
	begun := time.Now()
	scenes, err := stage(ctx, suites)
	if err != nil {
		return Mutation{}, err
	}
	mutants := suites[0].rules.mutants(suites[0].file.Interval.Std())
	killer := make([]int, len(mutants))
	inParallel(ctx, len(mutants), progress, func(i int) {
		killer[i] = slices.IndexFunc(scenes, func(s scene) bool { return s.kills(mutants[i]) })
	})
	m := Mutation{Total: len(mutants), Killers: map[string]map[Operator]int{}}
	for _, s := range scenes {
		m.Tests = append(m.Tests, s.group.Name)
		m.Killers[s.group.Name] = map[Operator]int{}
	}
	for i, mutant := range mutants {
		m.count(mutant, killer[i] >= 0, table)
		if killer[i] >= 0 {
			m.Killers[m.Tests[killer[i]]][mutant.Operator]++
		}
	}
	m.Took = time.Since(begun)
	return m, ctx.Err()
}

func (m *Mutation) count(mutant Mutant, killed bool, table []Equivalent) {
	entry, listed := lookup(table, mutant)
	switch {
	case killed && listed:
		m.Wrong = append(m.Wrong, Equivalence{mutant, entry.Reason})
		m.Killed++
	case killed:
		m.Killed++
	case listed:
		m.Equivalent = append(m.Equivalent, Equivalence{mutant, entry.Reason})
	default:
		m.Survivors = append(m.Survivors, mutant)
	}
}

// scene is a test that has been played as the rules stand.
type scene struct {
	*play
	fuzzy bool
	place map[int]int // of a rule of the suite in the order of evaluation
	reach [][]int     // of each rule, in the order of evaluation: itself and all that reads it, directly or not
	looks []bool      // whether any case is about what a rule reaches
	whole bool        // each rule can be evaluated for all times at once
}

// stage plays every test once.
func stage(ctx context.Context, suites []Suite) ([]scene, error) {
	var all []scene
	var problems []error
	var mutex sync.Mutex
	for _, s := range suites {
		place, reach, whole := s.places(), reachOf(s.order), atOnce(s.order)
		scenes := make([]*scene, len(s.file.Tests))
		inParallel(ctx, len(s.file.Tests), nil, func(i int) {
			p, failed := s.played(ctx, s.file.Tests[i])
			scenes[i] = &scene{play: p, fuzzy: s.file.Fuzzy, place: place, reach: reach, whole: whole}
			scenes[i].look()
			if failed != nil {
				mutex.Lock()
				defer mutex.Unlock()
				problems = append(problems, failed)
			}
		})
		for _, s := range scenes {
			if s != nil {
				all = append(all, *s)
			}
		}
	}
	return all, errors.Join(append(problems, ctx.Err())...)
}

func (s Suite) played(ctx context.Context, t testGroup) (*play, error) {
	p, err := newPlay(ctx, s, t)
	if err == nil {
		err = p.run()
	}
	if err == nil && len(p.failures(s.file.Fuzzy, func(Failure) bool { return false })) > 0 {
		err = errRed
	}
	if err != nil {
		return p, fmt.Errorf("%s: test %q: %w", t.At, t.Name, err)
	}
	return p, nil
}

// places are where the rules of the files stand in the order of evaluation.
func (s Suite) places() map[int]int {
	all := map[int]int{}
	for i, r := range s.rules.all {
		all[i] = slices.IndexFunc(s.order, func(o rule) bool { return o.same(r) })
	}
	return all
}

func (r rule) same(o rule) bool {
	return r.file == o.file && r.group == o.group && r.name == o.name && r.expr == o.expr && r.labels.Hash() == o.labels.Hash() &&
		r.wait == o.wait
}

// kills says whether the test fails with the mutant in place of its rule.
func (s scene) kills(m Mutant) bool {
	at := s.place[m.rule]
	if !s.looks[at] {
		return false
	}
	p := s.replay(at, m.broken)
	if !s.whole {
		return p.run() != nil || p.fails(s.fuzzy)
	}
	for n, i := range s.reach[at] {
		if err := p.evaluate(i, p.steps); err != nil {
			return true
		}
		if n == 0 && p.agrees(s.play, i) {
			return false
		}
		p.memory.add(p.outputs[i]...)
	}
	return p.fails(s.fuzzy)
}

func (p *play) fails(fuzzy bool) bool {
	return len(p.failures(fuzzy, func(Failure) bool { return false })) > 0
}

// replay is the play with a broken rule, without what that and those it reaches wrote.
func (s scene) replay(at int, broken rule) *play {
	p := *s.play
	p.rules = slices.Clone(s.rules)
	p.rules[at] = broken
	p.outputs, p.alerts = slices.Clone(s.outputs), slices.Clone(s.alerts)
	for _, i := range s.reach[at] {
		p.outputs[i] = nil
		if p.rules[i].alerting {
			p.alerts[i] = newAlertRecord()
		}
	}
	p.memory = newMemory()
	p.memory.add(p.inputs...)
	for _, written := range p.outputs {
		p.memory.add(written...)
	}
	return &p
}

// agrees says whether a rule gave the same as in another play: then so does everything after it.
func (p *play) agrees(o *play, i int) bool {
	if p.rules[i].alerting {
		return p.rules[i].wait == o.rules[i].wait && p.rules[i].keep == o.rules[i].keep && p.alerts[i].same(o.alerts[i])
	}
	return slices.EqualFunc(p.outputs[i], o.outputs[i], (*column).same)
}

func (a *alertRecord) same(o *alertRecord) bool {
	return slices.EqualFunc(a.all, o.all, func(a, b *instance) bool {
		return a.labels.Hash() == b.labels.Hash() && slices.Equal(a.firing, b.firing) && slices.EqualFunc(a.points, b.points, func(a, b point) bool {
			return a.at == b.at && a.sample.F == b.sample.F && sameHistogram(a.sample.H, b.sample.H)
		})
	})
}

func reachOf(all []rule) [][]int {
	reach := make([][]int, len(all))
	for at := range all {
		reach[at] = []int{at}
		for i := at + 1; i < len(all); i++ {
			if slices.ContainsFunc(reach[at], func(earlier int) bool { return all[earlier].feeds(all[i]) }) {
				reach[at] = append(reach[at], i)
			}
		}
	}
	return reach
}

// look finds out which rules the cases are about.
func (s *scene) look() {
	direct := make([]bool, len(s.rules))
	for i, r := range s.rules {
		direct[i] = slices.ContainsFunc(s.group.Alerts, func(c alertCase) bool { return r.alerting && c.Name == r.name }) ||
			slices.ContainsFunc(s.group.Values, func(c valueCase) bool { return asks(c.Expr, r) })
	}
	s.looks = make([]bool, len(s.rules))
	for i, reach := range s.reach {
		s.looks[i] = slices.ContainsFunc(reach, func(n int) bool { return direct[n] })
	}
}

// asks says whether an expression may read what a rule writes.
func asks(expr string, r rule) bool {
	parsed, err := promql.ParseExpr(expr)
	if err != nil {
		return true
	}
	found := false
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		v, ok := n.(*parser.VectorSelector)
		found = found || ok && r.writes(v.LabelMatchers)
		return nil
	})
	return found
}
