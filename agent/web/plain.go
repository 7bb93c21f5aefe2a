package web

import (
	"fmt"
	"strings"
	"unicode"
)

// Plain shows what a reader cannot see: control characters, which can move a terminal's cursor, and format characters, which can turn a
// line around (bidi) or hide in it (zero width), become ⟨U+202E⟩. Line ends and tabs stay.
func Plain(text string) string {
	if strings.IndexFunc(text, hidden) < 0 {
		return strings.ToValidUTF8(text, "\uFFFD")
	}
	var b strings.Builder
	for _, r := range text {
		if hidden(r) {
			fmt.Fprintf(&b, "⟨U+%04X⟩", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func hidden(r rune) bool {
	return r != '\n' && r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// cut keeps the first most characters of a text.
func cut(text string, most int) string {
	for i := range text {
		if most == 0 {
			return text[:i] + "…"
		}
		most--
	}
	return text
}
