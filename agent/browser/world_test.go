package browser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/coclai/cutover/agent"
	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/gitrepo/gittest"
	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/web"
	"github.com/coclai/cutover/generator/slo"
)

const (
	branch    = "production"
	home      = "checkout/production"
	kimToken  = "kim-token-0123456789"
	leeToken  = "lee-token-0123456789"
	hostTitle = `Error rate <img src=x onerror="window.hacked=1"> `
)

// hostile has what breaks out of text, attributes, URLs and lines.
const hostile = "\"'`><script>window.hacked=1</script><img src=x onerror=window.hacked=1>--></title></style></textarea></details>" +
	"javascript:window.hacked=1 \u202egnp.exe\u202c \u200b \x1b[2J <svg/onload=window.hacked=1><base href=//evil><form action=//evil>"

// world is a real agent with its page, a git server whose branch is production, and a real Prometheus that scrapes what runs there.
type world struct {
	*agent.Agent
	t    *testing.T
	git  *gittest.Server
	bad  *atomic.Bool // what runs fails
	page *httptest.Server

	prometheus string // URL
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, git: gittest.New(t), bad: &atomic.Bool{}}
	w.git.Commit(t, branch, map[string]string{"version": "1\n"}, "A good release")
	l, err := ledger.Open(filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	w.prometheus = w.startPrometheus()
	w.Agent, err = agent.New(agent.Options{Config: w.config(), Ledger: l, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-done, l.Verify(context.Background()), l.Close()); err != nil {
			t.Error(err)
		}
	})
	w.page = httptest.NewServer(web.New(web.Options{Agent: w.Agent, Tokens: tokens, Registry: prometheus.NewRegistry(), Version: "test",
		Reload: func() error { return nil }, Config: func() []byte { return nil }, Logger: slog.New(slog.DiscardHandler)}))
	t.Cleanup(w.page.Close)
	w.measured("sum(increase(shop_requests_total[3s])) > 100")
	return w
}

func tokens() []web.Token {
	may := []string{"read", "operate", "approve", "unlock"}
	return []web.Token{{Name: "kim", Secret: kimToken, May: may}, {Name: "lee", Secret: leeToken, May: may}, {Name: "am", Secret: "alertmanager-0123456789", May: []string{"alerts"}}}
}

func (w *world) config() config.Config {
	return config.Config{Version: 1, MaxMode: slo.ModePropose, Environments: []config.Environment{{
		Service: "checkout", Environment: "production", Plan: planOf(),
		Prometheus:    config.Endpoint{URL: w.prometheus, Timeout: slo.Duration(2 * time.Second)},
		Alertmanagers: []config.Endpoint{{URL: "http://127.0.0.1:9", Timeout: slo.Duration(time.Second)}},
		Git:           config.Git{URL: w.git.URL, Branch: branch, CredentialsFile: w.git.Credentials(w.t, "agent"), Author: config.Author{Name: "rollback-agent", Email: "agent@example.org"}},
		Budget:        config.Budget{PerRelease: 1, PerDay: 1},
		Arm:           config.Arm{Auto: slo.Duration(24 * time.Hour), Propose: slo.Duration(48 * time.Hour), Approval: slo.Duration(time.Hour)},
	}}}
}

func planOf() slo.Plan {
	at, least := slo.MustDecimal("0.02"), slo.MustDecimal("10")
	objective := slo.MustDecimal("0.01")
	row := func(id, title, item string) slo.PlanSLO {
		return slo.PlanSLO{ID: id, Title: title, Item: item, Component: "runtime", Owner: "Runtime on-call", Kind: "ratio", Unit: slo.Ratio,
			SLO:   &slo.Bound{Op: slo.AtMost, Value: &objective},
			Alert: slo.Bound{Op: slo.Greater, Value: &at, Window: slo.Duration(3 * time.Second), For: slo.Duration(time.Second)}, MinEvents: &least, NoData: slo.NoDataHold, Holds: slo.HoldsNow,
			Value:  `(sum(rate(shop_requests_total{code="500"}[3s])) or vector(0)) / (sum(rate(shop_requests_total[3s])) > 0)`,
			Events: "sum(increase(shop_requests_total[3s]))", Age: "time() - max(timestamp(shop_requests_total))", AgeMax: slo.Duration(2 * time.Second)}
	}
	broken := row("p95", "p95 latency, of a metric that nobody exports", "5.2")
	broken.Age = "time() - max(timestamp(no_such_metric))"
	every := slo.Duration(200 * time.Millisecond)
	return slo.Plan{Version: slo.PlanVersion, Service: "checkout", Environment: "production",
		Runbook: slo.Source{File: "runbook.md", SHA256: strings.Repeat("0", 64)}, Rules: slo.Source{File: "rules.yaml", SHA256: strings.Repeat("0", 64)},
		ScrapeInterval: every, EvaluationInterval: every, GatesExpire: slo.Duration(time.Hour),
		SLOs:      []slo.PlanSLO{row("api-error-rate", hostTitle+strings.Repeat("long ", 2000), "5.1"), broken},
		Triggers:  []slo.Trigger{{Item: "4.1.1", Mode: slo.ModePropose, SLOs: []string{"api-error-rate"}}},
		StableTag: slo.StableTag{Pattern: "stable-{date:20060102}", TimeZone: "Asia/Seoul"},
		Rollback:  []slo.RollbackStep{{Item: "4.2.1", Step: "restore"}, {Item: "4.2.3", Step: "classify", Components: []string{"runtime"}}, {Item: "4.2.4", Step: "lock"}},
	}
}

// startPrometheus starts a real one that scrapes a shop: 500 requests a second, a twentieth of which fail while it is bad.
func (w *world) startPrometheus() string {
	w.t.Helper()
	began, last, total, failed := time.Now(), time.Duration(0), 0.0, 0.0
	shop := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) { // one scrape at a time
		n := (time.Since(began) - last).Seconds() * 500
		last = time.Since(began)
		total += n
		if w.bad.Load() {
			failed += n / 20
		}
		fmt.Fprintf(out, "shop_requests_total{code=\"200\"} %f\nshop_requests_total{code=\"500\"} %f\n", total-failed, failed)
	}))
	w.t.Cleanup(shop.Close)
	dir := w.t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf("global: {scrape_interval: 200ms, scrape_timeout: 200ms}\nscrape_configs: [{job_name: shop, static_configs: [{targets: ['%s']}]}]\n",
		strings.TrimPrefix(shop.URL, "http://"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	cmd := exec.Command(program(w.t, "prometheus"), "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "tsdb"), "--web.listen-address="+address)
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return "http://" + address
}

// program finds one of the pinned tools: on PATH, or where `make tools` puts it.
func program(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
		if path, err := filepath.Abs(filepath.Join("..", "..", ".tools", "bin", name)); err == nil {
			if _, err := os.Stat(path); err == nil {
				return path
			}
		}
	}
	t.Fatalf("%s is missing: run `make tools`", names[0])
	return ""
}

func (w *world) do(author string, d release.Deed) {
	w.t.Helper()
	d.Author, d.Environment = author, home
	if _, err := w.Do(context.Background(), d); err != nil {
		w.t.Fatalf("%s: %v", d.Act, err)
	}
}

// measured waits until Prometheus answers a query with something.
func (w *world) measured(query string) {
	w.t.Helper()
	w.until(query, func() bool {
		response, err := http.Get(w.prometheus + "/api/v1/query?" + url.Values{"query": {query}}.Encode())
		if err != nil {
			return false
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		return err == nil && strings.Contains(string(text), `"value":`)
	})
}

func (w *world) state() *rollback.Environment { return w.View().State.Environments[home] }

// fail releases a commit under which requests fail, and delivers the alert about it until something is proposed.
func (w *world) fail() {
	w.t.Helper()
	w.do("kim", release.Deed{Act: release.ActStable})
	w.git.Git(w.t, "branch", "main", branch)
	next := w.git.Commit(w.t, "main", map[string]string{"version": "2\n"}, "The next release")
	w.do("kim", release.Deed{Act: release.ActRelease, Commit: next})
	w.bad.Store(true)
	w.measured(planOf().SLOs[0].Value + " > 0.02")
	alert := fmt.Sprintf(`{"version":"4","groupKey":"{}:{}","truncatedAlerts":0,"receiver":"rollback-agent","status":"firing","alerts":[{"status":"firing",
"labels":{"alertname":%q,"service":"checkout","environment":"production","slo":"api-error-rate","trigger":"4.1.1","severity":"page","rollback":"propose"},
"annotations":{"summary":%q},"startsAt":%q,"endsAt":"0001-01-01T00:00:00Z","fingerprint":"4f6a9e0c2b7d1835"}],"externalURL":"javascript:window.hacked=1"}`,
		"CheckoutApiErrorRate", json(hostile+strings.Repeat("x", 10<<10)), time.Now().UTC().Format(time.RFC3339Nano))
	if _, err := w.Receive(context.Background(), "am", []byte(alert)); err != nil {
		w.t.Fatal(err)
	}
	w.until("the rollback is proposed", func() bool {
		for _, episode := range w.state().Episodes {
			if episode.Decision != nil && episode.Decision.Stands(time.Now()) {
				return true
			}
		}
		return false
	})
}

// json leaves out what %q writes otherwise than JSON does.
func json(text string) string { return strings.ReplaceAll(text, "\x1b", " ") }

func (w *world) until(what string, yes func() bool) {
	w.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); <-tick.C {
		if yes() {
			return
		}
	}
	w.t.Fatalf("never: %s", what)
}
