package diag

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Render writes the diagnostics in order of position, each with its source line, a caret under the place, its hint and related places.
func (l List) Render(w io.Writer) {
	for _, d := range l.Sorted() {
		fmt.Fprintf(w, "%s\n", printable(d.String()))
		writeSource(w, d.At, d.Source, d.Width)
		for _, r := range d.Related {
			fmt.Fprintf(w, "%s%s\n", place(r.At), printable(r.Message))
			writeSource(w, r.At, r.Source, 0)
		}
		if d.Hint != "" {
			fmt.Fprintf(w, "  hint: %s\n", printable(d.Hint))
		}
	}
}

func writeSource(w io.Writer, at Position, source string, width int) {
	if source == "" {
		return
	}
	fmt.Fprintf(w, "  %s\n", printable(source))
	runes := []rune(source)
	start := at.Column - 1
	if start < 0 || start > len(runes) {
		return
	}
	end := min(start+max(width, 1), len(runes))
	caret := "^"
	if end > start {
		caret = strings.Repeat("^", max(columns(runes[start:end]), 1))
	}
	fmt.Fprintf(w, "  %s%s\n", blank(runes[:start]), caret)
}

// blank is white space as wide as text. Tabs stay tabs: the terminal alone knows how wide they are.
func blank(text []rune) string {
	var b strings.Builder
	for _, r := range text {
		if r == '\t' {
			b.WriteRune(r)
			continue
		}
		b.WriteString(strings.Repeat(" ", runeColumns(r)))
	}
	return b.String()
}

func columns(text []rune) int {
	n := 0
	for _, r := range text {
		n += runeColumns(r)
	}
	return n
}

// printable replaces control characters: a source line must not be able to move the reader's cursor.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// wide are the blocks that terminals show two columns wide (Unicode TR11, East Asian Width W and F).
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x1100, Hi: 0x115f, Stride: 1}, // Hangul Jamo, leading consonants
		{Lo: 0x2e80, Hi: 0x303e, Stride: 1},
		{Lo: 0x3041, Hi: 0xa4cf, Stride: 1}, // Kana, CJK, Yi
		{Lo: 0xa960, Hi: 0xa97f, Stride: 1},
		{Lo: 0xac00, Hi: 0xd7a3, Stride: 1}, // Hangul syllables
		{Lo: 0xf900, Hi: 0xfaff, Stride: 1},
		{Lo: 0xfe30, Hi: 0xfe6f, Stride: 1},
		{Lo: 0xff01, Hi: 0xff60, Stride: 1}, // full-width forms: ＞ ％
		{Lo: 0xffe0, Hi: 0xffe6, Stride: 1},
	},
	R32: []unicode.Range32{
		{Lo: 0x1f300, Hi: 0x1f64f, Stride: 1},
		{Lo: 0x1f900, Hi: 0x1f9ff, Stride: 1},
		{Lo: 0x20000, Hi: 0x3fffd, Stride: 1},
	},
}

func runeColumns(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me) || r == 0x200b || r == 0xfeff || (r >= 0x1160 && r <= 0x11ff) {
		return 0
	}
	if unicode.Is(wide, r) {
		return 2
	}
	return 1
}
