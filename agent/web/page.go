package web

import (
	"bytes"
	_ "embed" // the page and its style
	"html/template"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// policy lets the page load its style and nothing else: no script, no image, no frame, no form. A label that got through the template
// could still do nothing.
const policy = "default-src 'none'; style-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

var (
	//go:embed page.html
	pageSource string
	//go:embed style.css
	style []byte

	pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
		"moment": Moment, "short": short, "cut": cut,
	}).Parse(pageSource))
)

const (
	incidentsShown = 10
	stepsShown     = 30
)

// page is what the template shows.
type page struct {
	Version, Ready string
	Now            time.Time
	Degraded       []string
	Quarantined    int
	Environments   []environmentView
	Entries        []entryView
	Trouble        string // why the entries could not be read
	Acting         bool   // the agent works: the page asks to be loaded again
}

type environmentView struct {
	Name, Deployed, Target string
	Age                    string // since T0
	Forward                string
	Lock, Unlock           string
	Brakes, Proposals      []string
	Cutover, Rows, Asks    []string
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

type incidentView struct {
	ID      string
	Phase   rollback.Phase
	Opened  time.Time
	Earlier int // steps not shown
	Steps   []Step
}

type entryView struct {
	rollback.Entry
	Sentence string
}

// page shows, for each environment, what is released, what a rollback returns to, the lock and the incidents; then the last entries.
func (s *server) page(c echo.Context, token Token) error {
	view := s.Agent.View().of(token)
	p := pageOf(view.State, time.Now())
	p.Version, p.Ready, p.Degraded = s.Version, view.Ready, view.Degraded
	entries, err := view.Entries(c.Request().Context(), "", historyDefault)
	if err != nil {
		s.Logger.Error("entries for the page", "err", err)
		p.Trouble = "the ledger could not be read"
	}
	for _, e := range entries {
		p.Entries = append(p.Entries, entryView{Entry: e, Sentence: Sentence(e)})
	}
	var html bytes.Buffer
	if err := pageTemplate.Execute(&html, p); err != nil {
		return err
	}
	c.Response().Header().Set("Content-Security-Policy", policy)
	c.Response().Header().Set("Referrer-Policy", "no-referrer")
	return c.HTML(http.StatusOK, Plain(html.String()))
}

func (s *server) style(c echo.Context, _ Token) error {
	return c.Blob(http.StatusOK, "text/css; charset=utf-8", style)
}

func pageOf(state rollback.State, now time.Time) page {
	p := page{Now: now, Quarantined: state.Quarantined}
	for _, name := range slices.Sorted(maps.Keys(state.Environments)) {
		e := state.Environments[name]
		p.Environments = append(p.Environments, environmentOf(e, now))
		p.Acting = p.Acting || slices.ContainsFunc(e.Incidents, (*rollback.Incident).Acting) || e.PreflightInHand() != nil
	}
	return p
}

func environmentOf(e *rollback.Environment, now time.Time) environmentView {
	v := environmentView{Name: e.Name, Deployed: Deployed(e.Release), Target: Target(e), Forward: Forward(e)}
	v.Lock, v.Unlock = Locked(e, now)
	v.Brakes, v.Proposals = Brakes(e, now), Proposals(e, now)
	v.Reports = Reports(e)
	v.Cutover, v.Rows, v.Asks, v.Items = Conducted(e, now), Observed(e), Asked(e), e.Items()
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
		v.Incidents = append(v.Incidents, incidentOf(i))
	}
	return v
}

func incidentOf(i *rollback.Incident) incidentView {
	steps := Timeline(i)
	earlier := max(len(steps)-stepsShown, 0)
	return incidentView{ID: i.ID, Phase: i.Phase, Opened: i.Opened, Earlier: earlier, Steps: steps[earlier:]}
}
