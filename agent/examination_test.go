package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/gitrepo/gittest"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/web"
	"github.com/coclai/cutover/generator/slo"
)

// clinic is a world whose alerts travel the whole road, by real parts: rules in Prometheus, routes in Alertmanager, a webhook with a token.
type clinic struct {
	*world
	*running
	front   *httptest.Server // takes webhooks for the agent, and calls people at /pager
	refused atomic.Int64     // webhooks with a wrong token
	called  atomic.Int64     // people
	agents  string           // the configuration of Alertmanager
	config  config.Config
}

const watchdogRule = `- {alert: Watchdog, expr: vector(1), labels: {service: checkout, environment: production, severity: none, rollback: none}}`

func newClinic(t *testing.T) *clinic {
	t.Helper()
	c := &clinic{world: &world{git: gittest.New(t), dir: t.TempDir()}}
	c.good = c.git.Commit(t, branch, map[string]string{"service.txt": "errors 0\n", "scripts/preflight.sh": "true\n"}, "A good release")
	c.git.InstallHook(t, "../deploy/hooks/pre-receive")
	c.git.Git(t, "config", "receive.denyNonFastForwards", "true")
	c.now = c.later()
	c.front = httptest.NewServer(c)
	t.Cleanup(c.front.Close)
	c.shop = newShop(t, c.git)
	c.agents = fmt.Sprintf(`route:
  receiver: people
  routes:
    - {receiver: agent, matchers: ['service="checkout"', 'drill="true"'], group_by: ['...'], group_wait: 0s, group_interval: 1s}
    - {receiver: agent, matchers: ['alertname="Watchdog"'], group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1m}
    - {receiver: agent, matchers: ['rollback=~"auto|propose|observe"'], group_by: ['...'], group_wait: 0s, group_interval: 1s, continue: true}
receivers:
  - {name: people, webhook_configs: [{url: '%[1]s/pager'}]}
  - {name: agent, webhook_configs: [{url: '%[1]s/api/v1/alerts', http_config: {authorization: {credentials: the-right-one}}}]}
`, c.front.URL)
	address := freeAddress(t)
	c.alertmanager = "http://" + address
	write(t, filepath.Join(c.dir, "alertmanager.yml"), c.agents)
	start(t, c.alertmanager, "/-/ready", "alertmanager", "--config.file="+filepath.Join(c.dir, "alertmanager.yml"), "--storage.path="+filepath.Join(c.dir, "am"),
		"--web.listen-address="+address, "--cluster.listen-address=")
	c.rules(t, compiled, trigger("vector(0) > 1", "0s"), watchdogRule)
	c.alerting = "alerting: {alertmanagers: [{static_configs: [{targets: ['" + address + "']}]}]}\n"
	c.prometheus = c.startPrometheus(t)
	c.config = c.world.config(t)
	c.config.Environments[0].Drill.Within = slo.Duration(5 * time.Second)
	for name, may := range map[string][]config.Scope{"am": {config.Alerts}, "ci": {config.Gate}, "kim": {config.Read, config.Operate, config.Approve}, "lee": {config.Unlock}} {
		c.config.Web.Tokens = append(c.config.Web.Tokens, config.Token{Name: name, File: name + ".token", Secrets: []config.Secret{config.Secret("secret-of-" + name)}, May: may})
	}
	slices.SortFunc(c.config.Web.Tokens, func(a, b config.Token) int { return strings.Compare(a.Name, b.Name) })
	c.running = c.start(t, c.config)
	c.world.quiet(t)
	c.says("watchdog-heard", c.good, release.Pass, "")
	return c
}

// ServeHTTP is the agent's webhook, and a person's telephone.
func (c *clinic) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	switch {
	case r.URL.Path == "/pager":
		c.called.Add(1)
	case r.Header.Get("Authorization") != "Bearer the-right-one":
		c.refused.Add(1)
		http.Error(w, "who are you?", http.StatusUnauthorized)
	case c.running == nil:
		http.Error(w, "not yet", http.StatusServiceUnavailable)
	default:
		if _, err := c.Receive(r.Context(), "am", body); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	}
}

func (c *clinic) rules(t *testing.T, lines ...string) {
	t.Helper()
	write(t, filepath.Join(c.dir, "checkout.rules"), "groups:\n- name: checkout\n  rules:\n  "+strings.Join(lines, "\n  ")+"\n")
}

// rewire gives Alertmanager another configuration.
func (c *clinic) rewire(old, new string) {
	c.t.Helper()
	if !strings.Contains(c.agents, old) {
		c.t.Fatalf("no %q in Alertmanager's configuration", old)
	}
	write(c.t, filepath.Join(c.dir, "alertmanager.yml"), strings.ReplaceAll(c.agents, old, new))
	answer, err := http.Post(c.alertmanager+"/-/reload", "", nil)
	if err != nil || answer.StatusCode != http.StatusOK {
		c.t.Fatalf("reload Alertmanager: %v, %v", answer, err)
	}
	answer.Body.Close()
}

// findings are what an examination found, by check.
func (c *clinic) findings(drill bool) map[string]release.Finding {
	c.t.Helper()
	found := map[string]release.Finding{}
	c.View().Examine(context.Background(), web.Question{Environments: []string{home}, Whole: true, Drill: drill, By: "kim", Refused: c.refused.Load}, c.keep(found))
	return found
}

// drill is what one drill came to.
func (c *clinic) drill() release.Finding {
	c.t.Helper()
	found := map[string]release.Finding{}
	c.Drills(context.Background(), home, web.Question{By: "kim", Refused: c.refused.Load}, c.keep(found))
	return found["drill"]
}

// keep keeps what is found, by check, without the address of Alertmanager.
func (c *clinic) keep(found map[string]release.Finding) func(web.Progress) {
	return func(p web.Progress) {
		c.t.Helper()
		if f := p.Finding; f != nil {
			f.Check = strings.ReplaceAll(f.Check, " "+strings.TrimPrefix(c.alertmanager, "http://"), "")
			if _, twice := found[f.Check]; twice {
				c.t.Errorf("%s is told twice", f.Check)
			}
			if f.Fix == "" != (f.Health == release.Healthy) {
				c.t.Errorf("%s is %s, with the fix %q", f.Check, f.Health, f.Fix)
			}
			found[f.Check] = *f
		}
	}
}

// finds fails unless a finding is this, with these words.
func (c *clinic) finds(found map[string]release.Finding, check string, want release.Health, words string) {
	c.t.Helper()
	if f := found[check]; f.Health != want || !strings.Contains(f.Seen+" "+f.Fix, words) {
		c.t.Errorf("%s: %s %s (fix: %s); want %s with %q", check, f.Health, f.Seen, f.Fix, want, words)
	}
}

func TestTheDoctorFindsAHealthyInstallationWellAndLeavesItAsItWas(t *testing.T) {
	c := newClinic(t)
	refs := c.git.Git(t, "for-each-ref")
	found := c.findings(true)
	want := map[string]release.Health{"git: target": release.Weak, "rules: agent's series": release.Weak} // before the first release; nobody scrapes it here
	for _, check := range strings.Split("storage,storage: chain,storage: durable,git,git: clock,git: own refs,git: push,git: forced push,git: lock hook,git: lock,git: key,git: signing key,"+
		"prometheus,prometheus: clock,rules: loaded,rules: triggers,rules: told,rules: heard,rules: quiet,query api-error-rate,alertmanager,alertmanager: clock,alertmanager: told,"+
		"alertmanager: routes,alertmanager: pages,gates,people: tokens,brakes,drill,decision", ",") {
		want[check] = release.Healthy
	}
	for check, health := range want {
		c.finds(found, check, health, "")
		delete(found, check)
	}
	for check, f := range found {
		t.Errorf("unexpected: %s %s %s", check, f.Health, f.Seen)
	}
	if after := c.git.Git(t, "for-each-ref"); after != refs {
		t.Errorf("refs:\n%s\nbefore:\n%s", after, refs)
	}
	if c.called.Load() > 0 {
		t.Error("somebody was called")
	}
}

// drilled are the drills that the ledger knows.
func (c *clinic) drilled() []*rollback.Episode {
	var all []*rollback.Episode
	for _, e := range c.state().Episodes {
		if e.Firing.Labels["drill"] == "true" {
			all = append(all, e)
		}
	}
	return all
}

// TestADrillIsNoIncidentAndNoRealAlertIsADrill: during a release, of which the drill knows nothing; then the real one fires.
func TestADrillIsNoIncidentAndNoRealAlertIsADrill(t *testing.T) {
	c := newClinic(t)
	bad := c.release(t, 20, "bad")
	c.do(release.Deed{Act: release.ActStable})
	c.ship(bad)
	found := c.findings(true)
	c.finds(found, "drill", release.Healthy, "it was decided: observe (drill)")
	c.finds(found, "git: target", release.Healthy, "is what was pinned")
	if got := c.drilled(); len(got) != 1 || got[0].Decision.Reason != rollback.Drill || !strings.HasPrefix(got[0].Firing.Summary, "A drill by kim") || len(c.state().Incidents) != 0 {
		t.Fatalf("in the ledger: %+v, incidents %+v", got, c.state().Incidents)
	}
	c.says("drill", bad, release.Pass, "RollbackAgentDrill arrived")
	if !eventually(20*time.Second, func() bool { return !c.drilled()[0].Open }) {
		t.Error("the drill fires for ever")
	}

	// Somebody plants a drill that bears every label of the real alert: it calls for nothing, and hides nothing.
	c.burning(t)
	c.fires(t, time.Now(), time.Now().Add(time.Hour), `,"drill":"true"`)
	if !eventually(20*time.Second, func() bool { return len(c.drilled()) == 2 }) {
		t.Fatal("the planted drill was not heard")
	}
	if len(c.state().Incidents) != 0 || c.state().Lock != nil {
		t.Fatalf("a drill with the labels of a real alert did something: %+v", c.state().Incidents)
	}
	c.load(compiled, trigger("vector(1)", "0s"), watchdogRule)
	i := c.phase(rollback.PhaseClassified)
	if i.Classification.Component != "runtime" || len(i.Classification.Evidence) != 1 {
		t.Errorf("drills are among the causes: %+v", i.Classification)
	}
}

// TestTheDoctorSaysWhyADrillDoesNotCome breaks one part of the road after the other.
func TestTheDoctorSaysWhyADrillDoesNotCome(t *testing.T) {
	c := newClinic(t)
	c.config.Environments[0].Drill.Within = slo.Duration(1500 * time.Millisecond)
	if err := c.Reload(c.config); err != nil {
		t.Fatal(err)
	}
	front := strings.TrimPrefix(c.front.URL, "http://")
	for _, broken := range []struct{ name, old, new, says, fix string }{
		{"a wrong token", "the-right-one", "another-one", "webhooks away meanwhile, for a token", "am in am.token"},
		{"a wrong address", front + "/api", "127.0.0.1:9/api", "Alertmanager has", "correct the url"},
		{"somebody else's address", front + "/api/v1/alerts", front + "/pager?agent", "by somebody else than this agent", "correct the url of the agent's receiver"},
		{"no route for drills", `drill="true"`, `drill="yes"`, "not sent: a drill would reach people; but Watchdog goes to agent; trigger 4.1.1 (api-error-rate) goes to agent", "promrulegen writes"},
		{"a route that goes on", `'drill="true"'], `, `'drill="true"'], continue: true, `, "", ""},
		{"a route that goes on to people", "receiver: agent, matchers: ['service=\"checkout\"', 'drill=\"true\"'], ", "receiver: agent, matchers: ['drill=\"true\"'], continue: true, routes: [{receiver: people, continue: true}, {receiver: agent}], ", "not sent: a drill would reach people, agent, and not the agent alone", "promrulegen writes"},
		{"a receiver that people share", "{name: agent, ", "{name: agent, email_configs: [{to: a@example.org, from: b@example.org, smarthost: 'localhost:25'}], ", "which tells people (email, webhook)", "promrulegen writes"},
		{"a receiver of nobody's", "receiver: agent,", "receiver: nobody,", "not sent: a drill would reach nobody, which tells nobody", "promrulegen writes"},
		{"triggers that go elsewhere", `rollback=~"auto|propose|observe"`, `rollback="never"`, "a drill would reach agent; but trigger 4.1.1 (api-error-rate) goes to people", "promrulegen writes"},
		{"a route that waits", "group_wait: 0s", "group_wait: 1m", "its route waits 1m0s for others", "group_wait 0s"},
	} {
		t.Run(broken.name, func(t *testing.T) {
			before := c.agents
			if strings.Contains(broken.new, "receiver: nobody") {
				c.agents += "  - {name: nobody}\n"
			}
			c.rewire(broken.old, broken.new)
			c.agents = before
			called := c.called.Load()
			f := c.drill()
			if want := broken.says; want == "" {
				c.finds(map[string]release.Finding{"drill": f}, "drill", release.Healthy, "")
			} else if f.Health != release.Broken || !strings.Contains(f.Seen, want) || !strings.Contains(f.Fix, broken.fix) {
				t.Errorf("%s %s\nfix: %s\nwant %q, fix %q", f.Health, f.Seen, f.Fix, want, broken.fix)
			}
			if strings.HasPrefix(f.Seen, "not sent") && c.called.Load() > called {
				t.Error("a person was called for a drill")
			}
		})
	}

	c.rewire("group_wait: 0s", "group_wait: 1m")
	ctx, hangUp := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer hangUp()
	found := map[string]release.Finding{}
	c.Drills(ctx, home, web.Question{By: "kim", Refused: c.refused.Load}, c.keep(found))
	if len(found) > 0 || !strings.Contains(get(c.alertmanager+"/api/v2/alerts"), "Watchdog") || strings.Contains(get(c.alertmanager+"/api/v2/alerts"), "RollbackAgentDrill") {
		t.Errorf("whoever hangs up is told nothing, and leaves no drill firing: %v\n%s", found, get(c.alertmanager+"/api/v2/alerts"))
	}

	c.rewire("route:", "route:")
	end := c.silence(t, `{"name": "drill", "value": "true", "isRegex": false}`)
	f := c.drill()
	if f.Health != release.Broken || !strings.Contains(f.Seen, "held notifications back") || !strings.Contains(f.Fix, "silences") {
		t.Errorf("silenced: %s %s (%s)", f.Health, f.Seen, f.Fix)
	}
	end()
	c.finds(map[string]release.Finding{"drill": c.drill()}, "drill", release.Healthy, "")
}

// fault is something that is wrong, and how it is told.
type fault struct {
	spoil  func()
	check  string
	health release.Health
	says   string
}

func TestTheDoctorFindsWhatIsWrong(t *testing.T) {
	c := newClinic(t)
	set := func(name, value string) func() { return func() { c.git.Git(t, "config", name, value) } }
	rules := func(lines ...string) func() { return func() { c.load(lines...) } }
	plan := func(old, new string) func() { return func() { c.plan(old, new) } }
	drilling := strings.Replace(trigger("vector(0) > 1", "0s"), "labels: {", `labels: {drill: "true", `, 1)
	for _, wrong := range [][]fault{{ // together: none of them hides another
		{set("receive.denyNonFastForwards", "false"), "git: forced push", release.Broken, "git config receive.denyNonFastForwards true"},
		{func() { c.git.Hook(t, "pre-receive", "#!/bin/sh\n") }, "git: lock hook", release.Weak, "install deploy/hooks/pre-receive"},
		{func() { c.git.Git(t, "update-ref", "refs/rollback-agent/lock/"+home, c.good) }, "git: lock", release.Broken, "record cannot be read"},
		{func() { c.pass(20 * time.Second) }, "git: clock", release.Weak, "the git server's clock is"},
		{func() {}, "prometheus: clock", release.Broken, "behind the agent's, more than 2s"},
		{func() {}, "alertmanager: clock", release.Broken, "its clock is"},
		{rules(watchdogRule), "rules: loaded", release.Broken, "let rule_files of Prometheus name rules.yaml"},
		{plan(`max(timestamp(shop_requests_total))`, `max(timestamp(nothing_total))`), "query api-error-rate", release.Broken, "no sample of its metric"},
		{func() { write(t, c.config.KillSwitchFile, "") }, "brakes", release.Weak, "remove the file"},
	}, {
		{func() { c.git.InstallHook(t, "../deploy/hooks/pre-receive"); set("rollback-agent.user", "robot")() }, "git: own refs", release.Broken, "git config rollback-agent.user NAME"},
		{func() { c.pass(-40 * time.Second) }, "alertmanager: clock", release.Broken, "ahead of the agent's"},
		{rules(compiled, watchdogRule), "rules: triggers", release.Broken, "no rule for trigger 4.1.1 (api-error-rate)"},
		{plan(`time() - max(timestamp(shop_requests_total))`, `time() - max(timestamp(shop_requests_total)) + 9`), "query api-error-rate", release.Broken, "more than 2s"},
	}, {
		{func() { c.git.Break(gittest.Push, gittest.Status(http.StatusForbidden)) }, "git", release.Broken, "renew the credentials in"},
		{rules(compiled, watchdogRule, trigger("shop_requests_total + on(job) shop_requests_total", "0s")), "rules: triggers", release.Broken, "cannot evaluate the rule of trigger 4.1.1"},
		{plan("max(timestamp(", "max((timestamp("), "query api-error-rate", release.Broken, "try it in Prometheus"},
	}, {
		{func() { c.git.Break(gittest.Read, gittest.Status(http.StatusBadGateway)) }, "git", release.Broken, "git ls-remote URL"},
		{rules(compiled, watchdogRule, drilling), "rules: no drill", release.Broken, "by the rule of CheckoutApiErrorRate"},
		{plan("sum(increase(shop_requests_total[3s]))", "0 * sum(increase(shop_requests_total[3s]))"), "query api-error-rate", release.Weak, "0 events, fewer than 100"},
	}, {
		{func() {
			c.tokens(slices.DeleteFunc(slices.Clone(c.config.Web.Tokens), func(t config.Token) bool { return t.Name == "lee" })...)
		}, "people: tokens", release.Weak, "a lock takes two persons"},
	}, {
		{func() {
			c.tokens(slices.DeleteFunc(slices.Clone(c.config.Web.Tokens), func(t config.Token) bool { return t.Name == "am" })...)
		}, "people: tokens", release.Broken, "no token may deliver alerts"},
	}} {
		for _, f := range wrong {
			f.spoil()
		}
		var found map[string]release.Finding
		eventually(20*time.Second, func() bool { // rules must be evaluated first
			found = c.findings(false)
			return !slices.ContainsFunc(wrong, func(f fault) bool { return found[f.check].Health != f.health })
		})
		for _, f := range wrong {
			c.finds(found, f.check, f.health, f.says)
		}
		c.git.Break(gittest.Push, nil)
	}

	c.git.Break(gittest.Read, nil)
	c.prometheus.stop()
	found := c.findings(false)
	c.finds(found, "prometheus", release.Broken, "correct prometheus.url")
	if slices.ContainsFunc([]string{"rules: loaded", "query api-error-rate"}, func(check string) bool { return found[check].Check != "" }) {
		t.Errorf("who does not answer is asked on: %v", found)
	}
	c.config.Environments[0].Alertmanagers[0].URL = "http://127.0.0.1:9"
	if err := c.Reload(c.config); err != nil {
		t.Fatal(err)
	}
	c.finds(c.findings(false), "alertmanager 127.0.0.1:9", release.Broken, "correct its url")
}

// plan replaces something in the queries of the plan.
func (c *clinic) plan(old, new string) {
	changed := c.config
	changed.Environments = slices.Clone(changed.Environments)
	rows := slices.Clone(planOf().SLOs)
	for n := range rows {
		rows[n].Age, rows[n].Events = strings.ReplaceAll(rows[n].Age, old, new), strings.ReplaceAll(rows[n].Events, old, new)
	}
	changed.Environments[0].Plan.SLOs = rows
	if err := c.Reload(changed); err != nil {
		c.t.Error(err)
	}
}

// load gives Prometheus other rules.
func (c *clinic) load(lines ...string) {
	c.t.Helper()
	c.rules(c.t, lines...)
	answer, err := http.Post(c.prometheus.URL+"/-/reload", "", nil)
	if err != nil || answer.StatusCode != http.StatusOK {
		c.t.Fatalf("reload the rules: %v, %v", answer, err)
	}
	answer.Body.Close()
}

func (c *clinic) tokens(some ...config.Token) {
	changed := c.config
	changed.Web.Tokens = some
	if err := c.Reload(changed); err != nil {
		c.t.Error(err)
	}
}

// TestAReplicaThatWaitsHasTheOtherTryTheRemote: who may not push finds the same, from its own place.
func TestAReplicaThatWaitsHasTheOtherTryTheRemote(t *testing.T) {
	w := newWorld(t)
	c := newTrio(t, w)
	c.run()
	d := *c.agents[2]
	status, answer := d.post("/api/v1/doctor", nil)
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	var found []release.Finding
	for lines := json.NewDecoder(strings.NewReader(answer)); lines.More(); {
		var p web.Progress
		if err := lines.Decode(&p); err != nil {
			t.Fatal(err)
		}
		if p.Finding != nil {
			found = append(found, *p.Finding)
		}
	}
	for _, check := range []string{"storage", "storage: chain", "git: own refs", "git: push", "git: lock hook"} {
		if !slices.ContainsFunc(found, func(f release.Finding) bool { return f.Check == check && f.Health == release.Healthy }) {
			t.Errorf("%s is not OK: %+v", check, found)
		}
	}
	if refs := w.git.Git(t, "for-each-ref", "refs/rollback-agent/doctor", "refs/rollback-agent/lock"); refs != "" {
		t.Errorf("left behind: %s", refs)
	}
}
