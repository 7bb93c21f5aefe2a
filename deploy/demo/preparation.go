package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

func (s *story) build(ctx context.Context) error {
	s.line.chapter("Preparation: real parts on this machine, in " + s.folder + "\n" +
		"(kim and lee are persons, ci is the deploy job, dev pushes to git; each has a token or login of their own)")
	if err := s.programs.build(ctx, s.root, s.folder); err != nil {
		return err
	}
	s.line.now("built", "promrulegen and rollback-agent")
	return nil
}

// openShop makes the git remote with two commits on the deploy branch, and opens the shop that runs its tip.
func (s *story) openShop(ctx context.Context) (err error) {
	users := map[string]string{"agent": rand.Text(), "dev": rand.Text()}
	if s.remote, err = newGitServer(ctx, s.folder, filepath.Join(s.root, "deploy", "hooks", "pre-receive"), users); err != nil {
		return err
	}
	if s.remote.address, err = s.serve(s.remote); err != nil {
		return err
	}
	s.dev = developer{clone: s.path("developer"), remote: s.remote.url("dev")}
	if _, err := s.dev.begin(ctx); err != nil {
		return err
	}
	if s.stable, err = s.dev.change(ctx, `{"error_percent": 0.3}`, "checkout: totals with tax"); err != nil {
		return err
	}
	if _, err := s.dev.push(ctx, s.stable, "main", "production"); err != nil {
		return err
	}
	if s.shop, err = newShop(ctx, s.folder, s.remote.url("")); err != nil {
		return err
	}
	go s.shop.follow(s.ctx)
	go s.shop.serve(s.ctx)
	s.line.now("git", "%s holds the deploy branch `production`, which the hook of deploy/hooks guards", s.remote.url(""))
	return nil
}

// compile turns the demo's runbook into rules, their tests, routes and a plan. The tests are not run here: evaluated every second they
// take a minute, which `make test` gives to those of rules/.
func (s *story) compile(ctx context.Context) error {
	shop, err := s.stage.serve(s.shop.metrics)
	if err != nil {
		return err
	}
	pager, err := s.stage.serve(http.HandlerFunc(pager))
	if err != nil {
		return err
	}
	if err := s.fill(shop, pager); err != nil {
		return err
	}
	if _, err := command(ctx, s.folder, nil, s.programs.promrulegen, "generate", "--config", s.path("promrulegen.yaml")); err != nil {
		return err
	}
	if _, err := command(ctx, s.folder, nil, s.programs.promtool, "check", "rules", s.path("generated/rules.yaml")); err != nil {
		return err
	}
	content, err := os.ReadFile(s.path("generated/plan.yaml"))
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(content, &s.plan); err != nil {
		return fmt.Errorf("read the plan: %w", err)
	}
	var known bool
	if s.row, known = s.plan.SLOByID("api-error-rate"); !known {
		return fmt.Errorf("the plan has no api-error-rate")
	}
	s.line.now("compiled", "the runbook: %d things measured, %d triggers, %d gates, milestones at %s",
		len(s.plan.SLOs), len(s.plan.Triggers), len(s.plan.Gates), s.milestones())
	return nil
}

// milestones are the times after T0, for the reader.
func (s *story) milestones() string {
	var all []string
	for _, m := range s.plan.Milestones {
		all = append(all, "T+"+m.After.String())
	}
	if s.pace > 1 {
		all = append(all, "(in real time: 30m 2h 24h 48h)")
	}
	return strings.Join(all, " ")
}

// startAll starts Prometheus, Alertmanager and the agent, and waits until each says that it is ready.
func (s *story) startAll(ctx context.Context) error {
	prometheus, alertmanager, agent := string(s.ports.prometheus), string(s.ports.alertmanager), string(s.ports.agent)
	for name, argv := range map[string][]string{
		"prometheus": {s.programs.prometheus, "--config.file=prometheus.yml", "--storage.tsdb.path=prometheus-data", "--web.listen-address=" + prometheus},
		"alertmanager": {s.programs.alertmanager, "--config.file=generated/alertmanager.yaml", "--storage.path=alertmanager-data",
			"--web.listen-address=" + alertmanager, "--cluster.listen-address="},
		"rollback-agent": {s.programs.agent, "serve", "--config.file=agent.yaml", "--web.listen-address=" + agent, "--web.open-page"},
	} {
		if err := s.run(name, argv...); err != nil {
			return err
		}
	}
	for _, at := range []address{s.ports.prometheus, s.ports.alertmanager, s.ports.agent} {
		if err := ready(ctx, at); err != nil {
			return err
		}
	}
	s.operator = operator{program: s.programs.agent, folder: s.folder, agent: s.ports.agent, token: s.settings.Person, line: s.line}
	s.line.now("running", "Prometheus %s, Alertmanager %s, rollback-agent %s", s.ports.prometheus.url(), s.ports.alertmanager.url(), s.ports.agent.url())
	return nil
}

// awaitCustomers lets the shop be used for as long as the baseline looks back.
func (s *story) awaitCustomers(ctx context.Context) error {
	const served = `sum(increase(http_requests_total{job="checkout"}[20s]))`
	if _, err := s.observer.holds(ctx, served, func(requests float64) bool { return requests > 0.9*20*requestsPerSecond }); err != nil {
		return err
	}
	value, err := s.observer.holds(ctx, s.row.Value, s.healthy)
	if err != nil {
		return err
	}
	s.line.now("healthy", "release %s serves %d requests a second, of which %s fail; the bound is %s over %s",
		short(s.stable), requestsPerSecond, percent(value), percent(s.row.Alert.Value.Float()), s.row.Alert.Window)
	return nil
}

// examine asks the agent whether everything holds that a rollback will rest on, the road of an alert included.
func (s *story) examine(ctx context.Context) error {
	// Prometheus evaluates the Watchdog for the first time within half a minute.
	_, _, err := await(ctx, s.operator, rollback.AlertsReceived, func(d rollback.Delivery) bool {
		return slices.ContainsFunc(d.Firings, func(f rollback.Firing) bool { return f.Labels["alertname"] == slo.Watchdog })
	})
	if err != nil {
		return err
	}
	return s.operator.gist(ctx, "kim", last, "doctor", "--drill")
}

// healthy says whether the error ratio is within its objective.
func (s *story) healthy(ratio float64) bool { return ratio <= s.row.SLO.Value.Float() }

// pager is where Alertmanager calls people; in the demo somebody always picks up.
func pager(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "called") }
