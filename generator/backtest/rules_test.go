package backtest

import (
	"strings"
	"testing"
	"time"
)

func ruleFile(rules string) []byte {
	return []byte("groups:\n  - name: g\n    rules:\n" + rules)
}

func TestRulesThatCannotBeReplayedAreRefused(t *testing.T) {
	for _, test := range []struct{ name, rules, want string }{
		{"not a rule file", "      - alert: A\n        expr: up ==\n", "parse error"},
		{"no alert", "      - record: a:b\n        expr: up\n", "no alert"},
		{"a rule of its own past", "      - record: a\n        expr: a + 1\n      - alert: A\n        expr: a > 1\n", "a is computed from its own past"},
		{"a circle", "      - record: a\n        expr: b\n      - record: b\n        expr: a\n      - alert: A\n        expr: a > 1\n", "from its own past"},
		{"names by pattern", "      - record: slo:a\n        expr: up\n      - alert: A\n        expr: '{__name__=~\"slo:.*\"} > 1'\n", "by a pattern of their names"},
		{"moments that are a query's", "      - alert: A\n        expr: sum(up @ start()) > 1\n", "@ start()"},
	} {
		_, err := ReadRules("rules.yaml", ruleFile(test.rules), time.Minute)
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "rules.yaml") {
			t.Errorf("%s: got %v, want …%s…", test.name, err, test.want)
		}
	}
}

func TestRecordingsAreMadeBeforeTheyAreRead(t *testing.T) {
	r, err := ReadRules("r", ruleFile("      - record: c\n        expr: b\n      - record: b\n        expr: a\n      - record: a\n        expr: up\n"+
		"      - alert: A\n        expr: c > 1\n      - alert: Watchdog\n        expr: vector(1)\n"), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, one := range append(r.records, r.alerts...) {
		names = append(names, one.name)
	}
	if got := strings.Join(names, " "); got != "a b c A" {
		t.Errorf("order %q", got)
	}
}
