package proof

import (
	"math"
	"slices"
	"sort"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// milliseconds since 1970 are what Prometheus's storage counts in.
type milliseconds = int64

// column is one series in memory, times in milliseconds and ascending. It is a storage.Series.
type column struct {
	labels     labels.Labels
	times      []int64
	values     []float64
	histograms []*histogram.FloatHistogram // nil where there is none; shorter than times if none was ever added
}

// Labels are the series' name and labels.
func (c *column) Labels() labels.Labels { return c.labels }

// Iterator goes over the samples, from before the first one.
func (c *column) Iterator(again chunkenc.Iterator) chunkenc.Iterator {
	if used, ok := again.(*cursor); ok {
		*used = cursor{column: c, i: -1}
		return used
	}
	return &cursor{column: c, i: -1}
}

func (c *column) add(t int64, v float64, h *histogram.FloatHistogram) {
	if h != nil {
		c.histograms = append(c.histograms, make([]*histogram.FloatHistogram, len(c.times)-len(c.histograms))...)
		c.histograms = append(c.histograms, h)
	}
	c.times, c.values = append(c.times, t), append(c.values, v)
}

func (c *column) histogram(i int) *histogram.FloatHistogram {
	if i < 0 || i >= len(c.histograms) {
		return nil
	}
	return c.histograms[i]
}

var staleNaN = math.Float64frombits(value.StaleNaN)

func (c *column) stale(i int) bool { return c.histogram(i) == nil && value.IsStaleNaN(c.values[i]) }

// at is the index of the sample at a time, or of the first one after it.
func (c *column) at(t int64) int {
	i, _ := slices.BinarySearch(c.times, t)
	return i
}

// same says whether two series have the same samples.
func (c *column) same(o *column) bool {
	if !labels.Equal(c.labels, o.labels) || !slices.Equal(c.times, o.times) {
		return false
	}
	for i, v := range c.values {
		if math.Float64bits(v) != math.Float64bits(o.values[i]) || !sameHistogram(c.histogram(i), o.histogram(i)) {
			return false
		}
	}
	return true
}

func sameHistogram(a, b *histogram.FloatHistogram) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equals(b)
}

// merged is both series' samples in one. Where both have one, the first series wins, as what is scraped does over what a rule would write.
func (c *column) merged(o *column) *column {
	m := &column{labels: c.labels}
	i, j := 0, 0
	for i < len(c.times) || j < len(o.times) {
		switch {
		case j == len(o.times) || i < len(c.times) && c.times[i] <= o.times[j]:
			if j < len(o.times) && c.times[i] == o.times[j] {
				j++
			}
			m.add(c.times[i], c.values[i], c.histogram(i))
			i++
		default:
			m.add(o.times[j], o.values[j], o.histogram(j))
			j++
		}
	}
	return m
}

// cursor iterates over a column. It is a chunkenc.Iterator.
type cursor struct {
	*column
	i int
}

// Next goes to the next sample.
func (c *cursor) Next() chunkenc.ValueType {
	c.i++
	return c.kind()
}

// Seek goes forward to the first sample not before t.
func (c *cursor) Seek(t milliseconds) chunkenc.ValueType {
	c.i = max(c.i, 0)
	if c.i < len(c.times) && c.times[c.i] < t {
		rest := c.times[c.i:]
		c.i += sort.Search(len(rest), func(n int) bool { return rest[n] >= t })
	}
	return c.kind()
}

func (c *cursor) kind() chunkenc.ValueType {
	switch {
	case c.i >= len(c.times):
		return chunkenc.ValNone
	case c.histogram(c.i) != nil:
		return chunkenc.ValFloatHistogram
	}
	return chunkenc.ValFloat
}

// At is the current sample.
func (c *cursor) At() (int64, float64) { return c.times[c.i], c.values[c.i] }

// AtHistogram is never called: histograms are kept as those of floats.
func (c *cursor) AtHistogram(*histogram.Histogram) (int64, *histogram.Histogram) { return 0, nil }

// AtFloatHistogram is a copy of the current histogram.
func (c *cursor) AtFloatHistogram(into *histogram.FloatHistogram) (int64, *histogram.FloatHistogram) {
	h := c.histogram(c.i)
	if into == nil {
		return c.times[c.i], h.Copy()
	}
	h.CopyTo(into)
	return c.times[c.i], into
}

// AtT is the current time.
func (c *cursor) AtT() int64 { return c.times[c.i] }

// AtST is 0: start times are not played.
func (c *cursor) AtST() int64 { return 0 }

// Err is nil: memory does not fail.
func (c *cursor) Err() error { return nil }
