package backtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/prometheus/model/labels"
	engine "github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
)

// Past is where the data are: a Prometheus or a TSDB directory. It is used by one replay after another, not by two at once.
type Past struct {
	Name   string   // as it was given, without a password
	Covers Span     // what is kept there; a zero end is not known
	Notes  []string // what should be known of it, such as a clock that is not ours

	api     v1.API          // nil for a directory
	below   storage.Querier // nil for a server
	close   func() error
	partial []string // warnings that came with answers, each once
}

// Close gives back what an opened directory holds.
func (p *Past) Close() error {
	if p.close == nil {
		return nil
	}
	return p.close()
}

// Refusal is a past that cannot be asked, and what to do about it. It ends a replay; an expression that cannot be evaluated does not.
type Refusal struct {
	Past, Hint string
	Cause      error
}

// Error is the cause with its hint.
func (r *Refusal) Error() string {
	text := fmt.Sprintf("ask %s: %v", r.Past, r.Cause)
	if r.Hint != "" {
		text += "\nhint: " + r.Hint
	}
	return text
}

// Unwrap is the cause.
func (r *Refusal) Unwrap() error { return r.Cause }

// pointsPerQuery is Prometheus's limit for one range query (web/api/v1: 11,000 points a series). It bounds the memory of a local one too.
const pointsPerQuery = 11_000

// fewestPoints is the block that is not halved any more: if it is refused, its size is not the reason.
const fewestPoints = 64

// errTooMuch is a query that may be answered in smaller parts.
var errTooMuch = errors.New("too much at once")

// ask is one query over one grid, however many points the past takes.
type ask func(ctx context.Context, query string, g grid) (engine.Matrix, error)

// inBlocks asks for a grid in blocks and joins the answers. A block that is too much is halved, and so are those after it.
func (a ask) inBlocks(ctx context.Context, query string, g grid, done func(points int)) (engine.Matrix, error) {
	var whole joined
	size := pointsPerQuery
	for from := g.from; from <= g.to; {
		block := grid{from, min(from+int64(size-1)*g.step, g.to), g.step}
		answer, err := a(ctx, query, block)
		if errors.Is(err, errTooMuch) && size > fewestPoints && block.count() > 1 {
			size = max(block.count()/2, 1)
			continue
		}
		if err != nil {
			return nil, err
		}
		whole.add(answer)
		from = block.to + g.step
		done(block.count())
	}
	return whole.matrix(), nil
}

// joined puts the series of successive blocks together.
type joined struct {
	byHash map[uint64]*engine.Series
}

func (j *joined) add(block engine.Matrix) {
	if j.byHash == nil {
		j.byHash = map[uint64]*engine.Series{}
	}
	for _, s := range block {
		hash := s.Metric.Hash()
		known := j.byHash[hash]
		if known == nil {
			copied := s
			j.byHash[hash] = &copied
			continue
		}
		known.Floats = append(known.Floats, s.Floats...)
		known.Histograms = append(known.Histograms, s.Histograms...)
	}
}

func (j *joined) matrix() engine.Matrix {
	all := make(engine.Matrix, 0, len(j.byHash))
	for _, s := range j.byHash {
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b engine.Series) int { return labels.Compare(a.Metric, b.Metric) })
	return all
}

// warn keeps a warning once.
func (p *Past) warn(warnings []string) {
	for _, w := range warnings {
		if !slices.Contains(p.partial, w) {
			p.partial = append(p.partial, w)
		}
	}
}

// Partial are the warnings that came with answers: each means that an answer may not have been whole.
func (p *Past) Partial() []string { return slices.Clone(p.partial) }

// within says what of a span is covered, in words; "" if all of it is, or if that is not known.
func (p *Past) within(s Span) string {
	switch c := p.Covers; {
	case !c.From.IsZero() && c.From.After(s.From):
		return fmt.Sprintf("asked for %s on, but %s holds nothing before %s", stamp(s.From), p.Name, stamp(c.From))
	case !c.To.IsZero() && c.To.Before(s.To.Add(-lookback)):
		return fmt.Sprintf("asked for %s, but %s holds nothing after %s", stamp(s.To), p.Name, stamp(c.To))
	}
	return ""
}

// knows says whether some of an episode lies where data are kept: that absent() holds where none can be says nothing.
func (p *Past) knows(e Episode, every time.Duration) bool {
	c := p.Covers
	before := !c.From.IsZero() && !e.Resolved.IsZero() && !e.Resolved.After(c.From.Add(every))
	after := !c.To.IsZero() && !e.Onset.Before(c.To)
	return !before && !after
}

// outside says that nothing of a span is covered.
func (p *Past) outside(s Span) bool {
	return !p.Covers.From.IsZero() && p.Covers.From.After(s.To) || !p.Covers.To.IsZero() && p.Covers.To.Before(s.From)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }
