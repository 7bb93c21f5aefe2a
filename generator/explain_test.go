package generator

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What becomes of the reference runbook is settled by its disposition.md; these are its items, and the fate that it gives each.
func TestExplainAccountsForTheReferenceRunbookAsItsDispositionSays(t *testing.T) {
	accounts := Explain(compiled(t, Options{Config: bindings, Runbook: reference(t, "seed/big-bang-cutover.ko.md")}))
	got := map[string]Fate{}
	for _, a := range accounts {
		got[a.Item] = a.As
		if a.Becomes == "" || a.Text == "" || a.Line == 0 {
			t.Errorf("item %s: an account is empty: %+v", a.Item, a)
		}
	}
	want := map[string]Fate{
		"1": FateRule, "1.1": FateGate, "1.2": FateGate, "1.3": FateGate, "1.4": FateGate, "1.5": FateGate, "1.6": FateGate,
		"2": FateIgnored, "2.1": FateIgnored, "2.2": FateIgnored, "2.2.1": FateIgnored, "2.3": FateIgnored, "2.3.1": FateIgnored, "2.3.2": FateIgnored, "2.3.3": FateIgnored,
		"3": FateRule, "3.1": FateAgent, "3.2": FateAgent, "3.3": FateAgent, "3.4": FateManual, "3.5": FateAgent, "3.6": FateAgent,
		"4": FateIgnored, "4.1": FateRule, "4.1.1": FateAlert, "4.1.2": FateAlert, "4.1.3": FateAlert, "4.1.4": FateAlert, "4.1.5": FateAlert,
		"4.2": FateRule, "4.2.1": FateAgent, "4.2.2": FateAgent, "4.2.3": FateAgent, "4.2.4": FateAgent,
		"5": FateRule, "5.1": FateAlert, "5.2": FateAlert, "5.3": FateAlert, "5.4": FateAlert, "5.5": FateAlert, "5.6": FateAlert,
		"6": FateRule, "6.1": FateAgent, "6.2": FateAgent, "6.3": FateAgent, "6.4": FateAgent,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fates (-disposition +explained):\n%s", diff)
	}
}

var numbered = regexp.MustCompile(`^\s*(\d+\.|-) |^\| [^-|]+ \|.*\| [^|]+ \|$`)

func TestExplainLeavesNoItemOrRowOut(t *testing.T) {
	for _, path := range []string{"../rules/runbook.md", "../rules/runbook.ko.md"} {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := map[int]string{}
		for i, line := range strings.Split(string(content), "\n") {
			if numbered.MatchString(line) && !strings.Contains(line, "Target/SLO") && !strings.Contains(line, "알림 조건") {
				lines[i+1] = line
			}
		}
		for _, a := range Explain(compiled(t, Options{Config: bindings, Runbook: path})) {
			delete(lines, a.Line)
		}
		for number, line := range lines {
			t.Errorf("%s:%d: not accounted for: %s", path, number, line)
		}
	}
}
