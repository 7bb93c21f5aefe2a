package doctor_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coclai/cutover/agent/doctor"
)

const someRoutes = `
route:
  receiver: everybody
  group_by: [alertname]
  routes:
    - {receiver: agent, matchers: ['service="checkout"', 'drill="true"']}
    - receiver: night
      matchers: [severity=~"page|ticket", team!=""]
      continue: true
      routes:
        - {match: {team: web}, receiver: web}
        - {match_re: {team: "run.*"}, receiver: runtime, continue: true}
        - {matchers: [team="runtime", service!~"cart|shop"]}
    - {receiver: agent, matchers: ['rollback=~"auto|propose"', "service = checkout"], continue: true}
    - {receiver: owner, matchers: ['{owner="On call, Web"}']}
receivers:
  - {name: everybody, webhook_configs: [{url: 'http://127.0.0.1:9'}]}
  - {name: agent}
  - {name: night}
  - {name: web}
  - {name: runtime}
  - {name: owner}
`

// TestRoutesAreReadAsAlertmanagerReadsThem: amtool is the judge.
func TestRoutesAreReadAsAlertmanagerReadsThem(t *testing.T) {
	file := filepath.Join(t.TempDir(), "alertmanager.yml")
	if err := os.WriteFile(file, []byte(someRoutes), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, alert := range []map[string]string{
		{},
		{"service": "checkout"},
		{"service": "checkout", "drill": "true", "rollback": "auto"},
		{"service": "cart", "drill": "true"},
		{"service": "checkout", "drill": "yes", "rollback": "auto"},
		{"service": "checkout", "rollback": "autopsy"},
		{"service": "checkout", "rollback": "propose", "owner": "On call, Web"},
		{"owner": "On call, Web"},
		{"severity": "page"},
		{"severity": "page", "team": "web", "service": "checkout", "rollback": "auto", "owner": "On call, Web"},
		{"severity": "page", "team": "runtime", "service": "checkout", "rollback": "auto"},
		{"severity": "ticket", "team": "runtime", "service": "cart"},
		{"severity": "page", "team": "trunk"},
	} {
		args := []string{"config", "routes", "test", "--config.file=" + file}
		for name, value := range alert {
			args = append(args, name+`="`+value+`"`)
		}
		said, err := exec.Command(amtool(t), args...).Output()
		if err != nil {
			t.Fatalf("amtool %v: %v\n%s", args, err, said)
		}
		var want []string // amtool names a receiver once for each route
		for _, name := range strings.Split(strings.TrimSpace(string(said)), ",") {
			if !strings.Contains(","+strings.Join(want, ",")+",", ","+name+",") {
				want = append(want, name)
			}
		}
		got, err := doctor.Receivers(someRoutes, alert)
		if err != nil || strings.Join(got, ",") != strings.Join(want, ",") {
			t.Errorf("%v: %q, %v; amtool says %q", alert, got, err, want)
		}
	}
	if _, err := doctor.Receivers("route: {receiver: a, matchers: ['a=~\"(\"']}", nil); err == nil {
		t.Error("a matcher that is none is read")
	}
}

// amtool finds it on PATH, or where `make tools` puts it.
func amtool(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("amtool"); err == nil {
		return path
	}
	path, err := filepath.Abs("../../.tools/bin/amtool")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatal("amtool is missing: run `make tools`")
	}
	return path
}
