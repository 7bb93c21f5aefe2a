package prom_test

import (
	"github.com/coclai/cutover/generator/slo"
)

func decimal(text string) *slo.Decimal {
	d := slo.MustDecimal(text)
	return &d
}

func span(text string) slo.Duration {
	d, err := slo.ParseDuration(text)
	if err != nil {
		panic(err)
	}
	return d
}

func bound(op slo.Op, value, window string) slo.Bound {
	b := slo.Bound{Op: op, Value: decimal(value)}
	if window != "" {
		b.Window = span(window)
	}
	return b
}

func objective(op slo.Op, value, window string) *slo.Bound {
	b := bound(op, value, window)
	return &b
}

// reference is the matrix of reference/contract/promrulegen.yaml.
func reference() slo.Matrix {
	return slo.Matrix{
		Service: "checkout", Environment: "production",
		Runbook:        slo.Source{File: "big-bang-cutover.ko.md", SHA256: "9f0c"},
		ScrapeInterval: span("15s"), EvaluationInterval: span("30s"),
		SLIs: []slo.SLI{
			apiErrors(), latency(), restarts(),
			ratio("approval-timeout-ratio", "approvals_total", `outcome="timeout"`, "0.005", "0.01"),
			ratio("artifact-conflict-ratio", "artifact_writes_total", `result="conflict"`, "0.02", "0.05"),
			drift(), isolation(), ownership(), gate("doc-contract-sync", "1.4"), gate("schema-drift", "schema-drift"),
		},
	}
}

func apiErrors() slo.SLI {
	return slo.SLI{
		ID: "api-error-rate", Title: "API error rate", Item: "5.1", Line: 59, Component: "runtime", Owner: "Runtime on-call",
		Measure: slo.Measure{Ratio: &slo.RatioMeasure{
			Bad: `http_requests_total{job="checkout",code=~"5.."}`, Total: `http_requests_total{job="checkout"}`,
		}},
		SLO: objective(slo.AtMost, "0.01", "5m"), Alert: bound(slo.Greater, "0.02", "5m"),
		MinEvents: slo.DecimalOf(50), NoData: slo.NoDataHold, Trigger: "4.1.1", Mode: slo.ModeAuto,
	}
}

func latency() slo.SLI {
	return slo.SLI{
		ID: "p95-latency", Title: "p95 latency", Item: "5.2", Line: 60, Component: "runtime", Owner: "Runtime on-call",
		Measure: slo.Measure{Latency: &slo.LatencyMeasure{
			Quantile: slo.MustDecimal("0.95"), Histogram: slo.Selector{Name: "http_request_duration_seconds", Matchers: `{job="checkout"}`},
		}},
		Baseline:  &slo.Baseline{From: "release", Over: span("1h"), MinEvents: slo.DecimalOf(500), Floor: slo.MustDecimal("0.020")},
		SLO:       &slo.Bound{Op: slo.AtMost, Relative: decimal("0.20"), Window: span("5m")},
		Alert:     slo.Bound{Op: slo.Greater, Relative: decimal("0.35"), Window: span("5m"), For: span("10m")},
		MinEvents: slo.DecimalOf(50), NoData: slo.NoDataHold, Trigger: "4.1.2", Mode: slo.ModePropose,
	}
}

func restarts() slo.SLI {
	return slo.SLI{
		ID: "runtime-restarts", Title: "Runtime restart count", Item: "5.3", Line: 61, Component: "runtime", Owner: "Runtime on-call",
		Measure: slo.Measure{Restarts: &slo.RestartsMeasure{StartedAt: `process_start_time_seconds{job="checkout-runtime"}`}},
		SLO:     objective(slo.Equal, "0", "20m"), Alert: bound(slo.AtLeast, "3", "20m"),
		NoData: slo.NoDataHold, Trigger: "4.1.3", Mode: slo.ModeAuto,
	}
}

func ratio(id, metric, badMatcher, target, limit string) slo.SLI {
	return slo.SLI{
		ID: id, Title: id, Item: "5.4", Line: 62, Component: "web", Owner: "Web on-call",
		Measure: slo.Measure{Ratio: &slo.RatioMeasure{
			Bad: metric + `{job="checkout",` + badMatcher + `}`, Total: metric + `{job="checkout"}`,
		}},
		SLO: objective(slo.AtMost, target, "15m"), Alert: bound(slo.Greater, limit, "15m"),
		MinEvents: slo.DecimalOf(20), NoData: slo.NoDataHold,
	}
}

func drift() slo.SLI {
	return slo.SLI{
		ID: "doc-contract-drift", Title: "Doc contract drift", Item: "5.6", Line: 64, Component: "facade", Owner: "Release manager",
		Measure: slo.Measure{State: &slo.StateMeasure{
			Gauge: `doc_contract_mismatches{job="release-gates"}`, PushedAt: `push_time_seconds{job="release-gates"}`, StaleAfter: span("45m"),
		}},
		SLO: objective(slo.Equal, "0", ""), Alert: bound(slo.Greater, "0", ""),
		NoData: slo.NoDataHold, Trigger: "4.1.5", Mode: slo.ModePropose,
	}
}

func isolation() slo.SLI {
	return count("isolation-violations", `isolation_violations_total{job="checkout",scope=~"tenant|session"}`, "1", "1h")
}

func ownership() slo.SLI {
	return count("approval-ownership-violations", `approval_ownership_violations_total{job="checkout"}`, "1", "1h")
}

func count(id, counter, limit, window string) slo.SLI {
	return slo.SLI{
		ID: id, Title: id, Item: "4.1.4", Line: 45, Component: "web", Owner: "Web on-call",
		Measure: slo.Measure{Count: &slo.CountMeasure{Counter: counter, Job: `{job="checkout"}`}},
		Alert:   bound(slo.AtLeast, limit, window),
		NoData:  slo.NoDataAlert, Trigger: "4.1.4", Mode: slo.ModeAuto,
	}
}

func gate(id, gate string) slo.SLI {
	return slo.SLI{
		ID: id, Title: id + ", run again", Item: "4.1.5", Line: 46, Component: "facade", Owner: "Release manager",
		Measure: slo.Measure{Gate: &slo.GateMeasure{Gate: gate, StaleAfter: span("45m")}},
		SLO:     objective(slo.Equal, "1", ""), Alert: bound(slo.Less, "1", ""),
		NoData: slo.NoDataHold, Trigger: "4.1.5", Mode: slo.ModePropose,
	}
}

// short is the reference with windows of seconds, as the demo has them, and with cells that try to be templates.
func short() slo.Matrix {
	m := reference()
	m.ScrapeInterval, m.EvaluationInterval = span("1s"), span("1s")
	windows := map[slo.Duration]slo.Duration{span("5m"): span("10s"), span("15m"): span("20s"), span("20m"): span("60s"), span("1h"): span("45s")}
	for i := range m.SLIs {
		s := &m.SLIs[i]
		s.Title, s.Owner = `{{ query "up" }} of `+s.ID+" {{{", `{{ $labels.slo }} on-call`
		s.Alert.Window, s.Alert.For = windows[s.Alert.Window], s.Alert.For/30
		if s.SLO != nil {
			s.SLO.Window = windows[s.SLO.Window]
		}
		if s.Measure.State != nil {
			s.Measure.State.StaleAfter = span("30s")
		}
		if s.Measure.Gate != nil {
			s.Measure.Gate.StaleAfter = span("30s")
		}
	}
	return m
}

// awkward has what the reference has not: other comparisons, two windows, `for` longer than a window, no objective, no baseline,
// selectors that are hard to satisfy, and samples that do not fall on evaluations.
func awkward() slo.Matrix {
	m := short()
	m.ScrapeInterval, m.EvaluationInterval = span("3s"), span("2s")
	success := ratio("success-share", "replies_total", `class!~"4..|5..",process=~"w[0-9]+"`, "0.9995", "0.999")
	success.SLO.Op, success.Alert.Op, success.Alert.Window, success.SLO.Window = slo.AtLeast, slo.Less, span("30s"), span("15s")
	success.Alert.For = span("40s")
	other := ratio("other-metric", "errors_total", `kind=~"(?:net|disk)_[a-z]{2,}"`, "0.0125", "0.015075")
	other.Measure.Ratio.Total, other.SLO, other.Alert.Op, other.MinEvents = `tries_total{job=~".+"}`, nil, slo.AtLeast, slo.Decimal{}
	other.Alert.Window, other.NoData = span("25s"), slo.NoDataOK
	absolute := latency()
	absolute.ID, absolute.Baseline = "p50-latency", nil
	absolute.Measure.Latency.Quantile = slo.MustDecimal("0.5")
	absolute.SLO, absolute.Alert = objective(slo.Less, "0.25", "20s"), bound(slo.AtLeast, "0.3", "40s")
	frequent := count("timeouts", "timeouts_total", "3", "50s")
	frequent.Alert.Op, frequent.NoData, frequent.SLO = slo.Greater, slo.NoDataHold, objective(slo.AtMost, "1", "30s")
	frequent.Alert.For, frequent.Mode, frequent.Measure.Count.Job = span("4s"), slo.ModeNone, "" // the selector names none
	m.SLIs = []slo.SLI{success, other, absolute, frequent, replicas(), leaders()}
	return m
}

// tight leaves restarts hardly room to be told from a wandering clock.
func tight() slo.Matrix {
	m := reference()
	m.ScrapeInterval, m.EvaluationInterval, m.SLIs = span("1s"), span("1s"), []slo.SLI{restarts()}
	m.SLIs[0].Alert.Window, m.SLIs[0].SLO.Window = span("12s"), span("12s")
	return m
}

func replicas() slo.SLI {
	s := drift()
	s.ID, s.Measure.State = "replicas", &slo.StateMeasure{Gauge: `replicas_ready{cluster=~"eu-.*"}`, StaleAfter: span("30s")}
	s.SLO, s.Alert = objective(slo.AtLeast, "3", ""), bound(slo.Less, "2.5", "20s")
	s.Alert.For = span("6s")
	return s
}

func leaders() slo.SLI {
	s := replicas()
	s.ID, s.Measure.State = "leaders", &slo.StateMeasure{Gauge: "leaders"}
	s.SLO, s.Alert = nil, bound(slo.Different, "1", "")
	return s
}
