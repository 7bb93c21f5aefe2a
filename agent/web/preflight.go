package web

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// linkable are the ids that the agent gives. The page makes a link of nothing else.
var linkable = regexp.MustCompile(`^pf-[0-9A-Za-z-]{1,60}$`)

// preflight answers with the last preflight of ?environment=, ?id= and ?commit=, each of which may be left out.
func (s *server) preflight(c echo.Context, token Token) error {
	r, err := rehearsalIn(s.Agent.View().of(token), c.QueryParam("environment"), c.QueryParam("id"), c.QueryParam("commit"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, r)
}

// rehearsal shows the record of the preflight in the path as it would be kept: text, in Markdown.
func (s *server) rehearsal(c echo.Context, token Token) error {
	r, err := rehearsalIn(s.Agent.View().of(token), "", c.Param("id"), "")
	if err != nil {
		return err
	}
	c.Response().Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	return c.Blob(http.StatusOK, "text/plain; charset=utf-8", []byte(Plain(r.Record)))
}

// rehearsalIn finds the preflight that began last among those asked for.
func rehearsalIn(view View, environment, id, commit string) (Rehearsal, error) {
	var found *release.Preflight
	in := ""
	for _, name := range slices.Sorted(maps.Keys(view.State.Environments)) {
		if environment != "" && name != environment {
			continue
		}
		if p := view.State.Environments[name].Preflight(id, commit); p != nil && (found == nil || p.Started.After(found.Started)) {
			found, in = p, name
		}
	}
	if found == nil {
		return Rehearsal{}, release.Problemf(release.Invalid, "rollback-agent preflight COMMIT runs one", "%s", nothingRehearsed(environment, id, commit))
	}
	return view.Rehearse(in, *found), nil
}

func nothingRehearsed(environment, id, commit string) string {
	text := "there is no preflight"
	for _, part := range [][2]string{{" ", id}, {" of commit ", short(commit)}, {" in ", environment}} {
		if part[1] != "" {
			text += part[0] + part[1]
		}
	}
	return text
}

// Rehearsed says how the last preflight stands, "" if there was none.
func Rehearsed(e *rollback.Environment) string {
	p := e.Preflight("", "")
	if p == nil {
		return ""
	}
	if p.InHand() {
		return joined(p.ID+" of "+short(p.Commit)+" runs", "begun "+Moment(p.Started)+" by "+p.By)
	}
	return joined(string(p.Verdict)+" for "+short(p.Commit), p.Reason, p.ID+" by "+p.By, "ended "+Moment(p.Ended))
}

func preflightStarted(p release.Preflight) string {
	names := make([]string, len(p.Gates))
	for i, g := range p.Gates {
		names[i] = g.ID
	}
	return joined("preflight "+p.ID+" of "+short(p.Commit), "gates "+strings.Join(names, ", "))
}

func preflightEnded(end release.PreflightEnd) string {
	return joined("preflight "+end.ID+": "+string(end.Verdict), end.Reason)
}
