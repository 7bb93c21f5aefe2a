package diag

import "fmt"

// Position is a place in a source, counted from 1. Columns count characters, not bytes: editors do too. The zero value is no place.
type Position struct {
	File         string
	Line, Column int
}

// String is file:line:col as editors and CI systems read it; what is zero is left out.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	if p.Column == 0 {
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// before orders by file, line and column.
func (p Position) before(q Position) bool {
	if p.File != q.File {
		return p.File < q.File
	}
	if p.Line != q.Line {
		return p.Line < q.Line
	}
	return p.Column < q.Column
}
