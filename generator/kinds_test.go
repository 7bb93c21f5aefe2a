package generator

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/coclai/cutover/generator/slo"
)

// artifactRow replaces the measurement of the row "Artifact conflict ratio", its cells, and its name, which says what it counts.
func artifactRow(target, alert, measurement string) []edit {
	return []edit{
		inRunbook("| Artifact conflict ratio |", "| Artifacts |"), inBindings("  Artifact conflict ratio:", "  Artifacts:"),
		inRunbook("| <= 2% | > 5% (15m) |", "| "+target+" | "+alert+" |"),
		inBindings(`    ratio: {bad: 'artifact_writes_total{job="checkout",result="conflict"}', total: 'artifact_writes_total{job="checkout"}'}`+
			"\n    window: 15m\n    min_events: 20\n", measurement),
	}
}

// latencyRow replaces the baseline of the row "p95 latency".
func latencyRow(baseline string) []edit {
	return []edit{inBindings("baseline: {from: release, over: 1h, min_events: 500, floor: 20ms}", baseline)}
}

// sliOf is one SLI of rules/ with the edits.
func sliOf(t *testing.T, id string, edits ...edit) slo.SLI {
	t.Helper()
	sources, problems, err := Parse(Options{Config: sourcesWith(t, edits...)})
	if err != nil {
		t.Fatal(err)
	}
	m, more := Resolve(sources)
	problems.Add(more...)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	for _, s := range m.SLIs {
		if s.ID == id {
			return s
		}
	}
	t.Fatalf("there is no SLI %s", id)
	return slo.SLI{}
}

const minute = slo.Duration(time.Minute)

// What of an SLI depends on its kind.
type kind struct {
	measure    slo.Measure
	slo, alert string
	by         []string
	budget     *slo.Budget
}

func kindOf(s slo.SLI) kind {
	k := kind{measure: s.Measure, by: s.By, budget: s.Budget, alert: spelt(s.Alert)}
	if s.SLO != nil {
		k.slo = spelt(*s.SLO)
	}
	return k
}

func spelt(b slo.Bound) string {
	text := string(b.Op) + " "
	if b.Relative != nil {
		text += "baseline + " + b.Relative.String()
	}
	if b.Value != nil {
		text += b.Value.String()
	}
	if b.Window > 0 {
		text += " over " + b.Window.String()
	}
	return text
}

const (
	goodRatio = `    ratio: {good: 'writes_total{job="checkout",ok="yes"}', total: 'writes_total{job="checkout"}'}` + "\n"
	probe     = `    availability: {up: 'probe_success{job="blackbox"}'}` + "\n    window: 15m\n"
	budgeted  = `    budget: {objective: 99.9%, period: 30d}` + "\n"
)

func TestEveryKindOfMeasurementResolves(t *testing.T) {
	writes := slo.Measure{Ratio: &slo.RatioMeasure{Good: `writes_total{job="checkout",ok="yes"}`, Total: `writes_total{job="checkout"}`}}
	for name, test := range map[string]struct {
		target, alert, measurement string
		want                       kind
	}{
		"good events": {">= 98%", "< 95%", goodRatio + "    window: 15m\n",
			kind{measure: writes, slo: "<= 0.02 over 15m", alert: "> 0.05 over 15m"}},
		"groups": {">= 98%", "< 95%", goodRatio + "    window: 15m\n    by: [tenant, region]\n    no_data: ok\n    min_events: 7\n",
			kind{measure: writes, slo: "<= 0.02 over 15m", alert: "> 0.05 over 15m", by: []string{"tenant", "region"}}},
		"availability": {"99.5%", "downtime > 2% (5m)", probe,
			kind{measure: slo.Measure{Availability: &slo.AvailabilityMeasure{Up: `probe_success{job="blackbox"}`}},
				slo: "<= 0.005 over 15m", alert: "> 0.02 over 5m"}},
		"a native histogram": {"p99 <= 300ms", "p99 > 1.5 s", "    latency: {quantile: 0.99, histogram: 'h{job=\"x\"}', type: native}\n    window: 5m\n",
			kind{measure: slo.Measure{Latency: &slo.LatencyMeasure{Quantile: slo.MustDecimal("0.99"), Native: true,
				Histogram: slo.Selector{Name: "h", Matchers: `{job="x"}`}}}, slo: "<= 0.3 over 5m", alert: "> 1.5 over 5m"}},
		"a query in seconds": {"<= 300ms", "> 1.5 s", "    expr: {query: 'max(lag_seconds)', unit: seconds}\n",
			kind{measure: slo.Measure{Expr: &slo.ExprMeasure{Expr: "max(lag_seconds)", Unit: slo.Seconds}}, slo: "<= 0.3", alert: "> 1.5"}},
		"a query that yields a good share": {">= 99%", "< 95%", "    expr: {query: 'min(hits:ratio)', unit: ratio}\n",
			kind{measure: slo.Measure{Expr: &slo.ExprMeasure{Expr: "min(hits:ratio)", Unit: slo.Ratio}}, slo: ">= 0.99", alert: "< 0.95"}},
		"a query that yields percent": {"<= 2.5%", "> 80%", "    expr: {query: 'max by (disk) (used:percent)', unit: percent}\n    by: [disk]\n",
			kind{measure: slo.Measure{Expr: &slo.ExprMeasure{Expr: "max by (disk) (used:percent)", Unit: slo.Ratio, Percent: true}},
				slo: "<= 2.5", alert: "> 80", by: []string{"disk"}}},
		"a budget in the cell": {"99.9% (30d)", "> 5% (15m)", goodRatio,
			kind{measure: writes, alert: "> 0.05 over 15m", budget: &slo.Budget{Objective: slo.MustDecimal("0.999"), Period: 30 * 24 * 60 * minute}}},
		"a budget by its bad events": {"<= 0.1% (28d)", "> 5% (15m)", goodRatio + "    budget: {windows: raw}\n",
			kind{measure: writes, alert: "> 0.05 over 15m",
				budget: &slo.Budget{Objective: slo.MustDecimal("0.999"), Period: 28 * 24 * 60 * minute, Raw: true}}},
		"the cell's objective over the binding's period": {"99.9%", "> 5% (15m)", goodRatio + "    budget: {period: 30d}\n",
			kind{measure: writes, alert: "> 0.05 over 15m", budget: &slo.Budget{Objective: slo.MustDecimal("0.999"), Period: 30 * 24 * 60 * minute}}},
		"a budget beside a bound": {"<= 2%", "> 5% (15m)", probe + budgeted,
			kind{measure: slo.Measure{Availability: &slo.AvailabilityMeasure{Up: `probe_success{job="blackbox"}`}},
				slo: "<= 0.02 over 15m", alert: "> 0.05 over 15m",
				budget: &slo.Budget{Objective: slo.MustDecimal("0.999"), Period: 30 * 24 * 60 * minute}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := kindOf(sliOf(t, "artifact-conflict-ratio", artifactRow(test.target, test.alert, test.measurement)...))
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(kind{}), exact, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("SLI (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEveryBaselineResolves(t *testing.T) {
	for name, test := range map[string]struct {
		binding string
		want    slo.Baseline
	}{
		"of the release": {"baseline: {from: release, over: 1h, min_events: 500}",
			slo.Baseline{From: "release", Over: 60 * minute, MinEvents: slo.DecimalOf(500)}},
		"of last week": {"baseline: {from: last_week, over: 30m, min_events: 5, floor: 20ms}",
			slo.Baseline{From: "last_week", Over: 30 * minute, MinEvents: slo.DecimalOf(5), Floor: slo.MustDecimal("0.02")}},
		"fixed": {"baseline: {from: fixed, value: 240ms, floor: 1s}",
			slo.Baseline{From: "fixed", Value: slo.MustDecimal("0.24"), Floor: slo.DecimalOf(1)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := sliOf(t, "p95-latency", latencyRow(test.binding)...).Baseline
			if diff := cmp.Diff(&test.want, got, exact); diff != "" {
				t.Errorf("baseline (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMeasurementsThatSayTooLittleOrTooMuchAreRefused(t *testing.T) {
	row := func(name, target, alert, measurement, want string) problem {
		return problem{name, artifactRow(target, alert, measurement), want}
	}
	shares := func(name, measurement, want string) problem {
		return row(name, "<= 2%", "> 5% (15m)", measurement, want)
	}
	query := func(name, query, more, want string) problem {
		return row(name, "<= 300ms", "> 1.5s", "    expr: {query: '"+query+"', unit: seconds}\n"+more, want)
	}
	window := "    window: 15m\n"
	for _, p := range []problem{
		shares("bad and good events", `    ratio: {bad: 'a{x="1"}', good: 'a{x="2"}', total: a}`+"\n"+window,
			"promrulegen.yaml «{»: a ratio needs either `bad` or `good`"),
		shares("no events", "    ratio: {total: a}\n"+window, "promrulegen.yaml «{»: a ratio needs either `bad` or `good`"),
		shares("all events good", "    ratio: {good: a, total: a}\n"+window,
			"promrulegen.yaml «a»: good and total select the same series: the ratio would always be 0 | narrow `good` with a matcher"),
		shares("a probe that is a counter", "    availability: {up: probes_total}\n"+window,
			`promrulegen.yaml «probes_total»: "probes_total" is the name of a counter, and a gauge that is 1 or 0 is wanted`),
		shares("no probe", "    availability: {}\n"+window, "promrulegen.yaml «{»: `up` is missing"),
		row("a type of histogram that there is not", "<= 300ms", "> 1.5s", "    latency: {quantile: 0.9, histogram: h, type: sparse}\n"+window,
			`promrulegen.yaml «sparse»: "sparse" is no type of histogram | known: classic, native`),
		row("groups of a state", "0", "> 0", "    state: {gauge: x}\n    by: [tenant]\n",
			"promrulegen.yaml «tenant»: a state is not told apart by labels: its worst series decides | drop `by`"),
		shares("a label that is none", goodRatio+window+"    by: [tenant-id]\n",
			`promrulegen.yaml «tenant-id»: "tenant-id" is no name of a label | write for instance tenant`),
		shares("a label of ours", goodRatio+window+"    by: [owner]\n",
			`promrulegen.yaml «owner»: label "owner" is set by the rules themselves`),
		shares("a label of Prometheus", goodRatio+window+"    by: [le]\n", `promrulegen.yaml «le»: label "le" is set by the rules themselves`),
		shares("a label twice", goodRatio+window+"    by: [tenant, tenant]\n", `promrulegen.yaml «tenant»: label "tenant" is given twice`),
		row("a unit that there is not", "<= 2%", "> 5%", "    expr: {query: 'max(x)', unit: parsecs}\n",
			`promrulegen.yaml «parsecs»: "parsecs" is no unit of a query | known: ratio, percent, seconds, count, state`),
		row("a time for a query that counts", "<= 3", "> 300ms", "    expr: {query: 'max(x)', unit: count}\n",
			"runbook.md «> 300ms»: a query is not measured in this unit | write a plain number"),
		row("a window for a query", "<= 3", "> 5 (5m)", "    expr: {query: 'max(x)', unit: count}\n",
			"runbook.md «> 5 (5m)»: a query has no window"),
		query("a range", "x[5m]", "", `promrulegen.yaml «'x[5m]'»: the query yields a range vector, not an instant vector`+
			" | put a function around the range"),
		query("a number", "1", "", `promrulegen.yaml «'1'»: the query yields a scalar, not an instant vector`),
		query("no PromQL", "max(x", "", "promrulegen.yaml «'»: cannot read the PromQL: unclosed left parenthesis"),
		query("a comparison", "(max(x) > 0.3)", "", "promrulegen.yaml «'(max(x) > 0.3)'»: the query compares, and yields nothing while"),
		query("several series", "x", "", "promrulegen.yaml «'x'»: the query may yield several series, which cannot be told apart"+
			" | aggregate it, for instance max(…)"),
		query("several series of each group", "topk by (tenant) (1, x)", "    by: [tenant]\n",
			"promrulegen.yaml «'topk by (tenant) (1, x)'»: the query may yield several series, which cannot be told apart"+
				" | aggregate it, for instance max by (tenant) (…)"),
		query("groups that are not wanted", "max by (tenant) (x)", "", "promrulegen.yaml «'max by (tenant) (x)'»: the query yields series by (tenant), and `by` is []"),
		query("a window shorter than four scrapes", "sum(rate(x[30s]))", "",
			"promrulegen.yaml «'sum(rate(x[30s]))'»: a window of 30s is shorter than four scrapes of 15s"),
		row("no unit", "<= 3", "> 5", "    expr: {query: 'max(x)'}\n", "promrulegen.yaml «{»: `unit` is missing"),
		query("a query with a baseline that nothing is compared with", "max(x)", "    baseline: {from: fixed, value: 1s}\n",
			"promrulegen.yaml «{»: no bound of \"Artifacts\" is compared with a baseline"),
		row("a query in percent with a baseline", "<= 5%", "> 10%",
			"    expr: {query: 'max(x)', unit: percent}\n    baseline: {from: fixed, value: 2%}\n",
			"promrulegen.yaml «{»: a query has no baseline: baselines are kept as shares, and this yields percent | divide it by 100"),
		row("a share compared with a time", "baseline + <= 5%", "baseline + > 10%",
			goodRatio+window+"    baseline: {from: fixed, value: 240ms}\n", `promrulegen.yaml «240ms»: "240ms" is no percentage | write for instance 0.4%`),
		row("a query that is bad below its baseline", "baseline + <= 5%", "baseline + < 10%",
			"    expr: {query: 'max(x)', unit: count}\n    baseline: {from: fixed, value: 2}\n",
			"runbook.md «baseline + < 10%»: an alert on a bound over a baseline must be on a high value"),
	} {
		p.run(t)
	}
}

// What is usually 0, or holds a value, has nothing to be compared with.
func TestKindsWithoutABaselineSayWhy(t *testing.T) {
	for name, test := range map[string]struct{ measurement, want string }{
		"count":        {"    count: {counter: 'x_total{job=\"a\"}'}\n    window: 15m\n", "a count has no baseline: before most releases it is 0"},
		"restarts":     {"    restarts: {started_at: started}\n    window: 15m\n", "a restarts has no baseline: before most releases it is 0"},
		"state":        {"    state: {gauge: x}\n", "a state has no baseline: it holds a value, or does not | compare a query"},
		"availability": {probe, "a share of downtime has no baseline: before most releases it is 0"},
	} {
		edits := artifactRow("0", "> 0", test.measurement+"    baseline: {from: release, over: 1h}\n")
		if got := problemsOf(t, edits...); len(got) == 0 || !strings.HasPrefix(got[0], "promrulegen.yaml «{»: "+test.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestSharesAndQueriesHaveBaselines(t *testing.T) {
	for name, test := range map[string]struct {
		measurement string
		want        slo.Baseline
	}{
		"a share of the release": {goodRatio + "    window: 15m\n    baseline: {from: release, over: 1h, min_events: 500, floor: 0.1%}\n",
			slo.Baseline{From: "release", Over: 60 * minute, MinEvents: slo.DecimalOf(500), Floor: slo.MustDecimal("0.001")}},
		"a fixed share": {goodRatio + "    window: 15m\n    baseline: {from: fixed, value: 0.4%}\n",
			slo.Baseline{From: "fixed", Value: slo.MustDecimal("0.004")}},
		"a query of last week": {"    expr: {query: 'max(lag_seconds)', unit: seconds}\n    baseline: {from: last_week, over: 1h, floor: 20ms}\n",
			slo.Baseline{From: "last_week", Over: 60 * minute, Floor: slo.MustDecimal("0.02")}},
		"a fixed number": {"    expr: {query: 'sum(queue)', unit: count}\n    baseline: {from: fixed, value: 12.5}\n",
			slo.Baseline{From: "fixed", Value: slo.MustDecimal("12.5")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			edits := artifactRow("baseline + <= 20%", "baseline + > 50%", test.measurement)
			s := sliOf(t, "artifact-conflict-ratio", edits...)
			if diff := cmp.Diff(&test.want, s.Baseline, exact); diff != "" {
				t.Errorf("baseline (-want +got):\n%s", diff)
			}
			p, found := plan(t, compiled(t, Options{Config: sourcesWith(t, edits...)})).SLOByID("artifact-conflict-ratio")
			if !found || p.Baseline == nil || p.Baseline.Value == "" || p.Baseline.Events == "" || p.Alert.Relative == nil {
				t.Errorf("the plan says %+v", p)
			}
		})
	}
}

func TestBaselinesThatSayTooLittleOrTooMuchAreRefused(t *testing.T) {
	for _, p := range []problem{
		{"from nowhere", latencyRow("baseline: {from: yesterday, over: 1h}"),
			`promrulegen.yaml «yesterday»: "yesterday" is no source of a baseline | known: release, fixed, last_week`},
		{"fixed at nothing", latencyRow("baseline: {from: fixed}"), "promrulegen.yaml «{»: `value` is missing"},
		{"fixed at zero", latencyRow("baseline: {from: fixed, value: 0s}"), "promrulegen.yaml «0s»: a baseline of 0 is none"},
		{"fixed without a unit", latencyRow("baseline: {from: fixed, value: 240}"), `promrulegen.yaml «240»: "240" is not a duration`},
		{"fixed, and measured over", latencyRow("baseline: {from: fixed, value: 240ms, over: 1h}"),
			"promrulegen.yaml «1h»: a fixed baseline is not measured: `over` means nothing | drop `over`"},
		{"fixed, and resting on events", latencyRow("baseline: {from: fixed, value: 240ms, min_events: 3}"),
			"promrulegen.yaml «3»: a fixed baseline is not measured: `min_events` means nothing | drop `min_events`"},
		{"measured, and given", latencyRow("baseline: {from: last_week, over: 1h, value: 240ms}"),
			"promrulegen.yaml «240ms»: only a fixed baseline is given its value"},
		{"over less than four scrapes", latencyRow("baseline: {from: last_week, over: 30s}"),
			"promrulegen.yaml «30s»: a window of 30s is shorter than four scrapes of 15s"},
		{"one for all groups", latencyRow("baseline: {from: release, over: 1h}\n    by: [tenant]"),
			"promrulegen.yaml «tenant»: a measured baseline is one number, not one for each group"},
	} {
		p.run(t)
	}
}

func TestBudgetsThatSayTooLittleOrContradictTheTableAreRefused(t *testing.T) {
	row := func(name, target, measurement, want string) problem {
		return problem{name, artifactRow(target, "> 5% (15m)", measurement), want}
	}
	for _, p := range []problem{
		row("no period", "99.9%", goodRatio+"    budget: {}\n", "promrulegen.yaml «{»: the budget names no period | add `period: 30d`"),
		row("no objective", "0", goodRatio+"    window: 15m\n    budget: {period: 30d}\n",
			"promrulegen.yaml «{»: the budget has no objective | add `objective: 99.9%`, the share of good events"),
		row("an objective that counts bad events", "<= 2%", goodRatio+"    window: 15m\n    budget: {objective: 0.1%, period: 30d}\n",
			`promrulegen.yaml «0.1%»: "0.1%" is no objective | write the share of good events, for instance 99.9%`),
		row("another objective than the table's", "99.9% (30d)", goodRatio+"    budget: {objective: 99.5%}\n",
			"promrulegen.yaml «99.5%»: the budget and the table disagree on the objective | make both say the same | runbook.md «99.9% (30d) "),
		row("another period than the table's", "99.9% (30d)", goodRatio+"    budget: {period: 28d}\n",
			"promrulegen.yaml «28d»: the budget and the table disagree on the period | make both say the same | runbook.md «99.9% (30d) "),
		row("unknown windows", "99.9% (30d)", goodRatio+"    budget: {windows: row}\n",
			`promrulegen.yaml «row»: "row" is no kind of windows | did you mean "raw"?`),
		row("nothing to burn", "100% availability (30d)", goodRatio,
			"runbook.md «100% availability (30d)»: an objective of 100% leaves no budget to burn"),
		row("too much to burn", "90% availability (30d)", goodRatio,
			"runbook.md «90% availability (30d)»: the alert on burning the budget 14.4 times too fast can never fire: "+
				"an objective of 90% is missed at most 10.0 times too fast"),
		row("a period too short to watch", "99.9%", goodRatio+"    budget: {period: 1h}\n",
			"promrulegen.yaml «{»: a period of 1h is shorter than the windows in which a budget is watched"),
		{"the budget of a latency", latencyRow("baseline: {from: release, over: 1h}\n    budget: {objective: 99%, period: 30d}"),
			"promrulegen.yaml «{»: a latency has no error budget"},
		{"the budget of a gate", []edit{inBindings(`owner: Release manager, gate: "1.4"}`, `owner: Release manager, gate: "1.4", budget: {period: 30d}}`)},
			"promrulegen.yaml «\"1.4\"»: a gate's result has no `budget` | drop `budget`"},
	} {
		p.run(t)
	}
}

// What resolves must compile: no kind may be known to one stage and not to the next.
func TestEveryKindOfMeasurementCompiles(t *testing.T) {
	for name, edits := range map[string][]edit{
		"good events in groups": artifactRow(">= 98%", "< 95%", goodRatio+"    window: 15m\n    by: [tenant]\n"),
		"availability":          artifactRow("99.5%", "downtime > 2% (5m)", probe),
		"native histogram":      artifactRow("<= 300ms", "> 1.5 s", "    latency: {quantile: 0.99, histogram: 'h{job=\"x\"}', type: native}\n    window: 5m\n"),
		"query in percent":      artifactRow("<= 2.5%", "> 80%", "    expr: {query: 'max by (disk) (used:percent)', unit: percent}\n    by: [disk]\n"),
		"budget":                artifactRow("99.9% (30d)", "> 5% (15m)", goodRatio),
		"budget, read raw":      artifactRow("99.9%", "> 5% (15m)", goodRatio+"    budget: {period: 28d, windows: raw}\n"),
		"last week's baseline":  latencyRow("baseline: {from: last_week, over: 1h, min_events: 500}"),
		"fixed baseline":        latencyRow("baseline: {from: fixed, value: 240ms}"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := compiled(t, Options{Config: sourcesWith(t, edits...)})
			if s, found := plan(t, c).SLOByID("artifact-conflict-ratio"); !found || s.Value == "" || s.Age == "" {
				t.Errorf("the plan says %+v", s)
			}
		})
	}
}

// The rules leave percent as the query yields it; the plan has one unit for shares.
func TestThePlanOfAQueryInPercentIsInShares(t *testing.T) {
	c := compiled(t, Options{Config: sourcesWith(t, artifactRow("<= 2.5%", "> 80%", "    expr: {query: 'max(used:percent)', unit: percent}\n")...)})
	if rules := content(t, c, rulesFile); !strings.Contains(rules, `slo="artifact-conflict-ratio"} > 80`) {
		t.Errorf("rules without > 80:\n%s", rules)
	}
	s, _ := plan(t, c).SLOByID("artifact-conflict-ratio")
	got := []string{spelt(*s.SLO), spelt(s.Alert), string(s.Unit), s.Value}
	if diff := cmp.Diff([]string{"<= 0.025", "> 0.8", "ratio", "((max(used:percent)) >= -Inf) / 100"}, got); diff != "" {
		t.Errorf("target, alert, unit and value (-want +got):\n%s", diff)
	}
}
