package grafana_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/coclai/cutover/generator/grafana"
	"github.com/coclai/cutover/generator/prom"
	"github.com/coclai/cutover/generator/slo"
)

// build is the dashboard of a matrix, read back with Grafana's schema: unknown keys, missing ones and wrong types are refused.
func build(t *testing.T, m slo.Matrix) dashboard.Dashboard {
	t.Helper()
	plugins.RegisterDefaultPlugins()
	var d dashboard.Dashboard
	if err := d.UnmarshalJSONStrict(withoutPrometheusKeys(t, content(t, m))); err != nil {
		t.Fatal(err)
	}
	return d
}

func content(t *testing.T, m slo.Matrix) []byte {
	t.Helper()
	out, err := grafana.Dashboard(m)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// withoutPrometheusKeys takes from the annotations what only the Prometheus data source reads, and the SDK's schema does not know.
func withoutPrometheusKeys(t *testing.T, content []byte) []byte {
	t.Helper()
	var whole map[string]any
	if err := json.Unmarshal(content, &whole); err != nil {
		t.Fatal(err)
	}
	for _, a := range whole["annotations"].(map[string]any)["list"].([]any) {
		for _, key := range []string{"step", "titleFormat", "textFormat", "tagKeys", "useValueForTime"} {
			delete(a.(map[string]any), key)
		}
	}
	out, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// queries are the expressions of a panel's targets by their ref.
func queries(p dashboard.Panel) map[string]string {
	all := map[string]string{}
	for _, target := range p.Targets {
		q := target.(*prometheus.Dataquery)
		all[*q.RefId] = q.Expr
	}
	return all
}

func panel(t *testing.T, d dashboard.Dashboard, title string) dashboard.Panel {
	t.Helper()
	for _, p := range d.Panels {
		if p.Panel != nil && *p.Panel.Title == title {
			return *p.Panel
		}
	}
	t.Fatalf("there is no panel %q", title)
	return dashboard.Panel{}
}

// expressions are all that the dashboard asks Prometheus.
func expressions(d dashboard.Dashboard) []string {
	var all []string
	for _, p := range d.Panels {
		if p.Panel != nil {
			for _, expr := range queries(*p.Panel) {
				all = append(all, expr)
			}
		}
	}
	for _, a := range d.Annotations.List {
		all = append(all, *a.Expr)
	}
	return all
}

func TestDashboardIsWhatGrafanaLoads(t *testing.T) {
	d := build(t, matrix())
	if d.SchemaVersion == 0 || *d.Title != "checkout in production: release" || *d.Uid != "cutover--checkout--production" {
		t.Errorf("schema version %d, title %q, uid %q", d.SchemaVersion, *d.Title, *d.Uid)
	}
	if v := d.Templating.List; len(v) != 1 || v[0].Type != "datasource" || v[0].Name != "datasource" {
		t.Errorf("variables are %+v", v)
	}
	for _, p := range d.Panels {
		if p.Panel != nil && (*p.Panel.Datasource.Type != "prometheus" || *p.Panel.Datasource.Uid != "${datasource}") {
			t.Errorf("panel %q asks %+v", *p.Panel.Title, *p.Panel.Datasource)
		}
	}
	for _, a := range d.Annotations.List {
		if *a.Datasource.Uid != "${datasource}" {
			t.Errorf("annotation %q asks %+v", a.Name, *a.Datasource)
		}
	}
}

func TestPanelsHaveTheirOwnIDsAndPlaces(t *testing.T) {
	d := build(t, matrix())
	ids, taken := map[uint32]bool{}, map[[2]uint32]string{}
	for _, p := range d.Panels {
		id, place, title := placed(p)
		if id == 0 || ids[id] {
			t.Errorf("panel %q: id %d is given twice or not at all", title, id)
		}
		ids[id] = true
		if place.W == 0 || place.H == 0 || place.X+place.W > 24 {
			t.Errorf("panel %q: %+v is not on the grid", title, place)
		}
		for x := place.X; x < place.X+place.W; x++ {
			for y := place.Y; y < place.Y+place.H; y++ {
				if other, is := taken[[2]uint32{x, y}]; is {
					t.Fatalf("panel %q lies on %q", title, other)
				}
				taken[[2]uint32{x, y}] = title
			}
		}
	}
}

func placed(p dashboard.PanelOrRowPanel) (uint32, dashboard.GridPos, string) {
	if p.RowPanel != nil {
		return p.RowPanel.Id, *p.RowPanel.GridPos, *p.RowPanel.Title
	}
	return *p.Panel.Id, *p.Panel.GridPos, *p.Panel.Title
}

func TestEverySLIHasARow(t *testing.T) {
	want := []string{
		"Release", "5.1 API error rate", "5.2 p95 latency", "5.3 Runtime restart count", "4.1.4 Isolation violations", "5.6 Doc contract drift",
		"4.1.5 Schema drift",
	}
	var got []string
	for _, p := range build(t, matrix()).Panels {
		if p.RowPanel != nil {
			got = append(got, *p.RowPanel.Title)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestGraphsShowTheValueBetweenItsBounds(t *testing.T) {
	d := build(t, matrix())
	const api, p95 = `{service="checkout",environment="production",slo="api-error-rate"}`, `{service="checkout",environment="production",slo="p95-latency"}`
	of := func(id string) string { return `{service="checkout",environment="production",slo="` + id + `"}` }
	for title, want := range map[string]map[string]string{
		"API error rate over 5m": {
			"value": "slo:value:5m" + api, "value-objective": "slo:value:30m" + api, "objective": "vector(0.01)", "alert": "vector(0.02)",
		},
		"p95 latency over 5m": {
			"value": "slo:value:5m" + p95, "baseline": "slo:baseline" + p95,
			"objective": "1.2 * slo:baseline" + p95 + " > slo:baseline" + p95 + " + 0.02 or slo:baseline" + p95 + " + 0.02",
			"alert":     "1.35 * slo:baseline" + p95 + " > slo:baseline" + p95 + " + 0.02 or slo:baseline" + p95 + " + 0.02",
		},
		"Runtime restart count over 20m": {
			"value": "slo:value:20m" + of("runtime-restarts"), "objective": "vector(0)", "alert": "vector(3)",
		},
		"Isolation violations over 1h": {"value": "slo:events:increase1h" + of("isolation-violations"), "alert": "vector(1)"},
		"Doc contract drift":           {"value": "slo:value" + of("doc-contract-drift"), "objective": "vector(0)", "alert": "vector(0)"},
		"Schema drift":                 {"value": "slo:value" + of("schema-drift"), "objective": "vector(1)", "alert": "vector(1)"},
	} {
		if diff := cmp.Diff(want, queries(panel(t, d, title))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", title, diff)
		}
	}
}

func TestEventsStandBesideWhatRestsOnThem(t *testing.T) {
	const api = `{service="checkout",environment="production",slo="api-error-rate"}`
	want := map[string]string{"events": "slo:events:increase5m" + api, "bad": "slo:bad:increase5m" + api, "enough": "vector(50)"}
	if diff := cmp.Diff(want, queries(panel(t, build(t, matrix()), "Events over 5m"))); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestReleaseRowKnowsNothingWhereNobodySpeaks(t *testing.T) {
	const service = `service="checkout",environment="production"`
	d := build(t, matrix())
	for title, want := range map[string]struct{ expr, silence string }{
		"Time since T0": {`time() - max(rollback_agent_release_timestamp_seconds{` + service + `})`, "no release"},
		"Redeployment":  {`max(rollback_agent_locked{` + service + `})`, "unknown: no agent"},
		"Alerts firing": {`count(ALERTS{` + service + `,alertstate="firing",alertname!="Watchdog"}) or ` +
			`0 * count(ALERTS{` + service + `,alertstate="firing",alertname="Watchdog"})`, "unknown: the rules are not evaluated"},
	} {
		p := panel(t, d, title)
		if got := queries(p)["value"]; got != want.expr {
			t.Errorf("%s asks %s, not %s", title, got, want.expr)
		}
		if got := *p.FieldConfig.Defaults.NoValue; got != want.silence {
			t.Errorf("%s says %q without data, not %q", title, got, want.silence)
		}
	}
}

func TestAlertsAndT0AreMarked(t *testing.T) {
	var got struct {
		Annotations struct {
			List []struct {
				Name, Expr, Step, TitleFormat, TextFormat, TagKeys string
				UseValueForTime, Enable                            bool
			}
		}
	}
	if err := json.Unmarshal(content(t, matrix()), &got); err != nil {
		t.Fatal(err)
	}
	want := got
	want.Annotations.List = slices.Clone(got.Annotations.List[:0])
	const service = `service="checkout",environment="production"`
	for _, state := range []string{"firing", "pending"} {
		a := got.Annotations.List[0]
		a.Name, a.Expr, a.Step = "Alerts "+state, `ALERTS{`+service+`,alertstate="`+state+`",alertname!="Watchdog"}`, "30s"
		a.TitleFormat, a.TextFormat, a.TagKeys = "{{alertname}} is "+state, "rollback: {{rollback}}", "slo,severity"
		a.UseValueForTime, a.Enable = false, true
		want.Annotations.List = append(want.Annotations.List, a)
	}
	a := want.Annotations.List[0]
	a.Name, a.Expr = "T0", `max(rollback_agent_release_timestamp_seconds{`+service+`}) * 1000`
	a.TitleFormat, a.TextFormat, a.TagKeys, a.UseValueForTime = "T0: the release is out", "", "", true
	want.Annotations.List = append(want.Annotations.List, a)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
}

// The dashboard may read only what the rules record, what the agent exports, and ALERTS.
func TestQueriesReadWhatIsRecorded(t *testing.T) {
	m := matrix()
	written := map[string]bool{"ALERTS": true, slo.AgentT0: true, slo.AgentLocked: true}
	for _, record := range regexp.MustCompile(`(?m)record: (.*)$`).FindAllStringSubmatch(string(prom.Rules(m).YAML()), -1) {
		written[record[1]] = true
	}
	read := 0
	for _, expr := range expressions(build(t, m)) {
		parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
		if err != nil {
			t.Fatalf("%s: %v", expr, err)
		}
		parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
			if v, is := n.(*parser.VectorSelector); is {
				read++
				if !written[v.Name] {
					t.Errorf("%s: nobody writes %s", expr, v.Name)
				}
			}
			return nil
		})
	}
	if read < 20 {
		t.Errorf("only %d selectors were read", read)
	}
}

func TestALowBaselineBoundLiesBelow(t *testing.T) {
	m := matrix()
	low := latency()
	low.SLO = &slo.Bound{Op: slo.AtLeast, Relative: decimal("-0.1"), Window: span("5m")}
	low.Alert = slo.Bound{Op: slo.Less, Relative: decimal("-0.25"), Window: span("5m")}
	m.SLIs = []slo.SLI{low}
	const base = `slo:baseline{service="checkout",environment="production",slo="p95-latency"}`
	got := queries(panel(t, build(t, m), "p95 latency over 5m"))
	for ref, factor := range map[string]string{"objective": "0.9", "alert": "0.75"} {
		if want := factor + " * " + base + " < " + base + " - 0.02 or " + base + " - 0.02"; got[ref] != want {
			t.Errorf("%s is %s, not %s", ref, got[ref], want)
		}
	}
}

func TestDashboardIsTheSameEveryTime(t *testing.T) {
	first := content(t, matrix())
	for range 5 {
		if !bytes.Equal(first, content(t, matrix())) {
			t.Fatal("two dashboards of one matrix differ")
		}
	}
	if text := string(first); !strings.Contains(text, `or slo:baseline`) || strings.Contains(text, `\u003`) {
		t.Error("its expressions cannot be read in a diff")
	}
}

// visit calls text with every text of a JSON value.
func visit(value any, text func(string)) {
	switch v := value.(type) {
	case string:
		text(v)
	case []any:
		for _, e := range v {
			visit(e, text)
		}
	case map[string]any:
		for _, e := range v {
			visit(e, text)
		}
	}
}

func TestCellsShowAsTheyAre(t *testing.T) {
	const hostile = `$datasource ${__user.login} [[datasource]] {{instance}} <img src=x onerror=alert(1)> &lt; [a](javascript:1) **b** __c__ | ~d~`
	m := matrix()
	m.Runbook.File, m.Environment = hostile, "$__interval [[x]] \"quoted\""
	for i := range m.SLIs {
		s := &m.SLIs[i]
		s.Title, s.Item, s.Component, s.Owner, s.Trigger = hostile, hostile, hostile, hostile, hostile
	}
	// What Grafana would replace: variables (packages/grafana-data, variableRegex) and labels in legends; and what HTML takes for a tag.
	active := regexp.MustCompile(`\$\w+|\$\{|\[\[|\{\{|</?[A-Za-z!]|&[a-z]+;`)
	reference := regexp.MustCompile(`&(#\d+|lt|gt|amp|quot);`)
	raw := withoutPrometheusKeys(t, content(t, m))
	var whole any
	if err := json.Unmarshal(raw, &whole); err != nil {
		t.Fatal(err)
	}
	visit(whole, func(text string) {
		if text != "${datasource}" {
			if found := active.FindString(reference.ReplaceAllString(text, "")); found != "" {
				t.Errorf("%q stands in %q", found, text)
			}
		}
	})
	d := build(t, m)
	if title := *d.Panels[4].RowPanel.Title; strings.ReplaceAll(title, "\u2060", "") != hostile+" "+hostile {
		t.Errorf("the row's title reads %q", title)
	}
	if text := *d.Panels[5].Panel.Description; strings.ContainsAny(reference.ReplaceAllString(text, ""), "*_[]<>`|~$") {
		t.Errorf("the description has markup: %q", text)
	}
	for _, expr := range expressions(d) {
		if _, err := parser.NewParser(parser.Options{}).ParseExpr(expr); err != nil {
			t.Errorf("%s: %v", expr, err)
		}
	}
	if !strings.Contains(queries(panel(t, d, "Redeployment"))["value"], `environment="\x24__interval \x5b\x5bx]] \"quoted\""`) {
		t.Error("the environment is not matched as it is")
	}
}
