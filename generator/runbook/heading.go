package runbook

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/coclai/cutover/generator/diag"
	"github.com/yuin/goldmark/ast"
)

// headingWords tell what a section is about. The first match counts: a rehearsal of the rollback triggers is a rehearsal.
var headingWords = []struct {
	kind  Kind
	words *regexp.Regexp
}{
	{Rehearsal, regexp.MustCompile(`(?i)\brehearsals?\b|리허설|예행`)},
	{Triggers, regexp.MustCompile(`(?i)\btriggers?\b|\b(rollback|abort) (criteria|conditions?)\b|\bwhen to (abort|roll back)\b|트리거|(롤백|발동|중단) ?(조건|기준)`)},
	{Actions, regexp.MustCompile(`(?i)\bactions?\b|\brollback steps?\b|조치|롤백 ?(절차|실행|동작|단계)`)},
	{Milestones, regexp.MustCompile(`(?i)\bstabili[sz]ation\b|\bmilestones?\b|안정화|마일스톤|이정표`)},
	{Matrix, regexp.MustCompile(`(?i)\bmatrix\b|\bslos?\b|\bservice levels?\b|매트릭스|지표|목표|서비스 수준`)},
	{Checklist, regexp.MustCompile(`(?i)\bchecklist\b|체크리스트|점검표|(점검|실행) ?(목록|절차)`)},
	{Preconditions, regexp.MustCompile(`(?i)\bpreconditions?\b|\bprerequisites?\b|(선행|사전|전제) ?조건`)},
}

func (m *markdown) kindOf(title string) Kind {
	if kind, ok := named(m.words.Headings.meanings(), title); ok {
		return kind
	}
	for _, h := range headingWords {
		if h.words.MatchString(title) {
			return h.kind
		}
	}
	return Other
}

var numbered = regexp.MustCompile(`^(\d+(?:\.\d+)*)[.)]?(?:\s+|$)(.*)$`)

// heading is an open section: those below it belong to it until one of its level or above.
type heading struct {
	Section
	level int
	root  int // the line of the heading that gave the section its kind
	said  bool
	title bool // of the document

	unnumbered bool // and refused for it
	inner      int  // headings in it, so far
}

// heading begins a section: "4.1 Rollback Triggers". What its words do not say, number or kind, it has from the one it stands in, so that
// no list of triggers is lost under a subtitle. The document's title gives nothing.
func (m *markdown) heading(n *ast.Heading) {
	cell, _ := m.read(max(n.Pos(), 0), n)
	h := &heading{Section: Section{Title: cell.Text, Line: cell.At.Line, Kind: Other}, level: n.Level, root: cell.At.Line}
	if found := numbered.FindStringSubmatch(cell.Text); found != nil {
		h.Number, h.Title = found[1], found[2]
	}
	if n.Level == 1 && h.Number == "" && len(m.document.Sections) == 0 {
		h.title, m.document.Title = true, cell.Text
	}
	outer := m.above(n.Level)
	if !h.title {
		h.Kind = m.kindOf(h.Title)
		m.count(h, outer)
		h.inherit(outer)
	}
	if h.Number != m.section.Number {
		m.position = 0
	}
	m.open = append(m.open, h)
	m.section = h
	m.document.Sections = append(m.document.Sections, h.Section)
}

// count gives a heading the number of its place, where no heading of the document has one of its own.
func (m *markdown) count(h, outer *heading) {
	if !m.implied {
		return
	}
	if outer.title || outer.level == 0 {
		m.sections++
		h.Number = strconv.Itoa(m.sections)
		return
	}
	outer.inner++
	h.Number = outer.Number + "." + strconv.Itoa(outer.inner)
}

// anyNumbered says whether some heading has a number.
func (m *markdown) anyNumbered(root ast.Node) bool {
	for n := root.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok {
			if cell, _ := m.read(max(h.Pos(), 0), h); numbered.MatchString(cell.Text) {
				return true
			}
		}
	}
	return false
}

// above closes the sections that a heading of this level ends, and is the one it stands in.
func (m *markdown) above(level int) *heading {
	for len(m.open) > 0 && m.open[len(m.open)-1].level >= level {
		m.open = m.open[:len(m.open)-1]
	}
	if len(m.open) == 0 {
		return &heading{Section: Section{Kind: Other}}
	}
	return m.open[len(m.open)-1]
}

func (h *heading) inherit(outer *heading) {
	if h.Number == "" {
		h.Number = outer.Number
	}
	if h.Kind == Other && outer.Kind != Other {
		h.Kind, h.root = outer.Kind, outer.root
	}
}

// counted checks, once for each section, that what is found in it can be told apart by number and that no other section is of its kind.
func (m *markdown) counted() {
	h := m.section
	if h.said || h.Kind == Other || h.Kind == Rehearsal || h.Kind == Matrix {
		return
	}
	h.said = true
	m.numbered()
	start := m.starts[h.Line-1]
	first, found := m.roots[h.Kind]
	if found && first != h.root {
		d := m.problem(start, fmt.Sprintf("a second section of %s", h.Kind),
			"keep them in one section, or word the heading of the other differently")
		earlier := m.starts[first-1]
		d.Related = []diag.Related{{At: m.source.position(earlier), Source: m.line(earlier), Message: "the first one"}}
		m.problems.Add(d)
		return
	}
	m.roots[h.Kind] = h.root
}

// numbered refuses a section whose heading has no number, and so its items none.
func (m *markdown) numbered() {
	h := m.section
	if h.Number != "" || h.unnumbered {
		return
	}
	h.unnumbered = true
	at := m.starts[max(h.Line-1, 0)]
	m.problems.Add(m.problem(at, "the heading has no number, so that its items have none", fmt.Sprintf(`write for instance "4) %s"`, h.Title)))
}
