package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/web"
)

// printer writes answers as text or as JSON. Text passes web.Plain: a label must not be able to move the reader's cursor.
type printer struct {
	out    io.Writer
	format string
	now    func() time.Time
}

// json writes value and says true when JSON was asked for.
func (p *printer) json(value any) (bool, error) {
	if p.format != "json" {
		return false, nil
	}
	encoder := json.NewEncoder(p.out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return true, encoder.Encode(value)
}

func (p *printer) text(text *strings.Builder) error {
	_, err := io.WriteString(p.out, web.Plain(text.String()))
	return err
}

// answer writes what came of a deed.
func (p *printer) answer(a release.Answer) error {
	if done, err := p.json(a); done {
		return err
	}
	var b strings.Builder
	fmt.Fprintln(&b, a.Message)
	for _, detail := range a.Details {
		fmt.Fprintln(&b, "  "+detail)
	}
	return p.text(&b)
}

// history writes one line for each entry.
func (p *printer) history(h web.History) error {
	if done, err := p.json(h); done {
		return err
	}
	var b strings.Builder
	for _, e := range h.Entries {
		b.WriteString(entryLine(e))
	}
	return p.text(&b)
}

func entryLine(e rollback.Entry) string {
	return fmt.Sprintf("%5d  %s  %-18s  %s\n", e.Seq, web.Moment(e.At), e.Kind, oneLine(e.Author, e.Environment, web.Sentence(e)))
}

// status writes the agent's condition and each environment, or the one named.
func (p *printer) status(s web.Status, only string) error {
	if only != "" {
		e, known := s.State.Environments[only]
		if !known {
			return no(fmt.Sprintf("the agent knows no environment %q", only), "it has: "+strings.Join(slices.Sorted(maps.Keys(s.State.Environments)), ", "))
		}
		s.State.Environments = map[string]*rollback.Environment{only: e}
	}
	if done, err := p.json(s); done {
		return err
	}
	var b strings.Builder
	if s.Ready != "" {
		fmt.Fprintf(&b, "NOT READY: %s\n", s.Ready)
	}
	if s.Acting != "" {
		fmt.Fprintf(&b, "acting: %s\n", s.Acting)
	}
	for _, d := range s.Degraded {
		fmt.Fprintf(&b, "degraded: %s\n", d)
	}
	if s.State.Quarantined > 0 {
		fmt.Fprintf(&b, "%d webhook bodies could not be read: see alerts.quarantined in the history\n", s.State.Quarantined)
	}
	for _, name := range slices.Sorted(maps.Keys(s.State.Environments)) {
		p.environment(&b, s.State.Environments[name], s.Rows[name])
	}
	return p.text(&b)
}

func (p *printer) environment(b *strings.Builder, e *rollback.Environment, rows []web.Row) {
	fmt.Fprintf(b, "%s\n", e.Name)
	line(b, "released", p.deployed(e.Release))
	line(b, "in hand", web.Forward(e))
	line(b, "returns to", web.Target(e))
	for n, text := range web.Conducted(e, p.now()) {
		line(b, map[bool]string{true: "cutover"}[n == 0], text)
	}
	line(b, "next", web.NextMilestone(e, p.now()))
	for _, ask := range web.Asked(e) {
		line(b, "decide", ask)
	}
	for _, r := range rows {
		line(b, "row", rowLine(r))
	}
	p.writeLock(b, e)
	line(b, "preflight", web.Rehearsed(e))
	line(b, "messages", web.Untold(e))
	for _, gate := range slices.Sorted(maps.Keys(e.Gates)) {
		g := e.Gates[gate]
		line(b, "gate "+gate, oneLine(string(g.Verdict), web.Moment(g.At), g.By, g.Commit, g.Reason, g.Log))
	}
	alerts, others := web.Alerts(e)
	for _, f := range alerts {
		line(b, "alert", oneLine(f.Labels["alertname"], "since "+web.Moment(f.StartsAt), f.Summary))
	}
	if others > 0 {
		line(b, "alerts", fmt.Sprintf("and %d more", others))
	}
	for _, i := range e.Incidents {
		writeIncident(b, i)
	}
}

// rowLine is a row of the matrix against its bounds in one line.
func rowLine(r web.Row) string {
	bounds := "alert " + r.Alert
	if r.Bound != "" {
		bounds = "SLO " + r.Bound + ", " + bounds
	}
	return oneLine(fmt.Sprintf("%-7s", r.Verdict), r.SLO, r.Value, "("+bounds+")", r.Reason)
}

func (p *printer) writeLock(b *strings.Builder, e *rollback.Environment) {
	for _, brake := range web.Brakes(e, p.now()) {
		line(b, "held back", brake)
	}
	for _, proposal := range web.Proposals(e, p.now()) {
		line(b, "proposed", proposal)
	}
	why, how := web.Locked(e, p.now())
	if why == "" {
		line(b, "lock", "open")
		return
	}
	line(b, "lock", "LOCKED "+why)
	line(b, "", how)
}

func (p *printer) deployed(r *release.Release) string {
	text := web.Deployed(r)
	if r != nil {
		text += ", T+" + p.now().Sub(r.T0).Truncate(time.Second).String()
	}
	return text
}

func writeIncident(b *strings.Builder, i *rollback.Incident) {
	line(b, "incident", fmt.Sprintf("%s, %s, opened %s", i.ID, i.Phase, web.Moment(i.Opened)))
	for _, step := range web.Timeline(i) {
		fmt.Fprintf(b, "    %-20s  %s\n", web.Moment(step.At), oneLine(step.What, step.Text))
	}
}

// explanation writes an incident's page.
func (p *printer) explanation(x web.Explanation) error {
	if done, err := p.json(x); done {
		return err
	}
	var b strings.Builder
	for n, section := range x.Sections {
		if n > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintln(&b, section.Title)
		for _, text := range section.Lines {
			fmt.Fprintln(&b, "  "+strings.ReplaceAll(text, "\n", " "))
		}
	}
	return p.text(&b)
}

// line writes a name and what there is to say about it; nothing when there is nothing.
func line(b *strings.Builder, name, text string) {
	if text != "" {
		fmt.Fprintf(b, "  %-11s %s\n", name, oneLine(text))
	}
}

// oneLine puts the parts that are not empty on one line.
func oneLine(parts ...string) string {
	parts = slices.DeleteFunc(parts, func(p string) bool { return p == "" })
	return strings.ReplaceAll(strings.Join(parts, "  "), "\n", " ")
}
