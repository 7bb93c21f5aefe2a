package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/config"
)

// replaced is the text with one thing replaced, which must be there.
func replaced(t *testing.T, text, old, by string) string {
	t.Helper()
	if strings.Count(text, old) != 1 {
		t.Fatalf("%q is not there exactly once", old)
	}
	return strings.Replace(text, old, by, 1)
}

func TestEveryMistakeIsShownWhereItIs(t *testing.T) {
	for _, c := range []struct{ name, old, by, want string }{
		{"unknown key", "max_mode: auto", "max_mod: auto", `agent.yaml:3:1: unknown key "max_mod"`},
		{"unknown mode", "max_mode: auto", "max_mode: none", `agent.yaml:3:11: "none" is no mode`},
		{"version", "version: 1", "version: 2", `agent.yaml:1:10: version 2 is not known to this program`},
		{"no version", "version: 1\n", "", `agent.yaml:1:1: version is missing`},
		{"no storage", "{sqlite: /var/lib/rollback-agent/ledger.db}", "{}", `agent.yaml:1:1: storage.sqlite is missing`},
		{"retention of a day", "version: 1", "version: 1\nledger: {retention: 1d}", `agent.yaml:2:21: entries must be kept for at least 7d`},
		{"retention no duration", "version: 1", "version: 1\nledger: {retention: long}", `agent.yaml:2:21: "long" is not a duration such as 5m or 1h30m`},
		{"a drill that is maybe required", "required: true", "required: maybe", `agent.yaml:25:35: "maybe" is neither true nor false`},
		{"a template for nobody", "required: true}", "required: true}\n    announce: {template: x}", `agent.yaml:26:26: a template without a webhook is sent to nobody`},
		{"a message for nobody", "required: true}", "required: true}\n    notify: {template: x}", `agent.yaml:26:24: a template without a webhook is sent to nobody`},
		{"a webhook that is no address", "required: true}", "required: true}\n    notify: {webhook_file: kim.token}", `agent.yaml:26:28: kim.token holds no http address`},
		{"a lock that is said all night", "required: true}", "required: true}\n    notify: {locked_after: 1m}", `agent.yaml:26:28: a lock would be said again every 1m`},
		{"no chat", "required: true}", "required: true}\n    announce: {webhook_file: chat}", `agent.yaml:26:30: chat: no such file or directory`},
		{"a chat that is no address", "required: true}", "required: true}\n    announce: {webhook_file: kim.token}", `agent.yaml:26:30: kim.token holds no http address`},
		{"unknown scope", "may: [alerts]}", "may: [alert]}", `agent.yaml:7:50: "alert" is nothing a token may do`},
		{"nothing allowed", "file: kim.token, may: [read, operate, approve, unlock, gate, deployed, record]", "file: kim.token",
			`agent.yaml:8:7: may is missing`},
		{"token's name twice", "name: kim,", "name: alertmanager,", `agent.yaml:8:14: token alertmanager is given twice`},
		{"the agent's own name", "name: kim,", "name: rollback-agent,", `agent.yaml:8:14: "rollback-agent" is the name that the agent's own deeds have in the ledger`},
		{"bound to what is not there", "file: kim.token,", "file: kim.token, environments: [checkout/staging],", `agent.yaml:8:51: "checkout/staging" is no environment of this file`},
		{"a secret that is old and new", "file: kim.token", "files: [kim.token, kim.token]", `agent.yaml:8:38: this secret is given twice`},
		{"three secrets", "file: kim.token", "files: [kim.token, git.token, am.token]", "agent.yaml:8:49: a token has at most two secrets, the new one and the old one\nagent.yaml:8:49: this secret is given twice"},
		{"file and files", "file: kim.token", "file: kim.token, files: [git.token]", `agent.yaml:8:25: file and files are both given`},
		{"a certificate of two", "[alerts]}", "[alerts], certificate: kim}\n    - {name: lee, certificate: kim, may: [read]}", `agent.yaml:8:32: this certificate is given twice`},
		{"no name in a certificate", "file: kim.token", "certificate: 'CN=kim lee'", `agent.yaml:8:32: "CN=kim lee" cannot be a name in a certificate`},
		{"token twice", "file: kim.token", "file: am.token", `agent.yaml:8:25: this secret is given twice`},
		{"no component of a ref", "service: checkout", "service: check..out", "agent.yaml:10:14: \"check..out\" cannot be a name\nagent.yaml:12:11: the plan is for checkout/production"},
		{"bad name", "name: kim,", "name: 'kim/lee',", `agent.yaml:8:14: "kim/lee" cannot be a name`},
		{"no token file", "file: kim.token, ", "", `agent.yaml:8:7: file is missing`},
		{"no remote", "url: http://127.0.0.1:3000/deploy.git\n      branch: release/production\n      paths", "paths",
			"agent.yaml:16:7: git.url is missing\nagent.yaml:16:7: git.branch is missing"},
		{"user in URL", "http://127.0.0.1:9090/prom/", "http://kim:pw@127.0.0.1:9090/", `agent.yaml:13:23: a URL must not carry a user or a password`},
		{"scheme", "http://127.0.0.1:3000/deploy.git", "git://example.org/deploy.git", `agent.yaml:16:12: the scheme "git" is not spoken`},
		{"file scheme", "http://127.0.0.1:9090/prom/", "file:///etc/passwd", `agent.yaml:13:23: this is no URL`},
		{"query", "http://127.0.0.1:3000/deploy.git", "http://127.0.0.1/?x=1", `agent.yaml:16:12: a URL must not carry a query or a fragment`},
		{"no alertmanager", "[{url: http://127.0.0.1:9093}, {url: 'http://127.0.0.1:9094', timeout: 4s}]", "[]",
			`agent.yaml:10:5: alertmanagers is missing`},
		{"timeout", "timeout: 3s", "timeout: 0s", `agent.yaml:13:61: must be longer than 0s`},
		{"no duration", "timeout: 3s", "timeout: soon", `agent.yaml:13:61: "soon" is not a duration such as 5m or 1h30m`},
		{"branch", "release/production", "../production", `agent.yaml:17:15: "../production" cannot be a branch`},
		{"author", "Rollback Agent", "Rollback <Agent>", `agent.yaml:20:22: git takes no <, > or line break in a name or an address`},
		{"an absolute path", "paths: []", "paths: [/shop]", `agent.yaml:18:15: "/shop" is no path in a repository`},
		{"a path that climbs", "paths: []", "paths: [shop/../x]", `agent.yaml:18:15: "shop/../x" is no path in a repository`},
		{"a path in another", "paths: []", "paths: [shop, shop/cart]", `agent.yaml:18:21: shop/cart and shop lie in each other`},
		{"a path twice", "paths: []", "paths: [shop, shop/]", `agent.yaml:18:21: path shop is given twice`},
		{"no signing key", "signing_key_file: ''", "signing_key_file: key", `agent.yaml:21:25: key: no such file or directory`},
		{"no signers", "signers_file: ''", "signers_file: x", `agent.yaml:22:35: x: no such file or directory`},
		{"no keyring", "signers_file: ''", "openpgp_keyring_file: x", `agent.yaml:22:43: x: no such file or directory`},
		{"a tag with blanks", "signers_file: ''", "refuse: [stable-1, 'stable 2']", `agent.yaml:22:40: "stable 2" is neither a tag nor a commit`},
		{"a floor that is no date", "signers_file: ''", "not_before: march", `agent.yaml:22:33: "march" is no date`},
		{"budget", "per_release: 0", "per_release: 2", `agent.yaml:23:27: a release can be rolled back only once`},
		{"nothing in all environments", "version: 1", "version: 1\nbudget: {per_day: 0}", `agent.yaml:2:19: nothing could be rolled back without a person`},
		{"negative", "per_day: 3", "per_day: -1", `agent.yaml:23:39: "-1" is no whole number from 0`},
		{"arm", "propose: 1d", "propose: 6h", `agent.yaml:24:31: proposals would end after 6h, before automatic rollbacks after 12h`},
		{"plan of another service", "service: checkout", "service: shop", `agent.yaml:12:11: the plan is for checkout/production`},
		{"no environment", full[strings.Index(full, "environments:"):], "environments: []\n", `agent.yaml:1:1: environments is missing`},
		{"several at once", "max_mode: auto\nkill_switch_file: stop", "max_mode: x\nkill_switch: stop",
			"agent.yaml:3:11: \"x\" is no mode\nagent.yaml:4:1: unknown key \"kill_switch\""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, replaced(t, full, c.old, c.by), nil)
			if diff := cmp.Diff(c.want, problems(dir)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// problems loads and gives the diagnostics, with paths from the folder.
func problems(dir string) string {
	_, list := config.Load(filepath.Join(dir, "agent.yaml"))
	return strings.ReplaceAll(list.Error(), dir+"/", "")
}

func TestFilesThatAreNamedAreChecked(t *testing.T) {
	text := func(s string) *string { return &s }
	for _, c := range []struct {
		name, file string
		content    *string
		want       string
	}{
		{"no configuration", "agent.yaml", nil, "agent.yaml: no such file or directory"},
		{"empty configuration", "agent.yaml", text(""), "agent.yaml:1:1: the file is empty"},
		{"token missing", "kim.token", nil, "agent.yaml:8:25: kim.token: no such file or directory"},
		{"token short", "kim.token", text("fifteen-bytes..\n"), "agent.yaml:8:25: the token is 15 bytes long, fewer than 16"},
		{"token empty", "kim.token", text(" \n"), "agent.yaml:8:25: kim.token is empty"},
		{"token of two lines", "kim.token", text("0123456789abcdef\n0123456789abcdef\n"),
			"agent.yaml:8:25: kim.token holds more than one word of visible ASCII"},
		{"token not ASCII", "kim.token", text("0123456789abcdefé"), "agent.yaml:8:25: kim.token holds more than one word of visible ASCII"},
		{"a book as token", "kim.token", text(strings.Repeat("x", 9000)), "agent.yaml:8:25: kim.token is longer than 8192 bytes"},
		{"credentials missing", "git.token", nil, "agent.yaml:19:25: git.token: no such file or directory"},
		{"plan missing", "plan.yaml", nil, "agent.yaml:12:11: plan.yaml: no such file or directory"},
		{"plan of another version", "plan.yaml", text(strings.Replace(plan, "version: 1", "version: 2", 1)), "plan.yaml: plan: version 2 is not 1"},
		{"plan with an unknown key", "plan.yaml", text(strings.Replace(plan, "age_max", "age_maximum", 1)), `plan.yaml:21:5: unknown key "age_maximum"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, full, map[string]*string{c.file: c.content})
			if diff := cmp.Diff(c.want, problems(dir)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestASecretOpenToEverybodyIsRefused(t *testing.T) {
	for _, name := range []string{"kim.token", "git.token"} {
		dir := folder(t, full, nil)
		if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := problems(dir); !strings.Contains(got, name+" is open to everybody (mode 0644)") {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestADiagnosticIsDrawnAndASecretInTheLineIsNot(t *testing.T) {
	dir := folder(t, replaced(t, full, "may: [alerts]}", "may: [alert]}"), nil)
	_, list := config.Load(filepath.Join(dir, "agent.yaml"))
	var drawn strings.Builder
	list.Render(&drawn)
	want := `agent.yaml:7:50: "alert" is nothing a token may do
      - {name: alertmanager, file: am.token, may: [alert]}
                                                   ^^^^^
  hint: did you mean "alerts"?
`
	if diff := cmp.Diff(want, strings.ReplaceAll(drawn.String(), dir+"/", "")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	dir = folder(t, replaced(t, full, "http://127.0.0.1:3000", "http://kim:pa55word@127.0.0.1:3000"), nil)
	_, list = config.Load(filepath.Join(dir, "agent.yaml"))
	drawn.Reset()
	list.Render(&drawn)
	if len(list) != 1 || strings.Contains(drawn.String(), "pa55word") {
		t.Errorf("drawn:\n%s", drawn.String())
	}
}

func TestTwoOfOneEnvironmentAreRefused(t *testing.T) {
	second := full[strings.Index(full, "  - service: checkout"):]
	dir := folder(t, full+second, nil)
	if got, want := problems(dir), "agent.yaml:26:14: environment checkout/production is given twice"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNobodyWhoMayDeliverAlertsIsRefused(t *testing.T) {
	dir := folder(t, replaced(t, full, "may: [alerts]}", "may: [read]}"), nil)
	if got, want := problems(dir), "agent.yaml:6:3: no token may deliver alerts"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
