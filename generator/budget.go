package generator

import (
	"fmt"

	"github.com/coclai/cutover/generator/condition"
	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// target is the cell of a row's objective with what it says, as a target; the zero value is for SLIs without a row.
type target struct {
	cell      runbook.Cell
	condition slo.Condition
}

// budgetOf is the error budget that a row's target cell and its binding state together; nil if neither does, or if something is wrong
// with it. With spoken, the cell states the budget's objective, and so bounds no window: "99.9% (30d)".
func (r *resolver) budgetOf(t target, b runbook.SLIBinding, q quantity) (budget *slo.Budget, spoken bool) {
	if b.Budget == nil && t.condition.Period == 0 {
		return nil, false
	}
	given := runbook.BudgetBinding{}
	if b.Budget != nil {
		given = *b.Budget
	}
	spoken = t.speaks(given, b.Window)
	if !q.budgeted {
		r.blameBudget(t, given, fmt.Sprintf("a %s has no error budget", q.kind), "only a share of bad events or of downtime can be budgeted")
		return nil, spoken
	}
	before := len(r.problems)
	budget = &slo.Budget{
		Objective: r.goodShare(t, given, spoken), Period: r.period(t, given),
		Raw: oneOf(r, given.Windows, "kind of windows", "recorded", "raw") == "raw",
	}
	if len(r.problems) == before && !r.sound[*budget] {
		r.burns(*budget, func(message, hint string) { r.blameBudget(t, given, message, hint) })
	}
	if len(r.problems) > before {
		return nil, spoken
	}
	r.sound[*budget] = true
	return budget, spoken
}

// objective reads the target cell of a row: a bound over a window, or the objective of an error budget.
func (r *resolver) objective(s *slo.SLI, row runbook.Row, about subject, q quantity, b runbook.SLIBinding) (boundCell, bool) {
	found := r.said.target(row)
	if found.err != nil {
		r.unreadable(row.Target, found.err)
		return boundCell{}, false
	}
	c := about.lend(found.condition, objective)
	if !r.named(about, c, row.Target, objective) {
		return boundCell{}, false
	}
	placed, ok := r.inPlace(row.Target, c, q, objective)
	if !ok {
		return boundCell{}, false
	}
	before, spoken := len(r.problems), false
	if s.Budget, spoken = r.budgetOf(target{row.Target, placed}, b, q); spoken || len(r.problems) > before {
		return boundCell{}, len(r.problems) == before
	}
	good, ok := r.fit(boundCell{cell: row.Target, condition: c, window: b.Window}, q, objective)
	if ok {
		s.SLO = &good.bound
	}
	return good, ok
}

// speaks says whether the target cell is about the budget: it names the period, or it leaves the time to the binding, which gives a
// budget and no objective or window that would tell the two apart.
func (t target) speaks(given runbook.BudgetBinding, window diag.Text) bool {
	if t.condition.Period != 0 {
		return true
	}
	return t.condition.Op != "" && t.condition.Window == 0 && (given.Objective.Value == "" || window.Value == "")
}

// blameBudget blames the binding of a budget, or the cell where there is none.
func (r *resolver) blameBudget(t target, given runbook.BudgetBinding, message, hint string) {
	if given.At == (diag.Position{}) {
		r.blameCell(t.cell, message, hint)
		return
	}
	r.blame(diag.Text{At: given.At}, message, hint)
}

// goodShare is the objective, which cell and binding may both state, but not differently.
func (r *resolver) goodShare(t target, given runbook.BudgetBinding, spoken bool) slo.Decimal {
	said, stated := t.goodShare()
	if given.Objective.Value == "" {
		if !stated {
			r.blameBudget(t, given, "the budget has no objective", "add `objective: 99.9%`, the share of good events")
		}
		return said
	}
	c, err := condition.Parse(given.Objective.Value)
	if err != nil || !c.Objective() || c.Window != 0 || c.Period != 0 {
		r.blame(given.Objective, fmt.Sprintf("%q is no objective", given.Objective.Value), "write the share of good events, for instance 99.9%")
		return said
	}
	if spoken && stated && said.Cmp(c.Value) != 0 {
		r.differs(given.Objective, t, "objective")
	}
	return c.Value
}

func (t target) goodShare() (slo.Decimal, bool) {
	c := t.condition
	if c.Unit != slo.Ratio || c.Relative {
		return slo.Decimal{}, false
	}
	if c.Share == slo.ShareBad || c.Op == slo.Equal && c.Share != slo.ShareGood {
		c = c.Complement()
	}
	return c.Value, true
}

func (r *resolver) period(t target, given runbook.BudgetBinding) slo.Duration {
	said := t.condition.Period
	if given.Period.Value == "" {
		if said == 0 {
			r.blameBudget(t, given, "the budget names no period", "add `period: 30d`, or write it in the cell: 99.9% (30d)")
		}
		return said
	}
	d := r.interval(given.Period, "period")
	if said != 0 && d != 0 && d != said {
		r.differs(given.Period, t, "period")
	}
	return d
}

// differs blames two statements of one thing.
func (r *resolver) differs(text diag.Text, t target, what string) {
	d := r.bind.Diagnostic(text, fmt.Sprintf("the budget and the table disagree on the %s", what), "make both say the same")
	d.Related = []diag.Related{{At: t.cell.At, Source: t.cell.Source, Message: "the table says " + t.cell.Text}}
	r.problems.Add(d)
}
