package runbook_test

import (
	"testing"

	"github.com/coclai/cutover/generator/runbook"
)

// What a cell looks like on the page is what its bound is read from: marks that a reader does not see are gone, and marks that turn the
// meaning (struck out, raised, a footnote) are still there to be refused.
func TestACellIsTheTextOnThePage(t *testing.T) {
	for written, want := range map[string]string{
		"**> 2%** (5m)":            "> 2% (5m)",
		"__> 2%__ *(5m)*":          "> 2% (5m)",
		"***p95*** `≤ 300ms`":      "p95 ≤ 300ms",
		"`` > 2% ``":               "> 2%",
		"[> 2%](runbook.md) (5m)":  "> 2% (5m)",
		"> 2%<br>(5m)":             "> 2% (5m)",
		"> 2%<br />(5m)":           "> 2% (5m)",
		"&gt;&nbsp;2%&#32;(5m)":    ">\u00a02% (5m)",
		"&le; 1% &lpar;5m&rpar;":   "≤ 1% (5m)",
		`\> 2\% \(5m\)`:            "> 2% (5m)",
		"＞ ２％（５ｍ）":                 "＞ ２％（５ｍ）",
		"> 2%<!-- was 3% --> (5m)": "> 2% (5m)",
		"<= 1%":                    "<= 1%",
		"~~> 2%~~ > 3%":            "~~> 2%~~ > 3%",
		"<s>> 2%</s> > 3%":         "<s>> 2%</s> > 3%",
		"> 2<sup>1</sup>%":         "> 2<sup>1</sup>%",
		"> 2%[^1]":                 "> 2%[^1]",
		"> 2%\\*":                  "> 2%*",
		"`&lt; 1%`":                "&lt; 1%",
	} {
		d, problems := runbook.Parse("r.md", []byte(table("| a | <= 1% | "+written+" | ops |")+goodTriggers))
		if problems != nil {
			t.Errorf("%s:\n%s", written, render(problems))
			continue
		}
		if got := d.Rows[0].Alert.Text; got != want {
			t.Errorf("%s is read as %q, want %q", written, got, want)
		}
	}
}
