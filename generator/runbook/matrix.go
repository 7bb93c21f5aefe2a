package runbook

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/coclai/cutover/generator/diag"
	"github.com/yuin/goldmark/ast"
	extensionast "github.com/yuin/goldmark/extension/ast"
)

// columns of the matrix, by the words of their headers; the first match counts, so that "Alert target" is about alerts.
var columns = []struct {
	name  string
	words *regexp.Regexp
	cell  func(*Row) *Cell
}{
	{"Owner", regexp.MustCompile(`(?i)\bowner\b|담당`), func(r *Row) *Cell { return &r.Owner }},
	{"Alert Condition", regexp.MustCompile(`(?i)\balert\b|알림|경보`), func(r *Row) *Cell { return &r.Alert }},
	{"Target/SLO", regexp.MustCompile(`(?i)\b(target|slo|objective)\b|목표`), func(r *Row) *Cell { return &r.Target }},
	{"Metric", regexp.MustCompile(`(?i)\b(metric|sli|indicator)\b|지표`), func(r *Row) *Cell { return &r.Name }},
}

const columnsHint = `the columns are "Metric", "Target/SLO", "Alert Condition", "Owner" (지표, 목표, 알림 조건, 담당); other remarks go below the table`

// matrix reads the table of SLOs.
func (m *markdown) matrix(n *extensionast.Table) {
	header := n.FirstChild()
	if m.matrixFound {
		m.problems.Add(m.problem(m.rowStart(n, header), "a second table in the section of the SLO matrix", "keep the rows in one table"))
		return
	}
	m.matrixFound = true
	m.counted()
	order, ok := m.header(n, header)
	if !ok {
		return
	}
	position := 0
	for row := header.NextSibling(); row != nil; row = row.NextSibling() {
		position++
		m.row(n, row, order, position)
	}
	if position == 0 {
		m.problems.Add(m.problem(m.rowStart(n, header), "the SLO matrix has no rows", ""))
	}
}

// header finds which column is where; every one must be there, once, and no other.
func (m *markdown) header(n *extensionast.Table, header ast.Node) ([]int, bool) {
	var order []int
	found := map[int]bool{}
	good := true
	for child := header.FirstChild(); child != nil; child = child.NextSibling() {
		cell, _ := m.read(m.cellStart(child, n), child)
		column := columnOf(cell.Text)
		if column < 0 || found[column] {
			m.problems.Add(cell.Diagnose(0, 0, fmt.Sprintf("column %q is not recognised", cell.Text), columnsHint))
			good = false
		}
		found[column] = true
		order = append(order, column)
	}
	for i, c := range columns {
		if !found[i] {
			m.problems.Add(m.problem(m.rowStart(n, header), fmt.Sprintf("the SLO matrix has no column %q", c.name), columnsHint))
			good = false
		}
	}
	return order, good
}

func columnOf(text string) int {
	for i, c := range columns {
		if c.words.MatchString(text) {
			return i
		}
	}
	return -1
}

// row reads one row, after its cells have been counted in the file: the parser drops surplus cells and makes up missing ones.
func (m *markdown) row(n *extensionast.Table, node ast.Node, order []int, position int) {
	start := m.rowStart(n, node)
	if cells := countCells(m.line(start)); cells != len(order) {
		m.problems.Add(m.problem(start, fmt.Sprintf("the row has %d cells, the table %d columns", cells, len(order)),
			`a | inside a cell splits it, also inside code: write \|; a line of text right below a table is a row of it: leave a line empty`))
		return
	}
	row := Row{Number: fmt.Sprintf("%s.%d", m.section.Number, position), Line: m.source.position(start).Line}
	child := node.FirstChild()
	for _, column := range order {
		cell, _ := m.read(m.cellStart(child, n), child)
		if strings.TrimSpace(cell.Text) == "" {
			m.problems.Add(cell.Diagnose(0, 1, fmt.Sprintf("the cell of %q is empty", columns[column].name), ""))
		}
		*columns[column].cell(&row) = cell
		child = child.NextSibling()
	}
	m.keepRow(row)
}

func (m *markdown) keepRow(row Row) {
	for _, earlier := range m.document.Rows {
		if earlier.Name.Text != row.Name.Text || row.Name.Text == "" {
			continue
		}
		d := row.Name.Diagnose(0, 0, fmt.Sprintf("a second row %q", row.Name.Text),
			"rows are bound by their first cell: give each its own name")
		d.Related = []diag.Related{{At: earlier.Name.At, Source: earlier.Name.Source, Message: "the first one"}}
		m.problems.Add(d)
	}
	m.document.Rows = append(m.document.Rows, row)
}

// rowStart is where a row's line begins.
func (m *markdown) rowStart(n *extensionast.Table, row ast.Node) int {
	return max(row.Pos(), n.Pos(), 0)
}

// cellStart is where an empty cell stands, as far as the parser knows.
func (m *markdown) cellStart(cell ast.Node, n *extensionast.Table) int {
	return max(cell.Pos(), n.Pos(), 0)
}

// countCells counts the cells of a row as GitHub Flavored Markdown splits it: at each | that has no backslash before it.
func countCells(line string) int {
	line = strings.TrimSpace(line)
	line = strings.TrimPrefix(line, "|")
	if strings.HasSuffix(line, "|") && !strings.HasSuffix(line, `\|`) {
		line = strings.TrimSuffix(line, "|")
	}
	cells := 1
	for i := range len(line) {
		if line[i] == '|' && (i == 0 || line[i-1] != '\\') {
			cells++
		}
	}
	return cells
}
