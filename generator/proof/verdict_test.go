package proof_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coclai/cutover/generator/proof"
)

func promtool(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("promtool"); err == nil {
		return path
	}
	path, err := filepath.Abs("../../.tools/bin/promtool")
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Fatalf("promtool is neither on PATH nor in .tools/bin (make builds it): %v", err)
	}
	return path
}

// ruled are rules that need what ours do not: a rule that reads itself, alerts that read alerts, templates in labels, keep_firing_for.
const ruled = `groups:
  - name: g
    query_offset: 15s
    labels: {team: x}
    rules:
      - record: total
        expr: sum(jobs) + (total offset 1m or vector(0))
      - record: late
        expr: jobs offset 1m
      - alert: Many
        expr: sum by (job) (jobs) > 2
        for: 1m
        keep_firing_for: 2m
        labels: {size: "{{ if gt $value 5.0 }}big{{ else }}small{{ end }}", place: "{{ $externalLabels.zone }}"}
        annotations: {text: "{{ $labels.job }} has {{ $value }}, of {{ with query \"sum(jobs)\" }}{{ . | first | value }}{{ end }}"}
      - alert: Alerted
        expr: ALERTS{alertname="Many",alertstate="firing"}
      - alert: Twice
        expr: '{__name__=~"twice_.*"}'
`

const head = "rule_files: [rules.yaml]\nevaluation_interval: 30s\ntests:\n  - interval: 15s\n    external_labels: {zone: north}\n    input_series:\n"

func TestVerdictsAreThoseOfPromtool(t *testing.T) {
	program := promtool(t)
	many := `      - series: 'jobs{job="a"}'` + "\n        values: 0 0 3x20 0x20\n    alert_rule_test:\n"
	firing := `        exp_alerts: [{exp_labels: {job: a, team: x, size: small, place: north}, exp_annotations: {text: "a has 3, of 3"}}]` + "\n"
	for name, test := range map[string]string{
		"fires after for":              many + "      - {eval_time: 2m, alertname: Many}\n      - eval_time: 2m30s\n        alertname: Many\n" + firing,
		"one evaluation early":         many + "      - eval_time: 1m30s\n        alertname: Many\n" + firing,
		"kept firing":                  many + "      - eval_time: 7m\n        alertname: Many\n" + firing,
		"kept no longer":               many + "      - eval_time: 9m\n        alertname: Many\n" + firing,
		"another annotation":           many + "      - eval_time: 3m\n        alertname: Many\n" + strings.Replace(firing, "of 3", "of 4", 1),
		"between two evaluations":      many + "      - eval_time: 2m44s\n        alertname: Many\n" + firing,
		"an alert that reads alerts":   many + "      - eval_time: 3m\n        alertname: Alerted\n        exp_alerts: [{exp_labels: {job: a, team: x, size: small, place: north, alertstate: firing}}]\n",
		"the value changes a label":    "      - {series: 'jobs{job=\"a\"}', values: 3x8 9x8}\n    promql_expr_test:\n      - {expr: 'count(ALERTS)', eval_time: 3m, exp_samples: [{labels: '{}', value: 2}]}\n",
		"two results of one label set": "      - {series: twice_a, values: 1x9}\n      - {series: twice_b, values: 1x9}\n    alert_rule_test:\n      - {eval_time: 1m, alertname: Many}\n",
		"a rule that reads itself":     "      - {series: jobs, values: 1x40}\n    promql_expr_test:\n      - {expr: total, eval_time: 5m, exp_samples: [{labels: 'total{team=\"x\"}', value: 5}]}\n",
		"a native histogram": "      - {series: h, values: '{{schema:0 sum:5 count:4 buckets:[1 2 1]}}x4'}\n    promql_expr_test:\n" +
			"      - {expr: h, eval_time: 1m, exp_samples: [{labels: h, histogram: '{{schema:0 sum:5 count:4 buckets:[1 2 1]}}'}]}\n",
		"a stale series":          "      - {series: jobs, values: 1 1 stale}\n    promql_expr_test:\n      - {expr: jobs, eval_time: 1m}\n      - {expr: count(late), eval_time: 1m, exp_samples: [{labels: '{}', value: 1}]}\n",
		"a sample out of nothing": "      - {series: jobs, values: _ _ 1}\n    promql_expr_test:\n      - {expr: jobs, eval_time: 15s, exp_samples: [{labels: jobs, value: 1}]}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "rules_test.yaml")
			for file, content := range map[string]string{path: head + test, filepath.Join(dir, "rules.yaml"): ruled} {
				if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			out, err := exec.Command(program, "test", "rules", path).CombinedOutput()
			suite, unread := proof.Open(path)
			if unread != nil {
				t.Fatal(unread)
			}
			report, unrun := proof.Run(t.Context(), []proof.Suite{suite}, nil)
			if unrun != nil {
				t.Fatal(unrun)
			}
			if (err == nil) != (len(report.Failures) == 0) {
				t.Errorf("promtool: %s\nhere: %+v", out, report.Failures)
			}
		})
	}
}

func TestEachFailureHasItsPlace(t *testing.T) {
	rules := func(pattern string) (map[string][]byte, error) { return map[string][]byte{pattern: []byte(ruled)}, nil }
	test := head + "      - {series: jobs, values: 9x9}\n    alert_rule_test:\n      - {eval_time: 2m, alertname: Many}\n"
	suite, err := proof.Parse("x_test.yaml", []byte(test), rules)
	if err != nil {
		t.Fatal(err)
	}
	report, err := proof.Run(t.Context(), []proof.Suite{suite}, nil)
	if err != nil || len(report.Failures) != 1 {
		t.Fatalf("%+v, error %v", report, err)
	}
	f := report.Failures[0]
	if f.At.String() != "x_test.yaml:9:9" || f.Want != "nothing fires" || !strings.Contains(f.Got, `size="big"`) {
		t.Errorf("%+v", f)
	}
}
