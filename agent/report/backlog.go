package report

import (
	"fmt"
	"slices"
	"time"

	"github.com/coclai/cutover/agent/release"
)

// What makes a row one to be looked at again after the release.
const (
	noisy      = 3                // times that it was beyond its SLO, without anything being done about it
	unknownFor = 10 * time.Minute // in one piece, or in sum
)

// backlog is the follow-up work as a draft: what nearly was an incident, what could not be measured, what cries too often. Each item has its
// numbers and the row's owner, who is only suggested.
func (s Story) backlog() []Section {
	d := Section{Title: "Backlog (draft)", Text: []string{"Drafted from all that was seen since T0. It is a draft: a person accepts it with this milestone, and the row's owner is only who is asked first."}}
	t := &Table{Head: []string{"What", "Row", "Numbers", "Suggested owner"}}
	for _, r := range s.Result.Total {
		for _, item := range s.concerns(r) {
			row := s.row(r.SLO)
			t.Rows = append(t.Rows, Line{text(item[0]), text(row.Title), text(item[1]), text(owner(row.Owner))})
		}
	}
	for _, g := range s.plan().Gates {
		if result, known := s.State.Gates[g.ID]; known && g.Hard && result.Verdict != release.Pass {
			t.Rows = append(t.Rows, Line{text("a hard gate is " + string(result.Verdict)), text(g.ID + " " + cut(release.Planned(g).Name, 200)), text(cut(result.Reason, 300)), text(owner(g.Owner))})
		}
	}
	if len(t.Rows) == 0 {
		d.Text = append(d.Text, "Nothing: no near miss, nothing that could not be measured for long, no row that failed again and again.")
		return []Section{d}
	}
	d.Table = t
	return []Section{d}
}

// concerns are what a row gives rise to, each with its numbers.
func (s Story) concerns(r release.Row) [][2]string {
	var all [][2]string
	if near, at := s.nearest(r.SLO); near != "" {
		all = append(all, [2]string{"near miss: the alert was nearly reached", at + ", " + near})
	}
	if fired := s.fired(r.SLO); fired > 0 {
		all = append(all, [2]string{"its alert fired", counted(fired, "time") + "; worst " + s.worst(r)})
	}
	failed, dark, longest := 0, time.Duration(0), time.Duration(0)
	for _, spell := range r.Spells {
		if spell.Verdict == release.Fail {
			failed++
			continue
		}
		lasted := spell.To.Sub(spell.From)
		dark, longest = dark+lasted, max(longest, lasted)
	}
	if dark >= unknownFor {
		all = append(all, [2]string{"it could not be measured", fmt.Sprintf("%s in sum, %s at the longest; %s", long(dark), long(longest), s.firstReason(r))})
	}
	switch {
	case failed >= noisy:
		all = append(all, [2]string{"noisy: it goes beyond its SLO again and again", fmt.Sprintf("%s; worst %s", counted(failed, "time"), s.worst(r))})
	case failed > 0:
		all = append(all, [2]string{"it went beyond its SLO", fmt.Sprintf("%s; worst %s", counted(failed, "time"), s.worst(r))})
	}
	return all
}

// nearest is the nearest miss of a row in any stretch.
func (s Story) nearest(id string) (share, at string) {
	var worst *release.Extreme
	for _, m := range s.milestones() {
		n := slices.IndexFunc(m.Rows, func(r release.Judged) bool { return r.SLO == id && r.Near })
		if n >= 0 && (worst == nil || nearer(*m.Rows[n].Worst, *worst)) {
			worst = m.Rows[n].Worst
		}
	}
	if worst == nil {
		return "", ""
	}
	return shareOf(worst), s.worst(release.Row{SLO: id, Worst: worst})
}

func (s Story) fired(id string) int {
	n := 0
	for _, a := range s.everyAlarm() {
		if a.SLO == id {
			n++
		}
	}
	return n
}

func (s Story) firstReason(r release.Row) string {
	n := slices.IndexFunc(r.Spells, func(spell release.Spell) bool { return spell.Verdict == release.Unknown })
	if n < 0 {
		return ""
	}
	return "first " + cut(r.Spells[n].Reason, 200)
}
