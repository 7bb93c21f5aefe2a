package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/coclai/cutover/agent/gitrepo/gittest"
	"github.com/coclai/cutover/agent/ledger/pgtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"rollback-agent": main})
}

// TestStories runs the command as its users do; $ROOT is the repository. The commands of the stories, besides testscript's own:
//
//	remote                        a git server at $GIT_URL, and the file git.credentials for it
//	candidate NAME FOLDER         a commit on `main`, beside production, with the files of FOLDER; its id in $NAME
//	deploy COMMIT                 moves the server's branch `production` to a commit that it has
//	monitoring FILE [FILE]        a real Prometheus with these rules, a real Alertmanager, with this file of routes; $PROMETHEUS_URL, $ALERTMANAGER_URL
//	free NAME                     an address that nobody listens on, in $NAME
//	measured QUERY                waits until Prometheus has an answer
//	server NAME VALUE             a setting of the git server's repository; hook: the pre-receive hook of deploy/
//	scratch                       a folder for checkouts that gates can reach, as $TMPDIR
//	awaits PATTERN TOKEN PATH     asks PATH with a token until its body matches
//	postgres FILE...              a PostgreSQL server, and a database whose DSN is in each FILE
//	ship NAME                     a commit on the server's branch `production`, its id in $NAME
//	expand FILE                   replaces $VARIABLES in FILE
//	await FILE                    waits until the daemon has written its address; AGENT is its URL from then on
//	exits CODE COMMAND...         like exec, with the exact exit code
//	http STATUS METHOD PATH TOKEN [FILE]   one request; TOKEN is a file, or - for none; the body and the headers are stdout and stderr
//	hostile TOKEN                 deliveries and requests that hold what breaks logs, in every label and header
//	loglines FORMAT FILE          checks that FILE is a log of this format, one plain line for each event
//	pad FILE SIZE                 fills FILE with spaces up to SIZE bytes
//	until PATTERN PATH            asks PATH again and again until its body matches
//	signal NAME                   HUP or TERM for the daemon
//	manager                       the socket on which systemd listens, with a watchdog of a tenth of a second
//	told STATE                    waits until the daemon has told the manager so
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "../../testdata/rollback-agent",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"remote": remote, "ship": ship, "candidate": candidate, "deploy": deploy, "monitoring": monitoring, "free": free, "measured": measured, "server": server, "awaits": awaits, "scratch": scratch, "expand": expand, "await": await, "exits": exits, "http": request, "pad": pad, "until": until, "signal": signalDaemon,
			"postgres": postgres, "manager": manager, "told": told, "hostile": hostile, "loglines": logLines,
		},
		Setup: func(e *testscript.Env) error {
			t, ok := e.T().(testing.TB)
			if !ok {
				return errors.New("testscript's T is no testing.TB any more")
			}
			e.Values[fixtureKey{}] = &fixture{t: t}
			root, err := filepath.Abs("../..")
			e.Setenv("ROOT", root)
			e.Setenv("PATH", e.Getenv("PATH")+string(os.PathListSeparator)+filepath.Join(root, ".tools", "bin"))
			return err
		},
	})
}

// fixture is what one story has running.
type fixture struct {
	t       testing.TB
	git     *gittest.Server
	manager *net.UnixConn
}

type fixtureKey struct{}

func fixtureOf(ts *testscript.TestScript) *fixture { return ts.Value(fixtureKey{}).(*fixture) }

func remote(ts *testscript.TestScript, _ bool, _ []string) {
	f := fixtureOf(ts)
	f.git = gittest.New(f.t)
	ts.Setenv("GIT_URL", f.git.URL)
	ts.Check(os.WriteFile(ts.MkAbs("git.credentials"), []byte("agent:"+gittest.Users["agent"]+"\n"), 0o600))
}

func postgres(ts *testscript.TestScript, _ bool, args []string) {
	f := fixtureOf(ts)
	server := pgtest.Start(f.t)
	for _, file := range args {
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(server.Database(f.t)+"\n"), 0o600))
	}
}

func ship(ts *testscript.TestScript, _ bool, args []string) {
	f := fixtureOf(ts)
	ts.Setenv(args[0], f.git.Commit(f.t, "production", map[string]string{"version": args[0] + "\n"}, args[0]))
}

func server(ts *testscript.TestScript, _ bool, args []string) {
	f := fixtureOf(ts)
	if args[0] == "hook" {
		f.git.InstallHook(f.t, "../../deploy/hooks/pre-receive")
		return
	}
	f.git.Git(f.t, "config", args[0], args[1])
}

func deploy(ts *testscript.TestScript, _ bool, args []string) {
	f := fixtureOf(ts)
	f.git.Git(f.t, "update-ref", "refs/heads/production", args[0])
}

func expand(ts *testscript.TestScript, _ bool, args []string) {
	for _, file := range args {
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(os.Expand(ts.ReadFile(file), ts.Getenv)), 0o600))
	}
}

func await(ts *testscript.TestScript, _ bool, args []string) {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		content, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil {
			first := strings.Fields(string(content))[0]
			ts.Setenv("AGENT", "http://"+first)
			ts.Setenv("ROLLBACK_AGENT_URL", "http://"+first)
			return
		}
	}
	ts.Fatalf("%s did not appear: the daemon did not start", args[0])
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		got = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func request(ts *testscript.TestScript, _ bool, args []string) {
	var body []byte
	if len(args) > 4 {
		body = []byte(ts.ReadFile(args[4]))
	}
	r, err := http.NewRequest(args[1], ts.Getenv("AGENT")+args[2], bytes.NewReader(body))
	ts.Check(err)
	if args[3] != "-" {
		r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(ts.ReadFile(args[3])))
	}
	response, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	ts.Check(err)
	fmt.Fprint(ts.Stdout(), string(text))
	ts.Check(response.Header.Write(ts.Stderr()))
	if strconv.Itoa(response.StatusCode) != args[0] {
		ts.Fatalf("%s %s: %s, want %s\n%s", args[1], args[2], response.Status, args[0], text)
	}
}

func until(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile("(?m)" + args[0])
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		response, err := http.Get(ts.Getenv("AGENT") + args[1])
		ts.Check(err)
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		ts.Check(err)
		if pattern.Match(text) {
			return
		}
	}
	ts.Fatalf("%s never matched %s", args[1], args[0])
}

func pad(ts *testscript.TestScript, _ bool, args []string) {
	size, err := strconv.Atoi(args[1])
	ts.Check(err)
	content := ts.ReadFile(args[0])
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(content+strings.Repeat(" ", size-len(content))), 0o600))
}

func signalDaemon(ts *testscript.TestScript, _ bool, args []string) {
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(map[string]os.Signal{"HUP": syscall.SIGHUP, "TERM": syscall.SIGTERM}[args[0]]))
	}
}

func manager(ts *testscript.TestScript, _ bool, _ []string) {
	f, path := fixtureOf(ts), ts.MkAbs("notify")
	var err error
	f.manager, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	ts.Check(err)
	f.t.Cleanup(func() { f.manager.Close() })
	ts.Setenv("NOTIFY_SOCKET", path)
	ts.Setenv("WATCHDOG_USEC", "100000")
}

func told(ts *testscript.TestScript, _ bool, args []string) {
	f := fixtureOf(ts)
	ts.Check(f.manager.SetReadDeadline(time.Now().Add(time.Minute)))
	for got := make([]byte, 100); ; {
		n, err := f.manager.Read(got)
		if err != nil {
			ts.Fatalf("systemd was never told %s: %v", args[0], err)
		}
		if string(got[:n]) == args[0] {
			return
		}
	}
}
