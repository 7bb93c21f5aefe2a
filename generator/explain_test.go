package generator

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func accounts(t *testing.T, o Options) []Account {
	t.Helper()
	x, err := Examine(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Err(); err != nil {
		t.Fatal(err)
	}
	return x.Accounts()
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
		for _, a := range accounts(t, Options{Config: bindings, Runbook: path}) {
			delete(lines, a.Line)
		}
		for number, line := range lines {
			t.Errorf("%s:%d: not accounted for: %s", path, number, line)
		}
	}
}
