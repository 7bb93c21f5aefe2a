package generator

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Rows as teams write them in public runbooks, English and Korean, in words of our own: name | target | alert, then what each cell states,
// or "refused". Where a person could take a cell in two ways it is refused; where nobody could, it is not.
var unseenRows = []struct{ row, target, alert string }{
	// The name says which events a percentage counts, and the two cells say it together.
	{"Cache hit rate | > 30% (1주) | < 15%", "> 0.3 ratio 1w", "< 0.15 ratio"},
	{"Click-through | > 30% | < 20%", "> 0.3 ratio", "< 0.2 ratio"},
	{"CPU usage | < 70% | > 85% for 15m", "< 0.7 ratio", "> 0.85 ratio for 15m"},
	{"디스크 사용률 | 80% 미만 | 90% 초과", "< 0.8 ratio", "> 0.9 ratio"},
	{"Test pass rate | ≥ 98% | < 95%", ">= 0.98 ratio", "< 0.95 ratio"},
	{"Redis availability | 99% | > 1% downtime", ">= 0.99 ratio", "> 0.01 ratio"},
	{"Error budget remaining | > 20% | < 10%", "> 0.2 ratio", "< 0.1 ratio"},
	{"Availability | <= 1% | > 5%", "refused", "refused"},
	{"Success rate | >= 99% | > 5%", ">= 0.99 ratio", "refused"},
	{"Error rate | <= 1% | < 5%", "<= 0.01 ratio", "refused"},
	{"Error rate | 99.9% | > 1%", "refused", "> 0.01 ratio"},
	{"Approvals | <= 2% | > 99%", "<= 0.02 ratio", "refused"},
	{"오류율 | 99.9% 이상 | 1% 초과", "refused", "> 0.01 ratio"},
	{"성공률 | 1% 이하 | 5% 초과", "refused", "refused"},

	// A quantile in one of the cells is the row's; a percentage of a time is an excess over something.
	{"API response time | < 200ms (p95) | > 500ms for 5 min", "< 0.2 seconds p0.95", "> 0.5 seconds p0.95 for 5m"},
	{"Search | p95 ≤ 300 msec | p99 > 1 s", "<= 0.3 seconds p0.95", "refused"},
	{"Startup p95 | baseline plus <= 15 percent | > 20 percent drift", "<= 0.15 ratio p0.95 over the baseline", "refused"},
	{"p95 latency | <= 300ms | > 5%", "<= 0.3 seconds p0.95", "refused"},
	{"Latency | baseline + <= 10% | > 20%", "<= 0.1 ratio over the baseline", "refused"},
	{"Checkout p99 | baseline + <= 10% | > 35% slower than baseline", "<= 0.1 ratio p0.99 over the baseline", "> 0.35 ratio p0.99 over the baseline"},
	{"응답 시간 | 기준 대비 20% 이내 | p95가 기준 대비 35% 이상 증가", "<= 0.2 ratio p0.95 over the baseline",
		">= 0.35 ratio p0.95 over the baseline"},

	{"Latency p95 | p99 < 500ms | > 1s", "refused", "> 1 seconds p0.95"},

	// A fall below the baseline is no excess over it, and a latency is not bad when it is low.
	{"처리량 | 10건/분 이상 | 기준 대비 30% 이상 하락", ">= 10 count 1m", "refused"},
	{"성공률 | 기준 대비 1% 이내 하락 | 기준 대비 5% 초과 감소 10분 이상", "refused", "refused"},
	{"처리량 | 10건/분 이상 | 기준선 대비 30% 이상 떨어지면", ">= 10 count 1m", "refused"},
	{"Throughput | >= 10/min | lower than baseline by 30%", ">= 10 count 1m", "refused"},
	{"Throughput | >= 10/min | baseline + < 30%", ">= 10 count 1m", "refused"},
	{"지연 p95 | 기준 대비 10% 이내 상승 | 기준 대비 30% 이하", "<= 0.1 ratio p0.95 over the baseline", "refused"},
	{"p50 지연시간 | 0.2초 이하 | 최대 0.5초", "<= 0.2 seconds p0.5", "refused"},
	{"p99 latency | > 300ms | > 1s", "refused", "> 1 seconds p0.99"},

	// Units: of bare numbers in the name only; minutes where they can be nothing but a bound.
	{"Latency (ms) | <= 300 | > 500", "<= 0.3 seconds", "> 0.5 seconds"},
	{"p95 latency | <= 300 | > 500 (5m)", "refused", "refused"},
	{"Availability | >= 99.9 | < 99", "refused", "refused"},
	{"Replication lag | < 30s | > 5 min", "< 30 seconds", "> 300 seconds"},
	{"Backup age | < 24h | > 26h", "< 86400 seconds", "> 93600 seconds"},
	{"색인 지연 | 30초 이내 | 2분 초과", "<= 30 seconds", "> 120 seconds"},
	{"p95 latency | <= 300ms | > 10 min", "<= 0.3 seconds p0.95", "refused"},
	{"Error rate | <= 1% | > 10 min", "<= 0.01 ratio", "refused"},
	{"Events | <= 5m | > 10m", "refused", "refused"},

	// Times: how long, how far back, how often.
	{"Errors | < 1% | > 1% sustained over 10 minutes", "< 0.01 ratio", "> 0.01 ratio for 10m"},
	{"Errors | < 1% | above 2% for 5+ minutes", "< 0.01 ratio", "> 0.02 ratio for 5m"},
	{"Errors | < 1% | > 2% (5m, for 10m)", "< 0.01 ratio", "> 0.02 ratio 5m for 10m"},
	{"오류율 | 1% 미만 | 2% 초과하여 10분 이상 지속될 때", "< 0.01 ratio", "> 0.02 ratio for 10m"},
	{"오류율 | 1% 미만 | 5분간 2% 초과", "< 0.01 ratio", "refused"},
	{"결제 실패 | 0건 | 1분에 10건을 넘으면", "== 0 count", "> 10 count 1m"},
	{"Flaps | 0 | > 3 flaps / 10 min", "== 0 count", "> 3 count 10m"},
	{"Jobs | 0 | 3+ crashes in 10m", "== 0 count", ">= 3 count 10m"},
	{"데이터 정합성 | 0건 | 1건이라도 발생", "== 0 count", ">= 1 count"},
	{"Database | 99.9% | any downtime", ">= 0.999 ratio", "refused"},

	{"TPS | ≥ 500 TPS | < 200 TPS (5분)", ">= 500 count 1s", "< 60000 count 5m"},
	{"Requests | <= 10/min | > 8 (5m)", "<= 10 count 1m", "refused"},

	// A target without a comparison, where the row's alert lies beyond it.
	{"p95 latency | 300 ms | > 1 s", "<= 0.3 seconds p0.95", "> 1 seconds p0.95"},
	{"Recovery time | 45 min | > 60 min", "<= 2700 seconds", "> 3600 seconds"},
	{"Failover | 60s max | > 90s", "<= 60 seconds", "> 90 seconds"},
	{"Restarts | 3 | > 5", "<= 3 count", "> 5 count"},
	{"Restarts | 3 | > 3", "<= 3 count", "> 3 count"},
	{"Restarts | 3 | >= 3", "refused", ">= 3 count"},
	{"Restarts | 3 | > 2", "refused", "> 2 count"},
	{"Replicas | 3 | < 2", ">= 3 count", "< 2 count"},
	{"Mismatches | none | > 5", "== 0 count", "> 5 count"},
	{"불일치 | 없음 | 1건 이상", "== 0 count", ">= 1 count"},
	{"Mismatches | none | > 5%", "refused", "> 0.05 ratio"},
	{"Startup p95 | 20% above baseline | > 35% above baseline", "<= 0.2 ratio p0.95 over the baseline", "> 0.35 ratio p0.95 over the baseline"},
	{"Errors | no worse than 5% | reaches 10%", "<= 0.05 ratio", ">= 0.1 ratio"},
	{"Success rate | no worse than 99% | < 95%", "refused", "< 0.95 ratio"},
	{"Availability | 99.9 % per 28d | < 99%", ">= 0.999 ratio 4w", "< 0.99 ratio"},
	{"타임아웃 | 0 | 15분간 50회 이상", "== 0 count", ">= 50 count 15m"},
	{"타임아웃 | 0 | 하루 10건 초과", "== 0 count", "> 10 count 1d"},

	// Target and alert in different units are not of one thing.
	{"Checkout | <= 300 ms | > 2%", "<= 0.3 seconds", "refused"},
	{"Checkout | <= 300 ms | > 5", "<= 0.3 seconds", "refused"},
	{"Checkout | <= 1% | > 5 times", "<= 0.01 ratio", "refused"},

	// Directions in words.
	{"Availability | never falls below 99.9% | drops below 99% for 5m", ">= 0.999 ratio", "< 0.99 ratio for 5m"},
	{"가용성 | 99.9% 이상 유지 | 99.5% 아래로 떨어지면", ">= 0.999 ratio", "< 0.995 ratio"},
	{"Backlog | < 100 unprocessed | rises above 1,000 messages for 10m", "< 100 count", "> 1000 count for 10m"},
	{"Latency p99 | <= 1s | regression > 100ms", "<= 1 seconds p0.99", "refused"},
	{"Tickets | normal | > 2x baseline", "refused", "refused"},
	{"Conversion | maintained | -10% baseline", "refused", "refused"},
	{"Uptime | 99.9% | < 99.9% monthly", ">= 0.999 ratio", "refused"},
	{"Requests | 95%가 2초 이내 | HighLatency", "refused", "refused"},
}

func TestRowsOfRunbooksThatNobodyHereHasSeen(t *testing.T) {
	for _, test := range unseenRows {
		readings := readingsOf(t, "## 1) SLO\n\n| Metric | Target | Alert | Owner |\n|---|---|---|---|\n| "+test.row+" | ops |\n")
		if diff := cmp.Diff([]string{test.target, test.alert}, readings); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.row, diff)
		}
	}
}

// readingsOf are those of a bare document, each in one line.
func readingsOf(t *testing.T, document string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "runbook.md")
	if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	x, err := Examine(Options{Runbook: path})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, r := range x.Readings() {
		lines = append(lines, inOneLine(r))
	}
	return lines
}

func inOneLine(r Reading) string {
	if r.Verdict == VerdictRefused {
		return "refused"
	}
	line := fmt.Sprintf("%s %s %s", r.Op, r.Value, r.Unit)
	if r.Quantile != "" {
		line += " p" + r.Quantile
	}
	if r.Window != "" {
		line += " " + r.Window
	}
	if r.For != "" {
		line += " for " + r.For
	}
	if r.Reason == "over the baseline" {
		line += " " + r.Reason
	}
	return line
}

// Tables whose columns are other than ours: what no cell says may stand in a column, and what changes a bound must not stay unread.
func TestTablesOfRunbooksThatNobodyHereHasSeen(t *testing.T) {
	for name, test := range map[string]struct {
		table string
		want  []string
	}{
		"a window for both, a period for the target alone": {
			"| Metric | SLO Target | Alert Threshold | Measurement Window |\n|---|---|---|---|\n" +
				"| Availability | 99.9% | < 99.7% | Rolling 30 days |\n| p99 latency | < 800 ms | > 1 s for 5 minutes | 5 minutes |\n" +
				"| Failover | <= 15 min | > 15 min | per drill |\n",
			[]string{">= 0.999 ratio 30d", "< 0.997 ratio", "< 0.8 seconds p0.99 5m", "> 1 seconds p0.99 5m for 5m", "refused", "refused"}},
		"how long it must last": {
			"| 지표 | 목표 | 알림 조건 | 지속 시간 |\n|---|---|---|---|\n| 오류율 | 1% 이하 | 5% 초과 | 10분 |\n",
			[]string{"<= 0.01 ratio", "> 0.05 ratio for 10m"}},
		"a duration that may be either": {
			"| Metric | Target | Alert | Duration |\n|---|---|---|---|\n| Errors | <= 1% | > 5% | 10m |\n", []string{"refused", "refused"}},
		"an SLO by its name": {
			"| SLO | Target | Alert |\n|---|---|---|\n| Uptime | 99.9% | < 99% |\n", []string{">= 0.999 ratio", "< 0.99 ratio"}},
		"an alert by its name, and its threshold": {
			"| SLO | Alert | Threshold |\n|---|---|---|\n| Packet loss | PacketLossHigh | > 1% for 3 min |\n", []string{"> 0.01 ratio for 3m"}},
		"when somebody is paged": {
			"| Metric | Target | Page if |\n|---|---|---|\n| Errors | <= 1% | > 2% |\n", []string{"<= 0.01 ratio", "> 0.02 ratio"}},
		"a violation as the trigger": {
			"| Metric | Target | Violation Trigger |\n|---|---|---|\n| Success rate | > 99.0% | < 95.0% |\n", []string{"> 0.99 ratio", "< 0.95 ratio"}},
		"a threshold that may be the target": {
			"| 메트릭 | 설명 | 임계값 | 알림 조건 |\n|---|---|---|---|\n| OfflinePartitions | 수 | 0 | > 0 |\n", []string{"refused"}},
		"a row with a cell too many": {
			"| Metric | Target | Alert |\n|---|---|---|\n| Errors | <= 1% | `a|b` > 2% |\n", []string{"refused", "refused"}},
	} {
		if diff := cmp.Diff(test.want, readingsOf(t, "## 1) SLO\n\n"+test.table)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A table of conditions under a heading of alerts states alerts, also beside the table of objectives; elsewhere conditions are anything.
func TestATableOfAlertsIsRead(t *testing.T) {
	rows := "| Metric | Condition | Severity |\n|---|---|---|\n| Rebuffer ratio | 1.5 % or higher for 10 minutes | page |\n"
	for heading, want := range map[string][]string{
		"Alerts":      {"< 0.004 ratio 1h", ">= 0.015 ratio for 10m"},
		"알림 규칙":       {"< 0.004 ratio 1h", ">= 0.015 ratio for 10m"},
		"Environment": {"< 0.004 ratio 1h"},
	} {
		document := "## 1) SLO\n\n| Metric | Objective |\n|---|---|\n| Rebuffer ratio | < 0.4% (1h) |\n\n## 2) " + heading + "\n\n" + rows
		if diff := cmp.Diff(want, readingsOf(t, document)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", heading, diff)
		}
	}
}

func TestItemsOfRunbooksThatNobodyHereHasSeen(t *testing.T) {
	for item, want := range map[string]string{
		"Error rate > 5% for 5 minutes":                                "> 0.05 ratio for 5m",
		"More than 3 pod restarts in 10 minutes":                       "> 3 count 10m",
		"5xx rate above 2% over a 5-minute window":                     "> 0.02 ratio 5m",
		"CPU usage above 90% for 10m":                                  "> 0.9 ratio for 10m",
		"Success rate falls below 95% (5m)":                            "< 0.95 ratio 5m",
		"p99 응답시간이 2초를 초과하여 10분 이상 지속될 때":                              "> 2 seconds p0.99 for 10m",
		"p95 응답 시간 1.5초 초과가 10분 지속":                                    "> 1.5 seconds p0.95 for 10m",
		"기준 대비 p95가 50% 이상 증가":                                         ">= 0.5 ratio p0.95 over the baseline",
		"가용성이 99.5% 아래로 떨어짐":                                           "< 0.995 ratio",
		"데이터 정합성 오류 1건이라도 발생":                                          ">= 1 count",
		"Success rate above 99%":                                       "refused",
		"Error rate below 2%":                                          "refused",
		"p95 latency regression > 100 ms":                              "refused",
		"Error rate exceeds 2x baseline":                               "refused",
		"p99 latency exceeds 100 ms for 5 minutes or errors exceed 1%": "refused",
		"Pending timeout count increases >= 50%":                       "refused",
		"Service down > 2 min":                                         "refused",
		"5xx 에러율이 5분간 1%를 초과하는 경우":                                     "refused",
		"canary_error_rate > baseline_error_rate * 1.5":                "refused",
	} {
		got := strings.Join(readingsOf(t, "## 1) Rollback criteria\n\n1. "+item+"\n"), "; ")
		if got != want {
			t.Errorf("%s: got %q, want %q", item, got, want)
		}
	}
}
