package simulation

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/coclai/cutover/agent"
	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/web"
	"github.com/coclai/cutover/generator/slo"
)

const amToken = "the-token-of-alertmanager"

// process is one life of the agent, from a start to a crash or to the end.
type process struct {
	*agent.Agent
	handler http.Handler
	store   *store
	stop    context.CancelFunc
	ended   chan struct{}
	dead    atomic.Bool
}

func (p *process) isDead() bool { return p.dead.Load() }

// die lets nothing that the process still does reach anybody.
func (p *process) die() {
	p.dead.Store(true)
	p.stop()
}

// start begins a life on what is durable.
func (w *world) start() error {
	d := w.disk
	p, c := &process{store: d.open(), ended: make(chan struct{})}, w.config()
	if w.configured != nil {
		c = w.configured(c)
	}
	var err error
	p.Agent, err = agent.New(agent.Options{Config: c, Ledger: p.store, Logger: w.logger, Now: w.clock})
	if err != nil {
		return err
	}
	p.handler = web.New(web.Options{Agent: p.Agent, Registry: prometheus.NewRegistry(), Version: "simulated", Logger: slog.New(slog.DiscardHandler),
		Tokens: func() []web.Token {
			return []web.Token{{Name: "alertmanager", Secret: amToken, May: []string{"alerts"}}}
		}})
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	w.mu.Lock()
	w.agent = p
	w.mu.Unlock()
	go func() {
		defer close(p.ended)
		if p.Run(ctx) != nil {
			p.dead.Store(true) // its ledger is broken
		}
	}()
	return nil
}

// bury waits until a dead process is gone.
func (w *world) bury() {
	p := w.agent
	p.die()
	w.cut()
	<-p.ended
	w.disk.lose(w.loses)
	w.cut()
	w.mu.Lock()
	w.agent = nil
	w.mu.Unlock()
}

// cut breaks all connections of the world.
func (w *world) cut() {
	for _, h := range w.hosts {
		h.cut()
	}
}

// clock is everybody's wall clock in this world.
func (w *world) clock() time.Time { return time.Now().Add(w.skew()) }

func (w *world) skew() time.Duration { return time.Duration(w.skewed.Load()) }

func (w *world) config() config.Config {
	endpoint := func(name string) config.Endpoint {
		return config.Endpoint{URL: "http://" + name + w.suffix, Timeout: slo.Duration(10 * time.Second)}
	}
	git := config.Git{URL: "http://git" + w.suffix + "/repo.git", Branch: "production", Author: config.Author{Name: "rollback-agent", Email: "agent@example.org"}}
	git.Transport.Timeout = slo.Duration(10 * time.Second)
	return config.Config{Version: 1, MaxMode: w.script.mode, KillSwitchFile: w.kill, Environments: []config.Environment{{Service: "checkout", Environment: "production",
		Plan: planOf(), Prometheus: endpoint("prometheus"), Alertmanagers: []config.Endpoint{endpoint("alertmanager")}, Git: git,
		Budget: config.Budget{PerRelease: 1, PerDay: w.script.perDay},
		Arm:    config.Arm{Auto: slo.Duration(24 * time.Hour), Propose: slo.Duration(48 * time.Hour), Approval: slo.Duration(15 * time.Minute)}}}}
}
