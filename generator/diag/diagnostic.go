package diag

import (
	"sort"
	"strings"
)

// Diagnostic is one thing wrong with a source.
type Diagnostic struct {
	At      Position
	Width   int    // of the caret, in characters; 0 is 1
	Source  string // the whole source line, "" when there is none to show
	Message string
	Hint    string // what to write instead, "" if nothing better can be said
	Related []Related
}

// Related is a second place that a diagnostic speaks of: "stated here too".
type Related struct {
	At      Position
	Source  string
	Message string
}

// String is the line that tools read: file:line:col: message.
func (d Diagnostic) String() string { return place(d.At) + d.Message }

func place(at Position) string {
	if at == (Position{}) {
		return ""
	}
	return at.String() + ": "
}

// List collects diagnostics, so that all are reported at once. It is an error when it is not empty: see Err.
type List []Diagnostic

// Add appends.
func (l *List) Add(diagnostics ...Diagnostic) { *l = append(*l, diagnostics...) }

// Err is the list as an error, nil if it is empty.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

// Error is one line for each diagnostic, in order of position.
func (l List) Error() string {
	lines := make([]string, 0, len(l))
	for _, d := range l.Sorted() {
		lines = append(lines, d.String())
	}
	return strings.Join(lines, "\n")
}

// Sorted is a copy in order of position; those of one place stay in the order in which they were added.
func (l List) Sorted() List {
	sorted := append(List(nil), l...)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].At.before(sorted[j].At) })
	return sorted
}
