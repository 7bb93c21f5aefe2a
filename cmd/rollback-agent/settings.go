package main

import (
	"errors"
	"log/slog"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/coclai/cutover/agent"
	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/web"
)

// settings is the configuration in force. A reload replaces it whole or not at all.
type settings struct {
	file   string
	agent  *agent.Agent
	logger *slog.Logger

	successful prometheus.Gauge
	succeeded  prometheus.Gauge

	reloading sync.Mutex // held through a reload: the agent and the tokens change together
	mu        sync.RWMutex
	current   config.Config
}

func newSettings(file string, c config.Config, a *agent.Agent, logger *slog.Logger) *settings {
	s := &settings{file: file, agent: a, logger: logger,
		successful: prometheus.NewGauge(prometheus.GaugeOpts{Name: "rollback_agent_config_last_reload_successful",
			Help: "Whether the last attempt to read the agent's file succeeded."}),
		succeeded: prometheus.NewGauge(prometheus.GaugeOpts{Name: "rollback_agent_config_last_reload_success_timestamp_seconds",
			Help: "When the configuration in force was read."}),
	}
	s.accept(c)
	return s
}

// reload reads the file again. On an error everything stays as it was, and the gauge says so until a reload succeeds.
func (s *settings) reload() error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	c, problems := config.Load(s.file)
	err := problems.Err()
	if err == nil && c.Storage != s.config().Storage {
		err = errors.New("storage has changed: another ledger is opened only by a restart")
	}
	if err == nil {
		err = s.agent.Reload(c)
	}
	if err != nil {
		s.successful.Set(0)
		s.logger.Error("configuration not reloaded; the one before it stays in force", "file", s.file, "err", err)
		return err
	}
	s.accept(c)
	s.logger.Info("configuration reloaded", "file", s.file)
	return nil
}

func (s *settings) accept(c config.Config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = c
	s.successful.Set(1)
	s.succeeded.SetToCurrentTime()
}

func (s *settings) config() config.Config {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.current
}

func (s *settings) masked() []byte { return s.config().Masked() }

// tokens are those of the configuration, as package web wants them: one for each secret, and one for the certificate.
func (s *settings) tokens() []web.Token {
	var tokens []web.Token
	for _, t := range s.config().Web.Tokens {
		token := web.Token{Name: t.Name, Certificate: t.Certificate, Environments: t.Environments}
		for _, scope := range t.May {
			token.May = append(token.May, string(scope))
		}
		if t.Certificate != "" {
			tokens = append(tokens, token)
		}
		token.Certificate = ""
		for _, secret := range t.Secrets {
			token.Secret = string(secret)
			tokens = append(tokens, token)
		}
	}
	return tokens
}
