package agent_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/gitrepo/gittest"
	"github.com/coclai/cutover/generator/slo"
)

// world is what an agent lives in: a real Prometheus that scrapes a small shop, a real Alertmanager, a real git server whose branch
// `production` is what the shop runs.
type world struct {
	git          *gittest.Server
	shop         *shop
	prometheus   *process
	alertmanager string // URL
	alerting     string // part of Prometheus's configuration: to whom it sends its alerts
	dir          string
	good         string // commit
	now          func() time.Time
	passed       *atomic.Int64 // by later, the time that pass has let go by
}

const (
	scrape = 200 * time.Millisecond
	window = 3 * time.Second
	branch = "production"
)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{git: gittest.New(t), dir: t.TempDir()}
	w.good = w.git.Commit(t, branch, map[string]string{"service.txt": "errors 0\n", "scripts/preflight.sh": "grep -q 'errors 0' service.txt\n"}, "A good release")
	w.git.InstallHook(t, "../deploy/hooks/pre-receive")
	w.shop = newShop(t, w.git)
	w.prometheus = w.startPrometheus(t)
	w.alertmanager = w.startAlertmanager(t)
	return w
}

// release puts a commit on main, beside production: fail is the share of requests it makes fail, in percent.
func (w *world) release(t *testing.T, errors int, name string) string {
	t.Helper()
	if !w.git.Has("main") {
		w.git.Git(t, "branch", "main", branch)
	}
	return w.git.Commit(t, "main", map[string]string{"service.txt": fmt.Sprintf("errors %d\n", errors), "name.txt": name + "\n"}, "Release "+name)
}

// shop counts requests, 500 a second, of which the share fails that the deploy branch says.
type shop struct {
	git *gittest.Server
	URL string

	mu         sync.Mutex
	last       time.Time
	total, bad float64
	shares     map[string]float64
	forced     float64 // share, whatever the branch says
	violations int
}

func newShop(t *testing.T, git *gittest.Server) *shop {
	s := &shop{git: git, last: time.Now(), shares: map[string]float64{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

func (s *shop) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	n := now.Sub(s.last).Seconds() * 500
	s.last = now
	s.total += n
	s.bad += n * max(s.share(), s.forced)
	fmt.Fprintf(w, "isolation_violations_total %d\n", s.violations)
	fmt.Fprintf(w, "shop_requests_total{code=\"200\"} %f\nshop_requests_total{code=\"500\"} %f\n", s.total-s.bad, s.bad)
}

func (s *shop) share() float64 {
	tip, err := exec.Command("git", "-C", s.git.Dir, "rev-parse", branch).Output()
	if err != nil {
		return 0
	}
	id := strings.TrimSpace(string(tip))
	if share, known := s.shares[id]; known {
		return share
	}
	text, _ := exec.Command("git", "-C", s.git.Dir, "show", id+":service.txt").Output()
	var percent float64
	fmt.Sscanf(string(text), "errors %f", &percent)
	s.shares[id] = percent / 100
	return percent / 100
}

// violate lets one tenant see what is another's.
func (s *shop) violate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.violations++
}

// recover lets what a commit broke be whole again by itself.
func (s *shop) recover(commit string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shares[commit] = 0
}

// force makes a share of all requests fail, whatever is deployed.
func (s *shop) force(share float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forced = share
}

// process is a program that runs beside the test.
type process struct {
	URL string
	cmd *exec.Cmd
	log *bytes.Buffer
}

func (p *process) stop() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

func (w *world) startPrometheus(t *testing.T) *process {
	t.Helper()
	config := filepath.Join(w.dir, "prometheus.yml")
	write(t, config, fmt.Sprintf("global: {scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}\n"+
		"rule_files: ['%s/*.rules']\nscrape_configs: [{job_name: shop, static_configs: [{targets: ['%s']}]}]\n%s",
		w.dir, strings.TrimPrefix(w.shop.URL, "http://"), w.alerting))
	address := freeAddress(t)
	return start(t, "http://"+address, "/-/ready", "prometheus", "--config.file="+config, "--storage.tsdb.path="+filepath.Join(w.dir, "tsdb"),
		"--web.listen-address="+address, "--web.enable-lifecycle", "--rules.alert.resend-delay=1s")
}

func (w *world) startAlertmanager(t *testing.T) string {
	t.Helper()
	config := filepath.Join(w.dir, "alertmanager.yml")
	write(t, config, "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
	address := freeAddress(t)
	return start(t, "http://"+address, "/-/ready", "alertmanager", "--config.file="+config, "--storage.path="+filepath.Join(w.dir, "alertmanager"),
		"--web.listen-address="+address, "--cluster.listen-address=").URL
}

// start runs a program until the test ends, and waits until it answers.
func start(t *testing.T, url, ready, name string, args ...string) *process {
	t.Helper()
	p := &process{URL: url, cmd: exec.Command(program(t, name), args...), log: &bytes.Buffer{}}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	if !eventually(20*time.Second, func() bool { return answers(url + ready) }) {
		p.stop()
		t.Fatalf("%s does not answer:\n%s", name, p.log)
	}
	return p
}

func answers(url string) bool {
	res, err := http.Get(url)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// program finds one of the pinned tools: on PATH, or where `make tools` puts it.
func program(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	path, err := filepath.Abs(filepath.Join("..", ".tools", "bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s is missing: run `make tools`", name)
	}
	return path
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// eventually asks until the answer is yes, or the time is over.
func eventually(limit time.Duration, yes func() bool) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); time.Now().Before(end); <-tick.C {
		if yes() {
			return true
		}
	}
	return yes()
}

const (
	badRate   = `sum(rate(shop_requests_total{code="500"}[3s]))`
	totalRate = `sum(rate(shop_requests_total[3s]))`
)

// planOf is the least plan with one automatic trigger, in windows of seconds.
func planOf() slo.Plan {
	bound, events := slo.MustDecimal("0.02"), slo.MustDecimal("100")
	return slo.Plan{Version: slo.PlanVersion, Service: "checkout", Environment: "production",
		Runbook: slo.Source{File: "runbook.md", SHA256: strings.Repeat("0", 64)}, Rules: slo.Source{File: "rules.yaml", SHA256: strings.Repeat("0", 64)},
		ScrapeInterval: slo.Duration(scrape), EvaluationInterval: slo.Duration(scrape), GatesExpire: slo.Duration(time.Hour),
		SLOs: []slo.PlanSLO{{ID: "api-error-rate", Title: "API error rate", Item: "5.1", Component: "runtime", Owner: "Runtime on-call", Kind: "ratio",
			Unit: slo.Ratio, Alert: slo.Bound{Op: slo.Greater, Value: &bound, Window: slo.Duration(window)}, MinEvents: &events,
			NoData: slo.NoDataHold, Holds: slo.HoldsNow,
			Value:  fmt.Sprintf("(%s or on() 0 * %s) / (%s > 0)", badRate, totalRate, totalRate),
			Events: "sum(increase(shop_requests_total[3s]))", Age: "time() - max(timestamp(shop_requests_total))", AgeMax: slo.Duration(2 * time.Second)}},
		Triggers:   []slo.Trigger{{Item: "4.1.1", Mode: slo.ModeAuto, SLOs: []string{"api-error-rate"}}},
		Gates:      []slo.Gate{{ID: "1.1", Argv: []string{"sh", "scripts/preflight.sh"}, Env: map[string]string{}, Pass: slo.PassExit0, Timeout: slo.Duration(20 * time.Second)}},
		StableTag:  slo.StableTag{Pattern: "stable-{date:20060102}", TimeZone: "Asia/Seoul"},
		Rollback:   []slo.RollbackStep{{Item: "4.2.1", Step: "restore"}, {Item: "4.2.2", Step: "gates", Gates: []string{"1.1"}}, {Item: "4.2.3", Step: "classify", Components: []string{"runtime"}}, {Item: "4.2.4", Step: "lock"}},
		Milestones: []slo.Milestone{},
	}
}

// body is a webhook body as Alertmanager sends it, for the one alert of planOf.
func body(status string, startsAt time.Time) []byte {
	ends := "0001-01-01T00:00:00Z"
	if status == "resolved" {
		ends = startsAt.Add(time.Second).UTC().Format(time.RFC3339Nano)
	}
	return fmt.Appendf(nil, `{"version":"4","groupKey":"{}:{}","truncatedAlerts":0,"receiver":"rollback-agent","status":%q,"alerts":[{"status":%q,
"labels":{"alertname":"CheckoutApiErrorRate","service":"checkout","environment":"production","slo":"api-error-rate","trigger":"4.1.1","severity":"page","rollback":"auto"},
"annotations":{"summary":"too many errors"},"startsAt":%q,"endsAt":%q,"fingerprint":"4f6a9e0c2b7d1835"}],"externalURL":"http://am","notification_reason":"new"}`,
		status, status, startsAt.UTC().Format(time.RFC3339Nano), ends)
}

// lines is a log that can be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }
