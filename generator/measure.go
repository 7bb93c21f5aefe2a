package generator

import (
	"fmt"
	"strings"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// quantity is what bounds a kind of SLI can have.
type quantity struct {
	kind        string
	unit        slo.Unit
	windowed    bool // looks back over a window
	relative    bool // may be compared with a baseline
	whole       bool // counts
	rising      bool // bad when high, never when low
	consecutive bool // "3 in succession" makes sense
	quantile    slo.Decimal
}

var (
	ratioQuantity    = quantity{kind: slo.KindRatio, unit: slo.Ratio, windowed: true, rising: true}
	latencyQuantity  = quantity{kind: slo.KindLatency, unit: slo.Seconds, windowed: true, relative: true, rising: true}
	restartsQuantity = quantity{kind: slo.KindRestarts, unit: slo.Count, windowed: true, whole: true, rising: true, consecutive: true}
	countQuantity    = quantity{kind: slo.KindCount, unit: slo.Count, windowed: true, whole: true, rising: true}
	stateQuantity    = quantity{kind: slo.KindState, unit: slo.State}
)

// measure reads the one way in which an SLI is measured.
func (r *resolver) measure(b runbook.SLIBinding, parent diag.Text) (slo.Measure, quantity, bool) {
	before := len(r.problems)
	var kinds []quantity
	var m slo.Measure
	if b.Ratio != nil {
		m.Ratio, kinds = r.ratio(*b.Ratio), append(kinds, ratioQuantity)
	}
	if b.Latency != nil {
		m.Latency = r.latency(*b.Latency, b.Baseline)
		latency := latencyQuantity
		latency.quantile = m.Latency.Quantile
		kinds = append(kinds, latency)
	}
	if b.Restarts != nil {
		m.Restarts, kinds = r.restarts(*b.Restarts), append(kinds, restartsQuantity)
	}
	if b.Count != nil {
		m.Count, kinds = r.count(*b.Count), append(kinds, countQuantity)
	}
	if b.State != nil {
		m.State, kinds = r.state(*b.State), append(kinds, stateQuantity)
	}
	if len(kinds) != 1 {
		r.blame(parent, fmt.Sprintf("%q is measured in %d ways, not in one", parent.Value, len(kinds)),
			"give one of: ratio, latency, restarts, count, state")
		return m, quantity{}, false
	}
	if b.Baseline != nil && b.Latency == nil {
		r.blame(diag.Text{At: b.Baseline.At}, "only a latency has a baseline", "")
	}
	return m, kinds[0], len(r.problems) == before
}

func (r *resolver) ratio(b runbook.RatioBinding) *slo.RatioMeasure {
	at := diag.Text{At: b.At}
	bad, _ := r.selector(b.Bad, at, "bad")
	total, _ := r.selector(b.Total, at, "total")
	if bad.Name != "" && bad == total {
		r.blame(b.Bad, "bad and total select the same series: the ratio would always be 1", "narrow `bad` with a matcher")
	}
	return &slo.RatioMeasure{Bad: bad.With(""), Total: total.With("")}
}

func (r *resolver) latency(b runbook.LatencyBinding, base *runbook.BaselineBinding) *slo.LatencyMeasure {
	at := diag.Text{At: b.At}
	m := &slo.LatencyMeasure{}
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
	if base != nil {
		m.Baseline = r.baseline(*base)
	}
	return m
}

func (r *resolver) baseline(b runbook.BaselineBinding) *slo.Baseline {
	at := diag.Text{At: b.At}
	base := &slo.Baseline{MinEvents: r.amount(b.MinEvents)}
	if r.given(b.From, at, "from") {
		base.From = oneOf(r, b.From, "source of a baseline", slo.BaselineFromRelease)
	}
	if r.given(b.Over, at, "over") {
		base.Over = r.interval(b.Over, "over")
		r.longEnough(base.Over, func(message, hint string) { r.blame(b.Over, message, hint) })
	}
	base.Floor = r.seconds(b.Floor)
	return base
}

// seconds reads a duration as an exact number of seconds: 20ms is 0.020.
func (r *resolver) seconds(text diag.Text) slo.Decimal {
	d, ok := r.duration(text)
	if !ok {
		return slo.Decimal{}
	}
	return slo.DecimalOf(d.Std().Milliseconds()).Shift(-3)
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
	}
	return m
}

// longEnough refuses windows that cannot hold enough samples: a rate needs two, and one scrape may be late and another lost.
func (r *resolver) longEnough(window slo.Duration, blame func(message, hint string)) {
	least := 4 * r.matrix.ScrapeInterval
	if window != 0 && window < least {
		blame(fmt.Sprintf("a window of %s is shorter than four scrapes of %s", window, r.matrix.ScrapeInterval),
			fmt.Sprintf("use at least %s", least))
	}
}
