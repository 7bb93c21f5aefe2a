package slo_test

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/coclai/cutover/generator/slo"
)

func TestIdentifierIsReadableWhereItCanBe(t *testing.T) {
	for _, c := range []struct {
		parts []string
		want  string
	}{
		{[]string{"checkout", "production"}, "checkout--production"},
		{[]string{"a-b", "c"}, "a-b--c"},
		{[]string{"a", "b-c"}, "a--b-c"},
		{[]string{"check.out", "eu_west"}, "check-out-eu-west-3d6382e9e7"},
		{[]string{"결제", "production"}, "production-2a897dfc53"},
		{[]string{"결제", "운영"}, "55fc90555b"},
		{[]string{strings.Repeat("a", 60), "production"}, strings.Repeat("a", 29) + "-b1ea8d7815"},
	} {
		got := slo.Identifier(40, c.parts...)
		if got != c.want {
			t.Errorf("Identifier(40, %q) = %q, want %q", c.parts, got, c.want)
		}
	}
}

// label is a DNS label as Kubernetes checks it (RFC 1123).
var label = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

func TestIdentifierIsALabelAndTellsPartsApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.OneOf(rapid.StringMatching(`[a-c._-]{0,4}`), rapid.String()), 2, 2)
		limit := rapid.IntRange(16, 63).Draw(t, "limit")
		a, b := parts.Draw(t, "a"), parts.Draw(t, "b")
		one, other := slo.Identifier(limit, a...), slo.Identifier(limit, b...)
		if !label.MatchString(one) || len(one) > limit {
			t.Errorf("Identifier(%d, %q) = %q is no label of that length", limit, a, one)
		}
		if same := a[0] == b[0] && a[1] == b[1]; same != (one == other) {
			t.Errorf("Identifier(%d) of %q and %q: %q and %q", limit, a, b, one, other)
		}
	})
}
