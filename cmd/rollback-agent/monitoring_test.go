package main

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// monitoring starts a real Prometheus with a file of rules, and a real Alertmanager, at $PROMETHEUS_URL and $ALERTMANAGER_URL, until the story
// ends. Without a file for Alertmanager it tells nobody, and nobody tells it; with one Prometheus does, and scrapes the agent at
// $AGENT_ADDRESS.
func monitoring(ts *testscript.TestScript, _ bool, args []string) {
	prometheus, routes := "global: {scrape_interval: 200ms, evaluation_interval: 200ms}\nrule_files: ['"+ts.MkAbs(args[0])+"']\n", "alertmanager.yml"
	if len(args) == 1 {
		write(ts, routes, "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
	} else {
		routes = args[1]
	}
	ts.Setenv("ALERTMANAGER_URL", startTool(ts, "alertmanager", "--config.file="+ts.MkAbs(routes), "--storage.path="+ts.MkAbs("alertmanager.data"),
		"--cluster.listen-address="))
	if len(args) > 1 {
		prometheus += "alerting: {alertmanagers: [{static_configs: [{targets: ['" + strings.TrimPrefix(ts.Getenv("ALERTMANAGER_URL"), "http://") + "']}]}]}\n" +
			"scrape_configs: [{job_name: rollback-agent, static_configs: [{targets: ['" + ts.Getenv("AGENT_ADDRESS") + "']}]}]\n"
	}
	write(ts, "prometheus.yml", prometheus)
	ts.Setenv("PROMETHEUS_URL", startTool(ts, "prometheus", "--config.file="+ts.MkAbs("prometheus.yml"), "--storage.tsdb.path="+ts.MkAbs("tsdb"), "--rules.alert.resend-delay=1s"))
}

// measured waits until Prometheus has an answer to a query.
func measured(ts *testscript.TestScript, _ bool, args []string) {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		answer, err := http.Get(ts.Getenv("PROMETHEUS_URL") + "/api/v1/query?query=" + url.QueryEscape(args[0]))
		ts.Check(err)
		text, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		ts.Check(err)
		if strings.Contains(string(text), `"value"`) {
			return
		}
	}
	ts.Fatalf("Prometheus never had an answer to %s", args[0])
}

// free puts an address that nobody listens on into a variable.
func free(ts *testscript.TestScript, _ bool, args []string) { ts.Setenv(args[0], freeAddress(ts)) }

func freeAddress(ts *testscript.TestScript) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	defer listener.Close()
	return listener.Addr().String()
}

func write(ts *testscript.TestScript, name, text string) {
	ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
}

// startTool starts one of the pinned programs on a port of its own, and waits until it answers.
func startTool(ts *testscript.TestScript, name string, args ...string) string {
	address := freeAddress(ts)
	cmd := exec.Command(pinned(ts, name), append(args, "--web.listen-address="+address)...)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if answer, err := http.Get("http://" + address + "/-/ready"); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return "http://" + address
			}
		}
	}
	ts.Fatalf("%s does not answer", name)
	return ""
}

// pinned finds a tool on PATH, or where `make tools` puts it.
func pinned(ts *testscript.TestScript, name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	path, err := filepath.Abs(filepath.Join("..", "..", ".tools", "bin", name))
	ts.Check(err)
	if _, err := os.Stat(path); err != nil {
		ts.Fatalf("%s is missing: run `make tools`", name)
	}
	return path
}

// candidate puts a commit on the server's branch `main`, beside production: its files are those of FOLDER; its id is in $NAME.
func candidate(ts *testscript.TestScript, _ bool, args []string) {
	git := fixtureOf(ts).git
	if !git.Has("main") {
		git.Git(fixtureOf(ts).t, "branch", "main", "production")
	}
	files := map[string]string{"version": args[0] + "\n"}
	folder := ts.MkAbs(args[1])
	ts.Check(filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(folder, path)
		files[filepath.ToSlash(name)] = ts.ReadFile(path)
		return err
	}))
	ts.Setenv(args[0], git.Commit(fixtureOf(ts).t, "main", files, "Candidate "+args[0]))
}

// awaits waits until the body of a page matches, asked with a token: awaits PATTERN TOKEN PATH.
func awaits(ts *testscript.TestScript, _ bool, args []string) {
	pattern, token := regexp.MustCompile(args[0]), strings.TrimSpace(ts.ReadFile(args[1]))
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		r, err := http.NewRequest(http.MethodGet, ts.Getenv("AGENT")+args[2], nil)
		ts.Check(err)
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(r)
		ts.Check(err)
		text, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		ts.Check(err)
		if pattern.Match(text) {
			return
		}
	}
	ts.Fatalf("%s never matched %s", args[2], args[0])
}

// scratch makes a folder for checkouts that whoever gates run as can reach, as $TMPDIR; it is gone with the story, and with it what a killed
// agent has left there.
func scratch(ts *testscript.TestScript, _ bool, _ []string) {
	dir, err := os.MkdirTemp("/tmp", "story-")
	ts.Check(err)
	ts.Defer(func() { _ = os.RemoveAll(dir) })
	ts.Check(os.Chmod(dir, 0o777))
	ts.Setenv("TMPDIR", dir)
}
