package prom_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/coclai/cutover/generator/prom"
	"github.com/coclai/cutover/generator/slo"
)

// TestQueriesAreThoseOfThePlan compares with reference/contract/plan.yaml, where that says what is best; elsewhere with why it is not.
func TestQueriesAreThoseOfThePlan(t *testing.T) {
	const (
		buckets = `http_request_duration_seconds_bucket{job="checkout"}`
		count   = `http_request_duration_seconds_count{job="checkout"}`
		native  = `http_request_duration_seconds{job="checkout"}`
		sync    = `{service="checkout",environment="production",gate="1.4"}`
	)
	for _, tt := range []struct {
		name string
		sli  slo.SLI
		want prom.Queries
	}{
		{"ratio", apiErrors(), prom.Queries{
			Value: `(sum(rate(http_requests_total{job="checkout",code=~"5.."}[5m])) or on() 0 * sum(rate(http_requests_total{job="checkout"}[5m])))` +
				` / (sum(rate(http_requests_total{job="checkout"}[5m])) > 0)`,
			Events: `sum(increase(http_requests_total{job="checkout"}[5m]))`,
			Age:    `time() - max(timestamp(http_requests_total{job="checkout"}))`,
		}},
		{"latency", latency(), prom.Queries{
			Value:          `histogram_quantile(0.95, sum by (le) (rate(` + buckets + `[5m]))) >= 0`,
			Events:         `sum(increase(` + count + `[5m]))`,
			Age:            `time() - max(timestamp(` + count + `))`,
			BaselineValue:  `histogram_quantile(0.95, sum by (le) (rate(` + buckets + `[1h])))`,
			BaselineEvents: `sum(increase(` + count + `[1h]))`,
		}},
		{"restarts: through failed scrapes, too, which leave no sample one minute ago", restarts(), prom.Queries{
			Value: `max(sum_over_time(((last_over_time(process_start_time_seconds{job="checkout-runtime"}[15s])` +
				` - last_over_time(process_start_time_seconds{job="checkout-runtime"}[20m] offset 15s)) > bool 2)[20m:15s]))`,
			Age: `time() - max(timestamp(process_start_time_seconds{job="checkout-runtime"}))`,
		}},
		{"state: a stale push and NaN are no value", drift(), prom.Queries{
			Value: `max((doc_contract_mismatches{job="release-gates"} >= -Inf) and on (job, instance)` +
				` (time() - push_time_seconds{job="release-gates"} <= 2700))`,
			Age: `time() - max(push_time_seconds{job="release-gates"})`,
		}},
		{"count", isolation(), prom.Queries{
			Value: `slo:events:increase1h{service="checkout",environment="production",slo="isolation-violations"}`,
			Age:   `time() - max(timestamp(isolation_violations_total{job="checkout",scope=~"tenant|session"}))`,
		}},
		{"gate: an old FAIL of one agent does not outvote a fresh PASS of another", gate("doc-contract-sync", "1.4"), prom.Queries{
			Value: `min(rollback_agent_gate_result` + sync + ` and (time() - rollback_agent_gate_timestamp_seconds` + sync + ` <= 2700))`,
			Age:   `time() - max(rollback_agent_gate_timestamp_seconds` + sync + `)`,
		}},
		{"availability: samples are events", fewTargets(), prom.Queries{
			Value: `(sum(count_over_time(up{job="checkout"}[2m]) - sum_over_time(up{job="checkout"}[2m])))` +
				` / (sum(count_over_time(up{job="checkout"}[2m])))`,
			Events: `sum(count_over_time(up{job="checkout"}[2m]))`,
			Age:    `time() - max(timestamp(up{job="checkout"}))`,
		}},
		{"expression: as old as the newest of what it reads now", percentage(), prom.Queries{
			Value: `(100 * disk_used_share) >= -Inf`, Age: `time() - max(timestamp(disk_used_share))`,
		}},
		{"latency of native histograms by tenant: the worst that has events enough", by(absoluteNative(), "tenant"), prom.Queries{
			Value: `max((histogram_quantile(0.95, sum by (tenant) (rate(` + native + `[5m]))) >= 0)` +
				` and (histogram_count(sum by (tenant) (increase(` + native + `[5m])))) >= 50)` +
				` or max(histogram_quantile(0.95, sum by (tenant) (rate(` + native + `[5m]))) >= 0)`,
			Events: `max(histogram_count(sum by (tenant) (increase(` + native + `[5m]))))`,
			Age:    `time() - max(timestamp(` + native + `))`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, query := range []*string{&tt.want.Value, &tt.want.Events, &tt.want.Age, &tt.want.BaselineValue, &tt.want.BaselineEvents} {
				*query = printed(t, *query)
			}
			if diff := cmp.Diff(tt.want, prom.QueriesOf(reference(), tt.sli)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The agent captures whatever a relative bound is compared with, so that it judges by the number that it shows.
func TestBaselinesThatTheAgentCaptures(t *testing.T) {
	for from, want := range map[string][2]string{
		slo.BaselineFromFixed: {"vector(0.22)", "vector(500)"},
		slo.BaselineFromLastWeek: {
			`histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{job="checkout"}[1h] offset 1w)))`,
			`sum(increase(http_request_duration_seconds_count{job="checkout"}[1h] offset 1w))`,
		},
	} {
		s := fixed()
		s.Baseline.From = from
		q := prom.QueriesOf(reference(), s)
		if diff := cmp.Diff([2]string{printed(t, want[0]), printed(t, want[1])}, [2]string{q.BaselineValue, q.BaselineEvents}); diff != "" {
			t.Errorf("%s: %s", from, diff)
		}
	}
}

// printed is an expression as Prometheus prints it.
func printed(t *testing.T, expr string) string {
	t.Helper()
	if expr == "" {
		return ""
	}
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	return parsed.String()
}

// A target that is up speaks for a counter without series, unless the runbook wants its absence alerted.
func TestIdleCountIsToldFromOneThatIsDown(t *testing.T) {
	s := ownership()
	s.NoData = slo.NoDataHold
	const want = `time() - max(timestamp(approval_ownership_violations_total{job="checkout"}) or` +
		` timestamp(up{job="checkout"}) and up{job="checkout"} == 1)`
	if diff := cmp.Diff(printed(t, want), prom.QueriesOf(reference(), s).Age); diff != "" {
		t.Error(diff)
	}
}
