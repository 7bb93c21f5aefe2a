// Package runbook reads a runbook's two sources: the Markdown document, for people, and the YAML that binds it to measurements, into
// values whose every cell knows its file, line and column. It reports all that it cannot read; it does not interpret what cells say.
package runbook

import "github.com/coclai/cutover/generator/diag"

// Kind is what a section of the runbook is about.
type Kind string

// The kinds of section. Other is any that the program has no use for; its items are kept so that each can be accounted for.
const (
	Preconditions Kind = "preconditions"
	Rehearsal     Kind = "rehearsal"
	Checklist     Kind = "checklist"
	Triggers      Kind = "triggers"
	Actions       Kind = "actions"
	Matrix        Kind = "matrix"
	Milestones    Kind = "milestones"
	Other         Kind = "other"
)

// decides says whether the items of such a section are carried out, so that none may be lost or mistaken.
func (k Kind) decides() bool { return k != Other && k != Rehearsal && k != Matrix }

// Document is a runbook as read.
type Document struct {
	File     string
	SHA256   string // of the bytes, in hex
	Title    string
	Sections []Section
	Rows     []Row // of the SLO matrix

	Preconditions []Item
	Checklist     []Item
	Triggers      []Item
	Actions       []Item
	Milestones    []Item
	Others        []Item // items of every other section, the rehearsal record among them

	headers []diag.Text // of all tables
}

// Section is a heading: "4.1", "Rollback Triggers". Number is "" where the heading has none.
type Section struct {
	Number, Title string
	Kind          Kind
	Line          int
}

// Row is a row of the SLO matrix. Number is section.row: "5.1".
type Row struct {
	Number                     string
	Name, Target, Alert, Owner Cell
	Window, For                Cell // of both bounds, and of the alert, in tables that have a column for them
	Line                       int
	Doubt                      string // why its bounds cannot be relied on, whatever its cells say; it has been reported
}

// Complete says whether the table has all columns, and nothing that would make the row another one.
func (r Row) Complete() bool {
	return r.Doubt == "" && r.Name.At.Line > 0 && r.Target.At.Line > 0 && r.Alert.At.Line > 0 && r.Owner.At.Line > 0
}

// Item is an item of a list. Number is section.position: "4.1.1"; an item of a list inside it adds its own: "2.2.1". Where no heading
// above it has a number, it has none either.
type Item struct {
	Number string
	Kind   Kind // of its section
	Text   Cell
	Code   []Cell // its code spans as written, backslashes kept
	Line   int
}

// list is where items of a kind are kept.
func (d *Document) list(kind Kind) *[]Item {
	switch kind {
	case Preconditions:
		return &d.Preconditions
	case Checklist:
		return &d.Checklist
	case Triggers:
		return &d.Triggers
	case Actions:
		return &d.Actions
	case Milestones:
		return &d.Milestones
	}
	return &d.Others
}
