package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"
	oklog "github.com/oklog/run"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/common/version"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	toolkitflag "github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"github.com/coclai/cutover/agent"
	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/web"
)

// daemon is serve with its flags.
type daemon struct {
	env         streams
	configFile  string
	checkOnly   bool
	openPage    bool
	addressFile string
	listen      *toolkit.FlagConfig
	log         promslog.Config
}

func serveFlags(cmd *kingpin.CmdClause, env streams) command {
	d := &daemon{env: env, log: promslog.Config{Level: promslog.NewLevel(), Format: promslog.NewFormat()}}
	cmd.Flag("config.file", "The agent's file.").Default("agent.yaml").StringVar(&d.configFile)
	cmd.Flag("config.check", "Check the file and exit, like check-config.").BoolVar(&d.checkOnly)
	cmd.Flag("web.open-page", "Show the status page without a token. Only for loopback and demonstrations.").BoolVar(&d.openPage)
	cmd.Flag("web.address-file", "Write the addresses listened on to this file, one a line.").StringVar(&d.addressFile)
	d.listen = toolkitflag.AddFlags(cmd, "127.0.0.1:9798")
	cmd.Flag(promslogflag.LevelFlagName, promslogflag.LevelFlagHelp).Default("info").HintOptions(promslog.LevelFlagOptions...).SetValue(d.log.Level)
	cmd.Flag(promslogflag.FormatFlagName, promslogflag.FormatFlagHelp).Default("logfmt").HintOptions(promslog.FormatFlagOptions...).SetValue(d.log.Format)
	return d.serve
}

// serve runs until a signal, or until a part of it cannot go on.
func (d *daemon) serve(ctx context.Context) error {
	if d.checkOnly {
		return checkConfig(d.configFile, d.env)
	}
	c, err := load(d.configFile, d.env)
	if err != nil {
		return err
	}
	if err := refused(*d.listen.WebConfigFile, config.Trusted(*d.listen.WebConfigFile), d.env); err != nil {
		return err
	}
	leaveNoCore()
	log := newDiscreet(d.env.err, c.Redact)
	d.log.Writer = log
	logger := slog.New(plainLog{promslog.New(&d.log).Handler()})
	options := agent.Options{Config: c, Logger: logger, Now: time.Now}
	closeLedger, err := openLedger(ctx, &options)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	defer closeLedger()
	a, err := agent.New(options)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	stops := make(chan os.Signal, 1) // from before anybody can know that it runs: the default would be to die at once
	signal.Notify(stops, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(stops)
	s := newSettings(d.configFile, c, a, logger)
	inForce := func(text string) string { return s.config().Redact(text) }
	log.redact.Store(&inForce)
	server := d.server(a, s, logger)
	listeners, err := listen(d.listen, d.addressFile)
	if err != nil {
		return unable(err.Error(), "choose another address with --web.listen-address")
	}
	if err := d.mayBeSeen(listeners, logger); err != nil {
		listeners.close()
		return err
	}
	logger.Info("rollback-agent starts", "version", version.Info(), "config", d.configFile, "max_mode", c.MaxMode, "addresses", listeners.addresses())
	return d.together(ctx, actors{agent: a, settings: s, server: server, listeners: listeners, logger: logger, stops: stops})
}

// mayBeSeen refuses the open page where others than this machine could read it, and warns of tokens that travel in the clear.
func (d *daemon) mayBeSeen(l listeners, logger *slog.Logger) error {
	addresses := l.exposed()
	if len(addresses) == 0 {
		return nil
	}
	if d.openPage {
		return no("--web.open-page shows the page to everybody who reaches "+strings.Join(addresses, ", "), "listen on 127.0.0.1, or leave the flag out")
	}
	if *d.listen.WebConfigFile == "" {
		logger.Warn("without TLS tokens can be read on the way: give --web.config.file, or let a proxy that speaks it stand before", "addresses", addresses)
	}
	return nil
}

// openLedger opens the one that the configuration names.
func openLedger(ctx context.Context, o *agent.Options) (closeLedger func() error, err error) {
	if o.Config.Storage.DSN == "" {
		alone, err := ledger.Open(o.Config.Storage.SQLite)
		if err != nil {
			return nil, err
		}
		o.Ledger = alone
		return alone.Close, nil
	}
	name, _ := os.Hostname() // "" is shown as it is
	shared, err := ledger.OpenShared(ctx, ledger.SharedOptions{DSN: string(o.Config.Storage.DSN), Name: fmt.Sprintf("%s/%d", name, os.Getpid()),
		Lease: o.Config.Storage.Lease.Std()})
	if err != nil {
		return nil, err
	}
	o.Ledger, o.Shared = shared, shared
	return shared.Close, nil
}

func (d *daemon) server(a *agent.Agent, s *settings, logger *slog.Logger) *http.Server {
	registry := prometheus.NewRegistry()
	registry.MustRegister(a, s.successful, s.succeeded, versioncollector.NewCollector("rollback_agent"),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	ending := make(chan struct{})
	handler := web.New(web.Options{Agent: a, Tokens: s.tokens, Registry: registry, Reload: s.reload, Config: s.masked,
		Version: version.Info(), OpenPage: d.openPage, Ending: ending, Logger: logger})
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
		WriteTimeout:   60 * time.Second, // a release pushes before it answers
		IdleTimeout:    5 * time.Second,  // as long as a header may take: who is idle holds a place too, and Alertmanager dials again
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug)}
	server.RegisterOnShutdown(sync.OnceFunc(func() { close(ending) }))
	return server
}

// actors are the parts that run together: when one ends, all do.
type actors struct {
	agent     *agent.Agent
	settings  *settings
	server    *http.Server
	listeners listeners
	logger    *slog.Logger
	stops     <-chan os.Signal
}

// grace is how long requests in hand may take to end. A deed that takes longer is resumed from the ledger at the next start.
const grace = 25 * time.Second

// together runs the actors. The server is the first to be told to stop, so that requests in hand still find the agent at work.
func (d *daemon) together(ctx context.Context, a actors) error {
	var group oklog.Group
	group.Add(func() error { return a.listeners.serve(a.server, d.listen, a.logger) }, func(error) {
		ctx, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		if err := a.server.Shutdown(ctx); err != nil {
			a.logger.Warn("requests in hand were cut off", "err", err)
		}
	})
	work, stop := context.WithCancel(ctx)
	group.Add(func() error { return a.agent.Run(work) }, func(error) { stop() })
	group.Add(a.settings.hangups(ctx))
	group.Add(a.watched(ctx))
	group.Add(a.stopped(ctx))
	err := group.Run()
	if errors.Is(err, oklog.ErrSignal) {
		a.logger.Info("rollback-agent stopped", "why", err)
		return nil
	}
	return err
}

// stopped is the actor that ends when the process is told to.
func (a actors) stopped(ctx context.Context) (execute func() error, interrupt func(error)) {
	ctx, cancel := context.WithCancel(ctx)
	return func() error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case s := <-a.stops:
			return &oklog.SignalError{Signal: s}
		}
	}, func(error) { cancel() }
}

// hangups is the actor that reloads at SIGHUP.
func (s *settings) hangups(ctx context.Context) (execute func() error, interrupt func(error)) {
	ctx, cancel := context.WithCancel(ctx)
	return func() error {
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGHUP)
		defer signal.Stop(signals)
		for {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-signals:
				_ = s.reload() // logged and counted there; nobody waits for an answer
			}
		}
	}, func(error) { cancel() }
}
