package gitrepo

import (
	"errors"
	"fmt"
	"strings"
)

// Message is a commit or tag message in parts, so that text of others can be nowhere but in Quote. A line that git could read as a
// trailer stands in the last paragraph or not at all.
type Message struct {
	Subject  string
	Body     string      // our own words, one line
	Quote    string      // text of others: a label, an annotation, a person's reason; one line, stripped, capped, in quotation marks
	Trailers [][2]string // key and value, as git interpret-trailers reads them
}

// maxQuote is enough for a sentence; what is longer ends in an ellipsis.
const maxQuote = 200

// Text joins the paragraphs that are not empty.
func (m Message) Text() (string, error) {
	paragraphs := []string{line(m.Subject)}
	if paragraphs[0] == "" {
		return "", errors.New("message: it has no subject")
	}
	if body := line(m.Body); body != "" {
		paragraphs = append(paragraphs, body)
	}
	if m.Quote != "" {
		paragraphs = append(paragraphs, quoted(m.Quote))
	}
	var trailers []string
	for _, t := range m.Trailers {
		value := line(t[1])
		if !trailerKey(t[0]) || value == "" {
			return "", fmt.Errorf("message: trailer %q: want a key of letters and hyphens, and a value", t[0])
		}
		trailers = append(trailers, t[0]+": "+value)
	}
	if len(trailers) > 0 {
		paragraphs = append(paragraphs, strings.Join(trailers, "\n"))
	}
	return cleanMessage(strings.Join(paragraphs, "\n\n"))
}

// maxMessage is far beyond any message of ours; it stops a mistaken dump.
const maxMessage = 64 << 10

// cleanMessage ends a message in one newline, as git commit would.
func cleanMessage(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > maxMessage || strings.ContainsRune(s, 0) || strings.ToValidUTF8(s, "") != s {
		return "", errors.New("message: want 1 to 65,536 bytes of UTF-8")
	}
	return s + "\n", nil
}

// line is s on one line of printable characters.
func line(s string) string { return strings.Join(strings.Fields(printable(s)), " ") }

// quoted is text of others. Its own quotation marks become apostrophes: it cannot end the quotation.
func quoted(s string) string {
	s = strings.ReplaceAll(line(s), `"`, "'")
	if len(s) > maxQuote {
		s = strings.ToValidUTF8(s[:maxQuote], "") + "…"
	}
	return `"` + s + `"`
}

func trailerKey(key string) bool {
	return key != "" && strings.Trim(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-") == ""
}
