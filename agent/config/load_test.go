package config_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/generator/slo"
)

const plan = `version: 1
service: checkout
environment: production
runbook: {file: runbook.md, sha256: "00"}
rules: {file: rules.yaml, sha256: "01"}
scrape_interval: 15s
evaluation_interval: 30s
slos:
  - id: api-error-rate
    title: API error rate
    item: "5.1"
    component: runtime
    owner: Runtime on-call
    kind: ratio
    unit: ratio
    alert: {op: ">", value: "0.02", window: 5m}
    no_data: hold
    holds: now
    value: up
    age: up
    age_max: 1m
triggers:
  - {item: "4.1.1", mode: auto, slos: [api-error-rate]}
gates: []
checklist: []
stable_tag: {pattern: 'stable-{date:20060102}', time_zone: Asia/Seoul}
rollback: []
milestones: []
gates_expire: 4h
`

const minimal = `version: 1
storage: {sqlite: ledger.db}
web:
  tokens:
    - {name: alertmanager, file: am.token, may: [alerts]}
environments:
  - service: checkout
    environment: production
    plan: plan.yaml
    prometheus: {url: http://127.0.0.1:9090}
    alertmanagers: [{url: http://127.0.0.1:9093}]
    git: {url: https://git.example.org/shop/deploy.git, branch: production}
`

const (
	amToken  = "alertmanagers-token-of-32-bytes!"
	kimToken = "kims-token-of-some-thirty-bytes"
	gitToken = "deployer:the-password-for-git"
)

// folder holds a configuration with everything it names; changes replace files, nil removes one.
func folder(t *testing.T, content string, changes map[string]*string) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"plan.yaml": plan, "am.token": amToken + "\n", "kim.token": kimToken, "git.token": gitToken + "\r\n", "agent.yaml": content}
	for name, text := range files {
		if change, changed := changes[name]; changed {
			if change == nil {
				continue
			}
			text = *change
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t *testing.T, dir string) config.Config {
	t.Helper()
	c, problems := config.Load(filepath.Join(dir, "agent.yaml"))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheLeastConfigurationHasSafeDefaults(t *testing.T) {
	dir := folder(t, minimal, nil)
	got := load(t, dir)
	if got.Environments[0].Plan.SLOs[0].ID != "api-error-rate" {
		t.Errorf("the plan was not read: %+v", got.Environments[0].Plan)
	}
	got.Environments[0].Plan = slo.Plan{}
	want := config.Config{
		Version: 1,
		Storage: config.Storage{SQLite: filepath.Join(dir, "ledger.db")},
		Logs:    filepath.Join(dir, "logs"),
		Reports: filepath.Join(dir, "reports"),
		MaxMode: slo.ModeObserve,
		Budget:  config.Total{PerDay: 5},
		Web: config.Web{Tokens: []config.Token{
			{Name: "alertmanager", File: filepath.Join(dir, "am.token"), May: []config.Scope{config.Alerts}, Secrets: []config.Secret{amToken}},
		}},
		Environments: []config.Environment{{
			Service: "checkout", Environment: "production", PlanFile: filepath.Join(dir, "plan.yaml"),
			Prometheus:    config.Endpoint{URL: "http://127.0.0.1:9090", Timeout: slo.Duration(10 * time.Second)},
			Alertmanagers: []config.Endpoint{{URL: "http://127.0.0.1:9093", Timeout: slo.Duration(10 * time.Second)}},
			Git: config.Git{URL: "https://git.example.org/shop/deploy.git", Branch: "production",
				Transport: config.Transport{Timeout: slo.Duration(30 * time.Second)},
				Author:    config.Author{Name: "rollback-agent", Email: "rollback-agent@localhost"}},
			Budget: config.Budget{PerRelease: 1, PerDay: 1, Cooldown: slo.Duration(30 * time.Minute)},
			Arm:    config.Arm{Auto: slo.Duration(24 * time.Hour), Propose: slo.Duration(48 * time.Hour), Approval: slo.Duration(time.Hour)},
			Drill:  config.Drill{Within: slo.Duration(30 * time.Second)},
			Notify: config.Notify{LockedAfter: slo.Duration(24 * time.Hour)},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Environments[0].Name() != "checkout/production" {
		t.Errorf("name is %s", got.Environments[0].Name())
	}
}

const full = `version: 1
storage: {sqlite: /var/lib/rollback-agent/ledger.db}
max_mode: auto
kill_switch_file: stop
web:
  tokens:
    - {name: alertmanager, file: am.token, may: [alerts]}
    - {name: kim, file: kim.token, may: [read, operate, approve, unlock, gate, deployed, record]}
environments:
  - service: checkout
    environment: production
    plan: plan.yaml
    prometheus: {url: http://127.0.0.1:9090/prom/, timeout: 3s}
    alertmanagers: [{url: http://127.0.0.1:9093}, {url: 'http://127.0.0.1:9094', timeout: 4s}]
    git:
      url: http://127.0.0.1:3000/deploy.git
      branch: release/production
      paths: []
      credentials_file: git.token
      author: {name: Rollback Agent, email: agent@example.org}
      signing_key_file: ''
      stable_tags: {signers_file: ''}
    budget: {per_release: 0, per_day: 3}
    arm: {auto: 12h, propose: 1d}
    drill: {within: 1m, required: true}
`

func TestWhatIsShownIsReadableAgainAndHasNoSecret(t *testing.T) {
	dir := folder(t, full, nil)
	c := load(t, dir)
	shown := c.Masked()
	for _, secret := range []string{amToken, kimToken, gitToken, "the-password-for-git"} {
		if strings.Contains(string(shown), secret) {
			t.Errorf("shows %s:\n%s", secret, shown)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "agent.yaml"), shown, 0o600); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, load(t, dir), cmp.Comparer(func(a, b slo.Decimal) bool { return a == b })); diff != "" {
		t.Errorf("what is shown means something else (-config +shown):\n%s\n%s", diff, shown)
	}
	if c.Environments[0].Git.Credentials != gitToken {
		t.Errorf("credentials are %q", string(c.Environments[0].Git.Credentials))
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	c := load(t, folder(t, full, nil))
	encoded, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "config", c, "secret", c.Web.Tokens[0].Secrets)
	printed := string(encoded) + log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed += fmt.Sprintf(verb, c) + fmt.Sprintf(verb, c.Web.Tokens[0].Secrets[0])
	}
	for _, secret := range []string{amToken, kimToken, gitToken, fmt.Sprintf("%x", kimToken)} {
		if strings.Contains(printed, secret) {
			t.Errorf("%s was printed", secret)
		}
	}
	if text := "remote: no " + kimToken + " or the-password-for-git or " + gitToken; c.Redact(text) != "remote: no *** or *** or ***" {
		t.Errorf("redacted: %s", c.Redact(text))
	}
}

func TestTheReferenceConfigurationNeedsOnlyItsFiles(t *testing.T) {
	content, err := os.ReadFile("../../../shared/reference/contract/agent.yaml")
	if err != nil && os.Getenv("CI") != "true" {
		t.Skip("the reference is not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t, string(content), nil)
	_, problems := config.Load(filepath.Join(dir, "agent.yaml"))
	for _, p := range problems {
		if !strings.Contains(p.Message, "no such file") {
			t.Errorf("%s", p)
		}
	}
	if len(problems) != 5 { // three tokens, a plan, the credentials
		t.Errorf("%d problems, want one for each missing file:\n%s", len(problems), problems.Error())
	}
}

func TestATokenCanBeBoundToEnvironments(t *testing.T) {
	dir := folder(t, strings.Replace(full, "file: kim.token,", "file: kim.token, environments: [checkout/production],", 1), nil)
	if got := load(t, dir).Web.Tokens; len(got[0].Environments) != 0 || !slices.Equal(got[1].Environments, []string{"checkout/production"}) {
		t.Errorf("bound to %v and %v", got[0].Environments, got[1].Environments)
	}
}

func TestATokenMayHaveTwoSecretsOrACertificate(t *testing.T) {
	other := "kims-new-token-of-thirty-bytes!"
	dir := folder(t, replaced(t, full, "file: kim.token,", "files: [new.token, kim.token], certificate: kim.example.org,"), map[string]*string{})
	if err := os.WriteFile(filepath.Join(dir, "new.token"), []byte(other+"\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	c := load(t, dir)
	kim := c.Web.Tokens[1]
	if !slices.Equal(kim.Secrets, []config.Secret{config.Secret(other), kimToken}) || kim.Certificate != "kim.example.org" || len(kim.Files) != 2 || kim.File != "" {
		t.Errorf("%+v", kim)
	}
	if got := c.Redact(other + " " + kimToken); got != "*** ***" {
		t.Errorf("redacted: %s", got)
	}
	dir = folder(t, replaced(t, full, "file: kim.token,", "certificate: kim.example.org,"), nil)
	if kim := load(t, dir).Web.Tokens[1]; len(kim.Secrets) != 0 || kim.Certificate == "" {
		t.Errorf("%+v", kim)
	}
}
