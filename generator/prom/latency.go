package prom

import (
	"fmt"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/coclai/cutover/generator/slo"
)

// histogram is a classic histogram, whose buckets and count are series of their own, or a native one, which is one series.
type histogram struct {
	slo.LatencyMeasure
	by grouping
}

// readLatency takes a quantile of a histogram. `>= 0` drops the NaN of an idle service.
func readLatency(id identity, l slo.LatencyMeasure, by grouping) reading {
	h := histogram{l, by}
	value := func(w slo.Duration) string { return h.quantile(w, "") + " >= 0" }
	events := func(w slo.Duration) string { return h.events(w, "") }
	return reading{
		unit:    slo.Seconds,
		value:   value,
		events:  events,
		age:     fmt.Sprintf("time() - max(timestamp(%s))", h.newest()),
		missing: fmt.Sprintf("absent(%s(%s))", h.any(), h.newest()),
		current: slo.ValueSeries,
		records: func(w slo.Duration) []Rule {
			return []Rule{id.record(slo.EventsSeries(w), events(w)), id.record(slo.ValueSeries(w), value(w))}
		},
	}
}

func (h histogram) quantile(w slo.Duration, offset string) string {
	buckets, sum := h.Histogram.With(""), h.by.aggregate("sum")
	if !h.Native {
		buckets, sum = h.Histogram.With("_bucket"), h.by.aggregate("sum", labels.BucketLabel)
	}
	return fmt.Sprintf("histogram_quantile(%s, %s(rate(%s%s)))", h.Quantile, sum, over(buckets, w), offset)
}

func (h histogram) events(w slo.Duration, offset string) string {
	events := h.by.sum(fmt.Sprintf("increase(%s%s)", over(h.newest(), w), offset))
	if h.Native {
		return "histogram_count(" + events + ")"
	}
	return events
}

// newest is the series that is there whenever anything is measured.
func (h histogram) newest() string {
	if h.Native {
		return h.Histogram.With("")
	}
	return h.Histogram.With("_count")
}

// any aggregates without asking whether the buckets of native histograms agree.
func (h histogram) any() string {
	if h.Native {
		return "count"
	}
	return "sum"
}
