package proof

import (
	"context"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	engine "github.com/prometheus/prometheus/promql"
)

// steps are evaluations, count of them.
type steps struct {
	from  time.Time
	every time.Duration
	count int
}

func (s steps) at(i int) time.Time { return s.from.Add(time.Duration(i) * s.every) }

// play is one test with its rules while they are being evaluated: the series so far, and the state of every alert.
type play struct {
	ctx      context.Context
	engine   *engine.Engine
	steps    steps
	group    testGroup
	external *url.URL
	inputs   []*column
	memory   *memory
	revealed *memory // the inputs alone, where steps are taken one by one
	rules    []rule
	outputs  [][]*column    // of each rule
	alerts   []*alertRecord // of each rule; nil of recording ones
}

// mostSamples is no limit that a test reaches; promtool's is ten thousand for one query.
const mostSamples = math.MaxInt32

// newEngine is one that evaluates as `promtool test rules` does.
func newEngine(interval time.Duration) *engine.Engine {
	return engine.NewEngine(engine.EngineOpts{
		MaxSamples: mostSamples, Timeout: time.Hour, EnableAtModifier: true, EnableNegativeOffset: true, Parser: promql,
		NoStepSubqueryIntervalFn: func(int64) int64 { return interval.Milliseconds() },
	})
}

func newPlay(ctx context.Context, s Suite, t testGroup) (*play, error) {
	every := s.file.Interval.Std()
	start := t.Start.Time
	if start.IsZero() {
		start = time.Unix(0, 0).UTC()
	}
	p := &play{
		ctx: ctx, engine: newEngine(every), group: t, rules: s.order, memory: newMemory(),
		steps:   steps{start, every, int(t.last()/every) + 1},
		outputs: make([][]*column, len(s.order)), alerts: make([]*alertRecord, len(s.order)),
	}
	var err error
	if p.external, err = url.Parse(t.ExternalURL); err != nil {
		return nil, fmt.Errorf("%s: external_url: %w", t.At, err)
	}
	until := time.Duration(p.steps.count-1) * every
	for _, in := range t.Series {
		c, err := in.column(start, t.Interval.Std(), until)
		if err != nil {
			return nil, err
		}
		p.inputs = append(p.inputs, c)
	}
	p.memory.add(p.inputs...)
	p.forget(0)
	return p, nil
}

// forget lets the rules from one on start anew.
func (p *play) forget(from int) {
	for i := from; i < len(p.rules); i++ {
		p.outputs[i] = nil
		if p.rules[i].alerting {
			p.alerts[i] = newAlertRecord()
		}
	}
}

// run evaluates all rules: each for all times at once where that is the same, and else all of them at each time.
func (p *play) run() error {
	if atOnce(p.rules) {
		for i := range p.rules {
			if err := p.evaluate(i, p.steps); err != nil {
				return err
			}
			p.memory.add(p.outputs[i]...)
		}
		return nil
	}
	for n := range p.steps.count {
		now := steps{p.steps.at(n), p.steps.every, 1}
		p.reveal(now.from.UnixMilli())
		for i := range p.rules {
			if err := p.evaluate(i, now); err != nil {
				return err
			}
			p.show(p.outputs[i])
		}
	}
	return nil
}

// reveal begins a step with the samples of inputs up to its time, and what rules wrote before: of what is to come, a rule must see nothing.
func (p *play) reveal(until int64) {
	p.memory = newMemory()
	for _, c := range p.inputs {
		n := c.at(until + 1)
		p.memory.add(&column{labels: c.labels, times: c.times[:n], values: c.values[:n], histograms: c.histograms[:min(n, len(c.histograms))]})
	}
	p.revealed = p.memory.clone()
	for _, written := range p.outputs {
		p.show(written)
	}
}

func (p *play) show(written []*column) {
	for _, c := range written {
		if in := p.revealed.find(c.labels); in != nil {
			c = in.merged(c)
		}
		p.memory.put(c)
	}
}

// evaluate adds what a rule gives at some times to its output. A rule looks a little into the past if its group has an offset.
func (p *play) evaluate(i int, s steps) error {
	r := p.rules[i]
	matrix, err := p.query(r.expr, steps{s.from.Add(-r.offset), s.every, s.count})
	if err == nil {
		err = p.keep(i, matrix, s)
	}
	if err != nil {
		return fmt.Errorf("rule %s of group %s: %w", r.name, r.group, err)
	}
	return nil
}

func (p *play) query(expr string, s steps) (engine.Matrix, error) {
	q, err := p.engine.NewRangeQuery(p.ctx, p.memory, nil, expr, s.from, s.at(s.count-1), s.every)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	result := q.Exec(p.ctx)
	if result.Err != nil {
		return nil, result.Err
	}
	matrix, err := result.Matrix()
	return copied(matrix), err
}

// copied is independent of the query, which gets its points back when it is closed.
func copied(m engine.Matrix) engine.Matrix {
	mine := slices.Clone(m)
	for i := range mine {
		mine[i].Floats, mine[i].Histograms = slices.Clone(m[i].Floats), slices.Clone(m[i].Histograms)
	}
	return mine
}

// keep turns results into the series that the rule writes.
func (p *play) keep(i int, matrix engine.Matrix, s steps) error {
	r := p.rules[i]
	if r.limit > 0 && mostAtOnce(matrix) > r.limit {
		return fmt.Errorf("more series than its limit of %d", r.limit)
	}
	if r.alerting {
		written, err := p.alerts[i].advance(p, r, matrix, s)
		p.outputs[i] = written
		return err
	}
	var found []*column
	b := labels.NewBuilder(labels.EmptyLabels())
	for _, series := range matrix {
		b.Reset(series.Metric)
		b.Set(model.MetricNameLabel, r.name)
		r.labels.Range(func(l labels.Label) { b.Set(l.Name, l.Value) })
		var err error
		if found, err = joined(found, columnOf(b.Labels(), series)); err != nil {
			return err
		}
	}
	p.outputs[i] = p.extended(p.outputs[i], found, r, s)
	return p.conflicts(p.outputs[i])
}

func mostAtOnce(matrix engine.Matrix) int {
	most, at := 0, map[int64]int{}
	for _, series := range matrix {
		for _, t := range columnOf(series.Metric, series).times {
			at[t]++
			most = max(most, at[t])
		}
	}
	return most
}

func columnOf(l labels.Labels, series engine.Series) *column {
	c := &column{labels: l}
	f, h := series.Floats, series.Histograms
	for len(f) > 0 || len(h) > 0 {
		if len(h) == 0 || len(f) > 0 && f[0].T < h[0].T {
			c.add(f[0].T, f[0].F, nil)
			f = f[1:]
			continue
		}
		c.add(h[0].T, 0, h[0].H)
		h = h[1:]
	}
	return c
}

// errTwice is Prometheus's refusal of a rule that gives two samples to one series.
type errTwice struct{ labels labels.Labels }

// Error names the labels.
func (e errTwice) Error() string {
	return "two results have the same labels " + e.labels.String()
}

// joined adds a series. One that is there already may only go on where the other has nothing.
func joined(all []*column, c *column) ([]*column, error) {
	i := slices.IndexFunc(all, func(o *column) bool { return labels.Equal(o.labels, c.labels) })
	if i < 0 {
		return append(all, c), nil
	}
	m := all[i].merged(c)
	if len(m.times) != len(all[i].times)+len(c.times) {
		return nil, errTwice{c.labels}
	}
	all[i] = m
	return all, nil
}

// extended appends results of some times to those before, and marks where a series ends: what a rule does not give again is stale at once.
func (p *play) extended(before, found []*column, r rule, s steps) []*column {
	all := slices.Clone(before)
	for _, c := range found {
		i := slices.IndexFunc(all, func(o *column) bool { return labels.Equal(o.labels, c.labels) })
		if i < 0 {
			all = append(all, &column{labels: c.labels})
			i = len(all) - 1
		}
		grown := &column{labels: c.labels, times: all[i].times, values: all[i].values, histograms: all[i].histograms}
		for n, t := range c.times {
			grown.end(t-s.every.Milliseconds(), s.every)
			grown.add(t, c.values[n], c.histogram(n))
		}
		all[i] = grown
	}
	last := s.at(s.count - 1).Add(-r.offset).UnixMilli()
	for _, c := range all {
		c.end(last, s.every)
	}
	return all
}

// end marks the series stale one evaluation after its last sample, if that is not later than a time.
func (c *column) end(until int64, every time.Duration) {
	n := len(c.times) - 1
	if n < 0 || c.stale(n) || c.times[n] >= until {
		return
	}
	c.add(c.times[n]+every.Milliseconds(), staleNaN, nil)
}

// conflicts are samples that are played and written by a rule, too, and differ. Prometheus would refuse to store them.
func (p *play) conflicts(all []*column) error {
	for _, c := range all {
		for _, in := range p.inputs {
			if labels.Equal(in.labels, c.labels) && in.contradicts(c) {
				return fmt.Errorf("the test plays %s with other values than the rule has", strings.TrimSpace(c.labels.String()))
			}
		}
	}
	return nil
}

func (c *column) contradicts(o *column) bool {
	for i, t := range o.times {
		n := c.at(t)
		if n < len(c.times) && c.times[n] == t && !o.stale(i) &&
			(math.Float64bits(c.values[n]) != math.Float64bits(o.values[i]) || !sameHistogram(c.histogram(n), o.histogram(i))) {
			return true
		}
	}
	return false
}
