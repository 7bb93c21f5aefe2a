package runbook

import (
	"bytes"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/coclai/cutover/generator/diag"
)

// Cell is a piece of text with its place. Text is what a reader sees: without emphasis and code marks, entities decoded, lines joined.
type Cell struct {
	Text   string
	At     diag.Position // of the first character
	Source string        // the whole line it begins on

	marks []int // the byte in the file behind each character of Text
	file  *source
}

// Diagnose says that something is wrong with width characters of Text from offset on; a width of 0 is all of the rest. The caret stands
// under the very characters of the file, also where Text left out emphasis or decoded an entity.
func (c Cell) Diagnose(offset, width int, message, hint string) diag.Diagnostic {
	d := diag.Diagnostic{At: c.At, Source: c.Source, Message: message, Hint: hint}
	length := utf8.RuneCountInString(c.Text)
	offset = min(max(offset, 0), length)
	if width <= 0 || offset+width > length {
		width = length - offset
	}
	d.Width = max(width, 1)
	if len(c.marks) == 0 {
		d.At.Column += offset
		return d
	}
	first := c.mark(offset)
	d.At, d.Source = c.file.position(first), c.file.line(first)
	last := c.file.position(c.mark(offset + d.Width - 1))
	d.Width = utf8.RuneCountInString(d.Source) - d.At.Column + 1
	if last.Line == d.At.Line {
		d.Width = last.Column - d.At.Column + 1
	}
	return d
}

// mark is the byte behind a character; just after the text for one beyond it.
func (c Cell) mark(offset int) int {
	if offset < len(c.marks) {
		return c.marks[offset]
	}
	return c.marks[len(c.marks)-1] + 1
}

// source finds lines and columns in a file.
type source struct {
	file   string
	text   []byte
	starts []int // of each line
}

func newSource(file string, text []byte) *source {
	s := &source{file: file, text: text, starts: []int{0}}
	for i, b := range text {
		if b == '\n' {
			s.starts = append(s.starts, i+1)
		}
	}
	return s
}

// number is the line of a byte, from 0.
func (s *source) number(offset int) int {
	return sort.Search(len(s.starts), func(i int) bool { return s.starts[i] > offset }) - 1
}

// position is the place of a byte.
func (s *source) position(offset int) diag.Position {
	n := s.number(offset)
	column := utf8.RuneCount(s.text[s.starts[n]:offset]) + 1
	return diag.Position{File: s.file, Line: n + 1, Column: column}
}

// line is the whole line of a byte, without its end.
func (s *source) line(offset int) string {
	line, _, _ := bytes.Cut(s.text[s.starts[s.number(offset)]:], []byte("\n"))
	return strings.TrimSuffix(string(line), "\r")
}

// problem is a diagnostic for the whole line of a byte.
func (s *source) problem(offset int, message, hint string) diag.Diagnostic {
	line := s.line(offset)
	indent := utf8.RuneCountInString(line) - utf8.RuneCountInString(strings.TrimLeft(line, " \t"))
	at := diag.Position{File: s.file, Line: s.number(offset) + 1, Column: indent + 1}
	return diag.Diagnostic{At: at, Source: line, Width: utf8.RuneCountInString(strings.TrimSpace(line)), Message: message, Hint: hint}
}
