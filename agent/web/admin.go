package web

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// healthy says that the program runs, no more.
func (s *server) healthy(c echo.Context, _ Token) error {
	return c.String(http.StatusOK, "rollback-agent is healthy.\n")
}

// ready says whether webhooks can be stored and acted upon.
func (s *server) ready(c echo.Context, _ Token) error {
	if reason := s.Agent.View().Ready; reason != "" {
		return c.String(http.StatusServiceUnavailable, "rollback-agent is not ready: "+reason+"\n")
	}
	return c.String(http.StatusOK, "rollback-agent is ready.\n")
}

// reload reads the agent's file again. 422 says what is wrong with it; the one in force stays.
func (s *server) reload(c echo.Context, token Token) error {
	if err := token.unbound(); err != nil {
		return err
	}
	s.Logger.Info("reload was asked for", "by", token.Name)
	if err := s.Reload(); err != nil {
		return refuse(http.StatusUnprocessableEntity, err.Error(), "correct the file and reload again; until then the configuration before it is in force")
	}
	return c.String(http.StatusOK, "reloaded\n")
}

func (s *server) config(c echo.Context, token Token) error {
	if err := token.unbound(); err != nil {
		return err
	}
	return c.Blob(http.StatusOK, "text/yaml; charset=utf-8", s.Config())
}
