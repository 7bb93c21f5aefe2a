package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/coclai/cutover/agent/gitrepo/gittest"
)

// The canaries: each is a secret of the agent's, and nothing that the agent puts out may hold one.
const (
	canaryAlerts = "canary-of-alertmanager-0a1b2c3d"
	canaryCI     = "canary-of-ci-4e5f6a7b8c9d"
	canaryKim    = "canary-of-kim-0e1f2a3b4c5d"
	canaryOld    = "canary-of-kim-before-6e7f8a9b"
	canaryGit    = "canary-of-git-0c1d2e3f4a5b"
	canaryRead   = "canary-of-reading-6c7d8e9f0a"
	canaryEnv    = "canary-of-the-environment-1b2c"
	canaryURL    = "canary-of-a-url-3d4e5f6a7b8c"
	canaryDSN    = "canary-of-the-database-9d0e1f"
	canaryWrong  = "canary-that-is-no-token-2a3b4c"
	canaryChat   = "canary-of-the-chat-5d6e7f8a9b"
)

// aviary is a daemon whose secrets are canaries, and all that it has put out.
type aviary struct {
	t          *testing.T
	dir, url   string
	git        *gittest.Server
	keyLine    string // of the signing key
	authorized string // the header that pushes came with
	mu         sync.Mutex
	told       bytes.Buffer
	daemon     *exec.Cmd
}

// Write collects what is put out.
func (a *aviary) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.told.Write(p)
}

func (a *aviary) file(name, content string) {
	a.t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, name), []byte(content), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// remote is a server between the agent and git that asks for the canaries, and a hook that prints them.
func (a *aviary) remote() string {
	a.git = gittest.New(a.t)
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if header := r.Header.Get("Authorization"); header != "" {
			a.mu.Lock()
			a.authorized += header + "\n"
			a.mu.Unlock()
		}
		r.Header.Del("Authorization")
		if strings.Contains(r.URL.Path+r.URL.RawQuery, gittest.Push) {
			r.SetBasicAuth("agent", gittest.Users["agent"])
		}
		a.git.ServeHTTP(w, r)
	}))
	a.t.Cleanup(between.Close)
	return between.URL + "/repo.git"
}

// signingKey is a key in OpenSSH's form, whose lines are the canary.
func (a *aviary) signingKey() string {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		a.t.Fatal(err)
	}
	key := string(pem.EncodeToMemory(block))
	a.keyLine = strings.Split(key, "\n")[2]
	return key
}

func newAviary(t *testing.T) *aviary {
	t.Helper()
	a := &aviary{t: t, dir: t.TempDir()}
	url := a.remote()
	echo := strings.Join([]string{canaryGit, canaryRead, canaryKim, base64.StdEncoding.EncodeToString([]byte("deployer:" + canaryGit))}, " ")
	leak := "echo THE GATE RAN; echo CORE $(ulimit -c); cat " + a.dir + "/git.token " + a.dir + "/agent.key; env; tr '\\0' '\\n' </proc/$PPID/cmdline; cat /proc/$PPID/environ; echo " + echo + "; exit 1\n"
	a.git.Commit(t, "production", map[string]string{"version": "1", "leak.sh": leak}, "Release")
	a.git.Hook(t, "pre-receive", "#!/bin/sh\necho THE HOOK RAN "+echo+" >&2\ntest ! -e refuse\n")
	plan := fmt.Sprintf(canaryPlan, strings.Repeat("0", 64))
	for name, content := range map[string]string{"alertmanager.token": canaryAlerts, "ci.token": canaryCI, "kim.token": canaryKim, "old.token": canaryOld,
		"git.token": "deployer:" + canaryGit, "read.token": canaryRead, "agent.key": a.signingKey(), "plan.yaml": plan, "chat": "http://127.0.0.1:9/hooks/" + canaryChat,
		"agent.yaml": fmt.Sprintf(canaryConfig, url)} {
		a.file(name, content+"\n")
	}
	scratch, err := os.MkdirTemp("/tmp", "canary-") // gates must reach it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(scratch) })
	if err := os.Chmod(scratch, 0o777); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", scratch)
	t.Setenv("DEPLOY_TOKEN", canaryEnv)
	return a
}

const canaryConfig = `version: 1
storage: {sqlite: state/ledger.db}
max_mode: auto
web:
  tokens:
    - {name: alertmanager, file: alertmanager.token, may: [alerts]}
    - {name: ci, file: ci.token, may: [gate, deployed, record]}
    - {name: kim, files: [kim.token, old.token], may: [read, operate, approve, unlock, break_glass]}
environments:
  - service: checkout
    environment: production
    plan: plan.yaml
    prometheus: {url: http://127.0.0.1:9, timeout: 1s}
    alertmanagers: [{url: http://127.0.0.1:9}]
    announce: {webhook_file: chat}
    git:
      url: %s
      branch: production
      credentials_file: git.token
      read: {credentials_file: read.token}
      signing_key_file: agent.key
`

const canaryPlan = `version: 1
service: checkout
environment: production
runbook: {file: runbook.md, sha256: %[1]s}
rules: {file: rules.yaml, sha256: %[1]s}
scrape_interval: 15s
evaluation_interval: 30s
slos:
  - {id: p, title: P, item: "5.1", component: runtime, owner: Runtime, kind: ratio, unit: ratio, alert: {op: ">", value: "1", window: 5m}, no_data: hold, holds: now, value: up, age: up, age_max: 1m}
triggers:
  - {item: "4.1.1", mode: auto, slos: [p]}
gates:
  - {id: "1.1", argv: [bash, leak.sh], env: {}, pass: exit_0, timeout: 1m}
checklist: []
stable_tag: {pattern: 'stable-{date:20060102}', time_zone: UTC}
rollback:
  - {item: "4.2.1", step: restore}
  - {item: "4.2.2", step: gates, gates: ["1.1"]}
milestones: []
gates_expire: 4h
`

// command is rollback-agent as a process of its own: this program under another name.
func (a *aviary) command(args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		a.t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Args[0], cmd.Dir, cmd.Stdout, cmd.Stderr = "rollback-agent", a.dir, a, a
	return cmd
}

// start runs the daemon at the most talkative level.
func (a *aviary) start() {
	a.t.Helper()
	if err := os.Mkdir(filepath.Join(a.dir, "state"), 0o700); err != nil {
		a.t.Fatal(err)
	}
	a.daemon = a.command("serve", "--config.file=agent.yaml", "--log.level=debug", "--web.listen-address=127.0.0.1:0", "--web.address-file=address")
	if err := a.daemon.Start(); err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = a.daemon.Process.Kill(); _ = a.daemon.Wait() })
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if address, err := os.ReadFile(filepath.Join(a.dir, "address")); err == nil {
			a.url = "http://" + strings.TrimSpace(string(address))
			break
		}
		if time.Now().After(end) {
			a.t.Fatalf("the daemon did not start:\n%s", a.told.String())
		}
	}
	if runtime.GOOS != "linux" {
		return // the rest is read from proc
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", a.daemon.Process.Pid))
	if err != nil {
		a.t.Fatal(err)
	}
	_, _ = a.Write(line)
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", a.daemon.Process.Pid))
	if err != nil || !strings.Contains(string(limits), "Max core file size        0                    0") {
		a.t.Errorf("a core would be written: %v\n%s", err, limits)
	}
}

// send is one request; its whole answer is told, and returned.
func (a *aviary) send(method, path, token, body string, header ...string) (status int, answered string) {
	a.t.Helper()
	r, err := http.NewRequest(method, a.url+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for n := 0; n < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		a.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	_, _ = fmt.Fprintf(a, "%s %v\n%s\n", answer.Status, answer.Header, text) // without what was asked: that holds canaries
	return answer.StatusCode, string(text)
}

// want is send with the status that it must have, so that nothing is taken for provoked that was not.
func (a *aviary) want(status int, method, path, token, body string, header ...string) {
	a.t.Helper()
	if got, text := a.send(method, path, token, body, header...); got != status {
		a.t.Errorf("%s %s: %d, want %d\n%.300s", method, path, got, status, text)
	}
}

// strangers ask in every wrong way.
func (a *aviary) strangers() {
	a.want(401, "POST", "/api/v1/alerts", "", `{}`)
	a.want(401, "POST", "/api/v1/alerts?token="+canaryAlerts, canaryWrong, `{}`)
	a.want(401, "GET", "/?access_token="+canaryKim, "", "", "Accept", "text/html")
	a.want(404, "GET", "/"+canaryKim, canaryKim, "")
	a.want(405, "DELETE", "/api/v1/alerts?token="+canaryAlerts, canaryAlerts, "")
	a.want(403, "GET", "/api/v1/state", canaryCI, "")
	a.want(422, "POST", "/api/v1/alerts", canaryAlerts, "POST /api/v1/alerts\nAuthorization: Bearer "+canaryAlerts)
	a.want(422, "POST", "/api/v1/alerts", canaryAlerts, `{"version":"`+canaryAlerts+`"}`)
	a.want(401, "POST", "/session", "", "token="+canaryWrong, "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
	a.want(303, "POST", "/session", "", "token="+canaryOld, "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
}

// deeds go wrong in every way that a hook, a gate, a chat and a broken file have.
func (a *aviary) deeds() {
	t, tip := a.t, a.git.Tip(a.t, "production")
	refuse := filepath.Join(a.git.Dir, "refuse")
	if err := os.WriteFile(refuse, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a.deed(409, `{"act":"stable","environment":"checkout/production"}`)
	if err := os.Remove(refuse); err != nil {
		t.Fatal(err)
	}
	a.deed(200, `{"act":"stable","environment":"checkout/production"}`)
	a.deed(200, `{"act":"preflight","environment":"checkout/production","commit":"`+tip+`"}`)
	a.until("preflight.ended")
	bad := a.git.Commit(t, "production", map[string]string{"version": "2"}, "Worse")
	if err := os.WriteFile(refuse, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a.deed(409, `{"act":"rollback","environment":"checkout/production","tip":"`+bad+`","reason":"it burns"}`)
	a.until("THE HOOK RAN")
	if err := os.Remove(refuse); err != nil {
		t.Fatal(err)
	}
	a.file("agent.yaml.good", a.read("agent.yaml"))
	a.file("agent.yaml", strings.Replace(a.read("agent.yaml.good"), "http://127.0.0.1:9,", "http://kim:"+canaryURL+"@127.0.0.1:9,", 1))
	a.want(422, "POST", "/-/reload", canaryKim, "")
	a.file("agent.yaml", a.read("agent.yaml.good"))
	a.file("git.token", "deployer:"+canaryGit+"-rotated")
	a.deed(423, `{"act":"deployed","environment":"checkout/production","commit":"`+canaryKim+`"}`, canaryCI)
}

func (a *aviary) deed(status int, body string, token ...string) {
	a.t.Helper()
	by := canaryKim
	if len(token) > 0 {
		by = token[0]
	}
	a.want(status, "POST", "/api/v1/deeds", by, body)
}

func (a *aviary) read(name string) string {
	a.t.Helper()
	content, err := os.ReadFile(filepath.Join(a.dir, name))
	if err != nil {
		a.t.Fatal(err)
	}
	return string(content)
}

// until waits until the history tells of something.
func (a *aviary) until(what string) {
	a.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		before := a.length()
		a.want(200, "GET", "/api/v1/history?limit=1000", canaryKim, "")
		a.mu.Lock()
		found := strings.Contains(a.told.String()[before:], what)
		a.mu.Unlock()
		if found {
			return
		}
	}
	a.t.Errorf("the history never tells of %s", what)
}

func (a *aviary) length() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.told.Len()
}

// look reads everything that can be read.
func (a *aviary) look() {
	for _, path := range []string{"/metrics", "/config", "/", "/?still=yes", "/api/v1/state", "/api/v1/history?limit=1000", "/-/ready", "/explain", "/api/v1/explain",
		"/api/v1/preflight?environment=checkout/production", "/api/v1/report"} {
		for _, accept := range []string{"text/html", "application/json"} {
			a.send("GET", path, canaryKim, "", "Accept", accept)
		}
	}
}

// stop ends the daemon and reads every file that it has left.
func (a *aviary) stop() {
	if err := a.daemon.Process.Signal(syscall.SIGTERM); err != nil {
		a.t.Fatal(err)
	}
	if err := a.daemon.Wait(); err != nil {
		a.t.Errorf("the daemon ended with %v", err)
	}
	if err := a.command("ledger", "export", "state/ledger.db").Run(); err != nil {
		a.t.Errorf("export: %v", err)
	}
	err := filepath.WalkDir(filepath.Join(a.dir, "state"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		_, _ = fmt.Fprintf(a, "%s\n%s\n", path, content)
		return err
	})
	if err != nil {
		a.t.Error(err)
	}
}

// TestNoSecretIsInAnyOutput holds I1: a daemon full of canaries meets servers, gates and people that echo them, on every path that goes wrong.
func TestNoSecretIsInAnyOutput(t *testing.T) {
	a := newAviary(t)
	a.start()
	a.strangers()
	a.deeds()
	a.look()
	a.stop()

	a.file("dsn", "postgres://agent:"+canaryDSN+"@127.0.0.1:9/ledger?connect_timeout=1")
	a.file("shared.yaml", strings.Replace(a.read("agent.yaml"), "{sqlite: state/ledger.db}", "{postgres_dsn_file: dsn}", 1))
	if err := a.command("serve", "--config.file=shared.yaml", "--log.level=debug", "--web.listen-address=127.0.0.1:0").Run(); err == nil {
		t.Error("it started without its database")
	}
	a.file("broken.yaml", strings.NewReplacer("%s", "https://kim:"+canaryURL+"@git.example.org/x.git").Replace(canaryConfig))
	if err := a.command("check-config", "--config.file=broken.yaml").Run(); err == nil {
		t.Error("a URL with a password is accepted")
	}

	told := a.told.String()
	a.mustHold(told, "THE GATE RAN", "CORE 0", "THE HOOK RAN", "***", "quarantined", "a URL must not carry a user or a password", "TMPDIR=", "database")
	if !strings.Contains(a.authorized, base64.StdEncoding.EncodeToString([]byte("deployer:"+canaryGit))) {
		t.Errorf("the canary did not fly: pushes came with %q", a.authorized)
	}
	for name, canary := range map[string]string{"alertmanager's token": canaryAlerts, "ci's token": canaryCI, "kim's token": canaryKim, "kim's old token": canaryOld,
		"git's password": canaryGit, "the token to read with": canaryRead, "the environment": canaryEnv, "a URL's password": canaryURL, "the database's password": canaryDSN,
		"what somebody tried": canaryWrong, "the chat's address": canaryChat, "the signing key": a.keyLine,
		"git's header": base64.StdEncoding.EncodeToString([]byte("deployer:" + canaryGit))} {
		for form, text := range map[string]string{"": canary, "quoted ": strings.Trim(strconv.Quote(canary), `"`), "escaped ": url.QueryEscape(canary)} {
			if n := strings.Index(told, text); n >= 0 {
				t.Errorf("%s%s is told: …%s…", form, name, told[max(0, n-200):min(len(told), n+200)])
			}
		}
	}
}

// TestEveryEntryHasItsAuthor holds R1: whatever was received, decided, done or refused, the ledger says whose it is, and by which token.
func TestEveryEntryHasItsAuthor(t *testing.T) {
	a := newAviary(t)
	a.start()
	a.strangers()
	a.deeds()
	a.stop()
	export := a.command("ledger", "export", "state/ledger.db")
	var lines bytes.Buffer
	export.Stdout = &lines
	if err := export.Run(); err != nil {
		t.Fatal(err)
	}
	by := map[string]int{}
	for line := range strings.Lines(lines.String()) {
		var entry struct{ Author, Kind string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if by[entry.Author]++; entry.Author == "" || entry.Kind == "" {
			t.Errorf("nobody's: %s", line)
		}
	}
	for _, author := range []string{"alertmanager", "kim", "rollback-agent"} {
		if by[author] == 0 {
			t.Errorf("nothing is by %s: %v", author, by)
		}
	}
}

func (a *aviary) mustHold(told string, parts ...string) {
	a.t.Helper()
	for _, part := range parts {
		if !strings.Contains(told, part) {
			a.t.Errorf("nothing tells of %q: it was not provoked", part)
		}
	}
}

// TestALogIsWithoutSecretsWhoeverWroteIt: a panic's text, too, once in each format.
func TestALogIsWithoutSecretsWhoeverWroteIt(t *testing.T) {
	var out bytes.Buffer
	d := newDiscreet(&out, func(s string) string { return strings.ReplaceAll(s, canaryKim, "***") })
	for _, handler := range []slog.Handler{slog.NewTextHandler(d, nil), slog.NewJSONHandler(d, nil)} {
		slog.New(handler).Error("panic", "panic", fmt.Errorf("no such token: %q", canaryKim), "stack", "main.go\n"+canaryKim)
	}
	if lines := strings.Count(out.String(), "\n"); strings.Contains(out.String(), canaryKim) || lines != 2 {
		t.Errorf("%d lines:\n%s", lines, out.String())
	}
}
