package rules

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/coclai/cutover/generator"
	"github.com/coclai/cutover/generator/prom"
)

// The SLO of the benchmarks is that of testdata/peers/runbook.md: 99.9 % over 30 days, with the alerts on burning its budget.
const (
	scrape     = 15 * time.Second
	evaluation = 30 * time.Second // of groups that do not say it: all of sloth's
	period     = 30 * 24 * time.Hour
	peers      = "testdata/peers/"
	slothRules = peers + "sloth-0.16.0.yaml"
)

// contender is all that one program makes of the SLO.
type contender struct {
	name  string
	ratio string // the series of the error ratio over the period
	rules []rule
}

// rule is a recording, or an alert if record is "".
type rule struct {
	record      string
	labels      labels.Labels
	text        string
	expr        parser.Expr
	every, late time.Duration
}

// perMinute is how often a rule is evaluated.
func (r rule) perMinute() float64 { return float64(time.Minute) / float64(r.every) }

var promql = parser.NewParser(parser.Options{})

// contenders are ours, ours with every window read from raw series (`windows: raw`), and sloth's as captured. Pyrra is not among
// them: its module could not be had (BENCHMARKS.md), and its formulas written by us would not be Pyrra.
func contenders(t testing.TB) []contender {
	t.Helper()
	c, err := generator.Run(generator.Options{Config: peers + "promrulegen.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	ours := contender{"ours", "slo:error_ratio:30d", readRules(t, prom.Rules(c.Matrix).YAML())}
	c.Matrix.SLIs[0].Budget.Raw = true
	raw := contender{"raw", ours.ratio, readRules(t, prom.Rules(c.Matrix).YAML())}
	return []contender{ours, raw, {"sloth", "slo:sli_error:ratio_rate30d", readRules(t, captured(t))}}
}

// captured is sloth's file. With SLOTH naming its program, it must be what that writes today.
func captured(t testing.TB) []byte {
	t.Helper()
	content, err := os.ReadFile(slothRules)
	if err != nil {
		t.Fatal(err)
	}
	sloth := os.Getenv("SLOTH")
	if sloth == "" {
		return content
	}
	written := filepath.Join(t.TempDir(), "rules.yaml")
	if out, err := exec.Command(sloth, "generate", "-i", peers+"sloth.yaml", "-o", written).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	now, err := os.ReadFile(written)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasSuffix(content, now) {
		t.Fatalf("%s writes something else than %s holds", sloth, slothRules)
	}
	return content
}

func readRules(t testing.TB, content []byte) []rule {
	t.Helper()
	file, problems := rulefmt.Parse(content, false, model.UTF8Validation, promql, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var all []rule
	for _, g := range file.Groups {
		every, late := time.Duration(g.Interval), time.Duration(0)
		if every == 0 {
			every = evaluation
		}
		if g.QueryOffset != nil {
			late = time.Duration(*g.QueryOffset)
		}
		for _, one := range g.Rules {
			all = append(all, readRule(t, one, every, late))
		}
	}
	return all
}

func readRule(t testing.TB, one rulefmt.Rule, every, late time.Duration) rule {
	t.Helper()
	expr, err := promql.ParseExpr(one.Expr)
	if err != nil {
		t.Fatal(err)
	}
	set := labels.NewBuilder(labels.FromMap(one.Labels))
	if one.Record != "" {
		set.Set(model.MetricNameLabel, one.Record)
	}
	return rule{one.Record, set.Labels(), one.Expr, expr, every, late}
}

// find is the rule that records a series.
func (c contender) find(record string) (rule, bool) {
	i := slices.IndexFunc(c.rules, func(r rule) bool { return r.record == record && record != "" })
	if i < 0 {
		return rule{}, false
	}
	return c.rules[i], true
}

// behind are the recordings that one reads, each after those that it reads itself.
func (c contender) behind(record string) []rule {
	r, _ := c.find(record)
	var all []rule
	parser.Inspect(r.expr, func(n parser.Node, _ []parser.Node) error {
		v, ok := n.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		if read, ok := c.find(v.Name); ok {
			all = append(append(all, c.behind(v.Name)...), read)
		}
		return nil
	})
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(r rule) bool {
		was := seen[r.record]
		seen[r.record] = true
		return was
	})
}

// What the benchmarks ask for must be there, or they would compare nothing.
func TestEveryContenderKeepsTheSLO(t *testing.T) {
	for _, c := range contenders(t) {
		if r, ok := c.find(c.ratio); !ok || r.every == 0 {
			t.Errorf("%s records no %s", c.name, c.ratio)
		}
		alerts := 0
		for _, r := range c.rules {
			if r.record == "" && strings.Contains(r.text, "ratio") {
				alerts++
			}
		}
		if alerts < 2 {
			t.Errorf("%s has %d alerts on the budget, want a page and a ticket at least", c.name, alerts)
		}
	}
}
