package agent_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/gitrepo/gittest"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/web"
	"github.com/coclai/cutover/generator/slo"
)

// cluster are three real Alertmanagers, to which one Prometheus sends its alerts, before the agent.
type cluster struct {
	*world
	nodes []*process
	hook  *httptest.Server

	mu      sync.Mutex
	agent   http.Handler   // nil: nobody is behind the address yet
	refuses int            // that many deliveries are answered 503
	firing  map[string]int // deliveries of firings that were taken, by the node that sent them
}

// newCluster starts the nodes. Those that gossip agree on who delivers; those that do not each do.
func newCluster(t *testing.T, gossip bool) *cluster {
	t.Helper()
	c := &cluster{world: &world{git: gittest.New(t), dir: t.TempDir()}, firing: map[string]int{}}
	c.good = c.git.Commit(t, branch, map[string]string{"service.txt": "errors 0\n", "scripts/preflight.sh": "grep -q 'errors 0' service.txt\n"}, "A good release")
	c.shop = newShop(t, c.git)
	c.hook = httptest.NewServer(c)
	t.Cleanup(c.hook.Close)
	path := filepath.Join(c.dir, "alertmanager.yml")
	write(t, path, fmt.Sprintf(`route: {receiver: agent, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1s}
receivers: [{name: agent, webhook_configs: [{url: '%s/api/v1/alerts', send_resolved: true, max_alerts: 0, timeout: 5s,
  http_config: {follow_redirects: false, authorization: {credentials: %s}}}]}]
`, c.hook.URL, token))
	var addresses, peers, gossips []string
	for range 3 {
		addresses, gossips = append(addresses, freeAddress(t)), append(gossips, freeAddress(t))
	}
	for n, address := range addresses {
		args := []string{"--config.file=" + path, fmt.Sprintf("--storage.path=%s/am-%d", c.dir, n), "--web.listen-address=" + address, "--cluster.listen-address="}
		if gossip {
			args = append(args[:3], "--cluster.listen-address="+gossips[n], "--cluster.peer-timeout=1s", "--cluster.gossip-interval=50ms", "--cluster.settle-timeout=5s")
			args = append(args, peers...)
			peers = append(peers, "--cluster.peer="+gossips[n])
		}
		c.nodes = append(c.nodes, start(t, "http://"+address, "/-/ready", "alertmanager", args...))
	}
	c.alerting = fmt.Sprintf("alerting: {alertmanagers: [{static_configs: [{targets: ['%s']}]}]}\n", strings.Join(addresses, "', '"))
	c.prometheus = c.startPrometheus(t)
	c.rules(t)
	return c
}

// ServeHTTP is the agent's address as the nodes see it.
func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	var m struct{ ExternalURL, Status string }
	_ = json.Unmarshal(body, &m)
	c.mu.Lock()
	agent, refuses := c.agent, c.refuses > 0 && m.Status == "firing"
	if refuses {
		c.refuses--
	}
	c.mu.Unlock()
	if agent == nil || refuses {
		http.Error(w, "not yet", http.StatusServiceUnavailable)
		return
	}
	answer := httptest.NewRecorder()
	agent.ServeHTTP(answer, r)
	if answer.Code == http.StatusOK && m.Status == "firing" {
		c.mu.Lock()
		c.firing[m.ExternalURL]++
		c.mu.Unlock()
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// heard are the deliveries of firings that the agent has taken, and the number of nodes that they came from.
func (c *cluster) heard() (deliveries, nodes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.firing {
		deliveries += n
	}
	return deliveries, len(c.firing)
}

// serve starts the agent behind the address.
func (c *cluster) serve(t *testing.T) *running {
	t.Helper()
	settings := c.config(t)
	settings.Environments[0].Alertmanagers = nil
	for _, node := range c.nodes {
		settings.Environments[0].Alertmanagers = append(settings.Environments[0].Alertmanagers, config.Endpoint{URL: node.URL, Timeout: slo.Duration(5 * time.Second)})
	}
	r := c.start(t, settings)
	handler := web.New(web.Options{Agent: r.Agent, Tokens: func() []web.Token { return []web.Token{{Name: "am", Secret: token, May: []string{"alerts"}}} },
		Registry: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler)})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.agent = handler
	return r
}

// TestThreeAlertmanagersRollBackOnce: however many of them tell of it, and however often, a bad release is put back once.
func TestThreeAlertmanagersRollBackOnce(t *testing.T) {
	for _, test := range []struct {
		name    string
		apart   bool // they do not gossip
		refuses int
		kill    int // nodes, just before it fires
		after   int // and when the rollback has been decided
		nodes   int // at least so many are heard
	}{
		{name: "a cluster", nodes: 1},
		{name: "a cluster whose first deliveries are not taken", refuses: 4, nodes: 1},
		{name: "one node is killed before, and one after", kill: 1, after: 1, nodes: 1},
		{name: "one node is left", kill: 2, nodes: 1},
		{name: "nobody hears of the others", apart: true, nodes: 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, !test.apart)
			c.refuses = test.refuses
			r := c.serve(t)
			bad := c.release(t, 20, "bad")
			c.quiet(t)
			r.do(release.Deed{Act: release.ActStable})
			for _, node := range c.nodes[:test.kill] {
				node.stop()
			}
			r.ship(bad)
			if !eventually(60*time.Second, func() bool { return r.state().Lock != nil }) {
				t.Fatalf("nothing is decided: %+v", r.state().Episodes)
			}
			for _, node := range c.nodes[test.kill : test.kill+test.after] {
				node.stop()
			}
			i := r.phase(rollback.PhaseClassified)
			before, _ := c.heard()
			if i.Trouble != nil || before == 0 {
				t.Fatalf("%+v, heard %d times", i.Trouble, before)
			}
			c.shop.force(0.2) // it goes on burning, and they go on telling
			if !eventually(60*time.Second, func() bool { n, nodes := c.heard(); return n >= before+5 && nodes >= test.nodes }) {
				n, nodes := c.heard()
				t.Fatalf("heard %d times, %d before, from %d nodes", n, before, nodes)
			}
			if count := c.git.Git(t, "rev-list", "--count", "--grep=^Rollback-Of:", branch); count != "1" || len(r.state().Incidents) != 1 {
				t.Errorf("%s rollback commits, %d incidents", count, len(r.state().Incidents))
			}
			if d := i.Decisions[0]; d.Evidence == nil || d.Evidence.ActiveSince.IsZero() {
				t.Errorf("not by our own Prometheus: %+v", d)
			}
		})
	}
}
