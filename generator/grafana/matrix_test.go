package grafana_test

import "github.com/coclai/cutover/generator/slo"

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

func bound(op slo.Op, value string, window slo.Duration) slo.Bound {
	return slo.Bound{Op: op, Value: decimal(value), Window: window}
}

func objective(op slo.Op, value string, window slo.Duration) *slo.Bound {
	b := bound(op, value, window)
	return &b
}

// matrix has an SLI of every kind.
func matrix() slo.Matrix {
	return slo.Matrix{
		Service: "checkout", Environment: "production", Runbook: slo.Source{File: "runbook.md"},
		ScrapeInterval: span("15s"), EvaluationInterval: span("30s"),
		SLIs: []slo.SLI{apiErrors(), latency(), restarts(), isolation(), drift(), gate()},
	}
}

func apiErrors() slo.SLI {
	return slo.SLI{
		ID: "api-error-rate", Title: "API error rate", Item: "5.1", Line: 61, Component: "runtime", Owner: "Runtime on-call",
		Measure: slo.Measure{Ratio: &slo.RatioMeasure{Bad: `http_requests_total{code=~"5.."}`, Total: `http_requests_total`}},
		SLO:     objective(slo.AtMost, "0.01", span("30m")), Alert: bound(slo.Greater, "0.02", span("5m")),
		MinEvents: slo.DecimalOf(50), NoData: slo.NoDataHold, Trigger: "4.1.1", Mode: slo.ModeAuto,
	}
}

func latency() slo.SLI {
	return slo.SLI{
		ID: "p95-latency", Title: "p95 latency", Item: "5.2", Component: "runtime", Owner: "Runtime on-call",
		Measure: slo.Measure{Latency: &slo.LatencyMeasure{
			Quantile: slo.MustDecimal("0.95"), Histogram: slo.Selector{Name: "http_request_duration_seconds"},
		}},
		Baseline: &slo.Baseline{From: "release", Over: span("1h"), Floor: slo.MustDecimal("0.020")},
		SLO:      &slo.Bound{Op: slo.AtMost, Relative: decimal("0.20"), Window: span("5m")},
		Alert:    slo.Bound{Op: slo.Greater, Relative: decimal("0.35"), Window: span("5m"), For: span("10m")},
		NoData:   slo.NoDataHold, Trigger: "4.1.2", Mode: slo.ModePropose,
	}
}

func restarts() slo.SLI {
	return slo.SLI{
		ID: "runtime-restarts", Title: "Runtime restart count", Item: "5.3",
		Measure: slo.Measure{Restarts: &slo.RestartsMeasure{StartedAt: "process_start_time_seconds"}},
		SLO:     objective(slo.Equal, "0", span("20m")), Alert: bound(slo.AtLeast, "3", span("20m")), NoData: slo.NoDataHold,
	}
}

func isolation() slo.SLI {
	return slo.SLI{
		ID: "isolation-violations", Title: "Isolation violations", Item: "4.1.4",
		Measure: slo.Measure{Count: &slo.CountMeasure{Counter: "isolation_violations_total", Job: `{job="checkout"}`}},
		Alert:   bound(slo.AtLeast, "1", span("1h")), NoData: slo.NoDataAlert,
	}
}

func drift() slo.SLI {
	return slo.SLI{
		ID: "doc-contract-drift", Title: "Doc contract drift", Item: "5.6",
		Measure: slo.Measure{State: &slo.StateMeasure{Gauge: "doc_contract_mismatches"}},
		SLO:     objective(slo.Equal, "0", 0), Alert: bound(slo.Greater, "0", 0), NoData: slo.NoDataHold,
	}
}

func gate() slo.SLI {
	return slo.SLI{
		ID: "schema-drift", Title: "Schema drift", Item: "4.1.5",
		Measure: slo.Measure{Gate: &slo.GateMeasure{Gate: "schema-drift"}},
		SLO:     objective(slo.Equal, "1", 0), Alert: bound(slo.Less, "1", 0), NoData: slo.NoDataHold,
	}
}
