package web

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/coclai/cutover/agent/release"
)

// examineTime is how long an examination may take, and its answer with it: drills wait for every Alertmanager of a cluster.
const examineTime = 5 * time.Minute

// Examine looks at everything that a rollback would rest on, and tells what it finds as it comes, one call at a time. It ends early with ctx.
// Whatever it made elsewhere to find something out is gone when it returns.
type Examine func(ctx context.Context, q Question, tell func(Progress))

// Question is what is to be examined.
type Question struct {
	Environments []string // service/environment, each of them configured
	Whole        bool     // also what concerns no single environment
	Drill        bool     // send a drill alert down the whole road
	By           string   // the name of whoever asks

	// Refused counts the webhooks that were sent away since the start for their token, which is then not one of the agent's file.
	Refused func() int64
}

// Progress is one line of the answer to POST /api/v1/doctor: what is looked at now, or what was found. The last one says that it is the last.
type Progress struct {
	Doing   string           `json:"doing,omitempty"`
	Finding *release.Finding `json:"finding,omitempty"`
	End     bool             `json:"end,omitempty"`
}

// doctor examines ?environment=, or every environment that is the token's business; with ?drill=true it sends a drill alert as well. The
// answer is a line of JSON for each Progress, as it comes. An answer that does not end with an end was cut off.
func (s *server) doctor(c echo.Context, token Token) error {
	view := s.Agent.View().of(token)
	q := Question{By: token.Name, Drill: c.QueryParam("drill") == "true", Whole: len(token.Environments) == 0, Refused: s.refused.Load}
	var err error
	if q.Environments, err = examined(view, c.QueryParam("environment")); err != nil {
		return err
	}
	// The server's own limits are for short answers; when the one for reading is over, net/http takes the client for gone.
	ctx, cancel := context.WithTimeout(c.Request().Context(), examineTime)
	defer cancel()
	go func() {
		select {
		case <-s.Ending:
			cancel()
		case <-ctx.Done():
		}
	}()
	control, until := http.NewResponseController(c.Response()), time.Now().Add(examineTime+time.Minute)
	if err := control.SetReadDeadline(until); err != nil {
		return err
	}
	if err := control.SetWriteDeadline(until); err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentType, "application/x-ndjson")
	c.Response().WriteHeader(http.StatusOK)
	lines := json.NewEncoder(c.Response())
	say := func(p Progress) {
		if lines.Encode(p) != nil || control.Flush() != nil {
			cancel() // nobody listens any more
		}
	}
	view.Examine(ctx, q, say)
	say(Progress{End: ctx.Err() == nil})
	return nil
}

// examined are the environments to be looked at: the one that is named, or all that there are to be seen.
func examined(view View, name string) ([]string, error) {
	known := slices.Sorted(maps.Keys(view.State.Environments))
	switch {
	case name == "":
		return known, nil
	case !slices.Contains(known, name):
		return nil, release.Problemf(release.Invalid, "one of "+strings.Join(known, ", "), "no environment %q is configured", name)
	}
	return []string{name}, nil
}
