package generator

import (
	"fmt"
	"slices"
	"strings"

	"github.com/coclai/cutover/generator/condition"
	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// rows makes an SLI of every row of the table, in its order, and blames bindings that no row needs.
func (r *resolver) rows() {
	r.matrix.SLIs = slices.Grow(r.matrix.SLIs, len(r.doc.Rows))
	for _, row := range r.doc.Rows {
		r.row(row)
	}
	if len(r.doc.Rows) == 0 {
		return // that the table is missing has been said
	}
	var names []string
	known := map[string]bool{}
	for _, row := range r.doc.Rows {
		names, known[row.Name.Text] = append(names, row.Name.Text), true
	}
	for _, e := range r.bind.SLIs {
		if key := e.Key.Value; !known[key] {
			r.blame(e.Key, fmt.Sprintf("the table in %s has no row %q", r.doc.File, key), meant(key, names))
		}
	}
}

func (r *resolver) row(row runbook.Row) {
	if !row.Complete() {
		return // that a column is missing has been said
	}
	about := subjectOf(row, r.said)
	if about.doubt != "" {
		r.blameCell(row.Name, about.doubt, `write for instance "5m"`)
		return
	}
	e, bound := r.slis[row.Name.Text]
	if !bound {
		hint := fmt.Sprintf("add an entry %q under `slis`", row.Name.Text)
		if near, ok := diag.Nearest(row.Name.Text, r.bind.SLIs.Keys()); ok {
			hint = fmt.Sprintf("%s binds %q: is that this row?", r.bind.File, near)
		}
		r.blameCell(row.Name, fmt.Sprintf("row %q is bound to no measurement", row.Name.Text), hint)
		return
	}
	s := slo.SLI{
		ID: r.id(e.Value.ID, e.Key), Title: row.Name.Text, Item: row.Number, Line: row.Line,
		Component: r.component(e.Value.Component, e.Key), Owner: r.rowOwner(row),
		MinEvents: r.minEvents(e.Value),
		NoData:    oneOf(r, e.Value.NoData, "meaning of no data", slo.NoDataHold, slo.NoDataOK, slo.NoDataAlert), Mode: slo.ModeNone,
	}
	measure, q, ok := r.measure(e.Value, e.Key)
	before := len(r.problems)
	s.Measure, s.Baseline = measure, r.baselineOf(e.Value.Baseline, q)
	ok = ok && len(r.problems) == before
	if q.kind == "" {
		return
	}
	good, goodOK := r.objective(&s, row, about, q, e.Value)
	bad, badOK := boundCell{}, true
	if !dash(row.Alert) || goodOK && (s.Budget == nil || s.SLO != nil) {
		bad, badOK = r.alertOf(row, about, q, e.Value)
	}
	if !ok || !goodOK || !badOK {
		return
	}
	s.Alert = bad.bound
	if s.SLO != nil {
		r.agree(row, q, good, bad)
	}
	r.finish(&s, e.Value, q)
	r.needs(s, e.Value, e.Key)
	r.bounds[s.ID] = bad
	r.matrix.SLIs = append(r.matrix.SLIs, s)
}

// dash says whether a cell is a dash. In the alert's column it leaves the row to the alerts of its error budget, "99.9% (30d)". An empty
// cell does not: it may have been forgotten.
func dash(cell runbook.Cell) bool {
	return cell.Text != "" && strings.Trim(cell.Text, " -–—−") == ""
}

// agree compares the two bounds of a row.
func (r *resolver) agree(row runbook.Row, q quantity, good, bad boundCell) {
	also := diag.Related{At: row.Target.At, Source: row.Target.Source, Message: fmt.Sprintf("the objective is %s", row.Target.Text)}
	if (good.bound.Relative == nil) == (bad.bound.Relative == nil) && contradict(good.bound, bad.bound, q.whole) {
		r.blameCell(row.Alert, fmt.Sprintf("%q would alert on values that the objective %q calls good", row.Alert.Text, row.Target.Text),
			"the alert bound must lie beyond the objective", also)
	}
}

// needs checks what an SLI's bounds ask of its binding, and what the binding gives to no purpose.
func (r *resolver) needs(s slo.SLI, b runbook.SLIBinding, key diag.Text) {
	relative := s.Alert.Relative != nil || (s.SLO != nil && s.SLO.Relative != nil)
	if relative && b.Baseline == nil {
		r.blame(key, fmt.Sprintf("%q is compared with a baseline, and none is defined", s.Title),
			"add `baseline: {from: release, over: 1h, min_events: 500, floor: 20ms}`")
	}
	if b.Baseline != nil && !relative {
		r.blame(diag.Text{At: b.Baseline.At}, fmt.Sprintf("no bound of %q is compared with a baseline", s.Title), "drop `baseline`")
	}
	if b.Window.Value != "" && !usesWindow(s, b) {
		r.blame(b.Window, fmt.Sprintf("`window` of %q is not used: its bounds name their own, or have none", s.Title), "drop `window`")
	}
	r.quantiles(s, b)
}

// usesWindow says whether some bound took its window from the binding; a count of the trigger's own always does.
func usesWindow(s slo.SLI, b runbook.SLIBinding) bool {
	d, err := slo.ParseDuration(b.Window.Value)
	return err != nil || s.Alert.Window == d || (s.SLO != nil && s.SLO.Window == d)
}

// quantiles compares a percentile in the row's name with the one that is measured.
func (r *resolver) quantiles(s slo.SLI, b runbook.SLIBinding) {
	if s.Measure.Latency == nil {
		return
	}
	named, err := condition.Mention(s.Title)
	if err != nil || named.Quantile.Sign() == 0 {
		return
	}
	if named.Quantile.Cmp(s.Measure.Latency.Quantile) != 0 {
		r.blame(b.Latency.Quantile, fmt.Sprintf("the row is called %q, and quantile %s is measured", s.Title, b.Latency.Quantile.Value),
			"write "+named.Quantile.String())
	}
}

// id reads an SLI's id, which leaves the program as a label, and must be the only one.
func (r *resolver) id(text, parent diag.Text) string {
	if !r.given(text, parent, "id") {
		return ""
	}
	if !idPattern.MatchString(text.Value) {
		r.blame(text, fmt.Sprintf("id %q has characters that an id may not have", text.Value),
			"use lower-case words with hyphens, for instance api-error-rate")
		return text.Value
	}
	if first, taken := r.ids[text.Value]; taken {
		d := r.bind.Diagnostic(text, fmt.Sprintf("two SLIs have the id %q", text.Value), "give each its own")
		d.Related = []diag.Related{r.related(first, "first given here")}
		r.problems.Add(d)
		return text.Value
	}
	r.ids[text.Value] = text
	return text.Value
}

// component must be one of those by which the runbook classifies incidents, if it does.
func (r *resolver) component(text, parent diag.Text) string {
	if !r.given(text, parent, "component") {
		return ""
	}
	if len(r.components) > 0 && !slices.Contains(r.components, text.Value) {
		r.blame(text, fmt.Sprintf("the runbook classifies by no component %q", text.Value), meant(text.Value, r.components))
	}
	return text.Value
}

func (r *resolver) rowOwner(row runbook.Row) string {
	if _, known := r.bind.Owners.Find(row.Owner.Text); !known {
		r.blameCell(row.Owner, fmt.Sprintf("owner %q is not in `owners` of %s", row.Owner.Text, r.bind.File),
			meant(row.Owner.Text, r.bind.Owners.Keys()))
	}
	return row.Owner.Text
}

// minEvents is how many events a ratio, a quantile or an availability (its samples) must rest on; nothing else rests on events.
func (r *resolver) minEvents(b runbook.SLIBinding) slo.Decimal {
	if b.MinEvents.Value != "" && b.Ratio == nil && b.Latency == nil && b.Availability == nil {
		r.blame(b.MinEvents, "only a ratio, a latency or an availability rests on a number of events", "drop `min_events`")
	}
	return r.amount(b.MinEvents)
}
