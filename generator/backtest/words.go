package backtest

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
)

// clean keeps what stands in labels from steering a terminal.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// longest are the longest of some spans, in order of time.
func longest(all []Span, n int) []Span {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b Span) int { return int(b.To.Sub(b.From) - a.To.Sub(a.From)) })
	sorted = sorted[:min(n, len(sorted))]
	slices.SortFunc(sorted, func(a, b Span) int { return a.From.Compare(b.From) })
	return sorted
}
