package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/coclai/cutover/agent/release"
)

// alerts takes Alertmanager's webhook: 200 only when the body is durable, 422 when it cannot be read (the agent keeps it for a person),
// 413 when it is too large, 503 when it cannot be stored.
func (s *server) alerts(c echo.Context, token Token) error {
	body, err := io.ReadAll(io.LimitReader(c.Request().Body, BodyLimit+1))
	if err != nil {
		return refuse(http.StatusBadRequest, "the body ended early", "")
	}
	receipt, err := s.Agent.Receive(c.Request().Context(), token.Name, body)
	problem, _ := errors.AsType[*release.Problem](err)
	switch {
	case problem != nil && problem.Kind == release.Unavailable:
		return err
	case len(body) > BodyLimit:
		return refuse(http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", BodyLimit),
			"set max_alerts in Alertmanager's webhook_config, or group the alerts")
	case problem != nil && problem.Kind == release.Invalid:
		r := rejectionOf(err)
		r.status = http.StatusUnprocessableEntity
		return r
	case err != nil:
		return err
	}
	return c.JSON(http.StatusOK, receipt)
}
