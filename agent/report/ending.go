package report

import (
	"fmt"

	"github.com/coclai/cutover/agent/release"
)

// Ending is the report of a cutover that has ended, closed or rolled back or aborted: the whole of it in one document. Result is what was seen
// since the last milestone, with all rows since T0.
func Ending(s Story) Document {
	c := s.cutover()
	end := c.Ended
	d := Document{Title: "Cutover to " + short(c.Commit) + " · " + s.State.Name, Verdict: string(end.Phase), Sentence: s.ended()}
	d.add(Section{Title: "Milestones", Text: quiet(len(c.Reached) == 0, "None was reached."), Table: s.reached()})
	d.add(Section{Title: "The runbook's items", Table: s.items()})
	if len(s.Incident) > 0 {
		d.add(Section{Title: "How the release failed", Text: []string{"As rollback-agent explain told it when the agent had done what it does by itself."}})
	}
	for _, told := range s.Incident {
		part := Section{Title: told.Title, Under: true}
		for _, l := range told.Lines {
			part.List = append(part.List, line(cut(l, 500)))
		}
		d.add(part)
	}
	d.add(Section{Title: "Every row since T0", Table: s.totals()})
	if len(s.Result.Total) > 0 {
		d.add(Section{Title: "Plots", Text: []string{s.about()}, Figures: s.figures()})
	}
	d.add(Section{Title: "When a row was not PASS", Table: s.spells(s.Result.Total)})
	d.add(Section{Title: "Alerts that fired", Text: quiet(len(s.everyAlarm()) == 0, "None."), Table: s.alarms(s.everyAlarm())})
	d.add(Section{Title: "Gates, as they were run last", Table: s.gates(s.Result.At)})
	d.add(Section{Title: "Holds and stops of the clock", Text: quiet(len(s.Pauses) == 0, "None."), Table: s.pauses()})
	d.add(Section{Title: "What this rests on", List: s.provenance()})
	return d
}

// ended says in a sentence how it ended.
func (s Story) ended() string {
	c := s.cutover()
	switch end := c.Ended; {
	case end.Phase == release.RolledBack:
		return fmt.Sprintf("The release was taken back at %s; %s of %d milestones had been reached (%s).", s.at(end.At), fmt.Sprint(len(c.Reached)), len(c.Course.Milestones), end.Why)
	case end.Phase == release.Closed:
		return fmt.Sprintf("The release stays: all of %s are reached and settled, at %s.", counted(len(c.Reached), "milestone"), s.at(end.At))
	case c.T0.IsZero():
		return fmt.Sprintf("Nothing was deployed: %s ended it at %s (%s).", end.By, s.at(end.At), cut(end.Why, 300))
	default:
		return fmt.Sprintf("Nobody observes the release any more, and it stays deployed: %s ended it at %s (%s).", end.By, s.at(end.At), cut(end.Why, 300))
	}
}

func (s Story) reached() *Table {
	t := &Table{Head: []string{"Verdict", "Milestone", "Reached", "Late", "Settled"}}
	for _, r := range s.cutover().Reached {
		late, settled := none, "by nobody yet"
		if r.Late > 0 {
			late = long(r.Late.Std())
		}
		if r.Settled != nil {
			settled = r.Settled.By + ", " + moment(r.Settled.At)
			if r.Settled.Note != "" {
				settled += ": " + cut(r.Settled.Note, 300)
			}
		}
		t.Rows = append(t.Rows, Line{verdict(r.Verdict), text(r.Item + " T+" + long(r.After.Std()) + " " + cut(r.Title, 200)), text(s.at(r.At)), text(late), text(settled)})
	}
	return t
}

func (s Story) items() *Table {
	t := &Table{Head: []string{"Item", "What", "State", "By", "When", "Note"}}
	for _, i := range s.State.Items() {
		at := ""
		if !i.At.IsZero() {
			at = s.at(i.At)
		}
		t.Rows = append(t.Rows, Line{text(i.Item), text(cut(i.What, 200)), text(string(i.State)), text(i.By), text(at), text(cut(i.Note, 300))})
	}
	return t
}
