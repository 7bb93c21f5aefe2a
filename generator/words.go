package generator

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/coclai/cutover/generator/slo"
)

// mentions says whether a text has one of the words, which are given in lower case. A word in Latin letters must begin like one: "tag"
// is not in "stage". A Korean one may stand anywhere, since words are joined to particles and to each other.
func mentions(text string, words ...string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc(words, func(w string) bool { return begins(text, w) })
}

func begins(text, word string) bool {
	for i := 0; ; {
		at := strings.Index(text[i:], word)
		if at < 0 {
			return false
		}
		at += i
		if word[0] >= 0x80 || at == 0 || !unicode.IsLetter(rune(text[at-1])) {
			return true
		}
		i = at + len(word)
	}
}

var lengthOfTime = regexp.MustCompile(`(?i)(\d+)[ -]?(minutes?|mins?|m|분|hours?|h|시간|days?|d|일)(?:[^a-z]|$)`)

var seconds = regexp.MustCompile(`(?i)(\d+)[ -]?(seconds?|secs?|s|초)(?:[^a-z]|$)`)

// spanIn finds the first length of time in a text. Seconds are taken only where there is no longer unit: beside "for 30 minutes" they are
// more likely a latency, and a runbook whose milestones are seconds apart is a rehearsal of one.
func spanIn(text string) (slo.Duration, bool) {
	found := lengthOfTime.FindStringSubmatch(text)
	if found == nil {
		found = seconds.FindStringSubmatch(text)
	}
	if found == nil {
		return 0, false
	}
	return span(found[1], found[2])
}

func span(digits, unit string) (slo.Duration, bool) {
	n, err := strconv.Atoi(digits)
	if err != nil || n == 0 || n > 1000 {
		return 0, false
	}
	return slo.Duration(time.Duration(n) * lengthOf(strings.ToLower(unit))), true
}

func lengthOf(unit string) time.Duration {
	switch {
	case unit == "시간" || unit[0] == 'h':
		return time.Hour
	case unit == "일" || unit[0] == 'd':
		return 24 * time.Hour
	case unit == "초" || unit[0] == 's':
		return time.Second
	}
	return time.Minute
}

// parenthesised is the list in a text's last parentheses: "(error rate, p95 latency)", "(runtime/web/artifact)".
func parenthesised(text string) []string {
	open, shut := strings.LastIndex(text, "("), strings.LastIndex(text, ")")
	if open < 0 || shut < open {
		return nil
	}
	var list []string
	for _, part := range strings.FieldsFunc(text[open+1:shut], func(r rune) bool { return r == ',' || r == '/' || r == '·' }) {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}
