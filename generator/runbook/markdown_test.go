package runbook_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/runbook"
	"github.com/google/go-cmp/cmp"
)

// reference is the runbook that the product is measured by. It lies beside the repository, so that only CI can insist on it.
func reference(t *testing.T) runbook.Document {
	t.Helper()
	content, err := os.ReadFile("../../../shared/seed/big-bang-cutover.ko.md")
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip(err)
	}
	d, problems := runbook.Parse("big-bang-cutover.ko.md", content)
	if problems != nil {
		t.Fatal(render(problems))
	}
	return d
}

func render(l diag.List) string {
	var b strings.Builder
	l.Render(&b)
	return b.String()
}

func TestTheReferenceRunbookIsReadWhole(t *testing.T) {
	d := reference(t)
	if d.Title != "Big-Bang Cutover Operations" || len(d.SHA256) != 64 {
		t.Errorf("title %q, hash %q", d.Title, d.SHA256)
	}
	want := `5.1 59 API error rate | <= 1% (5m) | > 2% (5m) | Runtime on-call
5.2 60 p95 latency | baseline + <= 20% | baseline + > 35% for 10m | Runtime on-call
5.3 61 Runtime restart count | 0 정상 | 3회 연속 restart | Runtime on-call
5.4 62 Approval timeout ratio | <= 0.5% | > 1% (15m) | Web on-call
5.5 63 Artifact conflict ratio | <= 2% | > 5% (15m) | Artifact on-call
5.6 64 Doc contract drift | mismatch 0 | mismatch > 0 | Release manager
preconditions 1.1 10, 1.2 11, 1.3 12, 1.4 13, 1.5 14, 1.6 15
checklist 3.1 29, 3.2 30, 3.3 31, 3.4 32, 3.5 33, 3.6 34
triggers 4.1.1 42, 4.1.2 43, 4.1.3 44, 4.1.4 45, 4.1.5 46
actions 4.2.1 50, 4.2.2 51, 4.2.3 52, 4.2.4 53
milestones 6.1 68, 6.2 69, 6.3 70, 6.4 71
others 2.1 19, 2.2 20, 2.2.1 21, 2.3 22, 2.3.1 23, 2.3.2 24, 2.3.3 25
`
	if diff := cmp.Diff(want, summary(d)); diff != "" {
		t.Error(diff)
	}
}

// summary is a document in short: rows with their cells, items by number and line.
func summary(d runbook.Document) string {
	var b strings.Builder
	for _, r := range d.Rows {
		fmt.Fprintf(&b, "%s %d %s | %s | %s | %s\n", r.Number, r.Line, r.Name.Text, r.Target.Text, r.Alert.Text, r.Owner.Text)
	}
	for _, list := range []struct {
		name  string
		items []runbook.Item
	}{{"preconditions", d.Preconditions}, {"checklist", d.Checklist}, {"triggers", d.Triggers}, {"actions", d.Actions},
		{"milestones", d.Milestones}, {"others", d.Others}} {
		var places []string
		for _, item := range list.items {
			places = append(places, fmt.Sprintf("%s %d", item.Number, item.Line))
		}
		if places != nil {
			fmt.Fprintf(&b, "%s %s\n", list.name, strings.Join(places, ", "))
		}
	}
	return b.String()
}

func TestCellsKnowTheirPlaceInTheFile(t *testing.T) {
	d := reference(t)
	code := d.Preconditions[4].Code[0]
	if code.Text != `rg -n "todo!\\(|unimplemented!\\(" crates` {
		t.Errorf("the code span is not as written: %s", code.Text)
	}
	got := render(diag.List{
		d.Rows[0].Alert.Diagnose(2, 2, "in a cell", ""),
		d.Rows[1].Owner.Diagnose(0, 0, "a whole cell", ""),
		d.Triggers[1].Text.Diagnose(16, 11, "in an item, behind and under Hangul", ""),
		code.Diagnose(7, 5, "in a code span", ""),
	})
	want := `big-bang-cutover.ko.md:14:12: in a code span
  5. ` + "`" + `rg -n "todo!\\(|unimplemented!\\(" crates` + "`" + ` 결과 0
             ^^^^^
big-bang-cutover.ko.md:43:20: in an item, behind and under Hangul
  2. p95 latency > baseline 대비 35% 초과가 10분 이상 지속
                     ^^^^^^^^^^^^^
big-bang-cutover.ko.md:59:35: in a cell
  | API error rate | <= 1% (5m) | > 2% (5m) | Runtime on-call |
                                    ^^
big-bang-cutover.ko.md:60:64: a whole cell
  | p95 latency | baseline + <= 20% | baseline + > 35% for 10m | Runtime on-call |
                                                                 ^^^^^^^^^^^^^^^
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

const goodTable = `
## 5) SLO Matrix

| Metric | Target/SLO | Alert Condition | Owner |
|---|---|---|---|
| errors | <= 1% | > 2% | ops |
`

const goodTriggers = `
## 4.1 Rollback Triggers

1. errors > 2%
`

func TestTextIsWhatAReaderSeesAndCaretsStandUnderTheSource(t *testing.T) {
	for _, test := range []struct {
		written, text string
		offset, width int
		caret         string // the part of the source under the caret
	}{
		{"errors **> 2%** (5m)", "errors > 2% (5m)", 9, 2, "2%"},
		{"errors &gt; 2%", "errors > 2%", 7, 1, "&"},
		{"errors &gt; 2%", "errors > 2%", 9, 2, "2%"},
		{`errors \> 2%`, "errors > 2%", 9, 2, "2%"},
		{"errors `> 2%` now", "errors > 2% now", 7, 4, "> 2%"},
		{"errors `a\n   b` > 2%", "errors a b > 2%", 13, 2, "2%"},
		{"[errors](https://example.org) > 2%", "errors > 2%", 9, 2, "2%"},
		{"errors<br/>> 2%", "errors > 2%", 9, 2, "2%"},
		{"errors <b>2%</b>", "errors <b>2%</b>", 10, 2, "2%"},
		{"errors <!-- all --> > 2%", "errors  > 2%", 10, 2, "2%"},
		{"<https://example.org> > 2%", "https://example.org > 2%", 22, 2, "2%"},
		{"a & b; c", "a & b; c", 2, 1, "&"},
		{"errors &amp;lt; 2%", "errors &lt; 2%", 12, 2, "2%"},
		{"errors over\n   2%", "errors over 2%", 12, 2, "2%"},
		{"errors over\n\n   2%", "errors over 2%", 12, 2, "2%"},
	} {
		content := "## 4.1 Triggers\n\n1. " + test.written + "\n" + goodTable
		for _, content := range []string{content, strings.ReplaceAll(content, "\n", "\r\n"), "\ufeff" + content} {
			d, problems := runbook.Parse("r.md", []byte(content))
			if problems != nil {
				t.Fatal(render(problems))
			}
			item := d.Triggers[0].Text
			got := item.Diagnose(test.offset, test.width, "", "")
			under := string([]rune(got.Source)[got.At.Column-1:][:got.Width])
			if item.Text != test.text || under != test.caret {
				t.Errorf("%q: text %q, caret under %q", test.written, item.Text, under)
			}
		}
	}
}

func TestSectionsAreKnownByTheirWordsAndNumbers(t *testing.T) {
	for heading, want := range map[string]string{
		"## 4.1 Rollback Triggers\n\n1. x":                       "triggers 4.1.1 3",
		"## 4) 롤백 트리거\n\n- x\n- y":                               "triggers 4.1 3, 4.2 4",
		"## 4 When to roll back\n### Triggers\n1. x":             "triggers 4.1 3",
		"## 4 Triggers\n### 4.1 Of the runtime\n- x":             "triggers 4.1.1 3",
		"## 4 Triggers\n### Of the runtime\n- x":                 "triggers 4.1 3",
		"## 4 Triggers\n1. x\n\nor\n\n2. y":                      "triggers 4.1 2, 4.2 6",
		"4.1 Triggers\n---\n1. x":                                "triggers 4.1.1 3",
		"> ## 4.1 Triggers\n> 1. x":                              "triggers 4.1.1 2",
		goodTriggers + "## 7. Prerequisites\n- a":                "preconditions 7.1 6\ntriggers 4.1.1 4",
		goodTriggers + "## 7. 사전 조건\n- a":                        "preconditions 7.1 6\ntriggers 4.1.1 4",
		goodTriggers + "## 7. Checklist\n- a\n  - b":             "checklist 7.1 6\ntriggers 4.1.1 4\nothers 7.1.1 7",
		goodTriggers + "## 7. 롤백 조치\n- a":                        "triggers 4.1.1 4\nactions 7.1 6",
		goodTriggers + "## 7. Milestones\n- a":                   "triggers 4.1.1 4\nmilestones 7.1 6",
		goodTriggers + "## Contacts\n- a\n- b":                   "triggers 4.1.1 4\nothers  6,  7",
		goodTriggers + "## 8 Slow queries\n- a\n\n1. b":          "triggers 4.1.1 4\nothers 8.1 6, 8.1 8",
		"# Checklist of rollback triggers\n- a\n" + goodTriggers: "triggers 4.1.1 6\nothers  2",
	} {
		d, problems := runbook.Parse("r.md", []byte(heading+"\n"+goodTable))
		if problems != nil {
			t.Errorf("%q:\n%s", heading, render(problems))
		}
		d.Rows = nil
		if diff := cmp.Diff(want+"\n", summary(d)); diff != "" {
			t.Errorf("%q:\n%s", heading, diff)
		}
	}
}

func TestTheMatrixIsReadInAnyOrderOfColumnsAndInKorean(t *testing.T) {
	const want = "5.1 5 오류율 | <= 1% | a|b > 2% | ops\n"
	for _, table := range []string{
		"| 지표 | 목표 | 알림 조건 | 담당 |\n|---|---|---|---|\n| 오류율 | <= 1% | a\\|b > 2% | ops |",
		"| Owner | Alert Condition | SLO | Metric |\n|:-:|---|---|---|\n| ops | `a\\|b` > 2% | <= 1% | **오류율** |",
		"SLI | Objective | Alert | Owner\n---|---|---|---\n오류율 | &lt;= 1% | a\\|b > 2% | ops",
	} {
		d, problems := runbook.Parse("r.md", []byte("## 5) SLO\n\n"+table+"\n\nA remark.\n"+goodTriggers))
		if problems != nil {
			t.Error(render(problems))
		}
		d.Triggers = nil
		if diff := cmp.Diff(want, summary(d)); diff != "" {
			t.Error(diff)
		}
	}
}
