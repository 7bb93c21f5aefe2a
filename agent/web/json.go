package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// maxDepth is what Alertmanager needs (5) and a good deal more. What nests deeper wants to find out how we read it.
const maxDepth = 32

// Unambiguous says why a JSON text must not be read, though it may be well formed: it nests too deep, or an object has a key twice. Which of two
// counts would be ours to guess, and whoever looked at the text before us may have guessed otherwise. What is read into a struct (every second
// level, of a delivery) is told apart without regard to case, as encoding/json does. Whether the text is JSON at all is for who reads it to say.
func Unambiguous(text []byte) error {
	var open []object // an array stands for itself with an object that gets no key
	for at := 0; at < len(text); at++ {
		switch text[at] {
		case '{', '[':
			if open = append(open, object{folded: len(open)%2 == 0}); len(open) > maxDepth {
				return fmt.Errorf("it nests deeper than %d", maxDepth)
			}
		case '}', ']':
			open = open[:max(0, len(open)-1)]
		case '"':
			end := at + lengthOf(text[at:])
			if len(open) > 0 && isKey(text[end:]) && !open[len(open)-1].add(text[at:end]) {
				return fmt.Errorf("the key %.80s is there twice", text[at:end])
			}
			at = end - 1
		}
	}
	return nil
}

// lengthOf is the length of the string that a text begins with, with its quotation marks.
func lengthOf(text []byte) int {
	for at := 1; at < len(text); at++ {
		switch text[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return len(text)
}

// isKey says whether the string before the text was one: in JSON, nothing else has a colon after it.
func isKey(after []byte) bool {
	for _, c := range after {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c == ':'
		}
	}
	return false
}

// object is what keys one has had. Most have few.
type object struct {
	folded bool // case is of no account
	few    [][]byte
	many   map[string]bool
}

const few = 16

// add says whether a key, in its quotation marks, is new.
func (o *object) add(quoted []byte) bool {
	name := plainKey(quoted)
	for _, known := range o.few {
		if bytes.Equal(known, name) || o.folded && bytes.EqualFold(known, name) {
			return false
		}
	}
	if len(o.few) < few {
		o.few = append(o.few, name)
		return true
	}
	if o.many == nil {
		o.many = map[string]bool{}
	}
	if o.folded {
		name = bytes.ToLower(bytes.ToUpper(name)) // ſ and the Kelvin sign are letters, too
	}
	known := o.many[string(name)]
	o.many[string(name)] = true
	return !known
}

// plainKey is a key as encoding/json has it.
func plainKey(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 && utf8.Valid(quoted) {
		return bytes.Trim(quoted, `"`)
	}
	var name string
	if json.Unmarshal(quoted, &name) != nil {
		return quoted // no JSON: whoever reads it will say so
	}
	return []byte(name)
}
