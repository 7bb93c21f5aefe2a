package report

import (
	"strings"

	"github.com/coclai/cutover/agent/release"
)

// Document is a report before it has a form: Markdown and the page say the same. All text in it is as it came; each form escapes it.
type Document struct {
	Title    string
	Verdict  string // PASS, FAIL or UNKNOWN; how a cutover ended
	Sentence string
	Sections []Section
}

// Section is a part of a Document; what it does not have is left out.
type Section struct {
	Title   string
	Under   bool // the section before it
	Text    []string
	List    []Line
	Table   *Table
	Figures []Figure
}

// Line is an item of a list.
type Line []Cell

// Table has a head, and rows as long as it.
type Table struct {
	Head []string
	Rows []Line
}

// Cell is a piece of text. Code is shown as such; a Verdict has a colour besides its word.
type Cell struct {
	Text    string
	Code    bool
	Verdict bool
}

// Figure is a plot. Who cannot see it reads the summary, and the table of the page.
type Figure struct {
	Title   string
	SVG     string // "" without measurements
	Summary string
	Table   *Table
}

// words is a verdict as it is read: rolled_back is the ledger's way to write it.
func words(verdict string) string { return strings.ReplaceAll(verdict, "_", " ") }

func (d *Document) add(s Section) {
	if s.Table != nil && len(s.Table.Rows) == 0 {
		s.Table = nil
	}
	if len(s.Text) > 0 || len(s.List) > 0 || s.Table != nil || len(s.Figures) > 0 {
		d.Sections = append(d.Sections, s)
	}
}

func text(s string) Cell { return Cell{Text: s} }

func coded(s string) Cell { return Cell{Text: s, Code: s != ""} }

func verdict(v release.Verdict) Cell { return Cell{Text: string(v), Verdict: true} }

// line is an item of plain text.
func line(s string) Line { return Line{text(s)} }

// named is a list of names with their values; what has no value is left out.
func named(pairs ...[2]string) []Line {
	var all []Line
	for _, p := range pairs {
		if p[1] != "" {
			all = append(all, Line{text(p[0] + ":"), coded(p[1])})
		}
	}
	return all
}

// cut keeps the first most characters of a text that others wrote.
func cut(text string, most int) string {
	for i := range text {
		if most == 0 {
			return text[:i] + "…"
		}
		most--
	}
	return text
}
