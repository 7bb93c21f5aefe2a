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
)

// Explain accounts for every numbered heading, row and item of the runbook, in the order of the document.
func Explain(c Compilation) []Account {
	x := explainer{c}
	accounts := x.sections()
	for _, row := range c.Sources.Document.Rows {
		accounts = append(accounts, x.row(row))
	}
	of := map[*[]runbook.Item]func(runbook.Item) (Fate, string){
		&c.Sources.Document.Preconditions: x.gate, &c.Sources.Document.Checklist: x.step, &c.Sources.Document.Triggers: x.trigger,
		&c.Sources.Document.Actions: x.action, &c.Sources.Document.Milestones: x.milestone, &c.Sources.Document.Others: x.other,
	}
	for items, explain := range of {
		for _, item := range *items {
			as, becomes := explain(item)
			accounts = append(accounts, Account{item.Number, item.Line, item.Text.Text, as, becomes})
		}
	}
	slices.SortStableFunc(accounts, func(a, b Account) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Item, b.Item)) })
	return accounts
}

type explainer struct{ Compilation }

// headings is what a section's kind makes of its items.
var headings = map[runbook.Kind]string{
	runbook.Preconditions: "each item is a gate; all must be PASS for the commit before it is deployed",
	runbook.Checklist:     "the steps of the cutover, in this order",
	runbook.Triggers:      "any one of them suffices",
	runbook.Actions:       "the steps of a rollback, in this order",
	runbook.Matrix:        "each row has an objective (a ticket when it is missed) and an alert (a page)",
	runbook.Milestones:    "points after T0 at which the numbers, or a person, decide",
}

func (x explainer) sections() []Account {
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

func (x explainer) row(row runbook.Row) Account {
	s, _ := x.sli(func(s slo.SLI) bool { return s.Item == row.Number })
	becomes := fmt.Sprintf("%s pages %s when %s", slo.AlertName(x.Matrix.Service, s.ID), s.Owner, x.bound(s, s.Alert))
	if s.Trigger != "" {
		becomes += fmt.Sprintf(", and rolls back (%s) by %s", s.Mode, s.Trigger)
	}
	if s.SLO != nil {
		becomes += fmt.Sprintf("; a ticket unless %s", x.bound(s, *s.SLO))
	}
	return Account{row.Number, row.Line, row.Name.Text, FateAlert, becomes}
}

// bound is written as the condition language writes it.
func (x explainer) bound(s slo.SLI, b slo.Bound) string {
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

func (x explainer) sli(is func(slo.SLI) bool) (slo.SLI, bool) {
	i := slices.IndexFunc(x.Matrix.SLIs, is)
	if i < 0 {
		return slo.SLI{}, false
	}
	return x.Matrix.SLIs[i], true
}

func (x explainer) trigger(item runbook.Item) (Fate, string) {
	i := slices.IndexFunc(x.Matrix.Triggers, func(t slo.Trigger) bool { return t.Item == item.Number })
	t := x.Matrix.Triggers[i]
	var alerts []string
	for _, id := range t.SLOs {
		s, _ := x.sli(func(s slo.SLI) bool { return s.ID == id })
		alerts = append(alerts, fmt.Sprintf("%s (%s)", slo.AlertName(x.Matrix.Service, id), x.bound(s, s.Alert)))
	}
	return FateAlert, fmt.Sprintf("rolls back (%s) when one of these fires: %s", t.Mode, strings.Join(alerts, ", "))
}

func (x explainer) gate(item runbook.Item) (Fate, string) {
	i := slices.IndexFunc(x.Matrix.Gates, func(g slo.Gate) bool { return g.ID == item.Number })
	g := x.Matrix.Gates[i]
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

func (x explainer) step(item runbook.Item) (Fate, string) {
	i := slices.IndexFunc(x.Matrix.Checklist, func(s slo.Step) bool { return s.Item == item.Number })
	s := x.Matrix.Checklist[i]
	switch s.Step {
	case slo.StepTag:
		return FateAgent, fmt.Sprintf("tags what production runs, as %s (%s)", x.Matrix.StableTag.Pattern, x.Matrix.StableTag.TimeZone)
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
		return FateManual, "a person or CI deploys; the agent sees the branch move"
	}
	return FateManual, "no step that the agent knows: a person ticks it"
}

func (x explainer) action(item runbook.Item) (Fate, string) {
	i := slices.IndexFunc(x.Matrix.Rollback, func(s slo.RollbackStep) bool { return s.Item == item.Number })
	s := x.Matrix.Rollback[i]
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

func (x explainer) milestone(item runbook.Item) (Fate, string) {
	i := slices.IndexFunc(x.Matrix.Milestones, func(m slo.Milestone) bool { return m.Item == item.Number })
	m := x.Matrix.Milestones[i]
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

func (x explainer) other(item runbook.Item) (Fate, string) {
	if item.Kind == runbook.Rehearsal {
		return FateIgnored, "part of a record: nothing to be done"
	}
	return FateIgnored, "in a section that the program has no use for"
}
