package runbook_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/generator/runbook"
)

// Tables as people keep them: several, in several sections, with columns of their own, under headings with or without numbers.
func TestTablesAreFoundByTheWordsOfTheirHeaders(t *testing.T) {
	for name, test := range map[string]struct{ content, want string }{
		"columns that the program has no use for": {
			"## 5 SLO\n\n| Service | SLO | Alert | Owner | Notes | Dashboard |\n|---|---|---|---|---|---|\n| a | <= 1% | > 2% | ops | as is | [d](x) |\n",
			"5.1 5 a | <= 1% | > 2% | ops\n"},
		"an indicator beside the metric": {
			"## 5 SLO\n\n| Metric | SLI | SLO | Alert | Owner |\n|---|---|---|---|---|\n| a | 5xx | <= 1% | > 2% | ops |\n",
			"5.1 5 a | <= 1% | > 2% | ops\n"},
		"two tables in a section": {
			table("| a | <= 1% | > 2% | ops |") + "\nAnd:\n\n| Metric | SLO | Alert | Owner |\n|---|---|---|---|\n| b | <= 1% | > 2% | ops |\n",
			"5.1 6 a | <= 1% | > 2% | ops\n5.2 12 b | <= 1% | > 2% | ops\n"},
		"a table in each of two sections, one not called so": {
			table("| a | <= 1% | > 2% | ops |") + "\n## 6) What else we watch\n\n| Signal | Goal | Page when | On-call |\n|---|---|---|---|\n| b | <= 1% | > 2% | ops |\n",
			"5.1 6 a | <= 1% | > 2% | ops\n6.1 12 b | <= 1% | > 2% | ops\n"},
		"headings without numbers": {
			"# Release\n\n## Watch\n\n### SLOs\n\n| Metric | SLO | Alert | Owner |\n|---|---|---|---|\n| a | <= 1% | > 2% | ops |\n\n## Triggers\n\n1. x\n",
			"1.1.1 9 a | <= 1% | > 2% | ops\ntriggers 2.1 13 x\n"},
	} {
		t.Run(name, func(t *testing.T) {
			content := test.content
			if !strings.Contains(content, "Triggers") {
				content += goodTriggers
			}
			d, problems := runbook.Parse("r.md", []byte(content))
			if problems != nil {
				t.Error(render(problems))
			}
			var got strings.Builder
			for _, r := range d.Rows {
				got.WriteString(strings.Join([]string{r.Number, lineOf(r.Line), r.Name.Text}, " ") + " | " +
					strings.Join([]string{r.Target.Text, r.Alert.Text, r.Owner.Text}, " | ") + "\n")
			}
			for _, i := range d.Triggers {
				if strings.Contains(test.want, "triggers") {
					got.WriteString(strings.Join([]string{"triggers", i.Number, lineOf(i.Line), i.Text.Text}, " ") + "\n")
				}
			}
			if diff := cmp.Diff(test.want, got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func lineOf(n int) string { return strconv.Itoa(n) }
