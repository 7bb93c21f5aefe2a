package proof

import (
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	engine "github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/coclai/cutover/generator/prom"
	"github.com/coclai/cutover/generator/slo"
)

// now is a time at which every interval has a sample.
var now = time.UnixMilli(0).Add(3000 * time.Hour)

// played fills a memory with all that the rules read: n series for each selector of raw ones, and what rules record.
func played(t *testing.T, rules Rules, traffic Traffic, n int) *memory {
	t.Helper()
	m := newMemory()
	for _, r := range rules.all {
		for _, matchers := range r.reads {
			series, every := n, traffic.Scrape
			if w := rules.writer(matchers); w >= 0 {
				series, every = int(rules.Cost(traffic).Rules[w].Series), rules.all[w].interval
			}
			for i := range series {
				fill(t, m, matchers, i, every, longest(r.expr))
			}
		}
	}
	return m
}

func fill(t *testing.T, m *memory, matchers []*labels.Matcher, i int, every, back time.Duration) {
	t.Helper()
	b := labels.NewBuilder(labels.FromStrings("series", fmt.Sprint(i), "tenant", fmt.Sprint(i), "le", "+Inf"))
	for _, l := range matchers {
		b.Set(l.Name, valueFor(t, l))
	}
	c := &column{labels: b.Labels()}
	for at := now.Add(-back).Truncate(every); !at.After(now); at = at.Add(every) {
		c.add(at.UnixMilli(), float64(at.Unix()-int64(now.Unix())), nil)
	}
	if old := m.find(c.labels); old == nil || len(old.times) < len(c.times) {
		m.put(c)
	}
}

func valueFor(t *testing.T, l *labels.Matcher) string {
	t.Helper()
	for _, v := range []string{l.Value, "500", "tenant", "200", ""} {
		if l.Matches(v) {
			return v
		}
	}
	t.Fatalf("no value for %s", l)
	return ""
}

// longest is how far back an expression looks, more than that.
func longest(expr string) time.Duration {
	parsed, _ := promql.ParseExpr(expr)
	sum := time.Hour
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.VectorSelector:
			sum += n.OriginalOffset
		case *parser.MatrixSelector:
			sum += n.Range
		case *parser.SubqueryExpr:
			sum += n.Range
		}
		return nil
	})
	return sum
}

func TestCostIsWhatTheEngineCounts(t *testing.T) {
	committed, err := os.ReadFile("../../rules/generated/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"committed": committed}
	for name, s := range specimens() {
		files[name] = prom.Rules(matrixOf(s)).YAML()
	}
	for name, content := range files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rules, err := ParseRules(name, content)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range []int{1, 7} {
				compareCost(t, rules, n)
			}
		})
	}
}

func compareCost(t *testing.T, rules Rules, n int) {
	t.Helper()
	traffic := Traffic{
		Scrape: 15 * time.Second, Evaluation: 30 * time.Second, Groups: float64(n), Series: func(string) float64 { return float64(n) },
	}
	m := played(t, rules, traffic, n)
	traffic.Series = func(selector string) float64 {
		matchers, err := promql.ParseMetricSelector(selector)
		if err != nil {
			t.Fatal(err)
		}
		set := m.Select(t.Context(), false, nil, matchers...).(*selection)
		return float64(len(set.columns))
	}
	cost := rules.Cost(traffic)
	for i, r := range rules.all {
		q, err := newEngine(30*time.Second).NewInstantQuery(t.Context(), m, engine.NewPrometheusQueryOpts(false, 0), r.expr, now)
		if err != nil {
			t.Fatal(err)
		}
		if result := q.Exec(t.Context()); result.Err != nil {
			t.Logf("%s: %v", r.name, result.Err)
		}
		if got, want := cost.Rules[i].Samples, float64(q.Stats().Samples.SamplesRead); math.Abs(got-want) > 0 {
			t.Errorf("%s with %d series: computed %v, the engine counts %v\n%s", r.name, n, got, want, r.expr)
		}
		q.Close()
	}
}

func matrixOf(s slo.SLI) slo.Matrix {
	return slo.Matrix{
		Service: "checkout", Environment: "production", ScrapeInterval: span("15s"), EvaluationInterval: span("30s"), SLIs: []slo.SLI{s},
	}
}

func span(text string) slo.Duration {
	d, err := slo.ParseDuration(text)
	if err != nil {
		panic(err)
	}
	return d
}

// specimens are kinds of SLI that the committed rules have none of.
func specimens() map[string]slo.SLI {
	limit := slo.MustDecimal("0.02")
	base := slo.SLI{ID: "x", Title: "x", Alert: slo.Bound{Op: slo.Greater, Value: &limit, Window: span("5m")}, NoData: slo.NoDataHold}
	ratio, grouped, good, up := base, base, base, base
	ratio.Measure.Ratio = &slo.RatioMeasure{Bad: `requests_total{code=~"5.."}`, Total: `requests_total`}
	ratio.Budget = &slo.Budget{Objective: slo.MustDecimal("0.999"), Period: span("30d")}
	grouped.Measure, grouped.By = ratio.Measure, []string{"tenant"}
	good.Measure.Ratio = &slo.RatioMeasure{Good: `good_total`, Total: `all_total`}
	good.Budget = ratio.Budget
	up.Measure.Availability = &slo.AvailabilityMeasure{Up: `up{job="a"}`}
	up.Budget = ratio.Budget
	return map[string]slo.SLI{"budget": ratio, "by tenant": grouped, "good events": good, "availability": up}
}
