package runbook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"unicode/utf8"

	"github.com/coclai/cutover/generator/diag"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extensionast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
)

// Parse reads a runbook. The document holds what could be read, also when there are diagnostics.
func Parse(file string, content []byte) (Document, diag.List) {
	return Vocabulary{}.Parse(file, content)
}

// Parse reads a runbook that has words of its own.
func (v Vocabulary) Parse(file string, content []byte) (Document, diag.List) {
	hash := sha256.Sum256(content)
	body := bytes.TrimPrefix(content, []byte("\ufeff"))
	m := &markdown{source: newSource(file, body), document: Document{File: file, SHA256: hex.EncodeToString(hash[:])},
		section: &heading{Section: Section{Kind: Other}}, seen: map[string]Item{}, roots: map[Kind]int{}, rows: map[string]int{}, named: map[string][]int{}, words: v}
	if !utf8.Valid(body) {
		m.problems.Add(diag.Diagnostic{At: diag.Position{File: file}, Message: "the file is not UTF-8"})
		return m.document, m.problems
	}
	root := goldmark.New(goldmark.WithExtensions(extension.Table)).Parser().Parse(text.NewReader(body))
	m.implied = !m.anyNumbered(root)
	m.blocks(root)
	m.missing()
	return m.document, m.problems.Sorted()
}

// markdown walks the blocks of a document and remembers the section it is in.
type markdown struct {
	*source
	document Document
	problems diag.List
	section  *heading
	open     []*heading // the sections that section stands in, and itself
	words    Vocabulary
	position int          // of the last item of the section
	roots    map[Kind]int // the line of the first section of each kind
	seen     map[string]Item

	matrixFound bool             // also if it could not be read
	rows        map[string]int   // of tables of SLOs, by the number of their section
	named       map[string][]int // rows by their first cell
	sections    int              // counted on the outermost level, where implied
	implied     bool             // no heading has a number: they are counted
}

func (m *markdown) blocks(parent ast.Node) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		m.block(n)
	}
}

func (m *markdown) block(n ast.Node) {
	switch n := n.(type) {
	case *ast.Heading:
		m.heading(n)
	case *ast.List:
		m.list(n)
	case *extensionast.Table:
		m.table(n)
	case *ast.Paragraph:
		m.brokenTable(n)
	case *ast.Blockquote:
		m.blocks(n)
	}
}

// brokenTable refuses what was meant as the matrix and is no table to a Markdown reader either.
func (m *markdown) brokenTable(n *ast.Paragraph) {
	first := n.Lines().At(0)
	if m.section.Kind == Matrix && bytes.HasPrefix(bytes.TrimSpace(first.Value(m.text)), []byte("|")) {
		m.matrixFound = true
		m.problems.Add(m.problem(first.Start, "this is no table to a Markdown reader",
			"the line below the header needs as many cells of --- as the header has cells"))
	}
}

// list reads a list of the section. An ordered list counts from its own first number, so that it may be interrupted by a paragraph.
func (m *markdown) list(n *ast.List) {
	m.counted()
	if n.IsOrdered() {
		m.position = n.Start - 1
	}
	for child := n.FirstChild(); child != nil; child = child.NextSibling() {
		m.position++
		number := ""
		if m.section.Number != "" {
			number = fmt.Sprintf("%s.%d", m.section.Number, m.position)
		}
		m.item(child, number, m.section.Kind)
	}
}

// item reads one item and the lists inside it.
func (m *markdown) item(n ast.Node, number string, kind Kind) {
	start := n.Pos()
	var texts []ast.Node
	var inner []*ast.List
	for child := n.FirstChild(); child != nil; child = child.NextSibling() {
		switch child := child.(type) {
		case *ast.TextBlock, *ast.Paragraph:
			texts = append(texts, child)
		case *ast.List:
			inner = append(inner, child)
		default:
			m.unread(child, kind)
		}
	}
	item := Item{Number: number, Kind: kind, Line: m.source.position(start).Line}
	item.Text, item.Code = m.read(start, texts...)
	m.keep(item, start)
	m.innerLists(inner, item)
}

// unread refuses code blocks and the like inside items that decide something: they would be passed over.
func (m *markdown) unread(n ast.Node, kind Kind) {
	if kind.decides() {
		m.problems.Add(m.problem(max(n.Pos(), 0), "only text is read inside an item of this list",
			"write a command as `code` in the item's line"))
	}
}

func (m *markdown) keep(item Item, start int) {
	if item.Text.Text == "" {
		m.problems.Add(m.problem(start, "the item is empty", ""))
		return
	}
	if earlier, twice := m.seen[item.Number]; twice && item.Kind.decides() {
		d := m.problem(start, fmt.Sprintf("a second item %s", item.Number),
			"number headings and lists so that each item has a number of its own")
		d.Related = []diag.Related{{At: earlier.Text.At, Source: earlier.Text.Source, Message: "the first one"}}
		m.problems.Add(d)
	}
	if item.Number != "" {
		m.seen[item.Number] = item
	}
	list := m.document.list(item.Kind)
	*list = append(*list, item)
}

// innerLists keeps the items of lists inside an item among the others. Those of lists whose items decide something are refused: neither
// as items of their own nor as part of the outer one would they say what was meant.
func (m *markdown) innerLists(lists []*ast.List, outer Item) {
	position := 0
	for _, list := range lists {
		if outer.Kind == Triggers || outer.Kind == Preconditions {
			m.problems.Add(m.problem(list.FirstChild().Pos(), "a list inside an item is not read here",
				"make each its own item, or say it in one sentence"))
			continue
		}
		for child := list.FirstChild(); child != nil; child = child.NextSibling() {
			position++
			number := ""
			if outer.Number != "" {
				number = fmt.Sprintf("%s.%d", outer.Number, position)
			}
			m.item(child, number, inside(outer.Kind))
		}
	}
}

// inside is the kind of items inside an item: parts of a list's items are no items of that list.
func inside(outer Kind) Kind {
	if outer == Rehearsal {
		return Rehearsal
	}
	return Other
}

// missing reports what a runbook cannot do without.
func (m *markdown) missing() {
	whole := diag.Position{File: m.file, Line: 1, Column: 1}
	if !m.matrixFound {
		m.problems.Add(diag.Diagnostic{At: whole, Message: "no SLO matrix found",
			Hint: "write a table under a numbered heading such as \"5) SLO Matrix\""})
	}
	if len(m.document.Triggers) == 0 {
		m.problems.Add(diag.Diagnostic{At: whole, Message: "no list of rollback triggers found",
			Hint: "write a list under a numbered heading such as \"4.1 Rollback Triggers\""})
	}
}
