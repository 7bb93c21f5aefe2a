package generator

import (
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
)

// What the labels of an answer are, by Prometheus's own rules; "?" where they depend on the series.
func TestTheLabelsOfAnAnswerAreThoseThatTheExpressionSettles(t *testing.T) {
	for query, want := range map[string]string{
		"max(x)":                          "",
		"max by (b, a) (x)":               "b,a",
		"sum without (pod) (x)":           "?",
		"x":                               "?",
		"rate(x[5m])":                     "?",
		"rate(x[5m]) > 1":                 "?",
		"topk by (a) (1, x)":              "?",
		"count_values(\"v\", x)":          "?",
		"-sum by (a) (x)":                 "a",
		"1 - (sum by (a) (x))":            "a",
		"sum by (a) (x) / 2":              "a",
		"sum by (a) (x) / sum by (a) (y)": "a",
		"x / on (a) y":                    "a",
		"sum by (a, b) (x) / ignoring (b) sum by (a) (y)":              "a",
		"sum by (a, b) (x) / on (a) group_left (c) sum by (a, c) (y)":  "a,b,c",
		"sum by (a, c) (x) / on (a) group_right () sum by (a, b) (y)":  "a,b",
		"sum by (a) (x) and on () z":                                   "a",
		"sum by (a) (x) unless z":                                      "a",
		"sum(x) or vector(0)":                                          "",
		"sum by (a) (x) or vector(0)":                                  "?",
		"vector(1)":                                                    "",
		"absent(x)":                                                    "?",
		"label_replace(max(x), \"a\", \"b\", \"\", \"\")":              "?",
		"clamp_min(max by (a) (x), 0)":                                 "a",
		"histogram_quantile(0.9, sum by (le, a) (rate(x_bucket[5m])))": "a",
		"max_over_time(max by (a) (x)[1h:1m])":                         "a",
		"time() - max(x)":                                              "",
	} {
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
		if err != nil {
			t.Fatal(err)
		}
		labels, known := labelsOf(expr)
		got := strings.Join(labels, ",")
		if !known {
			got = "?"
		}
		if got != want {
			t.Errorf("%s: labels %q, want %q", query, got, want)
		}
	}
}
