package backtest

import (
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	engine "github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// evaluate is an expression over a grid, as the rules would have seen it.
func (r *Replay) evaluate(ctx context.Context, expr parser.Expr, g grid) (engine.Matrix, error) {
	if !r.readsMemory(expr) && len(selectors(expr)) > 0 {
		return r.past.Range(ctx, r, expr.String(), g, r.progress)
	}
	if r.past.api != nil {
		var err error
		if expr, err = r.split(ctx, expr, g); err != nil {
			return nil, err
		}
	}
	return ask(r.local).inBlocks(ctx, expr.String(), g, r.progress)
}

// Range is a query over a grid that reads nothing of what was made here.
func (p *Past) Range(ctx context.Context, r *Replay, query string, g grid, done func(int)) (engine.Matrix, error) {
	if done == nil {
		done = func(int) {}
	}
	if p.api != nil {
		return ask(p.request).inBlocks(ctx, query, g, done)
	}
	return ask(r.local).inBlocks(ctx, query, g, done)
}

// local is a query by our own engine, over memory and the directory below it.
func (r *Replay) local(ctx context.Context, query string, g grid) (engine.Matrix, error) {
	q, err := r.engine.NewRangeQuery(ctx, past{r.memory, r.past.below}, nil, query, g.start(), g.end(), g.interval())
	if err != nil {
		return nil, err
	}
	defer q.Close()
	result := q.Exec(ctx)
	var tooMany engine.ErrTooManySamples
	if errors.As(result.Err, &tooMany) {
		return nil, fmt.Errorf("%w: %w", errTooMuch, result.Err)
	}
	if result.Err != nil {
		return nil, errors.Join(result.Err, ctx.Err())
	}
	matrix, err := result.Matrix()
	if err != nil {
		return nil, err
	}
	return copied(matrix), nil
}

// copied is a result that outlives its query, which takes its points back.
func copied(m engine.Matrix) engine.Matrix {
	all := make(engine.Matrix, len(m))
	for i, s := range m {
		all[i] = engine.Series{Metric: s.Metric, Floats: append([]engine.FPoint(nil), s.Floats...)}
		for _, h := range s.Histograms {
			all[i].Histograms = append(all[i].Histograms, engine.HPoint{T: h.T, H: h.H.Copy()})
		}
	}
	return all
}

func (r *Replay) readsMemory(n parser.Node) bool {
	found := false
	parser.Inspect(n, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok {
			name, exact := metricOf(v)
			found = found || exact && r.memory.known(name)
		}
		return nil
	})
	return found
}

// split makes an expression that reads both memory and the past into one that reads memory alone: each largest part that reads the
// past alone is asked of it, once, and kept. The same moments are asked for, so that the result is the same.
func (r *Replay) split(ctx context.Context, expr parser.Expr, g grid) (parser.Expr, error) {
	if len(selectors(expr)) == 0 {
		return expr, nil
	}
	if !r.readsMemory(expr) {
		kept, _, err := r.leaf(ctx, expr, g)
		return kept, err
	}
	var err error
	within := func(part parser.Expr) parser.Expr {
		if part == nil || err != nil {
			return part
		}
		part, err = r.split(ctx, part, g)
		return part
	}
	switch e := expr.(type) {
	case *parser.BinaryExpr:
		copied := *e
		copied.LHS, copied.RHS = within(e.LHS), within(e.RHS)
		return &copied, err
	case *parser.AggregateExpr:
		copied := *e
		copied.Expr, copied.Param = within(e.Expr), within(e.Param)
		return &copied, err
	case *parser.ParenExpr:
		return &parser.ParenExpr{Expr: within(e.Expr)}, err
	case *parser.UnaryExpr:
		return &parser.UnaryExpr{Op: e.Op, Expr: within(e.Expr)}, err
	case *parser.Call:
		copied := *e
		copied.Args = nil
		for _, arg := range e.Args {
			copied.Args = append(copied.Args, within(arg))
		}
		return &copied, err
	case *parser.SubqueryExpr:
		if r.readsPast(e) {
			return nil, fmt.Errorf("%s reads recorded and raw series in one subquery, which a server cannot be asked for: use --tsdb.path", e)
		}
	}
	return expr, err
}

// readsPast says whether a part of an expression is not in memory.
func (r *Replay) readsPast(expr parser.Expr) bool {
	for _, v := range selectors(expr) {
		if name, exact := metricOf(v); !exact || !r.memory.known(name) {
			return true
		}
	}
	return false
}

// leaf evaluates an expression once and keeps it in memory, under a name: it returns the expression that reads it there, and the name.
func (r *Replay) leaf(ctx context.Context, expr parser.Expr, g grid) (parser.Expr, string, error) {
	if expr.Type() == parser.ValueTypeMatrix {
		return nil, "", fmt.Errorf("%s is a range of raw series beside recorded ones, which a server cannot be asked for: use --tsdb.path", expr)
	}
	key := fmt.Sprintf("%v %s", g, expr)
	name, known := r.leaves[key]
	if !known {
		answer, err := r.evaluate(ctx, expr, g)
		if err != nil {
			return nil, "", err
		}
		name = fmt.Sprintf("backtest:leaf:%d", len(r.leaves))
		r.memory.declare(name)
		if err := r.memory.add(name, nil, answer, g); err != nil {
			return nil, "", err
		}
		r.leaves[key] = name
	}
	read := &parser.VectorSelector{Name: name, LabelMatchers: []*labels.Matcher{labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, name)}}
	if expr.Type() == parser.ValueTypeScalar {
		return &parser.Call{Func: parser.Functions["scalar"], Args: parser.Expressions{read}}, name, nil
	}
	return read, name, nil
}
