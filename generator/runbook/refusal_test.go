package runbook_test

import (
	"strings"
	"testing"

	"github.com/coclai/cutover/generator/runbook"
	"github.com/google/go-cmp/cmp"
)

// refusals are runbooks that would be misread: what is written, and the first line and caret of what is said about it.
var refusals = []struct {
	name, content, want string
}{
	{"a | inside code splits a cell, and the surplus would vanish", table("| a | <= 1% | `x|y` > 2% | ops |") + goodTriggers,
		"r.md:6:1: the row has 5 cells, the table 4 columns\n  | a | <= 1% | `x|y` > 2% | ops |\n  ^"},
	{"a missing cell would be made up", table("| a | <= 1% | > 2% |") + goodTriggers,
		"r.md:6:1: the row has 3 cells, the table 4 columns"},
	{"text right below the table would be a row", table("| a | <= 1% | > 2% | ops |\nAnd so on.") + goodTriggers,
		"r.md:7:1: the row has 1 cells, the table 4 columns\n  And so on.\n  ^"},
	{"an empty cell", table("| 지표 | <= 1% |  | ops |") + goodTriggers,
		"r.md:6:15: the cell of \"Alert Condition\" is empty\n  | 지표 | <= 1% |  | ops |\n                  ^"},
	{"two rows of one name", table("| a | <= 1% | > 2% | ops |\n| **a** | <= 2% | > 3% | ops |") + goodTriggers,
		"r.md:7:5: a second row \"a\"\n  | **a** | <= 2% | > 3% | ops |\n      ^\nr.md:6:3: the first one"},
	{"no rows", table("") + goodTriggers, "r.md:4:1: the SLO matrix has no rows"},
	{"a column that bears on the bounds",
		"## 5 SLO\n\n| Metric | SLO | Alert | Owner | Period |\n|---|---|---|---|---|\n| a | <= 1% | > 2% | ops | 5m |\n" + goodTriggers,
		"r.md:3:34: column \"Period\" is not read, and may change what the bounds say\n  | Metric | SLO | Alert | Owner | Period |\n                                   ^^^^^^"},
	{"a column given twice",
		"## 5 SLO\n\n| Metric | SLO | Alert | Owner | Owner |\n|---|---|---|---|---|\n| a | <= 1% | > 2% | ops | x |\n" + goodTriggers,
		"r.md:3:34: a second column \"Owner\""},
	{"a missing column", "## 5 SLO\n\n| Metric | SLO | Alert |\n|---|---|---|\n| a | <= 1% | > 2% |\n" + goodTriggers,
		"r.md:3:1: the SLO matrix has no column \"Owner\""},
	{"a header line that makes it no table",
		"## 5 SLO\n\n| Metric | SLO | Alert | Owner |\n|---|---|---|\n| a | <= 1% | > 2% | ops |\n" + goodTriggers,
		"r.md:3:1: this is no table to a Markdown reader"},
	{"no matrix", "# T\n" + goodTriggers, "r.md:1:1: no SLO matrix found"},
	{"a table without targets and alerts is no matrix",
		"## 5 Contacts\n\n| Metric | Owner |\n|---|---|\n| a | ops |\n" + goodTriggers, "r.md:1:1: no SLO matrix found"},
	{"a table under no heading", strings.TrimPrefix(strings.Replace(goodTable, "## 5) SLO Matrix", "", 1), "\n") + goodTriggers,
		"r.md:1:1: the heading has no number, so that its items have none"},
	{"no triggers", goodTable, "r.md:1:1: no list of rollback triggers found"},
	{"nothing at all", "",
		"r.md:1:1: no SLO matrix found\n  hint: write a table under a numbered heading such as \"5) SLO Matrix\"\nr.md:1:1: no list of"},
	{"a heading without a number", "## Triggers\n\n1. x\n" + goodTable,
		"r.md:1:1: the heading has no number, so that its items have none\n  ## Triggers\n  ^^^^^^^^^^^"},
	{"two lists of triggers", goodTriggers + "\n## 7 More triggers\n\n1. x\n" + goodTable,
		"r.md:6:1: a second section of triggers\n  ## 7 More triggers\n  ^^^^^^^^^^^^^^^^^^\nr.md:2:1: the first one"},
	{"one number for two items", "## 4 Triggers\n\n1. x\n\nand\n\n1. y\n" + goodTable,
		"r.md:7:1: a second item 4.1\n  1. y\n  ^^^^\nr.md:3:4: the first one"},
	{"a list inside a trigger", "## 4 Triggers\n\n1. any of\n   - x\n   - y\n" + goodTable,
		"r.md:4:4: a list inside an item is not read here"},
	{"a code block inside a precondition", "## 1 Preconditions\n\n1. run\n   ```\n   make\n   ```\n" + goodTriggers + goodTable,
		"r.md:4:4: only text is read inside an item of this list"},
	{"a line that begins with > is a quotation", "## 4 Triggers\n\n1. errors\n   > 2%\n" + goodTable,
		"r.md:4:4: only text is read inside an item of this list\n     > 2%"},
	{"an empty item", "## 4 Triggers\n\n1. x\n2.\n3. y\n" + goodTable, "r.md:4:1: the item is empty"},
	{"not UTF-8", "\xff\xfe#", "r.md: the file is not UTF-8"},
}

func table(rows string) string {
	return "\n## 5) SLO Matrix\n\n| Metric | Target/SLO | Alert Condition | Owner |\n|---|---|---|---|\n" + rows + "\n"
}

func TestWhatWouldBeMisreadIsRefused(t *testing.T) {
	for _, test := range refusals {
		t.Run(test.name, func(t *testing.T) {
			_, problems := runbook.Parse("r.md", []byte(test.content))
			got := render(problems)
			if !strings.HasPrefix(got, test.want) {
				t.Error(cmp.Diff(test.want, got))
			}
			if wanted := 1 + strings.Count(test.want, "\nr.md:1:1: no"); len(problems) != wanted {
				t.Errorf("%d diagnostics:\n%s", len(problems), got)
			}
		})
	}
}

func TestAllProblemsAreReportedAtOnce(t *testing.T) {
	content := `# T

## Preconditions

- a

## 5 SLO

| Metric | SLO | Alert | Owner |
|---|---|---|---|
| a | x|y | > 2% | ops |
| b | | > 2% | ops |
| c | <= 1% | > 2% | ops |
| c | <= 1% | > 2% | ops |
`
	_, problems := runbook.Parse("r.md", []byte(content))
	want := `r.md:1:1: no list of rollback triggers found
r.md:3:1: the heading has no number, so that its items have none
r.md:11:1: the row has 5 cells, the table 4 columns
r.md:12:6: the cell of "Target/SLO" is empty
r.md:14:3: a second row "c"`
	if diff := cmp.Diff(want, problems.Error()); diff != "" {
		t.Error(diff)
	}
}
