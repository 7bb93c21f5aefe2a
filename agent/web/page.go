package web

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

const (
	incidentsShown = 10
	stepsShown     = 30
	reloadAfter    = "5" // seconds, while the agent acts and nobody has asked for a page that stands still
)

// page is what the template shows.
type page struct {
	Ready, Acting string
	Now           time.Time
	Degraded      []string
	Quarantined   int
	Environments  []environmentView
	Entries       []entryView
	Trouble       string // why the entries could not be read
	Busy          bool   // the agent works: the page is loaded again
	Still         bool   // unless the person does not want that
}

// title says what matters most, for a tab among many.
func (p page) title() string {
	text := ""
	for _, e := range p.Environments {
		if e.Lock != "" {
			text += "LOCKED "
		}
		text += e.Name + " "
	}
	return cut(text, 200)
}

type environmentView struct {
	Name, Deployed, Target string
	Age                    string // since T0
	Forward, Untold        string
	Lock, Unlock           string
	Person                 string // who is signed in: without one there are no forms
	Waiting                []waiting
	Brakes                 []string
	Brake                  []form
	Next                   string // milestone
	Conducted, Asks        []string
	Rows                   []rowView
	Measured, RowsProblem  string // when the rows were, and why they were not
	Observed               []string
	Items                  []release.Item
	Reports                []Report
	Preflight, Rehearsal   string // how the last one stands, and its id
	Gates                  []release.GateResult
	Baselines              []release.Baseline // of the release
	Captured               []release.Baseline // for the next one
	Firing                 []rollback.Firing
	MoreFiring             int
	Incidents              []incidentView
}

type rowView struct {
	Row
	Plot string // address, "" when there is none
}

type incidentView struct {
	ID      string
	Phase   rollback.Phase
	Opened  time.Time
	Open    bool
	Story   string // address
	Earlier int    // steps not shown
	Steps   []Step
}

type entryView struct {
	rollback.Entry
	Sentence string
}

// page shows, for each environment, what is released and what a rollback returns to, what waits for a person, the rows of the matrix and the
// incidents; then the last entries.
func (s *server) page(c echo.Context, token Token) error {
	ctx, view := c.Request().Context(), s.Agent.View().of(token)
	who, _ := s.signedIn(c.Request())
	p := pageOf(view, who, time.Now())
	for n := range p.Environments {
		p.Environments[n].measured(ctx, view.Glance)
	}
	entries, err := view.Entries(ctx, "", historyDefault)
	if err != nil {
		s.Logger.Error("entries for the page", "err", err)
		p.Trouble = "the ledger could not be read"
	}
	for _, e := range entries {
		p.Entries = append(p.Entries, entryView{Entry: e, Sentence: Sentence(e)})
	}
	p.Still = c.QueryParam("still") != ""
	if p.Busy && !p.Still {
		c.Response().Header().Set("Refresh", reloadAfter) // a header, since who reads the page may want it to stand still
	}
	return s.show(c, http.StatusOK, "status", p)
}

// plot is one row's plot, as it was measured for the page.
func (s *server) plot(c echo.Context, token Token) error {
	name := c.QueryParam("environment")
	view := s.Agent.View().of(token)
	if _, known := view.State.Environments[name]; known {
		rows, _ := view.Glance(c.Request().Context(), name)
		for _, r := range rows.Rows {
			if r.SLO == c.QueryParam("slo") && r.SVG != "" {
				c.Response().Header().Set("Content-Security-Policy", plotPolicy)
				return c.Blob(http.StatusOK, "image/svg+xml", []byte(Plain(r.SVG)))
			}
		}
	}
	return refuse(http.StatusNotFound, "there is no such plot", "")
}

// plotPolicy lets a plot have the style that is in it; as a page of its own it can do nothing else.
const plotPolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"

func (s *server) style(c echo.Context, _ Token) error {
	return c.Blob(http.StatusOK, "text/css; charset=utf-8", style)
}

func pageOf(view View, who Token, now time.Time) page {
	p := page{Now: now, Ready: view.Ready, Acting: view.Acting, Degraded: view.Degraded, Quarantined: view.State.Quarantined}
	for _, name := range slices.Sorted(maps.Keys(view.State.Environments)) {
		e := view.State.Environments[name]
		p.Environments = append(p.Environments, environmentOf(desk{e, who, now}))
		p.Busy = p.Busy || slices.ContainsFunc(e.Incidents, (*rollback.Incident).Acting) || e.PreflightInHand() != nil
	}
	return p
}

func environmentOf(k desk) environmentView {
	e, now := k.e, k.now
	v := environmentView{Name: e.Name, Deployed: Deployed(e.Release), Target: Target(e), Forward: Forward(e), Untold: Untold(e), Person: k.who.Name}
	v.Lock, v.Unlock = Locked(e, now)
	v.Waiting, v.Brakes, v.Brake = k.waits(), Brakes(e, now), k.brakes()
	v.Reports = Reports(e)
	v.Conducted, v.Next, v.Observed, v.Items = Conducted(e, now), NextMilestone(e, now), Observed(e), e.Items()
	v.Asks = Asked(e)
	if e.Release != nil {
		v.Age = "T+" + now.Sub(e.Release.T0).Truncate(time.Second).String()
		v.Baselines = e.Release.Baselines
	}
	if p := e.Preflight("", ""); p != nil {
		v.Preflight = Rehearsed(e)
		if linkable.MatchString(p.ID) {
			v.Rehearsal = p.ID
		}
	}
	for _, gate := range slices.Sorted(maps.Keys(e.Gates)) {
		v.Gates = append(v.Gates, e.Gates[gate])
	}
	for _, id := range slices.Sorted(maps.Keys(e.Captured)) {
		v.Captured = append(v.Captured, e.Captured[id])
	}
	v.Firing, v.MoreFiring = Alerts(e)
	for _, i := range slices.Backward(e.Incidents) {
		if len(v.Incidents) == incidentsShown {
			break
		}
		v.Incidents = append(v.Incidents, incidentOf(e, i))
	}
	return v
}

func incidentOf(e *rollback.Environment, i *rollback.Incident) incidentView {
	steps := Timeline(i)
	earlier := max(len(steps)-stepsShown, 0)
	return incidentView{ID: i.ID, Phase: i.Phase, Opened: i.Opened, Open: i.Open(e), Earlier: earlier, Steps: steps[earlier:],
		Story: "/explain?" + url.Values{"environment": {e.Name}, "incident": {i.ID}}.Encode()}
}

// measured adds the rows as they are now.
func (v *environmentView) measured(ctx context.Context, look Glance) {
	rows, known := look(ctx, v.Name)
	if !known {
		return
	}
	v.Measured, v.RowsProblem = Moment(rows.At), rows.Problem
	for _, r := range rows.Rows {
		row := rowView{Row: r}
		if r.SVG != "" { // its time keeps a browser from showing an older one
			row.Plot = "/plot?" + url.Values{"environment": {v.Name}, "slo": {r.SLO}, "at": {strconv.FormatInt(rows.At.Unix(), 10)}}.Encode()
		}
		v.Rows = append(v.Rows, row)
	}
}
