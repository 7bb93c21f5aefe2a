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

// columns of the matrix, by the words of their headers; the first match counts, so that "Alert target" is about alerts. The first four
// must be there.
var columns = []struct {
	name  string
	words *regexp.Regexp
	cell  func(*Row) *Cell
}{
	{"Owner", regexp.MustCompile(`(?i)\b(owners?|on-?call|responsible)\b|담당|책임`), func(r *Row) *Cell { return &r.Owner }},
	{"Alert Condition", regexp.MustCompile(`(?i)\b(alert(s|ing)?|alarms?|page (when|if)|roll ?back|triggers?|violations?|breach(es)?)\b|알림|경보|알람|롤백|위반`),
		func(r *Row) *Cell { return &r.Alert }},
	{"Target/SLO", regexp.MustCompile(`(?i)\b(targets?|slos?|objectives?|goals?)\b|목표`), func(r *Row) *Cell { return &r.Target }},
	{"Metric", regexp.MustCompile(`(?i)\b(metrics?|slis?|indicators?|signals?)\b|지표|메트릭`), func(r *Row) *Cell { return &r.Name }},
	{"Window", regexp.MustCompile(`(?i)\bwindows?\b|\blook-?back\b|윈도우|이동창|(측정|집계) ?(기간|구간|창)`), func(r *Row) *Cell { return &r.Window }},
	{"For", regexp.MustCompile(`(?i)^for$|\bsustained\b|^지속`), func(r *Row) *Cell { return &r.For }},
}

// The columns by their place above; others are extra, and stay unread.
const (
	ownerColumn  = 0
	alertColumn  = 1
	targetColumn = 2
	nameColumn   = 3
	windowColumn = 4
	forColumn    = 5
	needed       = 4
	extraColumn  = -1
)

// bearing are headers of columns that would change what a bound says: left unread, they would make it another one.
var bearing = regexp.MustCompile(`(?i)\b(durations?|periods?|units?|thresholds?|conditions?)\b|단위|기간|시간|임계|조건`)

// threshold is the header of the alert's column where no other is: beside a target it is the bound that is not to be passed.
var threshold = regexp.MustCompile(`(?i)\bthresholds?\b|임계`)

// alertName is the header of a column of names.
var alertName = regexp.MustCompile(`(?i)^alert( name)?$|^(알림|경보) ?(명|이름)$`)

// alarms are headings over tables whose conditions are those of alerts, and condition is the header of these.
var (
	alarms    = regexp.MustCompile(`(?i)\balert(s|ing)?\b|\balarms?\b|알림|경보|알람`)
	condition = regexp.MustCompile(`(?i)\bconditions?\b|\bthresholds?\b|임계|조건`)
)

const columnsHint = `the columns are "Metric", "Target/SLO", "Alert Condition", "Owner" (지표, 목표, 알림 조건, 담당)`

// table reads a table of SLOs: every one in a section of the matrix, and any other that has a column of targets and one of alerts. The
// rows of other tables are kept among the others.
func (m *markdown) table(n *extensionast.Table) {
	header := n.FirstChild()
	var cells []Cell
	for child := header.FirstChild(); child != nil; child = child.NextSibling() {
		cell, _ := m.read(m.cellStart(child, n), child)
		cells = append(cells, cell)
		m.document.headers = append(m.document.headers, diag.Text{Value: cell.Text})
	}
	order := m.ordered(cells)
	target, alert := slices.Contains(order, targetColumn), slices.Contains(order, alertColumn)
	limited := slices.ContainsFunc(cells, func(c Cell) bool { return threshold.MatchString(c.Text) })
	alarmed := m.section.Kind == Other && alarms.MatchString(m.section.Title) && conditioned(cells, order)
	if !alarmed && !((target || limited) && alert) && (m.section.Kind != Matrix || !target && !alert) {
		m.otherTable(n)
		return
	}
	m.matrix(n, cells, order)
}

// ordered finds which column is where. Where none is of names, the first one is: with a word that is no one's, or one that another column
// has as well (SLO, Target), or Alert beside the threshold of that alert.
func (m *markdown) ordered(cells []Cell) []int {
	var order []int
	for _, cell := range cells {
		column := m.columnOf(cell.Text)
		if column == nameColumn && slices.Contains(order, nameColumn) {
			column = extraColumn
		}
		order = append(order, column)
	}
	limit := slices.IndexFunc(cells, func(c Cell) bool { return threshold.MatchString(c.Text) && m.columnOf(c.Text) == extraColumn })
	if limit > 0 {
		limited(cells, order, limit)
	}
	if len(order) > 0 && !slices.Contains(order, nameColumn) {
		if first := order[0]; first == extraColumn || slices.Contains(order[1:], first) {
			order[0] = nameColumn
		}
	}
	return order
}

// limited takes a column of thresholds for that of the alert, where a target stands beside it or the alert has but a name.
func limited(cells []Cell, order []int, limit int) {
	at := slices.Index(order, alertColumn)
	switch {
	case at < 0 && slices.Contains(order, targetColumn):
		order[limit] = alertColumn
	case at >= 0 && alertName.MatchString(cells[at].Text):
		order[limit], order[at] = alertColumn, extraColumn
		if order[0] == targetColumn && !slices.Contains(order[1:], targetColumn) {
			order[0] = nameColumn // the SLO by its name
		}
	}
}

// conditioned takes the one column of conditions for that of the alert, beside names and in a table that has neither targets nor alerts.
func conditioned(cells []Cell, order []int) bool {
	at := -1
	for i, cell := range cells {
		if order[i] != extraColumn || !condition.MatchString(cell.Text) {
			continue
		}
		if at >= 0 {
			return false
		}
		at = i
	}
	if at < 0 || !slices.Contains(order, nameColumn) || slices.Contains(order, targetColumn) || slices.Contains(order, alertColumn) {
		return false
	}
	order[at] = alertColumn
	return true
}

func (m *markdown) columnOf(text string) int {
	if column, ok := named(m.words.Headers.meanings(), text); ok {
		return column
	}
	for i, c := range columns {
		if c.words.MatchString(text) {
			return i
		}
	}
	return extraColumn
}

// otherTable keeps the rows of a table that states no bounds, so that each can be accounted for.
// In a section of a list whose items decide something it is refused: its rows would be none of them.
func (m *markdown) otherTable(n *extensionast.Table) {
	if m.section.Kind.decides() {
		m.problems.Add(m.problem(m.rowStart(n, n.FirstChild()), fmt.Sprintf("a table is not read in a section of %s", m.section.Kind),
			"write a numbered list, one item for each row"))
	}
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
	doubt := m.header(n, cells, order)
	if !slices.Contains(order, nameColumn) {
		return
	}
	before := m.rows[m.section.Number]
	m.document.Rows = slices.Grow(m.document.Rows, n.ChildCount())
	for row := header.NextSibling(); row != nil; row = row.NextSibling() {
		m.rows[m.section.Number]++
		m.row(n, row, order, doubt)
	}
	if m.rows[m.section.Number] == before {
		m.problems.Add(m.problem(m.rowStart(n, header), "the SLO matrix has no rows", ""))
	}
}

// header checks the columns, of which each must be there once; extra ones must not bear on the bounds, or every row is in doubt. Without
// a column of targets or alerts the rows are read as far as they go.
func (m *markdown) header(n *extensionast.Table, cells []Cell, order []int) (doubt string) {
	found := map[int]bool{}
	for i, cell := range cells {
		column := order[i]
		switch {
		case column == extraColumn && bearing.MatchString(cell.Text):
			doubt = fmt.Sprintf("column %q is not read, and may change what the bounds say", cell.Text)
			m.problems.Add(cell.Diagnose(0, 0, doubt, `write it into the cells of the bounds, for instance "> 2% (5m) for 10m"; `+columnsHint))
		case column != extraColumn && found[column]:
			doubt = fmt.Sprintf("a second column %q", columns[column].name)
			m.problems.Add(cell.Diagnose(0, 0, doubt, columnsHint))
		}
		found[column] = true
	}
	for i, c := range columns[:needed] {
		if !found[i] {
			m.problems.Add(m.problem(m.rowStart(n, n.FirstChild()), fmt.Sprintf("the SLO matrix has no column %q", c.name), columnsHint))
		}
	}
	return doubt
}

// row reads one row, after its cells have been counted in the file: the parser drops surplus cells and makes up missing ones. One that
// has another number of them is kept, in doubt, so that it can be accounted for.
func (m *markdown) row(n *extensionast.Table, node ast.Node, order []int, doubt string) {
	start := m.rowStart(n, node)
	row := Row{Number: fmt.Sprintf("%s.%d", m.section.Number, m.rows[m.section.Number]), Line: m.source.position(start).Line, Doubt: doubt}
	if cells := countCells(m.line(start)); cells != len(order) {
		row.Doubt = fmt.Sprintf("the row has %d cells, the table %d columns", cells, len(order))
		m.problems.Add(m.problem(start, row.Doubt,
			`a | inside a cell splits it, also inside code: write \|; a line of text right below a table is a row of it: leave a line empty`))
	}
	child := node.FirstChild()
	for _, column := range order {
		if child == nil {
			break
		}
		if column != extraColumn && columns[column].cell(&row).At.Line == 0 {
			*columns[column].cell(&row) = m.cell(n, child, row.Doubt == "" && column < needed, columns[column].name)
		}
		child = child.NextSibling()
	}
	m.keepRow(row)
}

// cell reads one cell, which may have to say something.
func (m *markdown) cell(n *extensionast.Table, child ast.Node, mustSpeak bool, column string) Cell {
	cell, _ := m.read(m.cellStart(child, n), child)
	if mustSpeak && strings.TrimSpace(cell.Text) == "" {
		m.problems.Add(cell.Diagnose(0, 1, fmt.Sprintf("the cell of %q is empty", column), ""))
	}
	return cell
}

func (m *markdown) keepRow(row Row) {
	for _, i := range m.named[row.Name.Text] {
		earlier := m.document.Rows[i]
		if row.Name.Text == "" || row.Doubt != "" || earlier.Doubt != "" {
			continue
		}
		d := row.Name.Diagnose(0, 0, fmt.Sprintf("a second row %q", row.Name.Text),
			"rows are bound by their first cell: give each its own name")
		d.Related = []diag.Related{{At: earlier.Name.At, Source: earlier.Name.Source, Message: "the first one"}}
		m.problems.Add(d)
	}
	m.named[row.Name.Text] = append(m.named[row.Name.Text], len(m.document.Rows))
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
