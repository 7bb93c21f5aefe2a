package main

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	requestsPerSecond = 200
	rareEvery         = 20 // of so many requests one asks for an approval and one writes an artifact
)

// shopMetrics are the series that the runbook's rows are bound to, under the three jobs that Prometheus scrapes.
type shopMetrics struct {
	service, runtime, gates *prometheus.Registry

	requests, approvals, writes, isolation *prometheus.CounterVec
	ownership                              prometheus.Counter
	duration                               prometheus.Histogram
	build                                  *prometheus.GaugeVec
	startedAt                              prometheus.Gauge

	due, failed float64 // fractions of requests not served, not failed yet
	served      int
}

func newShopMetrics() *shopMetrics {
	m := &shopMetrics{
		service: prometheus.NewRegistry(), runtime: prometheus.NewRegistry(), gates: prometheus.NewRegistry(),
		requests:  counters("http_requests_total", "Requests by status code.", "code"),
		approvals: counters("approvals_total", "Approvals by outcome.", "outcome"),
		writes:    counters("artifact_writes_total", "Artifact writes by result.", "result"),
		isolation: counters("isolation_violations_total", "Data seen by the wrong tenant or session.", "scope"),
		ownership: prometheus.NewCounter(prometheus.CounterOpts{Name: "approval_ownership_violations_total", Help: "Approvals by somebody else."}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "http_request_duration_seconds", Help: "Time to answer.",
			Buckets: []float64{0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.25, 0.5, 1, 2.5}}),
		build:     prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "build_info", Help: "The commit that runs."}, []string{"commit"}),
		startedAt: prometheus.NewGauge(prometheus.GaugeOpts{Name: "process_start_time_seconds", Help: "When the runtime started."}),
	}
	m.service.MustRegister(m.requests, m.approvals, m.writes, m.isolation, m.ownership, m.duration, m.build)
	m.runtime.MustRegister(m.startedAt)
	m.gates.MustRegister(
		prometheus.NewGauge(prometheus.GaugeOpts{Name: "doc_contract_mismatches", Help: "Documents that do not agree with their contract."}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "push_time_seconds", Help: "When the mismatches were counted last."}, epoch))
	m.startedAt.Set(epoch())
	m.born()
	return m
}

// born makes every series exist with 0, so that its first event is seen as an increase.
func (m *shopMetrics) born() {
	for vec, values := range map[*prometheus.CounterVec][]string{
		m.requests: {"200", "500"}, m.approvals: {"ok", "timeout"}, m.writes: {"ok", "conflict"}, m.isolation: {"tenant", "session"}} {
		for _, v := range values {
			vec.WithLabelValues(v)
		}
	}
}

// starts shows a commit beside the one that runs.
func (m *shopMetrics) starts(v version) { m.build.WithLabelValues(v.commit).Set(1) }

// started shows which commit runs. The runtime goes on: a rollout is no restart loop.
func (m *shopMetrics) started(v version) {
	m.build.Reset()
	m.build.WithLabelValues(v.commit).Set(1)
}

// serve counts what happened during d; one goroutine calls it. Failures are spread evenly: the demo is the same every time.
func (m *shopMetrics) serve(v version, d time.Duration) {
	for m.due += d.Seconds() * requestsPerSecond; m.due >= 1; m.due-- {
		m.request(v)
	}
}

func (m *shopMetrics) request(v version) {
	m.served++
	m.duration.Observe(0.020 + float64(m.served%100)*0.0006) // 20 to 80 ms
	code := "200"
	if m.failed += v.ErrorPercent / 100; m.failed >= 1 {
		m.failed--
		code = "500"
	}
	m.requests.WithLabelValues(code).Inc()
	if m.served%rareEvery == 0 {
		m.approvals.WithLabelValues("ok").Inc()
		m.writes.WithLabelValues("ok").Inc()
	}
}

// ServeHTTP shows the three jobs' metrics.
func (m *shopMetrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	registry, known := map[string]*prometheus.Registry{"/metrics": m.service, "/runtime/metrics": m.runtime, "/gates/metrics": m.gates}[r.URL.Path]
	if !known {
		http.NotFound(w, r)
		return
	}
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
}

func counters(name, help, label string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
}

func epoch() float64 { return float64(time.Now().UnixMilli()) / 1000 }
