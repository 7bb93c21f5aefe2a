package web

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// Status is the body of GET /api/v1/state.
type Status struct {
	Version  string         `json:"version"`
	Ready    string         `json:"not_ready,omitempty"` // why not
	Acting   string         `json:"acting,omitempty"`    // which agent does, where there are several
	Degraded []string       `json:"degraded,omitempty"`
	State    rollback.State `json:"state"`

	Rows map[string][]Row `json:"rows,omitempty"` // as they are now, by environment; only when asked for
}

// History is the body of GET /api/v1/history: newest first.
type History struct {
	Entries []rollback.Entry `json:"entries"`
}

const (
	historyDefault = 20
	historyMost    = 1000
)

// state answers with the whole of it; with ?rows=true also with the rows of the matrix, for which Prometheus is asked.
func (s *server) state(c echo.Context, token Token) error {
	view := s.Agent.View().of(token)
	status := Status{Version: s.Version, Ready: view.Ready, Acting: view.Acting, Degraded: view.Degraded, State: view.State}
	if c.QueryParam("rows") == "true" {
		status.Rows = map[string][]Row{}
		for name := range view.State.Environments {
			rows, _ := view.Glance(c.Request().Context(), name)
			status.Rows[name] = rows.Rows
		}
	}
	return c.JSON(http.StatusOK, status)
}

// history shows the last entries: ?environment= restricts them to one, ?limit= says how many (20 unless said, 1,000 at most).
func (s *server) history(c echo.Context, token Token) error {
	limit := historyDefault
	if text := c.QueryParam("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > historyMost {
			return release.Problemf(release.Invalid, "a number from 1 to 1000", "limit %q cannot be used", text)
		}
		limit = n
	}
	entries, err := s.Agent.View().of(token).Entries(c.Request().Context(), c.QueryParam("environment"), limit)
	if err != nil {
		return err
	}
	if entries == nil {
		entries = []rollback.Entry{}
	}
	return c.JSON(http.StatusOK, History{Entries: entries})
}
