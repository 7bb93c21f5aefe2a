package diag

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"
)

// DecodeYAML reads content into the value that into points at and reports everything that does not fit it, each with its place: keys
// that no field has (with the nearest name), keys given twice, keys without a value, values of the wrong shape or type. Exactly one
// document is read. What fits is filled in even where something else does not.
//
// Fields are named by their yaml tags. A struct may ask for its own place with a field of type Position tagged `yaml:"-"`; Text and Map
// carry the places of scalars and keys. Types with UnmarshalText or UnmarshalYAML read themselves. Merge keys (<<) are refused.
func DecodeYAML(file string, content []byte, into any) List {
	d := &decoder{file: file, lines: strings.Split(string(content), "\n")}
	root, ok := d.document(content)
	if !ok {
		return d.problems
	}
	d.value(root, reflect.ValueOf(into).Elem())
	return d.problems.Sorted()
}

type decoder struct {
	file     string
	lines    []string
	problems List
}

// document parses the one document of content.
func (d *decoder) document(content []byte) (*yaml.Node, bool) {
	loader, err := yaml.NewLoader(bytes.NewReader(content))
	if err != nil {
		d.failed(&yaml.Node{}, err)
		return nil, false
	}
	var root, second yaml.Node
	err = loader.Load(&root)
	if errors.Is(err, io.EOF) || (err == nil && isNull(root.Content[0])) {
		d.complain(&yaml.Node{Line: 1, Column: 1}, "the file is empty", "")
		return nil, false
	}
	if err != nil {
		d.failed(&yaml.Node{}, err)
		return nil, false
	}
	err = loader.Load(&second)
	if err == nil {
		d.complain(&second, "a second document begins here", "keep one document in the file")
		return nil, false
	}
	if !errors.Is(err, io.EOF) {
		d.failed(&yaml.Node{}, err)
		return nil, false
	}
	return root.Content[0], true
}

func isNull(n *yaml.Node) bool { return n.ShortTag() == "!!null" }

// at is the place of a node.
func (d *decoder) at(n *yaml.Node) Position {
	return Position{File: d.file, Line: n.Line, Column: n.Column}
}

// complain adds a diagnostic for a node; its caret covers a scalar.
func (d *decoder) complain(n *yaml.Node, message, hint string) {
	problem := Diagnostic{At: d.at(n), Source: d.line(n.Line), Message: message, Hint: hint}
	if n.Kind == yaml.ScalarNode && !strings.Contains(n.Value, "\n") {
		problem.Width = len([]rune(n.Value))
		if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
			problem.Width += 2
		}
	}
	d.problems.Add(problem)
}

func (d *decoder) line(number int) string {
	if number < 1 || number > len(d.lines) {
		return ""
	}
	return strings.TrimSuffix(d.lines[number-1], "\r")
}

// failed reports an error of the library or of a type's own UnmarshalYAML: at its own place, or else at n.
func (d *decoder) failed(n *yaml.Node, err error) {
	var several *yaml.LoadErrors
	if errors.As(err, &several) {
		for _, e := range several.Errors {
			d.failed(n, e)
		}
		return
	}
	var one *yaml.LoadError
	if errors.As(err, &one) && one.Mark.Line > 0 {
		d.complain(&yaml.Node{Line: one.Mark.Line, Column: one.Mark.Column}, one.Message, "")
		return
	}
	d.complain(n, err.Error(), "")
}
