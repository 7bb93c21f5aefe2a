package prom

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// lineBreaks are what YAML 1.1 takes for one.
const lineBreaks = "\n\r\u0085\u2028\u2029"

// style is how a string stands in YAML.
type style int

const (
	unsure style = iota // the library decides, at a hundred times the cost
	plain
	quoted // between single quotes
)

// longestWord is that of "false", the longest of the words that YAML takes for something other than text (go.yaml.in/yaml/v4,
// resolver.go, resolveMap).
const longestWord = 5

// appendScalar appends a string as the YAML library would write it. Rules and tests are almost nothing but strings, and nearly all of
// those are plainly one thing or the other, so that the library is asked only about the rest.
func appendScalar(out []byte, s string) []byte {
	switch styleOf(s) {
	case plain:
		return append(out, s...)
	case quoted:
		out = append(out, '\'')
		out = append(out, strings.ReplaceAll(s, "'", "''")...)
		return append(out, '\'')
	}
	if strings.ContainsAny(s, lineBreaks) {
		return strconv.AppendQuote(out, s) // Go's escapes are among YAML's; the library's way depends on the indentation
	}
	return append(out, bytes.TrimSuffix(encode(s), []byte("\n"))...)
}

// styleOf follows analyzeScalar of the library's emitter, where that needs no thought.
func styleOf(s string) style {
	style := firstStyle(s)
	for i := 0; i < len(s) && style != unsure; {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if !legible(r) {
				return unsure
			}
			i += size
			continue
		}
		if c < ' ' || c == 0x7f {
			return unsure
		}
		if ends := i+1 == len(s); c == ' ' && ends || c == ':' && (ends || s[i+1] == ' ') || c == '#' && i > 0 && s[i-1] == ' ' {
			style = quoted
		}
		i++
	}
	return style
}

// firstStyle is what the first character decides: whether the string could begin a collection, a comment, a number or a word like true.
func firstStyle(s string) style {
	if s == "" {
		return unsure
	}
	switch c := s[0]; {
	case strings.IndexByte("#,[]{}&*!|>'\"%@`", c) >= 0:
		return quoted
	case strings.IndexByte("yYnNtTfFoO", c) >= 0 && len(s) <= longestWord:
		return unsure
	case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '(' || c >= utf8.RuneSelf:
		return plain
	}
	return unsure
}

// legible are the letters of most scripts; of the rest, the library knows which are printed.
func legible(r rune) bool { return r > 0xA0 && r < 0xD800 && r != 0x2028 && r != 0x2029 }
