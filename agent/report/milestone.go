package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/generator/slo"
)

// Milestone is the report of one: what a person who was not there needs to judge it, or to see that nothing is to be judged.
func Milestone(s Story) Document {
	r := s.Result
	d := Document{Title: strings.TrimSpace("T+"+long(r.After.Std())+" "+cut(r.Title, 200)) + " · " + s.State.Name, Verdict: string(r.Verdict), Sentence: s.sentence()}
	d.add(s.decide())
	d.add(Section{Title: "The clock", List: s.clock()})
	d.add(Section{Title: "Every row since " + s.from(), Table: s.rows()})
	if len(s.cutover().Reached) > 1 {
		d.add(Section{Title: "Compared with what was before", Text: []string{"What a baseline was captured for is compared with it, everything else with what was measured at T0."}, Table: s.compared()})
		d.add(Section{Title: "Every row since T0", Table: s.totals()})
	}
	d.add(Section{Title: "Plots", Text: []string{s.about()}, Figures: s.figures()})
	d.add(Section{Title: "When a row was not PASS", Table: s.spells(r.Total)})
	d.add(Section{Title: "Alerts that fired since " + s.from(), Text: quiet(len(r.Alerts) == 0, "None."), Table: s.alarms(r.Alerts)})
	d.add(Section{Title: "Near misses", Text: quiet(!slices.ContainsFunc(r.Rows, nearly), "None: no row came to 80 % of its alert's bound and stayed within it."), List: s.near()})
	d.add(Section{Title: "Gates, as they were run last", Table: s.gates(r.At)})
	d.add(Section{Title: "Holds and stops of the clock", Text: quiet(len(s.Pauses) == 0, "None."), Table: s.pauses()})
	switch r.Draft {
	case slo.DraftReleaseNotes:
		d.Sections = append(d.Sections, s.notes()...)
	case slo.DraftBacklog:
		d.Sections = append(d.Sections, s.backlog()...)
	}
	d.add(Section{Title: "What this rests on", List: s.provenance()})
	return d
}

// quiet is a sentence that stands where there would be a table.
func quiet(is bool, sentence string) []string {
	if !is {
		return nil
	}
	return []string{sentence}
}

// from is where the milestone's stretch begins.
func (s Story) from() string {
	if s.Result.From.Sub(s.cutover().T0) < 2*time.Millisecond { // the ledger's moments are whole ones
		return "T0"
	}
	return since(s.cutover().T0, s.Result.From)
}

// sentence is the verdict in words.
func (s Story) sentence() string {
	r := s.Result
	var failed, dark, patchy []string
	for _, row := range r.Rows {
		title := s.row(row.SLO).Title
		switch {
		case row.Verdict == release.Fail:
			failed = append(failed, title)
		case row.Verdict == release.Unknown:
			dark = append(dark, title)
		case row.Unknown > 0:
			patchy = append(patchy, title)
		}
	}
	all := counted(len(r.Rows), "row")
	switch {
	case len(r.Rows) == 0:
		return "Nothing was judged since " + s.from() + "."
	case len(failed) > 0:
		text := fmt.Sprintf("%d of %s went beyond the SLO since %s: %s.", len(failed), all, s.from(), strings.Join(failed, ", "))
		if len(dark) > 0 {
			text += fmt.Sprintf(" %s could not be judged.", strings.Join(dark, ", "))
		}
		return text
	case len(dark) > 0:
		return fmt.Sprintf("%d of %s could not be judged: %s. None is known to have gone beyond its SLO.", len(dark), all, strings.Join(dark, ", "))
	case len(patchy) > 0:
		return fmt.Sprintf("None of %s went beyond its SLO since %s. At some moments there was no telling of %s; they do not count.", all, s.from(), strings.Join(patchy, ", "))
	}
	return fmt.Sprintf("All of %s stayed within their SLO at every moment since %s.", all, s.from()) + s.came()
}

// came says which rows came near to their alert.
func (s Story) came() string {
	var near []string
	for _, r := range s.Result.Rows {
		if r.Near {
			near = append(near, s.row(r.SLO).Title)
		}
	}
	if len(near) == 0 {
		return ""
	}
	return " Near to its alert came " + strings.Join(near, ", ") + "."
}

// decide is what waits for a person, or who needs not.
func (s Story) decide() Section {
	d := Section{Title: "What a person must decide"}
	for _, ask := range s.Result.Asks {
		d.List = append(d.List, line(cut(ask, 500)))
	}
	switch settled := s.Result.Settled; {
	case settled != nil:
		d.Text = []string{fmt.Sprintf("Nothing: it is settled by %s (%s).", settled.By, settled.Note)}
	case len(d.List) == 0:
		d.Text = []string{"Nothing."}
	}
	return d
}

func (s Story) clock() []Line {
	r, c := s.Result, s.cutover()
	late := ""
	if r.Late > 0 {
		late = long(r.Late.Std()) + " after it was due by the wall clock: for so long the clock stood still"
	}
	gaps := ""
	if r.Gaps > 0 {
		gaps = long(r.Gaps.Std()) + ", in which the agent was away"
	}
	return named([2]string{"reached", s.at(r.At)}, [2]string{"due", moment(r.Due)}, [2]string{"late", late},
		[2]string{"healthy minutes with data since T0", long(r.Clock.Std())}, [2]string{"not watched", gaps},
		[2]string{"a moment was judged every", long(s.Interval)}, [2]string{"ends", r.Ends}, [2]string{"phase after it", string(c.Phase)})
}

// gates are the last results with their age, those of the plan first.
func (s Story) gates(at time.Time) *Table {
	t := &Table{Head: []string{"Verdict", "Gate", "Age", "Commit", "Why"}}
	seen := map[string]bool{}
	show := func(id, name string) {
		g, known := s.State.Gates[id]
		if seen[id] = true; !known {
			t.Rows = append(t.Rows, Line{verdict(release.Unknown), text(id + " " + name), text(none), text(none), text("no result is known")})
			return
		}
		why := cut(g.Reason, 300)
		if g.Log != "" {
			why = strings.TrimPrefix(why+"; log "+g.Log, "; ")
		}
		t.Rows = append(t.Rows, Line{verdict(g.Verdict), text(strings.TrimSpace(id + " " + name)), text(long(at.Sub(g.At))), coded(short(g.Commit)), text(why)})
	}
	for _, g := range s.plan().Gates {
		name := release.Planned(g).Name
		if g.Hard {
			name += " (hard, run again every " + g.Every.String() + ")"
		}
		show(g.ID, cut(name, 200))
	}
	for _, id := range sortedKeys(s.State.Gates) {
		if !seen[id] {
			show(id, "")
		}
	}
	return t
}

func (s Story) pauses() *Table {
	t := &Table{Head: []string{"From", "Until", "Lasted", "Reason", "Goes on"}}
	for _, p := range s.Pauses {
		until, lasted, on := "stands", none, none
		if !p.Until.IsZero() {
			until, lasted, on = s.at(p.Until), long(p.Until.Sub(p.Since)), strings.TrimSpace(p.Why+" "+byWhom(p.By))
		}
		t.Rows = append(t.Rows, Line{text(s.at(p.Since)), text(until), text(lasted), text(cut(fmt.Sprintf("%s: %s %s", p.Reason, p.Text, byWhom(p.Stop.By)), 300)), text(cut(on, 300))})
	}
	return limited(t)
}

func byWhom(author string) string {
	if author == "" {
		return ""
	}
	return "(" + author + ")"
}

func (s Story) alarms(all []release.Alarm) *Table {
	t := &Table{Head: []string{"Alert", "Row", "Trigger", "Fired", "Until", "What the agent decided"}}
	for _, a := range all {
		until := "fires still"
		if !a.To.IsZero() {
			until = s.at(a.To)
		}
		row := none
		if a.SLO != "" {
			row = s.row(cut(a.SLO, 100)).Title
		}
		t.Rows = append(t.Rows, Line{coded(cut(a.Name, 200)), text(row), text(cut(cmp.Or(a.Trigger, none), 100)), text(s.at(a.From)), text(until), text(cut(cmp.Or(a.Decision, none), 300))})
	}
	return limited(t)
}

// most is how many lines of a table are shown; what is left out is counted.
const most = 100

func limited(t *Table) *Table {
	if left := len(t.Rows) - most; left > 0 {
		rest := make(Line, len(t.Head))
		rest[0] = text(fmt.Sprintf("and %d more", left))
		t.Rows = append(t.Rows[:most:most], rest)
	}
	return t
}
