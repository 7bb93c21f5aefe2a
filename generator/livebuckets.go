package generator

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/prometheus/common/model"

	"github.com/coclai/cutover/generator/prom"
	"github.com/coclai/cutover/generator/slo"
)

// buckets compares the bounds of a quantile with the buckets that it is read from: it is never above the highest finite one, and between
// two of them it is a guess (querying/functions, "histogram_quantile").
func (c *liveCheck) buckets(s slo.SLI) {
	l := s.Measure.Latency
	if l == nil {
		return
	}
	if l.Native {
		c.native(s)
		return
	}
	bounds := c.finiteBuckets(l.Histogram.With("_bucket"))
	if len(bounds) == 0 {
		c.problem(s, fmt.Sprintf("%s has no finite bucket", l.Histogram.Name), "")
		return
	}
	c.resolves(s, s.Alert, bounds)
	if s.SLO != nil {
		c.resolves(s, *s.SLO, bounds)
	}
}

// native wants samples that are histograms.
func (c *liveCheck) native(s slo.SLI) {
	h := s.Measure.Latency.Histogram
	if len(c.query(fmt.Sprintf("histogram_count(last_over_time(%s[%s]))", h.With(""), recently))) == 0 {
		c.problem(s, fmt.Sprintf("%s is no native histogram on this server", h.Name), "write `type: classic`, or let Prometheus scrape native histograms")
	}
}

// finiteBuckets are the upper bounds of a classic histogram's buckets, in order, without +Inf.
func (c *liveCheck) finiteBuckets(selector string) []float64 {
	var bounds []float64
	for _, text := range c.values(fmt.Sprintf("group by (le) (last_over_time(%s[%s]))", selector, recently), model.BucketLabel) {
		if bound, err := strconv.ParseFloat(text, 64); err == nil && !math.IsInf(bound, 0) {
			bounds = append(bounds, bound)
		}
	}
	slices.Sort(bounds)
	return bounds
}

// resolves says whether a bound can be told from the buckets.
func (c *liveCheck) resolves(s slo.SLI, b slo.Bound, bounds []float64) {
	limit, known := c.limit(s, b)
	if !known {
		return
	}
	highest := bounds[len(bounds)-1]
	above, exact := slices.BinarySearch(bounds, limit)
	switch {
	case limit > highest, limit == highest && b.Op != slo.AtLeast:
		c.problem(s, fmt.Sprintf("a bound of %s can never be passed: the highest bucket of %s ends at %s, and no quantile is read above it",
			inUnit(limit, slo.Seconds), s.Measure.Latency.Histogram.Name, inUnit(highest, slo.Seconds)), "add a bucket above the bound, or lower the bound")
	case !exact:
		below := 0.0
		if above > 0 {
			below = bounds[above-1]
		}
		c.warning(s, fmt.Sprintf("a bound of %s lies inside the bucket from %s to %s: values in it are interpolated", inUnit(limit, slo.Seconds),
			inUnit(below, slo.Seconds), inUnit(bounds[above], slo.Seconds)), "give the histogram a bucket that ends at the bound")
	}
}

// limit is a bound as a number: of a relative one by the baseline as it is now.
func (c *liveCheck) limit(s slo.SLI, b slo.Bound) (float64, bool) {
	if b.Relative == nil {
		return b.Value.Float(), true
	}
	query := prom.QueriesOf(c.matrix, s).BaselineValue
	if query == "" {
		return 0, false
	}
	base, found := c.number(query)
	return base * b.Relative.PlusOne().Float(), found && base > 0
}
