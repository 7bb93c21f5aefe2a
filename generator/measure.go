package generator

import (
	"fmt"
	"slices"
	"strings"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// quantity is what bounds a kind of SLI can have.
type quantity struct {
	kind        string // as a diagnostic calls it: "a ratio is never below 0"
	unit        slo.Unit
	windowed    bool // looks back over a window
	relative    bool // may be compared with a baseline
	whole       bool // counts
	rising      bool // bad when high, never when low
	consecutive bool // "3 in succession" makes sense
	grouped     bool // may be told apart by labels
	budgeted    bool // may have an error budget
	quantile    slo.Decimal

	incomparable, instead string // why it has no baseline, and what to do about it
}

// usuallyZero is why counts and the like have no baseline.
const usuallyZero = "before most releases it is 0, and nothing can be compared with that"

var (
	ratioQuantity   = quantity{kind: slo.KindRatio, unit: slo.Ratio, windowed: true, relative: true, rising: true, grouped: true, budgeted: true}
	latencyQuantity = quantity{kind: slo.KindLatency, unit: slo.Seconds, windowed: true, relative: true, rising: true, grouped: true}
	queryQuantity   = quantity{kind: "query", relative: true, grouped: true}

	restartsQuantity = quantity{
		kind: slo.KindRestarts, unit: slo.Count, windowed: true, whole: true, rising: true, consecutive: true, incomparable: usuallyZero,
	}
	countQuantity = quantity{
		kind: slo.KindCount, unit: slo.Count, windowed: true, whole: true, rising: true, grouped: true, incomparable: usuallyZero,
		instead: "bound the number itself, or compare a rate: `expr: {query: 'sum(rate(…[5m]))', unit: count}`",
	}
	stateQuantity = quantity{
		kind: slo.KindState, unit: slo.State, incomparable: "it holds a value, or does not", instead: "compare a query: `expr: {query: …, unit: state}`",
	}
	availabilityQuantity = quantity{
		kind: "share of downtime", unit: slo.Ratio, windowed: true, rising: true, grouped: true, budgeted: true, incomparable: usuallyZero,
	}
)

// way is one kind of measurement, as the binding gives it.
type way struct {
	given bool
	read  func(*slo.Measure) quantity
}

// ways are those that a binding gives; a valid one gives one.
func (r *resolver) ways(b runbook.SLIBinding) []way {
	all := []way{
		{b.Ratio != nil, func(m *slo.Measure) quantity { m.Ratio = r.ratio(*b.Ratio); return ratioQuantity }},
		{b.Latency != nil, func(m *slo.Measure) quantity { return r.quantile(m, b) }},
		{b.Restarts != nil, func(m *slo.Measure) quantity { m.Restarts = r.restarts(*b.Restarts); return restartsQuantity }},
		{b.Count != nil, func(m *slo.Measure) quantity { m.Count = r.count(*b.Count); return countQuantity }},
		{b.State != nil, func(m *slo.Measure) quantity { m.State = r.state(*b.State); return stateQuantity }},
		{b.Availability != nil, func(m *slo.Measure) quantity {
			m.Availability = r.availability(*b.Availability)
			return availabilityQuantity
		}},
		{b.Expr != nil, func(m *slo.Measure) quantity { return r.query(m, b) }},
	}
	return slices.DeleteFunc(all, func(w way) bool { return !w.given })
}

// measure reads the one way in which an SLI is measured.
func (r *resolver) measure(b runbook.SLIBinding, parent diag.Text) (slo.Measure, quantity, bool) {
	before := len(r.problems)
	ways := r.ways(b)
	if len(ways) != 1 {
		r.blame(parent, fmt.Sprintf("%q is measured in %d ways, not in one", parent.Value, len(ways)),
			"give one of: ratio, latency, availability, restarts, count, state, expr")
		return slo.Measure{}, quantity{}, false
	}
	var m slo.Measure
	q := ways[0].read(&m)
	if b.Baseline != nil && !q.relative {
		r.blame(diag.Text{At: b.Baseline.At}, fmt.Sprintf("a %s has no baseline: %s", q.kind, q.incomparable), q.instead)
	}
	return m, q, len(r.problems) == before
}

// ratio reads bad or good events over all events.
func (r *resolver) ratio(b runbook.RatioBinding) *slo.RatioMeasure {
	at := diag.Text{At: b.At}
	total := r.counter(b.Total, at, "total")
	m := &slo.RatioMeasure{Total: total.With("")}
	if (b.Bad.Value == "") == (b.Good.Value == "") {
		r.blame(at, "a ratio needs either `bad` or `good`", "name the events that count against the objective, or those that count for it")
		return m
	}
	part, key, always := b.Bad, "bad", "1"
	if b.Good.Value != "" {
		part, key, always = b.Good, "good", "0"
	}
	counted := r.counter(part, at, key)
	if counted.Name != "" && counted == total {
		r.blame(part, fmt.Sprintf("%s and total select the same series: the ratio would always be %s", key, always),
			fmt.Sprintf("narrow `%s` with a matcher", key))
	}
	if key == "good" {
		m.Good = counted.With("")
		return m
	}
	m.Bad = counted.With("")
	return m
}

// quantile reads a latency with its baseline.
func (r *resolver) quantile(m *slo.Measure, b runbook.SLIBinding) quantity {
	m.Latency = r.latency(*b.Latency)
	q := latencyQuantity
	q.quantile = m.Latency.Quantile
	return q
}

func (r *resolver) latency(b runbook.LatencyBinding) *slo.LatencyMeasure {
	at := diag.Text{At: b.At}
	m := &slo.LatencyMeasure{Native: oneOf(r, b.Type, "type of histogram", "classic", "native") == "native"}
	m.Histogram, _ = r.selector(b.Histogram, at, "histogram")
	for _, suffix := range []string{"_bucket", "_count", "_sum"} {
		if name, found := strings.CutSuffix(m.Histogram.Name, suffix); found {
			r.blame(b.Histogram, fmt.Sprintf("%q is one series of the histogram", m.Histogram.Name), fmt.Sprintf("write its base name, %q", name))
		}
	}
	if r.given(b.Quantile, at, "quantile") {
		m.Quantile = r.amount(b.Quantile)
		if m.Quantile.Sign() <= 0 || m.Quantile.Cmp(slo.DecimalOf(1)) >= 0 {
			r.blame(b.Quantile, fmt.Sprintf("quantile %s is not between 0 and 1", b.Quantile.Value), "p95 is 0.95")
		}
	}
	return m
}

// availability reads a gauge of targets or probes.
func (r *resolver) availability(b runbook.AvailabilityBinding) *slo.AvailabilityMeasure {
	up, _ := r.selector(b.Up, diag.Text{At: b.At}, "up")
	if isCounter(up.Name) {
		r.blame(b.Up, fmt.Sprintf("%q is the name of a counter, and a gauge that is 1 or 0 is wanted", up.Name),
			`write for instance probe_success{job="checkout"}, or measure a ratio of good events`)
	}
	return &slo.AvailabilityMeasure{Up: up.With("")}
}

// isCounter says whether a name has the ending of a counter (OpenMetrics 1.0, "Counter").
func isCounter(name string) bool {
	return slices.ContainsFunc([]string{"_total", "_count", "_bucket", "_sum"}, func(suffix string) bool { return strings.HasSuffix(name, suffix) })
}

func (r *resolver) restarts(b runbook.RestartsBinding) *slo.RestartsMeasure {
	started, _ := r.selector(b.StartedAt, diag.Text{At: b.At}, "started_at")
	return &slo.RestartsMeasure{StartedAt: started.With("")}
}

func (r *resolver) count(b runbook.CountBinding) *slo.CountMeasure {
	counter, matchers := r.selector(b.Counter, diag.Text{At: b.At}, "counter")
	m := &slo.CountMeasure{Counter: counter.With(""), Job: jobMatchers(matchers)}
	if counter.Name != "" && m.Job == "" {
		r.blame(b.Counter, "the counter does not name its job",
			`add a matcher such as job="checkout": whether a counter was born with its first event is told from the target's own series`)
	}
	return m
}

func (r *resolver) state(b runbook.StateBinding) *slo.StateMeasure {
	at := diag.Text{At: b.At}
	gauge, _ := r.selector(b.Gauge, at, "gauge")
	m := &slo.StateMeasure{Gauge: gauge.With("")}
	if b.PushedAt.Value == "" {
		if b.StaleAfter.Value != "" {
			r.blame(b.StaleAfter, "stale_after needs pushed_at", "name the series that holds the time of the last push")
		}
		return m
	}
	pushed, _ := r.selector(b.PushedAt, at, "pushed_at")
	m.PushedAt = pushed.With("")
	if r.given(b.StaleAfter, at, "stale_after") {
		m.StaleAfter = r.interval(b.StaleAfter, "stale_after")
		r.longEnough(m.StaleAfter, func(message, hint string) { r.blame(b.StaleAfter, message, hint) })
	}
	return m
}
