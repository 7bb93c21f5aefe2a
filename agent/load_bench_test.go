package agent_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/coclai/cutover/agent"
	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/web"
	"github.com/coclai/cutover/generator/slo"
)

// BenchmarkWebhook: how long Alertmanager waits for its answer, which comes when the alert is on disk; over HTTP, from client to client,
// with the agent deciding about what it gets. The bars (DESIGN §8): p99 under 100 ms, also at 2,000 a second; and under 1 s while groups
// of 10,000 alerts come in. `go test ./agent -run '^$' -bench Webhook -benchtime 1x` runs each load for five seconds.
func BenchmarkWebhook(b *testing.B) {
	const long = 5 * time.Second
	for _, load := range []struct {
		name string
		run  func(*target) []time.Duration
	}{
		{"one after another", func(t *target) []time.Duration { return t.callers(1, long) }},
		{"100 at once", func(t *target) []time.Duration { return t.callers(100, long) }},
		{"500 a second", func(t *target) []time.Duration { return t.arrivals(500, long) }},
		{"1000 a second", func(t *target) []time.Duration { return t.arrivals(1000, long) }},
		{"2000 a second", func(t *target) []time.Duration { return t.arrivals(2000, long) }},
		{"200 a second beside groups of 10000", func(t *target) []time.Duration {
			stop := t.flood(10_000)
			defer stop()
			return t.arrivals(200, long)
		}},
	} {
		b.Run(load.name, func(b *testing.B) {
			var took []time.Duration
			began := processorTime(b)
			for b.Loop() {
				took = append(took, load.run(newTarget(b))...)
			}
			slices.Sort(took)
			b.ReportMetric(0, "ns/op") // how long the load lasts says nothing
			b.ReportMetric(float64((processorTime(b)-began).Microseconds())/1000/float64(len(took)), "cpu-ms/answer")
			b.ReportMetric(float64(len(took))/(float64(b.N)*long.Seconds()), "answers/s")
			for name, share := range map[string]float64{"p50-ms": 0.5, "p99-ms": 0.99, "max-ms": 1} {
				at := max(0, int(share*float64(len(took)))-1)
				b.ReportMetric(float64(took[at].Microseconds())/1000, name)
			}
		})
	}
}

// processorTime is what this process has used: the agent and those who send. Unlike the waiting it does not depend on who else is busy.
func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// target is an agent behind its routes, with nobody to ask: what it cannot corroborate it holds.
type target struct {
	b      *testing.B
	url    string
	client *http.Client
}

func newTarget(b *testing.B) *target {
	b.Helper()
	l, err := ledger.Open(filepath.Join(b.TempDir(), "ledger.db"))
	if err != nil {
		b.Fatal(err)
	}
	dead := config.Endpoint{URL: "http://127.0.0.1:9", Timeout: slo.Duration(time.Second)}
	logger := (&lines{}).logger()
	a, err := agent.New(agent.Options{Ledger: l, Logger: logger, Config: config.Config{Version: 1, MaxMode: slo.ModeObserve, Environments: []config.Environment{{
		Service: "checkout", Environment: "production", Plan: planOf(), Prometheus: dead, Alertmanagers: []config.Endpoint{dead},
		Git: config.Git{URL: "http://127.0.0.1:9/deploy.git", Branch: branch, Author: config.Author{Name: "rollback-agent", Email: "agent@example.org"}}}}}})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	server := httptest.NewServer(web.New(web.Options{Agent: a, Registry: prometheus.NewRegistry(), Logger: logger,
		Tokens: func() []web.Token { return []web.Token{{Name: "am", Secret: token, May: []string{"alerts"}}} }}))
	b.Cleanup(func() {
		server.Close()
		stop()
		<-ended
		if err := l.Close(); err != nil {
			b.Error(err)
		}
	})
	return &target{b: b, url: server.URL, client: &http.Client{Transport: &http.Transport{MaxConnsPerHost: 200, MaxIdleConnsPerHost: 200}}}
}

// send posts a body and gives how long its answer took.
func (t *target) send(body []byte) time.Duration {
	began := time.Now()
	r, _ := http.NewRequest("POST", t.url+"/api/v1/alerts", bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := t.client.Do(r)
	if err != nil {
		t.b.Error(err)
		return 0
	}
	text, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.b.Errorf("%d %s", res.StatusCode, text)
	}
	return time.Since(began)
}

// timings gathers what took how long.
type timings struct {
	mu  sync.Mutex
	all []time.Duration
}

func (t *timings) add(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, d)
}

// callers send one after another, each as fast as it is answered.
func (t *target) callers(n int, long time.Duration) []time.Duration {
	var took timings
	var all sync.WaitGroup
	end := time.Now().Add(long)
	for caller := range n {
		all.Go(func() {
			for time.Now().Before(end) {
				took.add(t.send(group(caller, 1)))
			}
		})
	}
	all.Wait()
	return took.all
}

// arrivals come at their time whether those before them were answered or not; what waits, waits from then on.
func (t *target) arrivals(perSecond int, long time.Duration) []time.Duration {
	var took timings
	var all sync.WaitGroup
	began := time.Now()
	for n := range int(long.Seconds() * float64(perSecond)) {
		due := began.Add(time.Duration(n) * time.Second / time.Duration(perSecond))
		time.Sleep(time.Until(due))
		all.Go(func() {
			t.send(group(n%100, 1))
			took.add(time.Since(due))
		})
	}
	all.Wait()
	return took.all
}

// flood sends groups of so many alerts, one after another, until it is stopped.
func (t *target) flood(alerts int) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var flooding sync.WaitGroup
	large := group(0, alerts)
	flooding.Go(func() {
		for ctx.Err() == nil {
			t.send(large)
		}
	})
	return func() { cancel(); flooding.Wait() }
}

// group is the body of a group of alerts, each of some 650 bytes, like real ones.
func group(first, alerts int) []byte {
	var b strings.Builder
	b.WriteString(`{"version":"4","groupKey":"{}:{}","truncatedAlerts":0,"receiver":"rollback-agent","status":"firing","alerts":[`)
	for n := range alerts {
		if n > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"status":"firing","labels":{"alertname":"CheckoutApiErrorRate","service":"checkout","environment":"production","slo":"api-error-rate","trigger":"4.1.1",
"severity":"page","rollback":"auto","owner":"Runtime on-call","component":"runtime","instance":"shop-%d.example.org:9100"},"annotations":{"summary":"API error rate is 5.1 %%, more than 2 %%, for 5m",
"description":"%s","runbook_url":"https://example.org/runbooks/big-bang-cutover#5.1"},"startsAt":"2026-03-01T02:11:30Z","endsAt":"0001-01-01T00:00:00Z",
"generatorURL":"http://prometheus.example.org:9090/graph","fingerprint":"%016x"}`, n, strings.Repeat("d", 120), 1000*first+n)
	}
	b.WriteString(`],"externalURL":"http://am"}`)
	return []byte(b.String())
}
