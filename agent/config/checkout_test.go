package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coclai/cutover/agent/config"
)

func TestGatesOverSSHNeedAKeyOfTheirOwn(t *testing.T) {
	const shell = "{url: 'ssh://git@example.org/x.git', branch: b, ssh: {key_file: key, known_hosts_file: hosts}"
	withGates := replaced(t, replaced(t, plan, "rollback: []", "rollback: [{item: '4.2.2', step: gates, gates: ['1.1']}]"), "gates: []",
		"gates: [{id: '1.1', title: t, argv: [\"true\"], env: {}, pass: exit_0, timeout: 1m}]")
	for name, c := range map[string]struct{ git, plan, want string }{
		"no key":            {shell + "}", withGates, "have no key to read it over ssh"},
		"a key to read":     {shell + ", read: {key_file: read-key}}", withGates, ""},
		"read over https":   {shell + ", read: {url: 'https://example.org/x.git'}}", withGates, ""},
		"no gates to run":   {shell + "}", plan, ""},
		"another ssh route": {shell + ", read: {url: 'ssh://git@mirror.example.org/x.git'}}", withGates, "have no key to read it over ssh"},
	} {
		dir := folder(t, replaced(t, minimal, anyRemote, "git: "+c.git), map[string]*string{"plan.yaml": &c.plan})
		keys(t, dir)
		if err := os.WriteFile(filepath.Join(dir, "read-key"), []byte("another"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, problems := config.Load(filepath.Join(dir, "agent.yaml"))
		if c.want == "" && len(problems) > 0 || c.want != "" && (len(problems) != 1 || !strings.Contains(problems[0].Message, c.want)) {
			t.Errorf("%s: %v, want %q", name, problems, c.want)
		}
	}
}
