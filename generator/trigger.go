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

// triggers binds every item of the trigger list, and blames bindings that no item has.
func (r *resolver) triggers() {
	var numbers []string
	for _, item := range r.doc.Triggers {
		numbers = append(numbers, item.Number)
		e, bound := r.bind.Triggers.Find(item.Number)
		if !bound {
			r.blameCell(item.Text, fmt.Sprintf("trigger %s is bound to nothing", item.Number),
				fmt.Sprintf("add an entry %q under `triggers`: a trigger that nothing watches rolls nothing back", item.Number))
			continue
		}
		r.trigger(item, e)
	}
	if len(numbers) == 0 {
		return // that the list is missing has been said
	}
	for _, e := range r.bind.Triggers {
		if !slices.Contains(numbers, e.Key.Value) {
			r.blame(e.Key, fmt.Sprintf("the trigger list in %s has no item %s", r.doc.File, e.Key.Value), meant(e.Key.Value, numbers))
		}
	}
}

// triggerItem is an item of the trigger list with what is bound to it.
type triggerItem struct {
	runbook.Item
	key    diag.Text
	mode   slo.Mode
	states slo.Condition // the numbers in its words; zero where it states none
}

func (r *resolver) trigger(item runbook.Item, e diag.Entry[runbook.TriggerBinding]) {
	t := triggerItem{Item: item, key: e.Key}
	if r.given(e.Value.Mode, e.Key, "mode") {
		t.mode = oneOf(r, e.Value.Mode, "mode", slo.ModeObserve, slo.ModePropose, slo.ModeAuto)
	}
	states, err := condition.Mention(item.Text.Text)
	if err != nil {
		r.unreadable(item.Text, err)
		return
	}
	t.states = subjectOfItem(item).lend(states, alarm)
	things := r.things(e)
	measured := func(b runbook.AnyBinding) bool { return b.Gate.Value == "" }
	number := states.Op != "" || states.Window != 0 || states.For != 0
	if number && len(things) > 0 && !slices.ContainsFunc(things, measured) {
		r.blameCell(item.Text, fmt.Sprintf("trigger %s states a number, and is bound to results of gates, which have none", item.Number),
			"bind what the number is about")
	}
	entry := slo.Trigger{Item: item.Number, Line: item.Line, Mode: t.mode}
	for _, bound := range things {
		if id, ok := r.thing(t, bound); ok {
			entry.SLOs = append(entry.SLOs, id)
		}
	}
	r.matrix.Triggers = append(r.matrix.Triggers, entry)
}

// things are what a trigger names: one row by `slo`, or several things by `any`.
func (r *resolver) things(e diag.Entry[runbook.TriggerBinding]) []runbook.AnyBinding {
	one, several := e.Value.SLO.Value != "", len(e.Value.Any) > 0
	if one == several {
		r.blame(e.Key, fmt.Sprintf("trigger %s needs either `slo` or `any`", e.Key.Value),
			"`slo: ID` names a row; `any:` lists rows and SLIs of its own")
		return nil
	}
	if one {
		return []runbook.AnyBinding{{At: e.Value.SLO.At, SLO: e.Value.SLO}}
	}
	return e.Value.Any
}

// thing attaches a row, or an SLI of the trigger's own, and returns its id.
func (r *resolver) thing(t triggerItem, b runbook.AnyBinding) (string, bool) {
	if b.SLO.Value != "" {
		return b.SLO.Value, r.attach(t, b)
	}
	s, ok := r.ownSLI(t, b)
	if ok {
		r.matrix.SLIs = append(r.matrix.SLIs, s)
	}
	return s.ID, ok
}

// attach marks a row's SLI as served by the trigger and compares the numbers that both state.
func (r *resolver) attach(t triggerItem, b runbook.AnyBinding) bool {
	if b.ID.Value != "" {
		r.blame(b.ID, "`slo` names a row, `id` an SLI of the trigger's own: give one", "")
		return false
	}
	for i := range r.matrix.SLIs {
		s := &r.matrix.SLIs[i]
		if s.ID != b.SLO.Value {
			continue
		}
		if s.Trigger != "" {
			return r.attachedTwice(b.SLO, *s)
		}
		if !s.Bounded() {
			r.blame(b.SLO, fmt.Sprintf("row %q has no alert bound that could fire", s.Title), "write one into its alert cell, for instance > 2% (5m)")
			return false
		}
		s.Trigger, s.Mode = t.Number, t.mode
		r.compare(t, *s)
		return true
	}
	_, refused := r.ids[b.SLO.Value]
	if !refused && !slices.Contains(r.rowIDs(), b.SLO.Value) { // a row that is refused or missing has had its own diagnostic
		r.blame(b.SLO, fmt.Sprintf("no row has the id %q", b.SLO.Value), meant(b.SLO.Value, r.rowIDs()))
	}
	return false
}

func (r *resolver) attachedTwice(text diag.Text, s slo.SLI) bool {
	message := fmt.Sprintf("duplicate trigger: %q already serves item %s", s.ID, s.Trigger)
	d := r.bind.Diagnostic(text, message, "an alert carries the number of one trigger")
	if e, ok := r.bind.Triggers.Find(s.Trigger); ok {
		d.Related = []diag.Related{r.related(e.Key, "first named here")}
	}
	r.problems.Add(d)
	return false
}

func (r *resolver) rowIDs() []string {
	var ids []string
	for _, e := range r.bind.SLIs {
		ids = append(ids, e.Value.ID.Value)
	}
	return ids
}

// ownSLI is a thing that the trigger's item names and the table has no row for: a count, a gate's result, or any other kind whose bound
// the item states.
func (r *resolver) ownSLI(t triggerItem, b runbook.AnyBinding) (slo.SLI, bool) {
	parent := diag.Text{At: b.At}
	s := slo.SLI{
		ID: r.id(b.ID, parent), Item: t.Number, Line: t.Line, Component: r.component(b.Component, parent), Owner: r.ownOwner(b, parent),
		MinEvents: r.minEvents(b.SLIBinding), NoData: oneOf(r, b.NoData, "meaning of no data", slo.NoDataHold, slo.NoDataOK, slo.NoDataAlert),
		Trigger: t.Number, Mode: t.mode,
	}
	s.Title = strings.ReplaceAll(s.ID, "-", " ") // the item's words may be about several things, and are in the runbook's language
	if b.Gate.Value != "" {
		return r.gateSLI(s, b)
	}
	measure, q, ok := r.measure(b.SLIBinding, diag.Text{Value: s.ID, At: b.At})
	if !ok {
		return s, false
	}
	s.Measure, s.Baseline = measure, r.baselineOf(b.Baseline, q)
	bad, ok := r.fit(boundCell{cell: t.Text, condition: t.states, window: b.Window}, q, alarm)
	if !ok {
		return s, false
	}
	s.Alert = bad.bound
	s.Budget, _ = r.budgetOf(target{}, b.SLIBinding, q)
	r.finish(&s, b.SLIBinding, q)
	r.needs(s, b.SLIBinding, parent)
	return s, true
}

func (r *resolver) ownOwner(b runbook.AnyBinding, parent diag.Text) string {
	if !r.given(b.Owner, parent, "owner") {
		return ""
	}
	r.knownOwner(b.Owner)
	return b.Owner.Value
}

func (r *resolver) knownOwner(owner diag.Text) {
	if _, known := r.bind.Owners.Find(owner.Value); !known {
		r.blame(owner, fmt.Sprintf("owner %q is not in `owners`", owner.Value), meant(owner.Value, r.bind.Owners.Keys()))
	}
}

// gateSLI is a gate's last result: 1 is good, less is not, and a result older than one and a half rounds is none.
func (r *resolver) gateSLI(s slo.SLI, b runbook.AnyBinding) (slo.SLI, bool) {
	if !r.alone(b) {
		return s, false
	}
	g, known := r.gate(b.Gate.Value)
	if !known {
		r.blame(b.Gate, fmt.Sprintf("there is no gate %q", b.Gate.Value), meant(b.Gate.Value, r.gateIDs()))
		return s, false
	}
	if g.Every == 0 {
		r.blame(b.Gate, fmt.Sprintf("gate %q is not run again while the release is observed", g.ID),
			fmt.Sprintf("add `%q: {hard: true, every: 30m}` under `gates`", g.ID))
		return s, false
	}
	one := slo.DecimalOf(1)
	s.Measure.Gate = &slo.GateMeasure{Gate: g.ID, StaleAfter: g.Every * 3 / 2}
	s.SLO, s.Alert = &slo.Bound{Op: slo.Equal, Value: &one}, slo.Bound{Op: slo.Less, Value: &one}
	return s, true
}

// compare blames numbers that the trigger's words and the table's cell state differently.
func (r *resolver) compare(t triggerItem, s slo.SLI) {
	row, known := r.bounds[s.ID]
	if !known {
		return
	}
	states, ok := r.inPlace(t.Text, t.states, row.quantity, alarm)
	if !ok {
		return
	}
	if states.Per != 0 && states.Window == 0 {
		states.Window = row.bound.Window // the same rate may be counted over it
	}
	if states, ok = r.counted(t.Text, states, row.quantity); !ok {
		return
	}
	for _, differs := range differences(states, row) {
		related := diag.Related{At: row.cell.At, Source: row.cell.Source, Message: "the table says " + row.cell.Text}
		if differs == "window" && row.condition.Window == 0 {
			related = r.related(row.window, "the window is given here")
		}
		r.blameCell(t.Text, fmt.Sprintf("trigger %s and row %s (%s) disagree on the %s", t.Number, s.Item, s.Title, differs),
			"make both say the same", related)
	}
}

// differences names what two statements of one bound disagree on. What the item leaves out, it leaves to the table.
func differences(states slo.Condition, row boundCell) []string {
	var found []string
	note := func(different bool, what string) {
		if different {
			found = append(found, what)
		}
	}
	table := row.condition
	if states.Op != "" {
		note(states.Relative != table.Relative || states.Unit != table.Unit && states.Unit != "" && table.Unit != "" ||
			states.Value.Cmp(table.Value) != 0, "value")
		note(states.Op != table.Op, "comparison")
	}
	note(states.Quantile.Sign() != 0 && states.Quantile.Cmp(row.quantity.quantile) != 0, "quantile")
	note(states.Window != 0 && states.Window != row.bound.Window, "window")
	note(states.For != 0 && states.For != table.For, "time it must last")
	return found
}
