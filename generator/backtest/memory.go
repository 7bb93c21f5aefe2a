package backtest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	engine "github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// memory holds the series that were made here. As a rule group does, it writes a stale marker where a series ends, so that a reader
// finds it gone at the next evaluation.
type memory struct {
	byName map[string][]*record
}

// record is one series in order of time.
type record struct {
	labels  labels.Labels
	samples samples
}

// sample is a float, or a histogram where one is given.
type sample struct {
	t int64
	f float64
	h *histogram.FloatHistogram
}

// T is the time in milliseconds.
func (s *sample) T() int64 { return s.t }

// ST is the start time, which recorded series have not.
func (s *sample) ST() int64 { return 0 }

// F is the float.
func (s *sample) F() float64 { return s.f }

// H is an integer histogram, which results of queries never are.
func (s *sample) H() *histogram.Histogram { return nil }

// FH is the histogram, nil of a float.
func (s *sample) FH() *histogram.FloatHistogram { return s.h }

// Type says which of the two it is.
func (s *sample) Type() chunkenc.ValueType {
	if s.h != nil {
		return chunkenc.ValFloatHistogram
	}
	return chunkenc.ValFloat
}

// Copy is the sample itself: nobody changes one.
func (s *sample) Copy() chunks.Sample { return s }

type samples []sample

// Get is the sample at an index.
func (s samples) Get(i int) chunks.Sample { return &s[i] }

// Len is how many there are.
func (s samples) Len() int { return len(s) }

func newMemory() *memory { return &memory{byName: map[string][]*record{}} }

// known says whether series of that name are here, or would be if there were any.
func (m *memory) known(name string) bool {
	_, known := m.byName[name]
	return known
}

// declare makes a name known before anything of it is added.
func (m *memory) declare(name string) {
	if !m.known(name) {
		m.byName[name] = nil
	}
}

// add records the answer of a range query under a name, with the labels of the rule. Two series that would be one are an error, as they
// are to a rule group.
func (m *memory) add(name string, extra map[string]string, answer engine.Matrix, g grid) error {
	seen := map[uint64]bool{}
	for _, series := range answer {
		b := labels.NewBuilder(series.Metric)
		b.Set(model.MetricNameLabel, name)
		for label, text := range extra {
			b.Set(label, text)
		}
		r := &record{labels: b.Labels(), samples: withStaleMarkers(series, g)}
		if seen[r.labels.Hash()] {
			return fmt.Errorf("%s would be written twice at once", r.labels)
		}
		seen[r.labels.Hash()] = true
		m.byName[name] = append(m.byName[name], r)
	}
	return nil
}

// give adds a series of one value, as often as it may be read. Given again with the same labels, it goes on.
func (m *memory) give(given Given, every time.Duration) {
	g := gridOf(given.Span, every, 0)
	points := make(samples, 0, g.count()+1)
	for t := g.from; t <= g.to; t += g.step {
		points = append(points, sample{t: t, f: given.Value})
	}
	set := labels.NewBuilder(labels.FromMap(given.Labels)).Set(model.MetricNameLabel, given.Name).Labels()
	for _, r := range m.byName[given.Name] {
		if labels.Equal(r.labels, set) {
			r.samples = append(r.before(g.from), points...)
			r.end(g)
			return
		}
	}
	r := &record{labels: set, samples: points}
	r.end(g)
	m.byName[given.Name] = append(m.byName[given.Name], r)
}

// before are a series' samples up to a time.
func (r *record) before(t int64) samples {
	return slices.DeleteFunc(r.samples, func(s sample) bool { return s.t >= t })
}

// end marks that a series is gone after a grid.
func (r *record) end(g grid) {
	r.samples = append(r.samples, sample{t: g.to + g.step, f: math.Float64frombits(value.StaleNaN)})
}

// withStaleMarkers are a series' points with the ends of its runs.
func withStaleMarkers(series engine.Series, g grid) samples {
	all := make(samples, 0, len(series.Floats)+len(series.Histograms))
	for _, p := range series.Floats {
		all = append(all, sample{t: p.T, f: p.F})
	}
	for _, p := range series.Histograms {
		all = append(all, sample{t: p.T, h: p.H})
	}
	if len(series.Histograms) > 0 {
		slices.SortFunc(all, func(a, b sample) int { return int(a.t - b.t) })
	}
	holes := 0
	for i := range all {
		if end := i == len(all)-1; !end && all[i+1].t != all[i].t+g.step || end && all[i].t < g.to {
			holes++
		}
	}
	if holes == 0 {
		return all
	}
	marked := make(samples, 0, len(all)+holes)
	for i, s := range all {
		marked = append(marked, s)
		if end := i == len(all)-1; !end && all[i+1].t != s.t+g.step || end && s.t < g.to {
			marked = append(marked, sample{t: s.t + g.step, f: math.Float64frombits(value.StaleNaN)})
		}
	}
	return marked
}

// past is what an engine reads: memory for the names it knows, and below it what was there before, nil if that is elsewhere.
type past struct {
	memory *memory
	below  storage.Querier
}

// Querier gives the same view of any stretch of time: the engine itself leaves out what is outside.
func (p past) Querier(_, _ int64) (storage.Querier, error) { return p, nil }

// Select finds series by exact name in memory, all else below.
func (p past) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	for _, m := range matchers {
		if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual && p.memory.known(m.Value) {
			return p.memory.find(m.Value, matchers)
		}
	}
	if p.below == nil {
		return storage.EmptySeriesSet()
	}
	return p.below.Select(ctx, sorted, hints, matchers...)
}

// LabelValues are not asked for by queries.
func (p past) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// LabelNames are not asked for by queries.
func (p past) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// Close leaves everything open: it is used again.
func (p past) Close() error { return nil }

func (m *memory) find(name string, matchers []*labels.Matcher) storage.SeriesSet {
	var found []*record
	for _, r := range m.byName[name] {
		if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(r.labels.Get(m.Name)) }) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *record) int { return labels.Compare(a.labels, b.labels) })
	return &recordSet{found: found}
}

// recordSet is a storage.SeriesSet.
type recordSet struct {
	found []*record
	now   *record
}

// Next moves to the next series.
func (s *recordSet) Next() bool {
	if len(s.found) == 0 {
		return false
	}
	s.now, s.found = s.found[0], s.found[1:]
	return true
}

// At is the series moved to.
func (s *recordSet) At() storage.Series {
	r := s.now
	return &storage.SeriesEntry{Lset: r.labels, SampleIteratorFn: func(chunkenc.Iterator) chunkenc.Iterator { return storage.NewListSeriesIterator(r.samples) }}
}

// Err is nil: memory does not fail.
func (s *recordSet) Err() error { return nil }

// Warnings are none.
func (s *recordSet) Warnings() annotations.Annotations { return nil }
