package backtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	engine "github.com/prometheus/prometheus/promql"

	"github.com/coclai/cutover/generator/slo"
)

// lookback is how long an instant selector sees a series after its last sample, as Prometheus has it unless told otherwise.
const lookback = 5 * time.Minute

// Options are what a replay is about.
type Options struct {
	Span
	Plan     slo.Plan              // titles and units of the SLOs that alerts name; may be empty
	Given    []Given               // series that the past would have had
	Progress func(done, whole int) // evaluations; may be nil
}

// Given is a series of one value for a while: what an agent would have exported. It is used if the past has no series of that name.
type Given struct {
	Name   string
	Labels map[string]string
	Span   Span
	Value  float64
}

// Replay is a set of rules replayed over the past. It can be asked for more, as the rules would have seen it.
type Replay struct {
	Report
	past    *Past
	rules   Rules
	options Options
	memory  *memory
	engine  *engine.Engine
	warmUp  map[string]time.Duration // how long before the span a recording is read
	before  time.Duration            // how long before the span alerts are evaluated, so that none begins in the midst of its for
	present map[string]bool          // raw metrics that were looked for, and whether there is a sample of them
	failed  map[string]string        // recordings that could not be made, and why
	leaves  map[string]string        // name of what was evaluated once, by query and grid
	done    int
	whole   int
}

// Run replays rules. A past that cannot be asked is a *Refusal; what cannot be evaluated or was not measured is said of its alert, in
// the report.
func Run(ctx context.Context, past *Past, rules Rules, o Options) (*Replay, error) {
	if !o.From.Before(o.To) {
		return nil, fmt.Errorf("replay %s: the range ends at %s, before it begins", rules.File, stamp(o.To))
	}
	if past.outside(o.Span) {
		return nil, &Refusal{past.Name, "ask for another range", fmt.Errorf("nothing is kept of %s to %s: %s", stamp(o.From), stamp(o.To), past.within(o.Span))}
	}
	r := newReplay(past)
	r.rules, r.options = rules, o
	r.Report = Report{File: rules.File, Past: past.Name, Span: o.Span, Notes: slices.Clone(past.Notes)}
	if note := past.within(o.Span); note != "" {
		r.Notes = append(r.Notes, note)
	}
	r.plan()
	if err := r.give(ctx); err != nil {
		return nil, err
	}
	if err := r.record(ctx); err != nil {
		return nil, err
	}
	for _, a := range rules.alerts {
		if err := r.alert(ctx, a); err != nil {
			return nil, err
		}
	}
	r.Partial = past.Partial()
	return r, nil
}

func newReplay(p *Past) *Replay {
	return &Replay{past: p, memory: newMemory(), leaves: map[string]string{}, failed: map[string]string{}, present: map[string]bool{}, warmUp: map[string]time.Duration{},
		engine: engine.NewEngine(engine.EngineOpts{MaxSamples: maxSamples, Timeout: time.Hour, LookbackDelta: lookback, EnableAtModifier: true,
			EnableNegativeOffset: true, NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() }, Parser: promql})}
}

// maxSamples is Prometheus's own default for one query.
const maxSamples = 50_000_000

// plan finds out how far back each recording is read, from the alerts down to what reads only raw data.
func (r *Replay) plan() {
	for _, a := range r.rules.alerts {
		r.before = max(r.before, a.hold+a.keep+a.every)
	}
	for _, a := range r.rules.alerts {
		r.need(a.expr, r.before)
		r.whole += 2 * r.grid(a, r.before).count()
	}
	for _, one := range slices.Backward(r.rules.records) {
		r.need(one.expr, r.warmUp[one.name])
		if r.warmUp[one.name] > 0 {
			r.whole += r.grid(one, r.warmUp[one.name]).count()
		}
	}
}

// need notes that an expression is evaluated from so long before the span.
func (r *Replay) need(expr parser.Expr, before time.Duration) {
	parser.Inspect(expr, func(n parser.Node, path []parser.Node) error {
		v, ok := n.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		if name, exact := metricOf(v); exact {
			r.warmUp[name] = max(r.warmUp[name], before+reach(v, path))
		}
		return nil
	})
}

// reach is how far back a selector looks, with the ranges and offsets around it.
func reach(v *parser.VectorSelector, path []parser.Node) time.Duration {
	far := lookback + v.OriginalOffset
	for _, n := range path {
		switch n := n.(type) {
		case *parser.MatrixSelector:
			far += n.Range
		case *parser.SubqueryExpr:
			far += n.Range + n.OriginalOffset
		}
	}
	return far
}

// grid is the evaluations of a rule in the span, from so long before it.
func (r *Replay) grid(one rule, before time.Duration) grid {
	return gridOf(Span{r.options.From.Add(-before), r.options.To}, one.every, one.offset)
}

// give puts the given series into memory, where the past has none of their name.
func (r *Replay) give(ctx context.Context) error {
	names := map[string][]Given{}
	for _, g := range r.options.Given {
		names[g.Name] = append(names[g.Name], g)
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		found, err := r.coverage(ctx, fmt.Sprintf("group({__name__=%q})", name), r.options.Span)
		if err != nil {
			return err
		}
		if found.any {
			continue
		}
		r.memory.declare(name)
		r.Notes = append(r.Notes, fmt.Sprintf("%s was not recorded then: it is made from the releases given", name))
		for _, g := range names[name] {
			r.memory.give(g, r.spacing())
		}
	}
	return nil
}

// spacing is that of given series: no rule is evaluated more often.
func (r *Replay) spacing() time.Duration {
	least := time.Minute
	for _, one := range slices.Concat(r.rules.records, r.rules.alerts) {
		least = min(least, one.every)
	}
	return least
}

// covered is what is known of a series at moments over a span.
type covered struct{ any, all bool }

// coverageChecks is at how many moments it is asked whether a series was there.
const coverageChecks = 500

// coverage asks for a query at moments from the beginning of a span to its end, no closer than the lookback.
func (r *Replay) coverage(ctx context.Context, query string, s Span) (covered, error) {
	step := max(s.To.Sub(s.From)/coverageChecks, lookback).Truncate(time.Minute)
	g := grid{s.From.UnixMilli(), s.To.UnixMilli(), step.Milliseconds()}
	answer, err := r.past.Range(ctx, r, query, g, nil)
	if fatal(err) {
		return covered{}, err
	}
	present := map[int64]bool{}
	for _, series := range answer {
		for _, p := range series.Floats {
			present[p.T] = true
		}
	}
	return covered{any: len(present) > 0, all: len(present) == g.count()}, nil
}

// fatal says whether an error ends the replay; any other is about one expression.
func fatal(err error) bool {
	var refusal *Refusal
	return errors.As(err, &refusal) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// record makes the recorded series that are not there throughout, in order. A name is either read from the past or made here, whole.
func (r *Replay) record(ctx context.Context) error {
	derive, err := r.derived(ctx)
	if err != nil {
		return err
	}
	for _, one := range r.rules.records {
		if r.warmUp[one.name] == 0 {
			continue // no alert reads it
		}
		g := r.grid(one, r.warmUp[one.name])
		if !derive[one.name] {
			r.Recorded++
			r.progress(g.count())
			continue
		}
		if err := r.derive(ctx, one, g); err != nil {
			return err
		}
	}
	return nil
}

// derived are the names of the recordings that must be made: those not there throughout, and all of a set that was another one then.
func (r *Replay) derived(ctx context.Context) (map[string]bool, error) {
	other, err := r.otherRules(ctx)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, one := range r.rules.records {
		if names[one.name] || other || r.warmUp[one.name] == 0 {
			names[one.name] = names[one.name] || other
			continue
		}
		found, err := r.coverage(ctx, "group("+one.selector()+")", Span{r.options.From.Add(-r.warmUp[one.name] + lookback), r.options.To})
		if err != nil {
			return nil, err
		}
		names[one.name] = !found.all
	}
	return names, nil
}

// otherRules says whether the past knows the hash of another set of rules for the same service: what that recorded under the same names
// is not what these would have.
func (r *Replay) otherRules(ctx context.Context) (bool, error) {
	for _, one := range r.rules.records {
		if one.name != slo.RulesInfo {
			continue
		}
		query := fmt.Sprintf("group(%s{%s=%q,%s=%q,%s!=%q})", slo.RulesInfo, slo.LabelService, one.labels[slo.LabelService],
			slo.LabelEnvironment, one.labels[slo.LabelEnvironment], slo.LabelSHA256, one.labels[slo.LabelSHA256])
		found, err := r.coverage(ctx, query, r.options.Span)
		if err == nil && found.any {
			r.Notes = append(r.Notes, "other rules ran then: what they recorded is not used, all is derived from raw data")
		}
		return found.any, err
	}
	return false, nil
}

// derive evaluates a recording into memory. Where that gives nothing, whatever was recorded is taken as it is.
func (r *Replay) derive(ctx context.Context, one rule, g grid) error {
	answer, err := r.evaluate(ctx, one.expr, g)
	if fatal(err) {
		return err
	}
	if err != nil {
		r.fail(one, err)
	}
	r.Derived++
	if len(answer) == 0 {
		if answer, err = r.past.Range(ctx, r, one.selector(), g, nil); fatal(err) {
			return err
		}
		if len(answer) > 0 {
			r.Notes = append(r.Notes, one.selector()+" is as it was recorded, in part: there is nothing it could be derived from")
		}
	}
	r.memory.declare(one.name)
	if err := r.memory.add(one.name, one.labels, answer, g); err != nil {
		r.fail(one, err)
	}
	return nil
}

// fail notes that a recording could not be made: the alerts that read it are told so.
func (r *Replay) fail(one rule, err error) {
	r.failed[one.name] = fmt.Sprintf("%s could not be computed: %s", one.name, strings.TrimSpace(err.Error()))
}

func (r *Replay) progress(points int) {
	r.done += points
	if r.options.Progress != nil {
		r.options.Progress(min(r.done, r.whole), r.whole)
	}
}
