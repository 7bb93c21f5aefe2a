package generator

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v4"

	"github.com/coclai/cutover/generator/slo"
)

const bindings = "../rules/promrulegen.yaml"

func compiled(t *testing.T, o Options) Compilation {
	t.Helper()
	c, err := Run(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func content(t *testing.T, c Compilation, name string) string {
	t.Helper()
	for _, f := range c.Files {
		if f.Name == name {
			return string(f.Content)
		}
	}
	t.Fatalf("%s was not compiled", name)
	return ""
}

var places = regexp.MustCompile(`#L\d+|[\w.-]+\.md|[0-9a-f]{64}`)

// samePlaces replaces what may differ between two runbooks that say the same: file, lines and hashes.
func samePlaces(text string) string { return places.ReplaceAllString(text, "…") }

func TestThreeRunbooksCompileToTheSameRules(t *testing.T) {
	english := compiled(t, Options{Config: bindings})
	for name, path := range map[string]func(*testing.T) string{
		"Korean":    func(*testing.T) string { return "../rules/runbook.ko.md" },
		"reference": func(t *testing.T) string { return reference(t, "seed/big-bang-cutover.ko.md") },
	} {
		t.Run(name, func(t *testing.T) {
			other := compiled(t, Options{Config: bindings, Runbook: path(t)})
			for _, file := range []string{rulesFile, "rules_test.yaml", alertmanagerFile} {
				if diff := cmp.Diff(samePlaces(content(t, english, file)), samePlaces(content(t, other, file))); diff != "" {
					t.Errorf("%s (-English +%s):\n%s", file, name, diff)
				}
			}
			ignored := cmp.Options{
				cmpopts.IgnoreTypes(slo.Source{}), cmpopts.IgnoreFields(slo.Milestone{}, "Title", "Line"), cmpopts.IgnoreFields(slo.PlanSLO{}, "Line"),
				cmpopts.IgnoreFields(slo.Trigger{}, "Line"), cmpopts.IgnoreFields(slo.Gate{}, "Line"), cmpopts.IgnoreFields(slo.Step{}, "Line"),
				cmpopts.IgnoreFields(slo.RollbackStep{}, "Line"), exact,
			}
			if diff := cmp.Diff(plan(t, english), plan(t, other), ignored); diff != "" {
				t.Errorf("plan (-English +%s):\n%s", name, diff)
			}
		})
	}
}

// exact compares decimals by their value.
var exact = cmp.Comparer(func(a, b slo.Decimal) bool { return a.Cmp(b) == 0 })

func plan(t *testing.T, c Compilation) slo.Plan {
	t.Helper()
	p, problems := ReadPlan(planFile, []byte(content(t, c, planFile)))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return p
}

// The contract's queries are examples of what they must yield, and titles of a trigger's own SLIs come from their ids.
func TestThePlanOfTheReferenceRunbookIsTheContracts(t *testing.T) {
	folder := t.TempDir() // the contract's bindings name a file of the user's, for which ours will do
	config := filepath.Join(folder, "promrulegen.yaml")
	copied(t, reference(t, "reference/contract/promrulegen.yaml"), config)
	copied(t, "../rules/alertmanager.base.yaml", filepath.Join(folder, "alertmanager.base.yaml"))
	got := plan(t, compiled(t, Options{Config: config, Runbook: reference(t, "seed/big-bang-cutover.ko.md")}))
	path := reference(t, "reference/contract/plan.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, problems := ReadPlan(path, text)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	for i := range want.SLOs {
		if want.SLOs[i].Item != "" && strings.HasPrefix(want.SLOs[i].Item, "4.1.") {
			want.SLOs[i].Title = strings.ReplaceAll(want.SLOs[i].ID, "-", " ")
		}
	}
	ignored := cmp.Options{cmpopts.IgnoreTypes(slo.Source{}), cmpopts.IgnoreFields(slo.PlanSLO{}, "Value", "Events", "Age"),
		cmpopts.IgnoreFields(slo.PlanBaseline{}, "Value", "Events"), cmpopts.IgnoreFields(slo.Trigger{}, "Line"),
		cmpopts.EquateEmpty(), exact}
	if diff := cmp.Diff(want, got, ignored); diff != "" {
		t.Errorf("plan (-contract +compiled):\n%s", diff)
	}
	for i, s := range got.SLOs {
		if (s.Events == "") != (want.SLOs[i].Events == "") {
			t.Errorf("slo %s: events is %q, in the contract %q", s.ID, s.Events, want.SLOs[i].Events)
		}
	}
}

func copied(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTheSameSourcesGiveTheSameBytes(t *testing.T) {
	if diff := cmp.Diff(compiled(t, Options{Config: bindings}).Files, compiled(t, Options{Config: bindings}).Files); diff != "" {
		t.Errorf("files (-first +second):\n%s", diff)
	}
}

func TestTheRulesAndThePlanNameTheSameHash(t *testing.T) {
	c := compiled(t, Options{Config: bindings})
	hash := plan(t, c).Rules.SHA256
	if len(hash) != 64 || !strings.Contains(content(t, c, rulesFile), "sha256: "+hash) {
		t.Errorf("the plan's hash %q is not in the rules", hash)
	}
}

// An alert's labels select an entry of the plan by exact match; nothing else is ever taken from them.
func TestEveryAlertThatMayRollBackFindsItsTriggerInThePlan(t *testing.T) {
	c := compiled(t, Options{Config: bindings})
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert  string
				Labels map[string]string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(content(t, c, rulesFile)), &rules); err != nil {
		t.Fatal(err)
	}
	p, got := plan(t, c), map[string]string{}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			if mode := r.Labels[slo.LabelRollback]; r.Alert != "" && mode != string(slo.ModeNone) {
				trigger, found := p.TriggerOf(r.Labels[slo.LabelTrigger], r.Labels[slo.LabelSLO])
				if !found || string(trigger.Mode) != mode {
					t.Errorf("%s: mode %s, in the plan %+v", r.Alert, mode, trigger)
				}
				got[r.Labels[slo.LabelSLO]] = mode
			}
		}
	}
	want := map[string]string{
		"api-error-rate": "auto", "p95-latency": "propose", "runtime-restarts": "auto", "isolation-violations": "auto",
		"approval-ownership-violations": "auto", "doc-contract-drift": "propose", "doc-contract-sync": "propose", "schema-drift": "propose",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("modes (-want +got):\n%s", diff)
	}
}

func TestVerifyRefusesFilesThatTheirReadersWouldRefuse(t *testing.T) {
	c := compiled(t, Options{Config: bindings})
	for name, test := range map[string]struct{ file, from, to string }{
		"PromQL":                        {rulesFile, "rate(", "rte("},
		"a key Prometheus doesn't know": {rulesFile, "    rules:", "    ruls:"},
		"a route that pages nobody":     {alertmanagerFile, "receiver: web-oncall", "receiver: artifact-oncall"},
		"a word the agent doesn't know": {planFile, "mode: auto", "mode: always"},
		"a key the agent doesn't know":  {planFile, "holds: now", "hold: now"},
		"a dashboard that is no JSON":   {dashboardFile, "{", "{,"},
		"another version of the plan":   {planFile, "version: 1", "version: 2"},
		"a trigger of nothing":          {planFile, "- p95-latency", "- p99-latency"},
	} {
		t.Run(name, func(t *testing.T) {
			good := content(t, c, test.file)
			broken := strings.Replace(good, test.from, test.to, 1)
			if broken == good {
				t.Fatalf("%q is not in %s", test.from, test.file)
			}
			if err := Verify([]File{{test.file, []byte(broken)}}, c.Matrix); err == nil || !strings.Contains(err.Error(), test.file) {
				t.Errorf("error %v, want one that names %s", err, test.file)
			}
		})
	}
}

func TestEmitThenCompareAgreesUntilAFileIsEdited(t *testing.T) {
	c, folder := compiled(t, Options{Config: bindings}), filepath.Join(t.TempDir(), "generated")
	if changed, err := Emit(c.Files, folder); err != nil || len(changed) != len(c.Files) {
		t.Fatalf("changed %q, error %v", changed, err)
	}
	expect := func(want ...Difference) {
		t.Helper()
		got, err := Compare(c.Files, c.Matrix.Runbook.File, folder)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("differences (-want +got):\n%s", diff)
		}
	}
	expect()
	plan := filepath.Join(folder, planFile)
	old := content(t, c, planFile)
	if err := os.WriteFile(plan, []byte(strings.Replace(old, "gates_expire: 4h", "gates_expire: 4d", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(folder, rulesFile)); err != nil {
		t.Fatal(err)
	}
	got, err := Compare(c.Files, c.Matrix.Runbook.File, folder)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		_, got[i].Excerpt, _ = strings.Cut(got[i].Excerpt, "draft: backlog\n") // what is before it is context
	}
	want := []Difference{
		{Path: filepath.Join(folder, rulesFile), Missing: true},
		{Path: plan, Excerpt: "   needs: acceptance\n-gates_expire: 4d\n+gates_expire: 4h\n live:\n   query: count by (commit) (build_info{job=\"checkout\"})\n   label: commit\n"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
	if changed, err := Emit(c.Files, folder); err != nil || len(changed) != 2 {
		t.Errorf("changed %q, error %v", changed, err)
	}
	expect()
}

func TestADifferenceShowsNoSecretOfTheUsersConfiguration(t *testing.T) {
	base := strings.Join([]string{"route:", "  receiver: a", "receivers:", "  - name: a", "    slack_configs:",
		"      - {api_url: 'https://hooks.example.org/T0/hush', channel: '#a'}", "    pagerduty_configs:", "      - routing_key: hush-hush", ""}, "\n")
	got := excerpt("alertmanager.yaml", []byte(base), []byte(strings.Replace(base, "name: a", "name: b", 1)))
	if strings.Contains(got, "hush") || !strings.Contains(got, "+  - name: b") || !strings.Contains(got, "channel: '#a'") {
		t.Errorf("excerpt:\n%s", got)
	}
}
