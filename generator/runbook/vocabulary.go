package runbook

import (
	"fmt"
	"strings"

	"github.com/coclai/cutover/generator/diag"
)

// Vocabulary is what a runbook calls its sections and columns, where the words that the program knows, English and Korean, do not tell:
// texts as they stand in the document, whole, without their number and whatever their case. They come before the known words.
type Vocabulary struct {
	Headings HeadingsBinding
	Headers  HeadersBinding
}

// HeadingsBinding names headings by what their sections are about.
type HeadingsBinding struct {
	Preconditions []diag.Text `yaml:"preconditions"`
	Rehearsal     []diag.Text `yaml:"rehearsal"`
	Checklist     []diag.Text `yaml:"checklist"`
	Triggers      []diag.Text `yaml:"triggers"`
	Actions       []diag.Text `yaml:"actions"`
	Matrix        []diag.Text `yaml:"matrix"`
	Milestones    []diag.Text `yaml:"milestones"`
}

// HeadersBinding names headers of the table by what their columns hold.
type HeadersBinding struct {
	Metric []diag.Text `yaml:"metric"`
	Target []diag.Text `yaml:"target"`
	Alert  []diag.Text `yaml:"alert"`
	Owner  []diag.Text `yaml:"owner"`
	Window []diag.Text `yaml:"window"` // how far both bounds look back
	For    []diag.Text `yaml:"for"`    // how long the alert must last
}

// meaning is a kind of section, or a column, with the texts that name it.
type meaning[T any] struct {
	of    T
	texts []diag.Text
}

func (h HeadingsBinding) meanings() []meaning[Kind] {
	return []meaning[Kind]{{Preconditions, h.Preconditions}, {Rehearsal, h.Rehearsal}, {Checklist, h.Checklist}, {Triggers, h.Triggers},
		{Actions, h.Actions}, {Matrix, h.Matrix}, {Milestones, h.Milestones}}
}

func (h HeadersBinding) meanings() []meaning[int] {
	return []meaning[int]{{nameColumn, h.Metric}, {targetColumn, h.Target}, {alertColumn, h.Alert}, {ownerColumn, h.Owner},
		{windowColumn, h.Window}, {forColumn, h.For}}
}

// named finds what a text of the document means.
func named[T any](meanings []meaning[T], text string) (T, bool) {
	for _, m := range meanings {
		for _, t := range m.texts {
			if same(t.Value, text) {
				return m.of, true
			}
		}
	}
	var none T
	return none, false
}

func same(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b)) }

// words are all texts of the vocabulary, in the order of its fields.
func (v Vocabulary) words() (headings, headers []diag.Text) {
	for _, m := range v.Headings.meanings() {
		headings = append(headings, m.texts...)
	}
	for _, m := range v.Headers.meanings() {
		headers = append(headers, m.texts...)
	}
	return headings, headers
}

// unused are the texts that stand nowhere in the document, and those that are given two meanings.
func (v Vocabulary) unused(d Document) (unused, twice []diag.Text) {
	headings, headers := v.words()
	for _, kind := range []struct{ given, found []diag.Text }{{headings, d.titles()}, {headers, d.headers}} {
		for i, text := range kind.given {
			if !contains(kind.found, text.Value) {
				unused = append(unused, text)
			}
			if contains(kind.given[:i], text.Value) {
				twice = append(twice, text)
			}
		}
	}
	return unused, twice
}

func contains(texts []diag.Text, word string) bool {
	for _, t := range texts {
		if same(t.Value, word) {
			return true
		}
	}
	return false
}

// Vocabulary is that of the bindings.
func (b Bindings) Vocabulary() Vocabulary { return Vocabulary{b.Headings, b.Headers} }

// CheckVocabulary blames words that name nothing in the document, or two things: they are misspelt, or their section is gone.
func (b Bindings) CheckVocabulary(d Document) diag.List {
	var problems diag.List
	unused, twice := b.Vocabulary().unused(d)
	for _, text := range unused {
		hint := "write it as it stands in the document, without its number"
		if near, ok := diag.Nearest(text.Value, d.spoken()); ok {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		problems.Add(b.Diagnostic(text, fmt.Sprintf("%s has no heading or header %q", d.File, text.Value), hint))
	}
	for _, text := range twice {
		problems.Add(b.Diagnostic(text, fmt.Sprintf("%q is given two meanings", text.Value), "drop one"))
	}
	return problems
}

// titles are the headings' texts.
func (d Document) titles() []diag.Text {
	var all []diag.Text
	for _, s := range d.Sections {
		all = append(all, diag.Text{Value: s.Title})
	}
	return all
}

// spoken are all texts that a vocabulary could name.
func (d Document) spoken() []string {
	var all []string
	for _, t := range append(d.titles(), d.headers...) {
		all = append(all, t.Value)
	}
	return all
}
