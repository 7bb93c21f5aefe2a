package prom

import (
	"strings"
	"unicode"
)

// isWord says whether a text is so plain that YAML, PromQL and templates take it for text wherever it stands, and that another such text
// in its place is taken in the same way.
func isWord(s string) bool { return firstStyle(s) == plain && s[len(s)-1] != ' ' && isValue(s) }

// isValue is the same of what stands between quotes already.
func isValue(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !isPlain(r) })
}

func isPlain(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return true
	case r < 0x80:
		return strings.ContainsRune(" -_./", r)
	}
	return unicode.IsLetter(r) && legible(r)
}

func isASCII(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 }) }

// isNumber says whether the number of an item reads as a number in YAML: 5.17, and neither 5 nor 5.1.7.
func isNumber(s string) bool {
	whole, fraction, point := strings.Cut(s, ".")
	return point && isDigits(whole) && isDigits(fraction)
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
