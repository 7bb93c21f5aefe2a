package deploy_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/coclai/cutover/agent/rollback"
)

const renderedAlerts, renderedDashboard = "mixin/prometheus_alerts.yaml", "mixin/dashboards_out/rollback-agent.json"

// tool runs one of the pinned programs, or a script of tools/, in deploy/.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	pinned, err := filepath.Abs("../.tools/bin")
	if err != nil {
		t.Fatal(err)
	}
	path, err := exec.LookPath(name)
	if err != nil {
		path = filepath.Join(pinned, name)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+string(os.PathListSeparator)+pinned)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v (`make tools` installs it)\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func text(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// alert is one of the mixin's.
type alert struct {
	Alert, Expr         string
	Labels, Annotations map[string]string
}

func mixinAlerts(t *testing.T) []alert {
	t.Helper()
	var file struct{ Groups []struct{ Rules []alert } }
	load(t, renderedAlerts, &file)
	var all []alert
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) == 0 {
		t.Fatal("the mixin has no alert")
	}
	return all
}

// TestTheMixinIsWhatItsSourcesSay: what stands beside the jsonnet is what it renders to.
func TestTheMixinIsWhatItsSourcesSay(t *testing.T) {
	fresh := t.TempDir()
	tool(t, "../tools/mixin", fresh)
	for _, name := range []string{renderedAlerts, renderedDashboard} {
		if text(t, filepath.Join(fresh, strings.TrimPrefix(name, "mixin/"))) != text(t, name) {
			t.Errorf("%s is not what its sources say: make golden", name)
		}
	}
}

// TestEveryAlertOfTheMixinFiresAndElseKeepsSilent runs promtool's tests; each alert has one in which it fires, alone.
func TestEveryAlertOfTheMixinFiresAndElseKeepsSilent(t *testing.T) {
	folder := t.TempDir()
	for name, content := range map[string]string{"prometheus_alerts.yaml": text(t, renderedAlerts),
		"tests.yaml": tool(t, "jsonnet", "-S", "-e", "std.manifestYamlDoc(import 'mixin/tests/tests.libsonnet')")} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tool(t, "promtool", "check", "rules", filepath.Join(folder, "prometheus_alerts.yaml"))
	tool(t, "promtool", "test", "rules", filepath.Join(folder, "tests.yaml"))
	tests := text(t, filepath.Join(folder, "tests.yaml"))
	for _, a := range mixinAlerts(t) {
		if !strings.Contains(tests, `{alertname=\"`+a.Alert+`\"}`) {
			t.Errorf("%s fires in no test", a.Alert)
		}
	}
}

var (
	quoted  = regexp.MustCompile(`"(rollback_agent_[a-z0-9_]+)"`)
	paged   = regexp.MustCompile(`"(RollbackAgent[A-Za-z]+)"`)
	foreign = []string{"up", "process_start_time_seconds", "process_resident_memory_bytes", "promrulegen_rules_info"}
)

// written are the texts of a kind that the sources of the programs hold in quotes.
func written(t *testing.T, kind *regexp.Regexp) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"../agent/*.go", "../agent/web/*.go", "../cmd/rollback-agent/*.go", "../generator/slo/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, found := range kind.FindAllStringSubmatch(text(t, file), -1) {
				all = append(all, found[1])
			}
		}
	}
	if len(all) == 0 {
		t.Fatalf("nothing matches %s", kind)
	}
	return all
}

// exprs are all that the mixin asks Prometheus.
func exprs(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, a := range mixinAlerts(t) {
		all = append(all, a.Expr)
	}
	for _, p := range mixinDashboard(t).Panels {
		if p.Panel == nil {
			continue
		}
		for _, target := range p.Panel.Targets {
			var q struct{ Expr string }
			encoded, err := json.Marshal(target)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(encoded, &q); err != nil || q.Expr == "" {
				t.Fatalf("a query of %s cannot be read: %v", *p.Panel.Title, err)
			}
			all = append(all, strings.ReplaceAll(q.Expr, "$__rate_interval", "5m"))
		}
	}
	return all
}

// TestTheMixinSpeaksOfWhatTheAgentSays: each series that it reads is one that the agent has, and each cause one of its list.
func TestTheMixinSpeaksOfWhatTheAgentSays(t *testing.T) {
	known := append(written(t, quoted), foreign...)
	for _, name := range slices.Clone(known) {
		known = append(known, name+"_bucket")
	}
	var causes []string
	for _, c := range rollback.Causes() {
		causes = append(causes, string(c))
	}
	for _, text := range exprs(t) {
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
			s, ok := n.(*parser.VectorSelector)
			if ok && !slices.Contains(known, s.Name) {
				t.Errorf("nobody says %s", s.Name)
			}
			if ok {
				for _, m := range s.LabelMatchers {
					unknown(t, m, causes)
				}
			}
			return nil
		})
	}
}

func unknown(t *testing.T, m *labels.Matcher, causes []string) {
	if m.Name != "cause" {
		return
	}
	for _, cause := range strings.Split(m.Value, "|") {
		if !slices.Contains(causes, cause) {
			t.Errorf("%s is no cause", cause)
		}
	}
}

// TestEveryAlertSaysWhatToDo: OPERATE.md has a section for it, the link leads there, and its name is none of the agent's own pages.
func TestEveryAlertSaysWhatToDo(t *testing.T) {
	manual, pages := text(t, "OPERATE.md"), written(t, paged)
	for _, a := range mixinAlerts(t) {
		if !strings.Contains(manual, "\n### "+a.Alert+"\n") {
			t.Errorf("OPERATE.md has no section %s", a.Alert)
		}
		if !strings.HasSuffix(a.Annotations["runbook_url"], "deploy/OPERATE.md#"+strings.ToLower(a.Alert)) || a.Labels["rollback"] != "none" {
			t.Errorf("%s: %v %v", a.Alert, a.Annotations, a.Labels)
		}
		if slices.Contains(pages, a.Alert) {
			t.Errorf("%s is a page that the agent sends", a.Alert)
		}
	}
	for _, page := range pages {
		if !strings.Contains(manual, "`"+page+"`") {
			t.Errorf("OPERATE.md does not say what the page %s means", page)
		}
	}
}

func mixinDashboard(t *testing.T) dashboard.Dashboard {
	t.Helper()
	plugins.RegisterDefaultPlugins()
	var d dashboard.Dashboard
	if err := d.UnmarshalJSONStrict([]byte(text(t, renderedDashboard))); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestGrafanaLoadsTheAgentsDashboard: by its own schema, which knows every key; each panel has an id and a place of its own.
func TestGrafanaLoadsTheAgentsDashboard(t *testing.T) {
	d := mixinDashboard(t)
	ids, taken := map[uint32]bool{}, map[[2]uint32]string{}
	for _, p := range d.Panels {
		id, place, title := uint32(0), dashboard.GridPos{}, ""
		if p.RowPanel != nil {
			id, place, title = p.RowPanel.Id, *p.RowPanel.GridPos, *p.RowPanel.Title
		} else {
			id, place, title = *p.Panel.Id, *p.Panel.GridPos, *p.Panel.Title
			if *p.Panel.Datasource.Uid != "${datasource}" {
				t.Errorf("panel %q asks %+v", title, *p.Panel.Datasource)
			}
		}
		if id == 0 || ids[id] || place.W == 0 || place.H == 0 || place.X+place.W > 24 {
			t.Errorf("panel %q: id %d, place %+v", title, id, place)
		}
		ids[id] = true
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
