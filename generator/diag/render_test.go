package diag_test

import (
	"strings"
	"testing"

	"github.com/coclai/cutover/generator/diag"
	"github.com/google/go-cmp/cmp"
)

func render(l diag.List) string {
	var b strings.Builder
	l.Render(&b)
	return b.String()
}

func TestRenderPutsTheCaretUnderThePlace(t *testing.T) {
	tests := []struct {
		name string
		in   diag.Diagnostic
		want string
	}{
		{"width and hint", diag.Diagnostic{
			At: diag.Position{File: "rules/runbook.md", Line: 61, Column: 32}, Width: 10,
			Source:  "| API error rate | <= 1% (5m) | > 2 percentish | Runtime on-call |",
			Message: `cannot read "> 2 percentish": "percentish" is no unit`, Hint: `write for instance "> 2% (5m)"`,
		}, `rules/runbook.md:61:32: cannot read "> 2 percentish": "percentish" is no unit
  | API error rate | <= 1% (5m) | > 2 percentish | Runtime on-call |
                                 ^^^^^^^^^^
  hint: write for instance "> 2% (5m)"
`},
		{"Hangul is two columns wide, before the caret and under it", diag.Diagnostic{
			At: diag.Position{File: "r.md", Line: 3, Column: 5}, Width: 2, Source: "10분 이상 지속", Message: "m",
		}, "r.md:3:5: m\n  10분 이상 지속\n       ^^^^\n"},
		{"full-width signs too", diag.Diagnostic{
			At: diag.Position{File: "r.md", Line: 3, Column: 3}, Source: "＞ 2", Message: "m",
		}, "r.md:3:3: m\n  ＞ 2\n     ^\n"},
		{"combining marks take no column", diag.Diagnostic{
			At: diag.Position{File: "r.md", Line: 1, Column: 3}, Source: "e\u0301x", Message: "m",
		}, "r.md:1:3: m\n  e\u0301x\n   ^\n"},
		{"tabs stay tabs", diag.Diagnostic{
			At: diag.Position{File: "r.md", Line: 1, Column: 2}, Source: "\tx", Message: "m",
		}, "r.md:1:2: m\n  \tx\n  \t^\n"},
		{"just behind the line", diag.Diagnostic{
			At: diag.Position{File: "r.md", Line: 1, Column: 3}, Source: "ab", Message: "m",
		}, "r.md:1:3: m\n  ab\n    ^\n"},
		{"control characters cannot move the cursor", diag.Diagnostic{
			At: diag.Position{File: "r.md", Line: 1, Column: 1}, Source: "a\x1b[2Jb\u202e", Message: "m",
		}, "r.md:1:1: m\n  a\ufffd[2Jb\ufffd\n  ^\n"},
		{"without a source line", diag.Diagnostic{At: diag.Position{File: "r.md"}, Message: "m", Hint: "h"}, "r.md: m\n  hint: h\n"},
		{"without a place", diag.Diagnostic{Message: "m"}, "m\n"},
		{"a second place", diag.Diagnostic{
			At: diag.Position{File: "r.md", Line: 59, Column: 3}, Source: "> 2%", Message: "differs",
			Related: []diag.Related{{At: diag.Position{File: "r.md", Line: 42, Column: 1}, Source: "> 3%", Message: "stated here too"}},
		}, "r.md:59:3: differs\n  > 2%\n    ^\nr.md:42:1: stated here too\n  > 3%\n  ^\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if d := cmp.Diff(test.want, render(diag.List{test.in})); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestAListIsInOrderOfPlaceAndIsAnErrorOnlyWithContent(t *testing.T) {
	var l diag.List
	if l.Err() != nil {
		t.Fatal("an empty list is an error")
	}
	l.Add(diag.Diagnostic{At: diag.Position{File: "b", Line: 1, Column: 1}, Message: "third"})
	l.Add(
		diag.Diagnostic{At: diag.Position{File: "a", Line: 2, Column: 5}, Message: "first"},
		diag.Diagnostic{At: diag.Position{File: "a", Line: 2, Column: 5}, Message: "second"},
		diag.Diagnostic{At: diag.Position{File: "a", Line: 2, Column: 4}, Message: "zeroth"},
	)
	want := "a:2:4: zeroth\na:2:5: first\na:2:5: second\nb:1:1: third"
	if d := cmp.Diff(want, l.Err().Error()); d != "" {
		t.Error(d)
	}
}

func TestNearestOffersOnlyWhatWasProbablyMeant(t *testing.T) {
	words := []string{"service", "environment", "slis", "triggers", "gates", "지표"}
	for word, want := range map[string]string{
		"servce": "service", "sevrice": "service", "enviroment": "environment", "sli": "slis", "trigger": "triggers",
		"gate": "gates", "지포": "지표", "unrelated": "", "": "", "x": "",
	} {
		got, ok := diag.Nearest(word, words)
		if got != want || ok != (want != "") {
			t.Errorf("Nearest(%q) = %q, %v, want %q", word, got, ok, want)
		}
	}
}
