package proof

import (
	"context"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// memory holds the series of one test by name. It is a storage.Queryable and, since it has nothing to close, its own querier. It may be
// read by many at once; what adds to it clones it first.
type memory struct{ byName map[string][]*column }

func newMemory() *memory { return &memory{map[string][]*column{}} }

// clone shares the series, which do not change once they are in a memory.
func (m *memory) clone() *memory {
	c := &memory{make(map[string][]*column, len(m.byName)+1)}
	for name, all := range m.byName {
		c.byName[name] = slices.Clip(all)
	}
	return c
}

// add puts series in; one that is there already gets the samples that it has not.
func (m *memory) add(all ...*column) {
	for _, c := range all {
		name := c.labels.Get(model.MetricNameLabel)
		i := slices.IndexFunc(m.byName[name], func(o *column) bool { return labels.Equal(o.labels, c.labels) })
		if i < 0 {
			m.byName[name] = append(m.byName[name], c)
			continue
		}
		m.byName[name] = slices.Clone(m.byName[name])
		m.byName[name][i] = m.byName[name][i].merged(c)
	}
}

// put replaces the series of the same labels.
func (m *memory) put(c *column) {
	name := c.labels.Get(model.MetricNameLabel)
	m.byName[name] = append(slices.DeleteFunc(slices.Clone(m.byName[name]), func(o *column) bool { return labels.Equal(o.labels, c.labels) }), c)
}

// find is the series with exactly these labels, or nil.
func (m *memory) find(l labels.Labels) *column {
	for _, c := range m.byName[l.Get(model.MetricNameLabel)] {
		if labels.Equal(c.labels, l) {
			return c
		}
	}
	return nil
}

// Querier is the memory itself, whatever the times.
func (m *memory) Querier(int64, int64) (storage.Querier, error) { return m, nil }

// Select gives the series that all matchers pick.
func (m *memory) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	set := &selection{at: -1}
	named := slices.IndexFunc(matchers, func(l *labels.Matcher) bool { return l.Name == model.MetricNameLabel && l.Type == labels.MatchEqual })
	if named >= 0 {
		set.pick(m.byName[matchers[named].Value], matchers)
		return set
	}
	for _, all := range m.byName {
		set.pick(all, matchers)
	}
	return set
}

// LabelValues is nothing: the engine does not ask.
func (m *memory) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// LabelNames is nothing: the engine does not ask.
func (m *memory) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// Close has nothing to do.
func (m *memory) Close() error { return nil }

// selection is a storage.SeriesSet.
type selection struct {
	columns []*column
	at      int
}

func (s *selection) pick(all []*column, matchers []*labels.Matcher) {
	for _, c := range all {
		if picks(matchers, c.labels) {
			s.columns = append(s.columns, c)
		}
	}
}

func picks(matchers []*labels.Matcher, l labels.Labels) bool {
	return !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(l.Get(m.Name)) })
}

// Next goes to the next series.
func (s *selection) Next() bool { s.at++; return s.at < len(s.columns) }

// At is the current series.
func (s *selection) At() storage.Series { return s.columns[s.at] }

// Err is nil: memory does not fail.
func (s *selection) Err() error { return nil }

// Warnings are none.
func (s *selection) Warnings() annotations.Annotations { return nil }
