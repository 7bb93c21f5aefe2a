package generator

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/live"
	"github.com/coclai/cutover/generator/slo"
)

// shop is a service that answers 100 requests between two scrapes, 3 of them badly, and 90 of them within 100 ms.
func shop(t *testing.T) string {
	t.Helper()
	var scrapes atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := scrapes.Add(1)
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintf(w, "http_requests_total{code=\"200\"} %d\nhttp_requests_total{code=\"503\",tenant=\"a\"} %d\n", 97*n, 3*n)
		fmt.Fprintf(w, "# TYPE http_seconds histogram\nhttp_seconds_bucket{le=\"0.1\"} %d\nhttp_seconds_bucket{le=\"0.5\"} %d\n", 90*n, 100*n)
		fmt.Fprintf(w, "http_seconds_bucket{le=\"+Inf\"} %d\nhttp_seconds_sum %d\nhttp_seconds_count %d\n", 100*n, 10*n, 100*n)
		fmt.Fprintf(w, "queue_length 7\n")
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// prometheusOf starts a real Prometheus that scrapes the target every second and keeps two days; it returns its URL once rates can be read.
func prometheusOf(t *testing.T, target string) string {
	t.Helper()
	dir := t.TempDir()
	config := "global: {scrape_interval: 1s}\nscrape_configs:\n  - {job_name: checkout, static_configs: [{targets: ['" + target + "']}]}\n"
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	var output bytes.Buffer
	cmd := exec.Command(tool(t, "prometheus"), "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "tsdb"),
		"--storage.tsdb.retention.time=2d", "--web.listen-address="+address)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("Prometheus said:\n%s", output.String())
		}
	})
	url := "http://" + address
	for end := time.Now().Add(time.Minute); !scraped(t, url); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("Prometheus scraped nothing within a minute:\n%s", output.String())
		}
	}
	return url
}

// scraped says whether the server has scraped three times.
func scraped(t *testing.T, url string) bool {
	t.Helper()
	server, err := live.Connect(url, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	samples, err := server.Query(t.Context(), "count_over_time(http_requests_total[1m]) >= 3")
	return err == nil && len(samples) > 0
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// tool finds a real binary: on PATH, or where the project builds them.
func tool(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	path, err := filepath.Abs(filepath.Join("../.tools/bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s is not installed: make build", name)
	}
	return path
}

func below(op slo.Op, value string, window slo.Duration) slo.Bound {
	v := slo.MustDecimal(value)
	return slo.Bound{Op: op, Value: &v, Window: window}
}

func ratioSLI(id, bad, total string) slo.SLI {
	target := below(slo.AtMost, "0.01", 5*minute)
	return slo.SLI{ID: id, Line: 7, NoData: slo.NoDataHold, SLO: &target, Alert: below(slo.Greater, "0.02", 5*minute),
		Measure: slo.Measure{Ratio: &slo.RatioMeasure{Bad: bad, Total: total}}}
}

func latencySLI(id, alert string) slo.SLI {
	return slo.SLI{ID: id, Line: 8, NoData: slo.NoDataHold, Alert: below(slo.Greater, alert, 5*minute), Measure: slo.Measure{
		Latency: &slo.LatencyMeasure{Quantile: slo.MustDecimal("0.95"), Histogram: slo.Selector{Name: "http_seconds", Matchers: `{job="checkout"}`}}}}
}

func querySLI(id, expr, alert string) slo.SLI {
	return slo.SLI{ID: id, Line: 9, NoData: slo.NoDataHold, Alert: below(slo.Greater, alert, 0),
		Measure: slo.Measure{Expr: &slo.ExprMeasure{Expr: expr, Unit: slo.Count}}}
}

const (
	all5xx = `http_requests_total{code=~"5..",job="checkout"}`
	all    = `http_requests_total{job="checkout"}`
)

// changed is an SLI with one thing about it changed.
func changed(s slo.SLI, change func(*slo.SLI)) slo.SLI {
	change(&s)
	return s
}

func TestARunningPrometheusIsAskedWhatTheRulesWillMeet(t *testing.T) {
	url := prometheusOf(t, shop(t))
	for name, test := range map[string]struct {
		sli                slo.SLI
		scrape             slo.Duration
		problems, warnings []string
		now                Current
	}{
		"an error rate beyond its bound": {sli: ratioSLI("errors", all5xx, all),
			now: Current{Value: "3%", Alert: "> 2% (5m)", Target: "<= 1% (5m)", Stands: StandsBad}},
		"too few events to say anything": {sli: changed(ratioSLI("errors", all5xx, all), func(s *slo.SLI) { s.MinEvents = slo.DecimalOf(1e9) }),
			now: Current{Value: "3%", Alert: "> 2% (5m)", Target: "<= 1% (5m)", Stands: StandsFew}},
		"a target that is missed": {sli: changed(ratioSLI("errors", all5xx, all), func(s *slo.SLI) { s.Alert = below(slo.Greater, "0.04", 5*minute) }),
			now: Current{Value: "3%", Alert: "> 4% (5m)", Target: "<= 1% (5m)", Stands: StandsMissed}},
		"a metric that is misspelt": {sli: ratioSLI("errors", all5xx, "http_request_total"),
			problems: []string{"book.md:7: errors: no series of the last 1h is called http_request_total | did you mean http_requests_total?"},
			now:      Current{Alert: "> 2% (5m)", Target: "<= 1% (5m)", Stands: StandsUnknown}},
		"a job that there is not": {sli: ratioSLI("errors", all5xx, `http_requests_total{job="checkin"}`),
			problems: []string{`book.md:7: errors: no series of http_requests_total has job="checkin" | job is one of: checkout`},
			now:      Current{Alert: "> 2% (5m)", Target: "<= 1% (5m)", Stands: StandsUnknown}},
		"bad events that were never counted": {sli: ratioSLI("errors", `http_requests_total{code="five",job="checkout"}`, all),
			warnings: []string{`book.md:7: errors: no series of http_requests_total has code="five"; unless nothing has been counted yet, it is misspelt` +
				" | code is one of: 200, 503"},
			now: Current{Value: "0%", Alert: "> 2% (5m)", Target: "<= 1% (5m)", Stands: StandsGood}},
		"a label that no series has": {sli: ratioSLI("errors", `http_requests_total{kode="5"}`, all),
			warnings: []string{`book.md:7: errors: no series of http_requests_total has kode="5"; unless nothing has been counted yet, it is misspelt` +
				" | it has no label kode"},
			now: Current{Value: "0%", Alert: "> 2% (5m)", Target: "<= 1% (5m)", Stands: StandsGood}},
		"groups that there are not": {
			sli: changed(querySLI("errors", "", "1"), func(s *slo.SLI) {
				s.Measure, s.By, s.Alert.Window = ratioSLI("", all5xx, all).Measure, []string{"region"}, 5*minute
			}),
			problems: []string{`book.md:9: errors: http_requests_total{job="checkout"} has no label region, by which it is told apart | group by a label that it has`},
			now:      Current{Alert: "> 100% (5m)", Value: "3%", Stands: StandsGood}},
		"a bound that ends a bucket": {sli: latencySLI("p95", "0.1"), now: Current{Value: "300ms", Alert: "> 100ms (5m)", Stands: StandsBad}},
		"a bound inside a bucket": {sli: latencySLI("p95", "0.4"),
			warnings: []string{"book.md:8: p95: a bound of 400ms lies inside the bucket from 100ms to 500ms: values in it are interpolated" +
				" | give the histogram a bucket that ends at the bound"},
			now: Current{Value: "300ms", Alert: "> 400ms (5m)", Stands: StandsGood}},
		"a bound above all buckets": {sli: latencySLI("p95", "0.5"),
			problems: []string{"book.md:8: p95: a bound of 500ms can never be passed: the highest bucket of http_seconds ends at 500ms, " +
				"and no quantile is read above it | add a bucket above the bound, or lower the bound"},
			now: Current{Value: "300ms", Alert: "> 500ms (5m)", Stands: StandsGood}},
		"a native histogram that is a classic one": {sli: changed(latencySLI("p95", "0.1"), func(s *slo.SLI) { s.Measure.Latency.Native = true }),
			problems: []string{"book.md:8: p95: no series of the last 1h is called http_seconds | it is a classic histogram here: write `type: classic`"},
			now:      Current{Alert: "> 100ms (5m)", Stands: StandsUnknown}},
		"a window of three scrapes": {
			sli:      changed(latencySLI("p95", "0.1"), func(s *slo.SLI) { s.Alert.Window = slo.Duration(3 * time.Second) }),
			problems: []string{"book.md:8: p95: a window of 3s is shorter than four scrapes of job checkout, which is scraped every 1s | use at least 4s"},
			now:      Current{Alert: "> 100ms (3s)"}},
		"scrapes less often than is said": {sli: querySLI("queue", "max(queue_length)", "5"), scrape: slo.Duration(500 * time.Millisecond),
			warnings: []string{"book.md:9: queue: job checkout is scraped every 1s, and prometheus.scrape_interval says 500ms | make both say the same"},
			now:      Current{Value: "7", Alert: "> 5", Stands: StandsBad}},
		"a budget beyond the server's memory": {
			sli: changed(querySLI("errors", "", "1"), func(s *slo.SLI) {
				s.Measure, s.Budget = ratioSLI("", all5xx, all).Measure, &slo.Budget{Objective: slo.MustDecimal("0.99"), Period: 30 * 24 * 60 * minute}
				s.Alert.Window = 5 * minute
			}),
			problems: []string{"book.md:9: errors: its rules look back 30d, and the server keeps samples for 2d" +
				" | raise --storage.tsdb.retention.time, or look back less far"},
			now: Current{Value: "3%", Alert: "> 100% (5m)", Stands: StandsGood}},
	} {
		t.Run(name, func(t *testing.T) {
			m := slo.Matrix{Service: "shop", Environment: "test", Runbook: slo.Source{File: "book.md"}, ScrapeInterval: slo.Duration(time.Second),
				EvaluationInterval: slo.Duration(time.Second), SLIs: []slo.SLI{test.sli}}
			if test.scrape != 0 {
				m.ScrapeInterval = test.scrape
			}
			report, err := Live(t.Context(), m, url)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.problems, said(report.Problems)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.warnings, said(report.Warnings)); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			now := report.Values[0]
			test.now.ID, test.now.Line = test.sli.ID, test.sli.Line
			if test.sli.Alert.Window == slo.Duration(3*time.Second) {
				test.now.Value, test.now.Stands = now.Value, now.Stands // too short to be sure of
			}
			if diff := cmp.Diff(test.now, now); diff != "" {
				t.Errorf("now (-want +got):\n%s", diff)
			}
		})
	}
}

func said(list diag.List) []string {
	var all []string
	for _, d := range list {
		line := d.String()
		if d.Hint != "" {
			line += " | " + d.Hint
		}
		all = append(all, line)
	}
	return all
}

func TestAPrometheusThatCannotBeAskedIsAnError(t *testing.T) {
	for name, url := range map[string]string{"nobody listens": "http://" + freeAddress(t), "no address": "prometheus:9090"} {
		t.Run(name, func(t *testing.T) {
			if _, err := Live(t.Context(), slo.Matrix{SLIs: []slo.SLI{latencySLI("p95", "0.1")}}, url); err == nil {
				t.Error("no error")
			}
		})
	}
}
