package generator

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/template"
	"pgregory.net/rapid"

	"github.com/coclai/cutover/generator/alertmanager"
	"github.com/coclai/cutover/generator/prom"
	"github.com/coclai/cutover/generator/slo"
)

// expanded is what Prometheus makes of a label or an annotation. A query in it is a fault: the text came from a cell.
func expanded(text string) (string, error) {
	queried := errors.New("the text asked for a query")
	query := func(context.Context, string, time.Time) (promql.Vector, error) { return nil, queried }
	data := template.AlertTemplateData(map[string]string{}, map[string]string{}, "", promql.Sample{F: 0.5})
	definitions := "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"
	return template.NewTemplateExpander(context.Background(), definitions+text, "cell", data, model.Time(0), query, &url.URL{}, nil).Expand()
}

func alertsOf(t require, files []File) []rulefmt.Rule {
	for _, f := range files {
		if f.Name != rulesFile {
			continue
		}
		groups, problems := rulefmt.Parse(f.Content, false, model.LegacyValidation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
		if len(problems) > 0 {
			t.Fatalf("rules: %v", problems)
		}
		var rules []rulefmt.Rule
		for _, g := range groups.Groups {
			rules = append(rules, g.Rules...)
		}
		return rules
	}
	t.Fatalf("no rules")
	return nil
}

type require interface{ Fatalf(string, ...any) }

// hostile are pieces of text that mean something to a template, a query, YAML or a regular expression.
var hostile = []string{
	`{{ query "up" }}`, "{{", "}}", "{{ $value }}", "$value", "{{`", "`}}", `"`, `'`, `\`, "`", "%", "# x", ": ", "- ", "*", "(", ".*", "|", "<b>",
	"한글", " ", "a", "{{ . }}", "{{/*", "*/}}", "${1}", "\t",
}

func TestNoTextOfACellReachesPromQLOrATemplate(t *testing.T) {
	clean := compiled(t, Options{Config: bindings})
	clean.Matrix.Names = slo.NamesSloth // all that rules can be about: a budget, under every name that it has
	clean.Matrix.SLIs[0].Budget = &slo.Budget{Objective: slo.MustDecimal("0.999"), Period: 30 * 24 * 60 * minute}
	want, promql := map[string]string{}, parser.NewParser(parser.Options{})
	for _, rule := range alertsOf(t, []File{{rulesFile, prom.Rules(clean.Matrix).YAML()}}) {
		want[rule.Record+rule.Alert] += rule.Expr + "\n"
		if parsed, err := promql.ParseExpr(rule.Expr); err != nil || parsed.String() != rule.Expr {
			t.Errorf("%s is read back as %v, %v", rule.Expr, parsed, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.Custom(func(t *rapid.T) string {
			return "x" + strings.Join(rapid.SliceOfN(rapid.SampledFrom(hostile), 1, 6).Draw(t, "pieces"), "") + "x"
		})
		title, owner := text.Draw(t, "title"), text.Draw(t, "owner")
		m := withTexts(clean.Matrix, title, owner)
		files := []File{{rulesFile, prom.Rules(m).YAML()}, {alertmanagerFile, alertmanager.Config(m, clean.Sources.Base)}}
		if err := Verify(files, m); err != nil {
			t.Fatalf("verify: %v", err)
		}
		got := map[string]string{}
		for _, rule := range alertsOf(t, files) {
			got[rule.Record+rule.Alert] += rule.Expr + "\n"
			literal(t, rule, title, owner)
		}
		for name, expr := range want {
			if name != slo.RulesInfo && got[name] != expr {
				t.Fatalf("%s: the expression is %s, with plain texts %s", name, got[name], expr)
			}
		}
	})
}

// withTexts puts a title and an owner into the first row.
func withTexts(m slo.Matrix, title, owner string) slo.Matrix {
	m.SLIs = append([]slo.SLI(nil), m.SLIs...)
	m.Owners = append([]slo.Owner{{Name: owner, Receiver: m.Owners[0].Receiver}}, m.Owners...)
	m.SLIs[0].Title, m.SLIs[0].Owner = title, owner
	return m
}

// literal expands an alert's texts as Prometheus does: they must come out as they stand in the cells.
func literal(t require, rule rulefmt.Rule, title, owner string) {
	if rule.Labels[slo.LabelSLO] != "api-error-rate" || rule.Alert == "" {
		return
	}
	if got, err := expanded(rule.Labels[slo.LabelOwner]); err != nil || got != owner {
		t.Fatalf("%s: the owner %q comes out as %q, %v", rule.Alert, owner, got, err)
	}
	for key, annotation := range rule.Annotations {
		got, err := expanded(annotation)
		if err != nil {
			t.Fatalf("%s: %s: %v", rule.Alert, key, err)
		}
		if key == "summary" && !strings.Contains(got, title) {
			t.Fatalf("%s: the title %q comes out as %q", rule.Alert, title, got)
		}
	}
}

// The same from the file: a query in a cell is shown, not asked.
func TestAQueryInACellIsShownLiterally(t *testing.T) {
	const name, owner = `{{ query "up" }} ratio`, `{{ query "up" }} team`
	config := sourcesWith(t,
		inRunbook("| Artifact conflict ratio | <= 2% | > 5% (15m) | Artifact on-call |", "| "+name+" | <= 2% | > 5% (15m) | "+owner+" |"),
		inBindings("  Artifact conflict ratio:", "  '"+name+"':"), inBindings("  Artifact on-call: {receiver", "  '"+owner+"': {receiver"))
	shown := 0
	for _, rule := range alertsOf(t, compiled(t, Options{Config: config}).Files) {
		if rule.Alert == "" || rule.Labels[slo.LabelSLO] != "artifact-conflict-ratio" {
			continue
		}
		shown++
		summary, err := expanded(rule.Annotations["summary"])
		if err != nil || !strings.Contains(summary, name) {
			t.Errorf("%s: summary %q, %v", rule.Alert, summary, err)
		}
		if got, err := expanded(rule.Labels[slo.LabelOwner]); err != nil || got != owner {
			t.Errorf("%s: owner %q, %v", rule.Alert, got, err)
		}
	}
	if shown < 2 {
		t.Errorf("%d alerts", shown)
	}
}
