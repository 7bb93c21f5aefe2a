package generator

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coclai/cutover/generator/condition"
	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// Account says what became of one heading, row or item of the runbook.
type Account struct {
	Item    string `json:"item"` // its number
	Line    int    `json:"line"`
	Text    string `json:"text"`
	As      Fate   `json:"as"`
	Becomes string `json:"becomes"`
}

// Fate is the kind of thing that a part of the runbook becomes.
type Fate string

// The fates. Nothing has none.
const (
	FateAlert   Fate = "alert"   // compiled into rules
	FateGate    Fate = "gate"    // a command that must pass
	FateAgent   Fate = "agent"   // done by the agent
	FateManual  Fate = "manual"  // done by a person
	FateRule    Fate = "rule"    // a heading, and what it says of its items
	FateIgnored Fate = "ignored" // and the reason
	FateRefused Fate = "refused" // and the reason
	FateRead    Fate = "read"    // understood, and bound to nothing: a bare runbook
)

// Accounts are of every numbered heading, row and item of the runbook, in the order of the document.
func (x Examination) Accounts() []Account {
	accounts := x.sections()
	for _, row := range x.Sources.Document.Rows {
		as, becomes := x.row(row)
		accounts = append(accounts, Account{row.Number, row.Line, row.Name.Text, as, becomes})
	}
	d := x.Sources.Document
	for _, list := range []struct {
		items   []runbook.Item
		explain func(runbook.Item) (Fate, string)
	}{
		{d.Preconditions, x.gate}, {d.Checklist, x.step}, {d.Triggers, x.trigger}, {d.Actions, x.action}, {d.Milestones, x.milestone}, {d.Others, x.other},
	} {
		for _, item := range list.items {
			as, becomes := list.explain(item)
			accounts = append(accounts, Account{item.Number, item.Line, item.Text.Text, as, becomes})
		}
	}
	slices.SortStableFunc(accounts, func(a, b Account) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Item, b.Item)) })
	return accounts
}

// refused is the fate of what is not in the matrix.
func (x Examination) refused(line int) (Fate, string) {
	if d, found := x.problemAt(line); found {
		return FateRefused, d.Message
	}
	return FateRefused, "what it is bound to is refused"
}

// one finds the part of the matrix that was made of an item.
func one[T any](all []T, is func(T) bool) (T, bool) {
	if i := slices.IndexFunc(all, is); i >= 0 {
		return all[i], true
	}
	var none T
	return none, false
}

// headings is what a section's kind makes of its items.
var headings = map[runbook.Kind]string{
	runbook.Preconditions: "each item is a gate; all must be PASS for the commit before it is deployed",
	runbook.Checklist:     "the steps of the cutover, in this order",
	runbook.Triggers:      "any one of them suffices",
	runbook.Actions:       "the steps of a rollback, in this order",
	runbook.Matrix:        "each row has an objective (a ticket when it is missed) and an alert (a page)",
	runbook.Milestones:    "points after T0 at which the numbers, or a person, decide",
}

func (x Examination) sections() []Account {
	var accounts []Account
	for _, s := range x.Sources.Document.Sections {
		if s.Number == "" {
			continue
		}
		a := Account{s.Number, s.Line, s.Title, FateRule, headings[s.Kind]}
		switch {
		case s.Kind == runbook.Rehearsal:
			a.As, a.Becomes = FateIgnored, "a record of what has taken place: nothing in it is to be done"
		case a.Becomes == "":
			a.As, a.Becomes = FateIgnored, "a heading over other sections, or over text for people"
		}
		accounts = append(accounts, a)
	}
	return accounts
}

func (x Examination) row(row runbook.Row) (Fate, string) {
	s, compiled := one(x.Matrix.SLIs, func(s slo.SLI) bool { return s.Item == row.Number && s.Trigger != s.Item })
	_, problem := x.problemAt(row.Line)
	switch {
	case problem || !compiled && !x.bare:
		return x.refused(row.Line)
	case !compiled:
		return FateRead, fmt.Sprintf("good: %s; alert: %s, to %s; measured by nothing yet", row.Target.Text, row.Alert.Text, row.Owner.Text)
	}
	if !s.Bounded() {
		return FateAlert, fmt.Sprintf("%s… tells %s when its error budget is spent too fast: %s of the events good over %s",
			slo.AlertName(x.Matrix.Service, s.ID)+slo.SuffixBurn, s.Owner, percentage(s.Budget.Objective), s.Budget.Period)
	}
	becomes := fmt.Sprintf("%s pages %s when %s", slo.AlertName(x.Matrix.Service, s.ID), s.Owner, x.bound(s, s.Alert))
	if s.Trigger != "" {
		becomes += fmt.Sprintf(", and rolls back (%s) by %s", s.Mode, s.Trigger)
	}
	if s.SLO != nil {
		becomes += fmt.Sprintf("; a ticket unless %s", x.bound(s, *s.SLO))
	}
	if s.Budget != nil {
		becomes += fmt.Sprintf("; an error budget: %s of the events good over %s", percentage(s.Budget.Objective), s.Budget.Period)
	}
	return FateAlert, becomes
}

// bound is written as the condition language writes it.
func (x Examination) bound(s slo.SLI, b slo.Bound) string {
	c := slo.Condition{Op: b.Op, Window: b.Window, For: b.For, Unit: planSLO(x.Matrix, s).Unit}
	if b.Relative != nil {
		c.Value, c.Relative, c.Unit = *b.Relative, true, slo.Ratio
	} else {
		c.Value = *b.Value
	}
	if c.Unit == slo.State || c.Unit == slo.Count {
		c.Unit = ""
	}
	return condition.Print(c)
}

func (x Examination) trigger(item runbook.Item) (Fate, string) {
	t, compiled := one(x.Matrix.Triggers, func(t slo.Trigger) bool { return t.Item == item.Number })
	_, problem := x.problemAt(item.Line)
	switch {
	case problem || !compiled && !x.bare:
		return x.refused(item.Line)
	case !compiled:
		return FateRead, "a reason to roll back" + stated(item) + "; bound to nothing yet"
	}
	var alerts []string
	for _, id := range t.SLOs {
		if s, measured := one(x.Matrix.SLIs, func(s slo.SLI) bool { return s.ID == id }); measured {
			alerts = append(alerts, fmt.Sprintf("%s (%s)", slo.AlertName(x.Matrix.Service, id), x.bound(s, s.Alert)))
		}
	}
	if len(alerts) == 0 {
		return x.refused(item.Line)
	}
	return FateAlert, fmt.Sprintf("rolls back (%s) when one of these fires: %s", t.Mode, strings.Join(alerts, ", "))
}

// stated is the number in an item's words.
func stated(item runbook.Item) string {
	if c, err := condition.Mention(item.Text.Text); err == nil && c.Op != "" {
		return ": " + condition.Print(c)
	}
	return ", which states no number"
}

func (x Examination) gate(item runbook.Item) (Fate, string) {
	g, compiled := one(x.Matrix.Gates, func(g slo.Gate) bool { return g.ID == item.Number })
	if _, problem := x.problemAt(item.Line); problem || !compiled {
		return x.refused(item.Line)
	}
	if g.Pass == slo.PassManual {
		return FateManual, fmt.Sprintf("%s sees to it and reports it: `rollback-agent gates record %s PASS`; unreported, nothing is deployed", g.Owner, g.ID)
	}
	passes := map[slo.Pass]string{slo.PassExit0: "passes with exit status 0", slo.PassNoMatch: "passes when it finds nothing"}
	becomes := fmt.Sprintf("%q %s", g.Argv, passes[g.Pass])
	if len(g.Env) > 0 {
		becomes += fmt.Sprintf(", with %d variables set", len(g.Env))
	}
	if g.Hard {
		becomes += fmt.Sprintf("; run again every %s while the release is observed", g.Every)
	}
	if g.Logs != "" {
		becomes += "; logs in " + g.Logs
	}
	return FateGate, becomes
}

func (x Examination) step(item runbook.Item) (Fate, string) {
	s, compiled := one(x.Matrix.Checklist, func(s slo.Step) bool { return s.Item == item.Number })
	if _, problem := x.problemAt(item.Line); problem || !compiled {
		return x.refused(item.Line)
	}
	switch s.Step {
	case slo.StepTag:
		return FateAgent, strings.TrimSuffix(fmt.Sprintf("tags what production runs, as %s (%s)", x.Matrix.StableTag.Pattern, x.Matrix.StableTag.TimeZone), " ()")
	case slo.StepRecheck:
		return FateAgent, "checks that every gate is still PASS for this commit"
	case slo.StepAnnounce:
		return FateAgent, "announces the window"
	case slo.StepObserve:
		what := "all rows"
		if len(s.SLOs) > 0 {
			what = strings.Join(s.SLOs, ", ") + ", the others too"
		}
		return FateAgent, fmt.Sprintf("observes until T+%s: %s", hours(s.Until), what)
	case slo.StepDeploy:
		return FateManual, "a person or CI deploys and says so: `rollback-agent deployed COMMIT` is T0"
	}
	return FateManual, "no step that the agent knows: a person ticks it"
}

func (x Examination) action(item runbook.Item) (Fate, string) {
	s, compiled := one(x.Matrix.Rollback, func(s slo.RollbackStep) bool { return s.Item == item.Number })
	if _, problem := x.problemAt(item.Line); problem || !compiled {
		return x.refused(item.Line)
	}
	switch s.Step {
	case slo.RollbackRestore:
		return FateAgent, "puts the deploy branch back to the stable tag's tree: one new commit"
	case slo.RollbackGates:
		return FateAgent, fmt.Sprintf("runs gate %s on the restored tree", strings.Join(s.Gates, ", "))
	case slo.RollbackClassify:
		return FateAgent, "classifies by the component of what fired: " + strings.Join(s.Components, ", ")
	case slo.RollbackLock:
		return FateAgent, "locks: redeployment is refused until somebody unlocks with a cause"
	}
	return FateManual, "no step that the agent knows: a person does it"
}

func (x Examination) milestone(item runbook.Item) (Fate, string) {
	m, compiled := one(x.Matrix.Milestones, func(m slo.Milestone) bool { return m.Item == item.Number })
	if _, problem := x.problemAt(item.Line); problem || !compiled {
		return x.refused(item.Line)
	}
	becomes := fmt.Sprintf("due at T+%s, needs %s", hours(m.After), m.Needs)
	if m.Ends != "" {
		becomes += ", ends " + m.Ends
	}
	if m.Draft != "" {
		becomes += ", drafts " + m.Draft
	}
	return FateAgent, becomes
}

// hours writes a time after T0 as runbooks do: T+48h, where Prometheus says 2d.
func hours(d slo.Duration) string {
	if d.Std()%time.Hour == 0 {
		return fmt.Sprintf("%dh", int(d.Std().Hours()))
	}
	return d.String()
}

func (x Examination) other(item runbook.Item) (Fate, string) {
	if item.Kind == runbook.Rehearsal {
		return FateIgnored, "part of a record: nothing to be done"
	}
	return FateIgnored, "in a section that the program has no use for"
}
