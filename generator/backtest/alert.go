package backtest

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/coclai/cutover/generator/slo"
)

// alert replays one alert.
func (r *Replay) alert(ctx context.Context, one rule) error {
	g := r.grid(one, r.before)
	a := Alert{Name: one.name, Group: one.group, Labels: one.labels, Expr: one.expr.String(), For: slo.Duration(one.hold),
		KeepFiringFor: slo.Duration(one.keep), Interval: slo.Duration(one.every), Measured: -1}
	a.Unit, a.Title = r.described(one)
	c := comparisonIn(one.expr)
	a.Op = c.op
	err := r.replay(ctx, one, c, g, &a)
	if fatal(err) {
		return err
	}
	if err != nil {
		a.Problem = strings.TrimSpace(err.Error())
	}
	if failure := r.failureOf(one.expr); failure != "" {
		a.Problem = failure
	}
	absent, there, err := r.seen(ctx, one.expr)
	if err != nil {
		return err
	}
	a.NeedsAgent = slices.ContainsFunc(absent, agents)
	switch {
	case a.NeedsAgent: // what fires because the agent exported nothing says nothing about the past
		a.Problem, a.Episodes = "there is no sample of "+strings.Join(absent, ", ")+", which rollback-agent exports: it did not run then", nil
	case a.Problem == "" && a.Measured == 0 && len(absent) > 0:
		a.Problem = "there is no sample of " + strings.Join(absent, ", ") + " in the whole range"
	case a.Problem == "" && a.Measured == 0:
		a.Problem = "there was nothing to compare in the whole range, though there is " + strings.Join(there, ", ") + ": do the labels agree?"
	}
	r.Alerts = append(r.Alerts, a)
	return nil
}

// replay evaluates the alert and runs its states. What is compared is evaluated first, and once: the plot and the gaps need it as well.
func (r *Replay) replay(ctx context.Context, one rule, c comparison, g grid, a *Alert) error {
	a.grid, a.offset = g, one.offset
	var err error
	if c.value != nil {
		if a.value, err = r.line(ctx, c.value, g, a.falls()); err != nil {
			return err
		}
	}
	if c.bound != nil {
		if a.bound, err = r.line(ctx, c.bound, g, !a.falls()); err != nil {
			return err
		}
	}
	a.measure(r.options.Span)
	answer, err := r.evaluate(ctx, c.expr, g)
	if err != nil {
		return err
	}
	all, err := one.episodes(answer, g, a.falls())
	for _, e := range all {
		within := e.Resolved.IsZero() || !e.Resolved.Before(r.options.From)
		if within && r.past.knows(e, one.every) {
			a.describe(&e)
			a.Episodes = append(a.Episodes, e)
		}
	}
	return err
}

// line evaluates a part of an alert, puts the reading of the result in its place, and returns one number for each moment, NaN where there
// is none: the greatest of several series, or the least where that is the worse.
func (r *Replay) line(ctx context.Context, part *parser.Expr, g grid, least bool) ([]float64, error) {
	line := make([]float64, g.count())
	if number, ok := unwrapped(*part).(*parser.NumberLiteral); ok {
		for i := range line {
			line[i] = number.Val
		}
		return line, nil
	}
	for i := range line {
		line[i] = math.NaN()
	}
	kept, name, err := r.leaf(ctx, *part, g)
	if err != nil {
		return nil, err
	}
	*part = kept
	for _, series := range r.memory.byName[name] {
		for _, p := range series.samples {
			if i := (p.t - g.from) / g.step; !math.IsNaN(p.f) && (math.IsNaN(line[i]) || least == (p.f < line[i])) {
				line[i] = p.f
			}
		}
	}
	return line, nil
}

// described are the unit and the title of what the alert's label slo names.
func (r *Replay) described(one rule) (slo.Unit, string) {
	s, ok := r.options.Plan.SLOByID(one.labels[slo.LabelSLO])
	if !ok || one.labels[slo.LabelService] != r.options.Plan.Service {
		return "", one.name
	}
	if s.Kind == slo.KindExpr && s.Unit == slo.Ratio { // its rules may be in percent: the number is shown as it is
		return "", s.Title
	}
	return s.Unit, s.Title
}

// failureOf says which recording that an alert reads could not be computed.
func (r *Replay) failureOf(expr parser.Expr) string {
	for name := range r.inputs(expr) {
		if failure := r.failed[name]; failure != "" {
			return failure
		}
	}
	return ""
}

// seen sorts the raw metrics that an alert reads, directly or by recordings, into those without a sample in the range and those with.
func (r *Replay) seen(ctx context.Context, expr parser.Expr) (absent, there []string, err error) {
	inputs := r.inputs(expr)
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		if inputs[name] || r.memory.known(name) {
			continue
		}
		known, asked := r.present[name]
		if !asked {
			found, err := r.coverage(ctx, fmt.Sprintf("group({__name__=%q})", name), r.options.Span)
			if err != nil {
				return nil, nil, err
			}
			known = found.any
			r.present[name] = known
		}
		if known {
			there = append(there, name)
			continue
		}
		absent = append(absent, name)
	}
	return absent, there, nil
}

// agents says whether a metric is one that rollback-agent exports: before there was one it could not be measured.
func agents(metric string) bool { return strings.HasPrefix(metric, "rollback_agent_") }

// inputs are the metrics that an expression reads, directly or by recordings; true for the recorded ones.
func (r *Replay) inputs(expr parser.Expr) map[string]bool {
	found := map[string]bool{}
	var visit func(parser.Expr)
	visit = func(e parser.Expr) {
		for _, v := range selectors(e) {
			name, _ := metricOf(v)
			if _, seen := found[name]; seen || name == "" {
				continue
			}
			found[name] = false
			for _, one := range r.rules.records {
				if one.name == name && one.feeds(v) {
					found[name] = true
					visit(one.expr)
				}
			}
		}
	}
	visit(expr)
	return found
}

// feeds says whether a selector could select what a recording writes.
func (r rule) feeds(v *parser.VectorSelector) bool {
	for _, m := range v.LabelMatchers {
		if text, ok := r.labels[m.Name]; ok && !m.Matches(text) {
			return false
		}
	}
	return true
}

// Sample is a number at an evaluation.
type Sample struct {
	At    time.Time
	Value float64
}

// Samples are a query's numbers at the evaluations of a span, of the first series where there are several. Nothing was replayed yet: what
// is recorded must stand in the past.
func (p *Past) Samples(ctx context.Context, query string, s Span, every time.Duration) ([]Sample, error) {
	return newReplay(p).Samples(ctx, query, s, every)
}

// Samples are a query's numbers at the evaluations of a span, of the first series where there are several: what the query would have
// given then, recorded series included.
func (r *Replay) Samples(ctx context.Context, query string, s Span, every time.Duration) ([]Sample, error) {
	expr, err := promql.ParseExpr(query)
	if err != nil {
		return nil, fmt.Errorf("read query %q: %w", query, err)
	}
	answer, err := r.evaluate(ctx, expr, gridOf(s, every, 0))
	if err != nil {
		return nil, fmt.Errorf("query %q: %w", query, err)
	}
	var all []Sample
	for _, series := range answer[:min(len(answer), 1)] {
		for _, p := range series.Floats {
			all = append(all, Sample{at(p.T), p.F})
		}
	}
	return all, nil
}
