package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/coclai/cutover/agent/release"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// rows is every row in the stretch that the milestone ends.
func (s Story) rows() *Table {
	t := &Table{Head: []string{"Verdict", "Row", "Moments", "Last", "Worst", "SLO", "Alert", "Baseline", "Nearest to the alert"}}
	for _, r := range s.Result.Rows {
		row := s.row(r.SLO)
		near := shareOf(r.Worst)
		if r.Near {
			near += ": near miss"
		}
		t.Rows = append(t.Rows, Line{verdict(r.Verdict), text(row.Title), text(s.moments(r.Row)), text(s.last(r.Row)), text(s.worst(r.Row)),
			text(boundText(row.SLO, row.Unit, boundOf(r.Last, row.SLO != nil))), text(boundText(&row.Alert, row.Unit, r.Last.Alert)), text(s.against(r.Row)), text(near)})
	}
	return t
}

// boundOf is the SLO's number; a row that was not measured has none.
func boundOf(r release.Reading, has bool) string {
	if !has || r.Verdict == release.Unknown {
		return ""
	}
	return r.Bound
}

func (s Story) last(r release.Row) string {
	text := quantity(s.row(r.SLO).Unit, r.Last.Value)
	if r.Last.Events != "" {
		text += " of " + r.Last.Events + " events"
	}
	if r.Last.Verdict == release.Unknown {
		text = "UNKNOWN: " + cut(r.Last.Reason, 200)
	}
	return text
}

func (s Story) worst(r release.Row) string {
	if r.Worst == nil {
		return none
	}
	return quantity(s.row(r.SLO).Unit, r.Worst.Value) + " at " + since(s.cutover().T0, r.Worst.At)
}

// against is the baseline, with how far the worst value was from it.
func (s Story) against(r release.Row) string {
	b := s.baseline(r.SLO)
	if b == nil {
		return none
	}
	text := quantity(s.row(r.SLO).Unit, b.Value)
	if r.Worst != nil {
		text += ", worst " + change(b.Value, r.Worst.Value)
	}
	return text
}

// compared holds each row against what was before the release.
func (s Story) compared() *Table {
	t := &Table{Head: []string{"Row", "Before", "Last", "Change", "Worst since T0", "Change"}}
	for _, r := range s.Result.Total {
		row := s.row(r.SLO)
		before, from := s.before(r.SLO)
		t.Rows = append(t.Rows, Line{text(row.Title), text(from), text(s.last(r)), text(change(before, r.Last.Value)), text(s.worst(r)), text(change(before, worstOf(r)))})
	}
	return t
}

func worstOf(r release.Row) string {
	if r.Worst == nil {
		return ""
	}
	return r.Worst.Value
}

// before is what a row's value was before the release, and where that is known from.
func (s Story) before(id string) (value, from string) {
	unit := s.row(id).Unit
	if b := s.baseline(id); b != nil {
		return b.Value, fmt.Sprintf("%s over %s (baseline of %s, %s events)", quantity(unit, b.Value), b.Over, moment(b.At), b.Events)
	}
	if s.State.Release != nil {
		for _, r := range s.State.Release.AtT0 {
			if r.SLO == id && r.Value != "" {
				return r.Value, quantity(unit, r.Value) + " at T0"
			}
		}
	}
	return "", "not measured"
}

func (s Story) totals() *Table {
	t := &Table{Head: []string{"Row", "PASS", "FAIL", "UNKNOWN", "Worst", "Nearest to the alert"}}
	for _, r := range s.Result.Total {
		t.Rows = append(t.Rows, Line{text(s.row(r.SLO).Title), text(fmt.Sprint(r.Pass)), text(fmt.Sprint(r.Fail)), text(fmt.Sprint(r.Unknown)), text(s.worst(r)), text(shareOf(r.Worst))})
	}
	return t
}

// spells are the times at which rows were not PASS, in order.
func (s Story) spells(rows []release.Row) *Table {
	t := &Table{Head: []string{"Row", "Verdict", "From", "Until", "Why, as it began"}}
	type one struct {
		row string
		release.Spell
	}
	var all []one
	more := 0
	for _, r := range rows {
		for _, spell := range r.Spells {
			all = append(all, one{s.row(r.SLO).Title, spell})
		}
		more += r.More
	}
	slices.SortStableFunc(all, func(a, b one) int { return a.From.Compare(b.From) })
	for _, o := range all {
		t.Rows = append(t.Rows, Line{text(o.row), verdict(o.Verdict), text(s.at(o.From)), text(since(s.cutover().T0, o.To)), text(cut(o.Reason, 300))})
	}
	t = limited(t)
	if more > 0 {
		t.Rows = append(t.Rows, Line{text(fmt.Sprintf("and %s that the ledger only counts", counted(more, "spell"))), text(""), text(""), text(""), text("")})
	}
	return t
}

func nearly(r release.Judged) bool { return r.Near }

// near are the rows whose alert did not fire and was nearly reached.
func (s Story) near() []Line {
	var all []Line
	for _, r := range s.Result.Rows {
		if r.Near {
			row := s.row(r.SLO)
			all = append(all, line(fmt.Sprintf("%s: %s, which is %s of the alert (%s); owner %s", row.Title, s.worst(r.Row), strings.TrimSuffix(shareOf(r.Worst), " of the bound"),
				boundText(&row.Alert, row.Unit, r.Last.Alert), owner(row.Owner))))
		}
	}
	return all
}

func owner(name string) string {
	if name == "" {
		return "not named in the plan"
	}
	return name
}
