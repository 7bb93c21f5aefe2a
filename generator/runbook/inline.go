package runbook

import (
	"bytes"
	"html"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/util"
)

// reading collects the text of inline nodes, character by character with its place.
type reading struct {
	file  *source
	text  strings.Builder
	marks []int
	code  []Cell
}

// read is the text of a block's inline content as a cell, and its code spans. Start stands in for the place of an empty one.
func (s *source) read(start int, blocks ...ast.Node) (Cell, []Cell) {
	r := &reading{file: s}
	for _, block := range blocks {
		if len(r.marks) > 0 {
			r.put(' ', r.marks[len(r.marks)-1]+1)
		}
		r.children(block)
	}
	return r.cell(start), r.code
}

func (r *reading) cell(start int) Cell {
	if len(r.marks) > 0 {
		start = r.marks[0]
	}
	return Cell{Text: r.text.String(), At: r.file.position(start), Source: r.file.line(start), marks: r.marks, file: r.file}
}

func (r *reading) put(char rune, offset int) {
	r.text.WriteRune(char)
	r.marks = append(r.marks, offset)
}

func (r *reading) children(n ast.Node) {
	for child := n.FirstChild(); child != nil; child = child.NextSibling() {
		r.inline(child)
	}
}

func (r *reading) inline(n ast.Node) {
	switch n := n.(type) {
	case *ast.Text:
		r.decoded(n.Segment.Start, n.Segment.Stop)
		if n.SoftLineBreak() || n.HardLineBreak() {
			r.put(' ', n.Segment.Stop)
		}
	case *ast.CodeSpan:
		r.span(n)
	case *ast.RawHTML:
		r.raw(n)
	case *ast.AutoLink:
		for _, char := range string(n.Label(r.file.text)) {
			r.put(char, max(n.Pos(), 0))
		}
	default:
		r.children(n)
	}
}

// decoded takes text whose backslash escapes and entities goldmark leaves to its renderer.
func (r *reading) decoded(start, stop int) {
	for i := start; i < stop; {
		rest := r.file.text[i:stop]
		if rest[0] == '\\' && len(rest) > 1 && util.IsPunct(rest[1]) {
			r.put(rune(rest[1]), i)
			i += 2
			continue
		}
		if text, length := entity(rest); length > 0 {
			for _, char := range text {
				r.put(char, i)
			}
			i += length
			continue
		}
		char, length := utf8.DecodeRune(rest)
		r.put(char, i)
		i += length
	}
}

// entity decodes the one that text begins with: &lt; or &#60;. The length is 0 where there is none.
func entity(text []byte) (string, int) {
	end := bytes.IndexByte(text, ';')
	if text[0] != '&' || end < 0 {
		return "", 0
	}
	written := string(text[:end+1])
	decoded := html.UnescapeString(written)
	if decoded == written || strings.HasSuffix(decoded, ";") {
		return "", 0
	}
	return decoded, end + 1
}

// span takes a code span as it is written; line ends inside are spaces.
func (r *reading) span(n ast.Node) {
	code := &reading{file: r.file}
	for child := n.FirstChild(); child != nil; child = child.NextSibling() {
		if text, ok := child.(*ast.Text); ok {
			code.verbatim(text.Segment.Start, text.Segment.Stop)
		}
	}
	for i, char := range []rune(code.text.String()) {
		r.put(char, code.marks[i])
	}
	r.code = append(r.code, code.cell(max(n.Pos(), 0)))
}

func (r *reading) verbatim(start, stop int) {
	for i := start; i < stop; {
		char, length := utf8.DecodeRune(r.file.text[i:stop])
		if char == '\n' {
			char = ' '
		}
		if char != '\r' {
			r.put(char, i)
		}
		i += length
	}
}

// raw keeps tags as text: what a cell says must not vanish because it looks like HTML. Line breaks are spaces, comments nothing.
func (r *reading) raw(n *ast.RawHTML) {
	first := n.Segments.At(0).Start
	tag := strings.ToLower(strings.Join(strings.Fields(string(n.Segments.Value(r.file.text))), ""))
	switch {
	case tag == "<br>" || tag == "<br/>":
		r.put(' ', first)
	case strings.HasPrefix(tag, "<!--"):
	default:
		for i := range n.Segments.Len() {
			r.verbatim(n.Segments.At(i).Start, n.Segments.At(i).Stop)
		}
	}
}
