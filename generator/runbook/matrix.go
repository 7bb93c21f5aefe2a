package runbook

import (
	"fmt"
	"regexp"
	"slices"
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
	{"Owner", regexp.MustCompile(`(?i)\b(owners?|on-?call|responsible)\b|담당|책임`), func(r *Row) *Cell { return &r.Owner }},
	{"Alert Condition", regexp.MustCompile(`(?i)\b(alert(s|ing)?|alarms?|page when|roll ?back)\b|알림|경보|알람|롤백`), func(r *Row) *Cell { return &r.Alert }},
	{"Target/SLO", regexp.MustCompile(`(?i)\b(targets?|slos?|objectives?|goals?)\b|목표`), func(r *Row) *Cell { return &r.Target }},
	{"Metric", regexp.MustCompile(`(?i)\b(metrics?|slis?|indicators?|signals?)\b|지표|메트릭`), func(r *Row) *Cell { return &r.Name }},
}

// The columns by their place above, for those that are spoken of; others are extra, and stay unread.
const (
	alertColumn  = 1
	targetColumn = 2
	nameColumn   = 3
	extraColumn  = -1
)

// bearing are headers of columns that would change what a bound says: left unread, they would make it another one.
var bearing = regexp.MustCompile(`(?i)\b(windows?|durations?|periods?|for|units?|thresholds?|severity|conditions?)\b|단위|기간|시간|임계|조건|윈도우`)

const columnsHint = `the columns are "Metric", "Target/SLO", "Alert Condition", "Owner" (지표, 목표, 알림 조건, 담당)`

// table reads a table of SLOs: every one in a section of the matrix, and any other that has a column of targets and one of alerts. The
// rows of other tables are kept among the others.
func (m *markdown) table(n *extensionast.Table) {
	header := n.FirstChild()
	var cells []Cell
	for child := header.FirstChild(); child != nil; child = child.NextSibling() {
		cell, _ := m.read(m.cellStart(child, n), child)
		cells = append(cells, cell)
	}
	order := ordered(cells)
	target, alert := slices.Contains(order, targetColumn), slices.Contains(order, alertColumn)
	if !(target && alert) && (m.section.Kind != Matrix || !target && !alert) {
		m.otherTable(n)
		return
	}
	m.matrix(n, cells, order)
}

// ordered finds which column is where. A first column without a word of ours names the rows; a second one that does is an extra.
func ordered(cells []Cell) []int {
	var order []int
	for _, cell := range cells {
		column := columnOf(cell.Text)
		if column == nameColumn && slices.Contains(order, nameColumn) {
			column = extraColumn
		}
		order = append(order, column)
	}
	if len(order) > 0 && order[0] == extraColumn && !slices.Contains(order, nameColumn) {
		order[0] = nameColumn
	}
	return order
}

func columnOf(text string) int {
	for i, c := range columns {
		if c.words.MatchString(text) {
			return i
		}
	}
	return extraColumn
}

// otherTable keeps the rows of a table that states no bounds, so that each can be accounted for.
func (m *markdown) otherTable(n *extensionast.Table) {
	for row := n.FirstChild().NextSibling(); row != nil; row = row.NextSibling() {
		start := m.rowStart(n, row)
		cell, _ := m.read(start, row.FirstChild())
		m.document.Others = append(m.document.Others, Item{Kind: Other, Text: cell, Line: m.source.position(start).Line})
	}
}

// matrix reads the rows of a table of SLOs. Several tables of a section are counted through.
func (m *markdown) matrix(n *extensionast.Table, cells []Cell, order []int) {
	m.matrixFound = true
	m.numbered()
	header := n.FirstChild()
	if !m.header(n, cells, order) {
		return
	}
	before := m.rows[m.section.Number]
	for row := header.NextSibling(); row != nil; row = row.NextSibling() {
		m.rows[m.section.Number]++
		m.row(n, row, order, m.rows[m.section.Number])
	}
	if m.rows[m.section.Number] == before {
		m.problems.Add(m.problem(m.rowStart(n, header), "the SLO matrix has no rows", ""))
	}
}

// header checks the columns, of which each must be there once; extra ones must not bear on the bounds. Without a column of targets or
// alerts the rows are read as far as they go.
func (m *markdown) header(n *extensionast.Table, cells []Cell, order []int) bool {
	found := map[int]bool{}
	good := true
	for i, cell := range cells {
		column := order[i]
		if column == extraColumn && bearing.MatchString(cell.Text) {
			m.problems.Add(cell.Diagnose(0, 0, fmt.Sprintf("column %q is not read, and may change what the bounds say", cell.Text),
				`write it into the cells of the bounds, for instance "> 2% (5m) for 10m"; `+columnsHint))
			good = false
		}
		if column != extraColumn && found[column] {
			m.problems.Add(cell.Diagnose(0, 0, fmt.Sprintf("a second column %q", columns[column].name), columnsHint))
			good = false
		}
		found[column] = true
	}
	for i, c := range columns {
		if !found[i] {
			m.problems.Add(m.problem(m.rowStart(n, n.FirstChild()), fmt.Sprintf("the SLO matrix has no column %q", c.name), columnsHint))
		}
	}
	return good && found[nameColumn]
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
		if column == extraColumn {
			child = child.NextSibling()
			continue
		}
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
