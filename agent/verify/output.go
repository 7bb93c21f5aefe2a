package verify

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// half is what is kept of the beginning and of the end of a command's output, 64 KiB in all: what it was, and how it ended.
const half = 32 << 10

// capped is an io.Writer that keeps both ends of what is written and counts the rest.
type capped struct {
	head, tail []byte
	left       int // bytes left out between them
}

// Write never fails and never blocks: a gate that floods must not stop at a full pipe.
func (c *capped) Write(p []byte) (int, error) {
	n := len(p)
	if room := half - len(c.head); room > 0 {
		taken := min(room, len(p))
		c.head = append(c.head, p[:taken]...)
		p = p[taken:]
	}
	c.tail = append(c.tail, p...)
	if extra := len(c.tail) - half; extra > 0 {
		c.left += extra
		c.tail = append(c.tail[:0], c.tail[extra:]...)
	}
	return n, nil
}

// colour is what terminals take for colours and cursor movements (ECMA-48 §5.4, CSI).
var colour = regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]")

// text is the output fit to be stored and shown.
func (c *capped) text() string {
	if c.left == 0 {
		return clean(string(c.head) + string(c.tail))
	}
	return clean(string(c.head)) + fmt.Sprintf("\n… %d bytes left out …\n", c.left) + clean(string(c.tail))
}

func clean(text string) string {
	text = colour.ReplaceAllString(strings.ToValidUTF8(text, "\uFFFD"), "")
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return -1
		}
		return r
	}, text)
}
