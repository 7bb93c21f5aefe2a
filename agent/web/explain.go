package web

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// Explanation is the body of GET /api/v1/explain: an incident in one page.
type Explanation struct {
	Environment string    `json:"environment"`
	Incident    string    `json:"incident"`
	Sections    []Section `json:"sections"`
}

// Section is a part of an Explanation, a line for each fact.
type Section struct {
	Title string   `json:"title"`
	Lines []string `json:"lines"`
}

// explain tells the incident of ?incident=, or the last one, of ?environment=, which may be left out when there is only one.
func (s *server) explain(c echo.Context, token Token) error {
	x, _, err := s.explanation(c, token)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, x)
}

// incidentPage is an incident's page.
type incidentPage struct {
	Explanation
	Link string // to the analysis
}

// explainPage shows the same as a page.
func (s *server) explainPage(c echo.Context, token Token) error {
	x, i, err := s.explanation(c, token)
	if err != nil {
		return err
	}
	shown := incidentPage{Explanation: x}
	if i.RCA != nil {
		shown.Link = address(i.RCA.Link)
	}
	return s.show(c, http.StatusOK, "explain", shown)
}

func (s *server) explanation(c echo.Context, token Token) (Explanation, *rollback.Incident, error) {
	view, asked := s.Agent.View().of(token), c.QueryParam("environment")
	if asked != "" && !token.sees(asked) {
		_, err := token.about(asked)
		return Explanation{}, nil, err
	}
	e, i, err := incidentIn(view.State, asked, c.QueryParam("incident"))
	if err != nil {
		return Explanation{}, nil, err
	}
	entries, err := view.Story(c.Request().Context(), e.Name, i.ID)
	if err != nil {
		return Explanation{}, nil, err
	}
	return Explain(e, i, entries, time.Now()), i, nil
}

func incidentIn(state rollback.State, environment, id string) (*rollback.Environment, *rollback.Incident, error) {
	var known []string
	for _, name := range slices.Sorted(maps.Keys(state.Environments)) {
		e := state.Environments[name]
		if environment != "" && name != environment {
			continue
		}
		if id == "" && len(e.Incidents) > 0 {
			return e, e.Incidents[len(e.Incidents)-1], nil
		}
		if i := e.IncidentByID(id); i != nil {
			return e, i, nil
		}
		for _, i := range e.Incidents {
			known = append(known, i.ID)
		}
	}
	if len(known) == 0 {
		return nil, nil, release.Problemf(release.Invalid, "`rollback-agent status` shows what there is", "there is no incident to explain")
	}
	return nil, nil, release.Problemf(release.Invalid, "known: "+strings.Join(known, ", "), "there is no incident %q", id)
}

// Explain tells an incident from the state and from its entries in the ledger, oldest first: what fired, what the agent saw, what it
// decided and why, what it did, and how it stands. Every number that a decision rests on is in it.
func Explain(e *rollback.Environment, i *rollback.Incident, entries []rollback.Entry, now time.Time) Explanation {
	x := Explanation{Environment: e.Name, Incident: i.ID}
	x.add("In short", inShort(e, i, now))
	x.add("What fired", fired(e, i))
	x.add("What the agent saw", saw(i))
	did, refused := decisions(i)
	x.add("What it decided to do", did)
	x.add("What it refused, and why", refused)
	x.add("What was done, by the ledger", done(entries))
	x.add("Verification", checked(i))
	x.add("Which component", blamed(i))
	x.add("The lock and the cause", closing(e, i, now))
	return x
}

func (x *Explanation) add(title string, lines []string) {
	if len(lines) > 0 {
		x.Sections = append(x.Sections, Section{title, lines})
	}
}

func inShort(e *rollback.Environment, i *rollback.Incident, now time.Time) []string {
	lines := []string{fmt.Sprintf("incident %s of %s, opened %s (%s ago), now %s", i.ID, e.Name, Moment(i.Opened), now.Sub(i.Opened).Truncate(time.Second), i.Phase)}
	if i.Release != "" {
		lines = append(lines, "release "+short(i.Release))
	}
	if r := e.Release; r != nil && i.Release == r.Commit {
		lines = append(lines, fmt.Sprintf("T0 %s, told by %s; it goes back to %s (commit %s)", Moment(r.T0), r.By, r.Target.Name(), short(r.Target.Commit)))
	}
	if i.Trouble != nil {
		lines = append(lines, "a person must look: "+troubled(*i.Trouble))
	}
	if i.Remote != nil {
		lines = append(lines, fmt.Sprintf("on the remote since: %s, %s", i.Remote.Outcome, i.Remote.Text))
	}
	return lines
}

// most is how many lines of one kind fit on a page; a flood of alerts is told by its number.
const most = 25

func limited(lines []string, what string) []string {
	if len(lines) <= most {
		return lines
	}
	return append(lines[:most:most], fmt.Sprintf("… and %d more %s", len(lines)-most, what))
}

func fired(e *rollback.Environment, i *rollback.Incident) []string {
	var about []*rollback.Episode
	for _, episode := range e.Episodes {
		if d := episode.Decision; d != nil && d.Release != "" && d.Release == i.Release {
			about = append(about, episode)
		}
	}
	slices.SortFunc(about, func(a, b *rollback.Episode) int {
		return strings.Compare(a.First.Format(time.RFC3339Nano)+a.Key, b.First.Format(time.RFC3339Nano)+b.Key)
	})
	lines := make([]string, len(about))
	for n, episode := range about {
		lines[n] = firedLine(episode, e.Release)
	}
	return limited(lines, "alerts")
}

func firedLine(episode *rollback.Episode, r *release.Release) string {
	f, d := episode.Firing, episode.Decision
	began := "fired " + Moment(f.StartsAt)
	if !d.Onset.IsZero() && r != nil {
		began += fmt.Sprintf(", began %s (T0 + %s)", Moment(d.Onset), d.Onset.Sub(r.T0).Round(time.Second))
	}
	ends := "fires still"
	if !episode.Open {
		ends = "over since " + Moment(f.EndsAt)
	}
	stale := ""
	if episode.Stale > 0 {
		stale = fmt.Sprintf("%d stale deliveries were ignored", episode.Stale)
	}
	return joined(fmt.Sprintf("%s (trigger %s, %s) as %s", f.Labels["alertname"], d.Trigger, d.SLO, episode.Key), began,
		"heard "+Moment(episode.First), ends, stale, f.Summary)
}

// saw lists the evidence of each decision that rests on any.
func saw(i *rollback.Incident) []string {
	var lines []string
	for _, d := range i.Decisions {
		if e := d.Evidence; e != nil {
			lines = append(lines, fmt.Sprintf("%s for %s: %s", Moment(e.At), d.SLO, strings.Join(evidenceOf(*e), "; ")))
		}
	}
	return limited(lines, "looks")
}

func evidenceOf(e rollback.Evidence) []string {
	parts := []string{measured("now", e.Reading)}
	if e.AtT0.Verdict != "" {
		parts = append(parts, measured("at T0", e.AtT0))
	}
	if e.Suppressed != "" {
		parts = append(parts, e.Suppressed)
	}
	switch {
	case e.Tip.Problem != "":
		parts = append(parts, "tip unknown: "+e.Tip.Problem)
	case e.Tip.Commit != "":
		parts = append(parts, fmt.Sprintf("tip %s (%s), tree %s", short(e.Tip.Commit), e.Tip.Relation, short(e.Tip.Tree)))
	}
	if e.Target.Reason != "" {
		parts = append(parts, fmt.Sprintf("target %s: %s", e.Target.Reason, e.Target.Text))
	}
	if e.KillSwitch {
		parts = append(parts, "the kill switch's file is there")
	}
	return parts
}

// measured is a reading with every number that it has.
func measured(when string, r release.Reading) string {
	text := fmt.Sprintf("%s %s", when, r.Verdict)
	bound := ""
	if r.Bound != "" {
		bound = string(r.Op) + " " + r.Bound
	}
	for _, one := range []struct{ name, value string }{{"value", r.Value}, {"bound", bound},
		{"events", r.Events}, {"newest sample, seconds old", r.Age}} {
		if one.value != "" {
			text += ", " + one.name + " " + one.value
		}
	}
	if r.Verdict == release.Unknown {
		text += ": " + r.Reason
	}
	return text
}

// decisions sorts what was to be done from what was refused.
func decisions(i *rollback.Incident) (did, refused []string) {
	for _, d := range i.Decisions {
		line := fmt.Sprintf("%s %s (%s), %s: %s", Moment(d.At), d.Verdict, d.Reason, where(d), d.Text)
		if d.Verdict == rollback.Rollback || d.Verdict == rollback.Propose {
			did = append(did, line)
			continue
		}
		refused = append(refused, line)
	}
	if i.Attached > 0 {
		refused = append(refused, fmt.Sprintf("and %d decisions more that are alike", i.Attached))
	}
	return limited(did, "decisions"), limited(refused, "decisions")
}

func where(d rollback.Decision) string {
	if d.Trigger == "" {
		return d.Key
	}
	return "trigger " + d.Trigger + ", " + d.SLO
}
