package report

import (
	"fmt"
	"regexp"
	"strings"
)

// Markdown is the document as a person keeps it. Plots are only in the page; what they show is summed up.
func (d Document) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n**%s** %s\n", inline(d.Title), words(d.Verdict), inline(d.Sentence))
	for _, s := range d.Sections {
		s.markdown(&b)
	}
	return b.String()
}

func (s Section) markdown(b *strings.Builder) {
	mark := "##"
	if s.Under {
		mark = "###"
	}
	fmt.Fprintf(b, "\n%s %s\n", mark, inline(s.Title))
	for _, p := range s.Text {
		fmt.Fprintf(b, "\n%s\n", begun(p))
	}
	if len(s.List) > 0 {
		b.WriteString("\n")
	}
	for _, l := range s.List {
		fmt.Fprintf(b, "- %s\n", l.markdown(" "))
	}
	if s.Table != nil {
		s.Table.markdown(b)
	}
	if len(s.Figures) > 0 {
		b.WriteString("\n")
	}
	for _, f := range s.Figures {
		fmt.Fprintf(b, "- **%s** %s\n", inline(f.Title), inline(f.Summary))
	}
}

func (t Table) markdown(b *strings.Builder) {
	var head Line
	for _, name := range t.Head {
		head = append(head, text(name))
	}
	fmt.Fprintf(b, "\n| %s |\n|%s\n", head.markdown(" | "), strings.Repeat(" --- |", len(t.Head)))
	for _, row := range t.Rows {
		fmt.Fprintf(b, "| %s |\n", row.markdown(" | "))
	}
}

func (l Line) markdown(between string) string {
	cells := make([]string, len(l))
	for n, c := range l {
		switch {
		case c.Code && between == " | ": // a cell ends at the next bar, in a code span too (GFM 0.29, 4.10)
			cells[n] = strings.ReplaceAll(code(c.Text), "|", `\|`)
		case c.Code:
			cells[n] = code(c.Text)
		case c.Verdict:
			cells[n] = "**" + inline(c.Text) + "**"
		case n == 0 && between == " ":
			cells[n] = begun(c.Text)
		default:
			cells[n] = inline(c.Text)
		}
	}
	return strings.Join(cells, between)
}

// begins is what would make a block of a line: a heading, a list, a quotation, a rule.
var begins = regexp.MustCompile(`^(#|>|[-+=]+( |$)|\d+[.)]( |$))`)

// escapes take away what CommonMark and GitHub (tables, strikethrough, formulas) make of text.
var escapes = strings.NewReplacer("\n", " ", "\r", " ", `\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "<", `\<`, "&", "&amp;", "[", `\[`, "|", `\|`, "$", `\$`, "~", `\~`)

// inline is text within a line that no Markdown is read out of.
func inline(text string) string { return escapes.Replace(strings.TrimSpace(text)) }

// begun is inline text at the beginning of a line or of a list's item.
func begun(text string) string {
	text = inline(text)
	at := begins.FindStringIndex(text)
	if at == nil {
		return text
	}
	before := len(strings.TrimRight(text[:at[1]], " ")) - 1 // the marker's last character
	return text[:before] + `\` + text[before:]
}
