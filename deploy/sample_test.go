// Package deploy_test checks what stands beside the programs: that the README is true, and that the sample configuration is accepted by
// those who will read it.
package deploy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPrometheusAcceptsTheSample(t *testing.T) {
	w := newWorld(t)
	if got := w.run("promtool check config --syntax-only deploy/sample/prometheus.yml"); !strings.Contains(got, "SUCCESS") {
		t.Error(got)
	}
}

func TestAlertmanagerAcceptsTheSample(t *testing.T) {
	w := newWorld(t)
	if got := w.run("amtool check-config deploy/sample/alertmanager.yml"); !strings.Contains(got, "SUCCESS") {
		t.Error(got)
	}
}

// TestTheAgentAcceptsTheSample puts the files it names in a folder in place of /etc/rollback-agent; nothing else of it is changed.
func TestTheAgentAcceptsTheSample(t *testing.T) {
	w := newWorld(t)
	etc := t.TempDir()
	for _, name := range []string{"alertmanager.token", "ci.token", "kim.token", "lee.token", "git.token"} {
		if err := os.WriteFile(filepath.Join(etc, name), []byte("secret-of-"+name+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(etc, "chat.url"), []byte("https://chat.example.org/hooks/x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	plan, err := os.ReadFile("../rules/generated/plan.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sample, err := os.ReadFile("sample/agent.yaml")
	if err != nil {
		t.Fatal(err)
	}
	there := strings.NewReplacer("/etc/rollback-agent", etc, "/var/lib/rollback-agent", etc)
	for name, content := range map[string]string{"plan.yaml": string(plan), "agent.yaml": there.Replace(string(sample))} {
		if err := os.WriteFile(filepath.Join(etc, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.run("rollback-agent check-config --config.file " + etc + "/agent.yaml"); strings.Contains(got, "exit status") {
		t.Error(got)
	}
}
