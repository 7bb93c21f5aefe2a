package verify_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/gitrepo/gittest"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/verify"
	"github.com/coclai/cutover/generator/slo"
)

// repository is a remote with one commit that holds scripts; the runner's scratch folders go where they can be looked at.
func repository(t *testing.T, files map[string]string) (r verify.Runner, commit string) {
	t.Helper()
	server := gittest.New(t)
	commit = server.Commit(t, "production", files, "release")
	server.Commit(t, "production", map[string]string{"later": "1"}, "not the one to check")
	return verify.Runner{URL: server.URL, Dir: openFolder(t)}, commit
}

// openFolder is a temporary folder that nobody can reach; t.TempDir is closed to others.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "verify-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

func gate(argv ...string) slo.Gate {
	return slo.Gate{ID: "1.1", Argv: argv, Pass: slo.PassExit0, Timeout: slo.Duration(time.Minute)}
}

func bash(script string) slo.Gate { return gate("bash", "-c", script) }

func search(argv ...string) slo.Gate {
	g := gate(argv...)
	g.Pass = slo.PassNoMatch
	return g
}

func run(t *testing.T, r verify.Runner, commit string, gates ...slo.Gate) []rollback.GateRun {
	t.Helper()
	runs, err := r.Run(t.Context(), commit, gates)
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) != len(gates) {
		t.Fatalf("%d results for %d gates", len(runs), len(gates))
	}
	return runs
}

func TestVerdicts(t *testing.T) {
	r, commit := repository(t, map[string]string{"check.sh": "echo checked; exit $1\n", "notes.txt": "nothing\nTODO: x\n", "data": "x"})
	program := func(want rollback.GateRun, g slo.Gate) func(*testing.T) {
		return func(t *testing.T) {
			got := run(t, r, commit, g)[0]
			if _, err := time.ParseDuration(got.Took); err != nil {
				t.Errorf("took %q: %v", got.Took, err)
			}
			want.Gate, got.Took = "1.1", ""
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
	}
	t.Run("exit 0", program(rollback.GateRun{Verdict: release.Pass, Reason: "exit status 0", Output: "checked\n"}, gate("bash", "check.sh", "0")))
	t.Run("exit 7", program(rollback.GateRun{Verdict: release.Fail, Reason: "exit status 7", Output: "checked\n"}, gate("bash", "check.sh", "7")))
	t.Run("found", program(rollback.GateRun{Verdict: release.Fail, Reason: "something was found: 1 line", Output: "2:TODO: x\n"},
		search("grep", "-rn", "TODO", "notes.txt")))
	t.Run("not found", program(rollback.GateRun{Verdict: release.Pass, Reason: "nothing was found"}, search("grep", "-rn", "FIXME", "notes.txt")))
	t.Run("bad search", program(rollback.GateRun{
		Verdict: release.Unknown, Reason: "exit status 2: the search itself failed", Output: "grep: missing: No such file or directory\n",
	}, search("grep", "TODO", "missing")))
	t.Run("signal", program(rollback.GateRun{Verdict: release.Unknown, Reason: "signal: segmentation fault"}, bash("kill -SEGV $$")))
	t.Run("no shell", program(rollback.GateRun{Verdict: release.Pass, Reason: "exit status 0", Output: "$(id); `id` > x\n"},
		gate("echo", "$(id); `id` > x")))
	t.Run("program in the checkout is not taken from the PATH", func(t *testing.T) {
		got := run(t, r, commit, gate("./data"))[0]
		if got.Verdict != release.Unknown || !strings.Contains(got.Reason, "permission denied") {
			t.Errorf("got %s: %s, want UNKNOWN for a file that is no program", got.Verdict, got.Reason)
		}
	})
	t.Run("no such program", func(t *testing.T) {
		got := run(t, r, commit, search("rg-not-installed", "x"))[0]
		if got.Verdict != release.Unknown || !strings.HasPrefix(got.Reason, "rg-not-installed is not installed") {
			t.Errorf("got %s: %s", got.Verdict, got.Reason)
		}
	})
}

func TestTheCheckoutIsThatCommitAndIsGoneAfterwards(t *testing.T) {
	r, commit := repository(t, map[string]string{"scripts/a.sh": "pwd\n"})
	runs := run(t, r, commit, bash("git rev-parse HEAD && ls && git status --porcelain"), bash("touch left; chmod 000 .; pwd"))
	if want := commit + "\nscripts\n"; runs[0].Output != want {
		t.Errorf("the checkout is %q, want %q", runs[0].Output, want)
	}
	if !strings.HasPrefix(runs[1].Output, r.Dir) {
		t.Errorf("the gate ran in %q, want below %s", runs[1].Output, r.Dir)
	}
	if left, err := os.ReadDir(r.Dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestNothingOfTheAgentReachesAGate(t *testing.T) {
	t.Setenv("GIT_TOKEN", "canary-in-the-environment")
	t.Setenv("GIT_CONFIG_PARAMETERS", "'core.pager'='canary'")
	r, commit := repository(t, map[string]string{"a": ""})
	handedOver, err := syscall.Dup(0) // as a service manager's socket: open, and not marked to be closed in commands
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(handedOver) })
	g := bash("env | sort; for n in {0..300}; do [ -e /proc/$$/fd/$n ] && echo fd $n; done; grep NoNewPrivs /proc/self/status; id -u; id -G")
	g.Env = map[string]string{"COCLAI_DOC_SYNC_MODE": "hard", "LANG": "ko_KR.UTF-8"}
	got := strings.Split(strings.TrimSpace(run(t, r, commit, g)[0].Output), "\n")
	names := map[string]string{}
	for _, line := range got {
		if name, value, ok := strings.Cut(line, "="); ok {
			names[name] = value
		}
	}
	for _, name := range []string{"_", "PWD", "OLDPWD", "SHLVL"} { // bash's own
		delete(names, name)
	}
	home := names["HOME"]
	want := map[string]string{
		"COCLAI_DOC_SYNC_MODE": "hard", "LANG": "ko_KR.UTF-8", "PATH": os.Getenv("PATH"), "HOME": home,
		"TMPDIR": filepath.Join(filepath.Dir(home), "tmp"),
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(home, r.Dir) {
		t.Errorf("HOME is %s, want below %s", home, r.Dir)
	}
	var files []string
	for _, line := range got {
		if fd, ok := strings.CutPrefix(line, "fd "); ok && fd != "255" { // bash's own copy of what it reads commands from
			files = append(files, fd)
		}
	}
	if diff := cmp.Diff([]string{"0", "1", "2"}, files); diff != "" {
		t.Errorf("open files (-want +got):\n%s", diff)
	}
	tail := got[len(got)-3:]
	if tail[0] != "NoNewPrivs:\t1" {
		t.Errorf("got %q, want NoNewPrivs 1", tail[0])
	}
	if uid, groups := tail[1], strings.Fields(tail[2]); uid == "0" || os.Getuid() == 0 && len(groups) != 1 {
		t.Errorf("the gate ran as user %s, in the groups %v", uid, groups)
	}
}

func TestADeadlineEndsAGateWithAllThatItStarted(t *testing.T) {
	r, commit := repository(t, map[string]string{"a": ""})
	pids := filepath.Join(r.Dir, "pids")
	g := bash("trap '' TERM; (echo $BASHPID; exec sleep 300) > " + pids + " & echo started; sleep 300")
	g.Timeout = slo.Duration(time.Second)
	began := time.Now()
	got := run(t, r, commit, g)[0]
	if got.Verdict != release.Unknown || got.Reason != "timeout: killed after 1s" || got.Output != "started\n" {
		t.Errorf("got %s: %s: %q", got.Verdict, got.Reason, got.Output)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("took %s", took)
	}
	gone(t, pids)
}

func TestWhatAGateLeavesInTheBackgroundEndsWithIt(t *testing.T) {
	r, commit := repository(t, map[string]string{"a": ""})
	pids := filepath.Join(r.Dir, "pids")
	got := run(t, r, commit, bash("(echo $BASHPID > "+pids+"; exec sleep 300) & until [ -s "+pids+" ]; do :; done; echo done"))[0]
	if got.Verdict != release.Pass || got.Output != "done\n" {
		t.Errorf("got %s: %s: %q", got.Verdict, got.Reason, got.Output)
	}
	gone(t, pids)
}

func TestASessionOfItsOwnIsNoEscape(t *testing.T) {
	for name, escape := range map[string]string{
		"setsid":                     "setsid bash -c 'echo $$ > PIDS; exec sleep 300' &",
		"setsid, twice":              "setsid bash -c \"setsid bash -c 'echo \\$\\$ > PIDS; exec sleep 300' & exit 0\" &",
		"setsid without environment": "env -i setsid bash -c 'echo $$ > PIDS; exec sleep 300' &",
	} {
		for _, place := range []string{"a cgroup", "no cgroup"} {
			t.Run(name+" in "+place, func(t *testing.T) {
				if place == "no cgroup" {
					defer verify.WithoutCgroups()()
				} else if !canMakeCgroups() {
					t.Skip("no cgroup v2 hierarchy that can be written: the other cases are what happens here")
				}
				r, commit := repository(t, map[string]string{"a": ""})
				pids := filepath.Join(r.Dir, "pids")
				g := bash(strings.ReplaceAll(escape, "PIDS", pids) + " until [ -s " + pids + " ]; do :; done; sleep 300")
				g.Timeout = slo.Duration(2 * time.Second)
				got := run(t, r, commit, g)[0]
				if got.Verdict != release.Unknown {
					t.Errorf("got %s: %s", got.Verdict, got.Reason)
				}
				gone(t, pids)
			})
		}
	}
}

func canMakeCgroups() bool {
	for _, mount := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		dir := filepath.Join(mount, "rollback-verify-probe-"+strconv.Itoa(os.Getpid()))
		if os.Mkdir(dir, 0o700) != nil {
			continue
		}
		_, err := os.Stat(filepath.Join(dir, "cgroup.kill"))
		_ = os.Remove(dir)
		if err == nil {
			return true
		}
	}
	return false
}

// gone makes sure that the process whose id stands in the file has ended. What was killed may take a moment to vanish.
func gone(t *testing.T, file string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if !alive(pid) {
			return
		}
	}
	t.Errorf("process %d is still there", pid)
	_ = syscall.Kill(pid, syscall.SIGKILL)
}

// alive does not count the dead that nobody has waited for yet.
func alive(pid int) bool {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(status), ") Z ")
}

func TestCancellingEndsTheGateAndRecordsNothingOfIt(t *testing.T) {
	r, commit := repository(t, map[string]string{"a": ""})
	ctx, cancel := context.WithCancel(t.Context())
	pids := filepath.Join(r.Dir, "pids")
	if err := syscall.Mkfifo(pids, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(pids, 0o666); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = os.ReadFile(pids) // until the second gate runs
		cancel()
	}()
	runs, err := r.Run(ctx, commit, []slo.Gate{bash("exit 0"), bash("echo x > " + pids + "; exec sleep 300"), bash("exit 0")})
	if !errors.Is(err, context.Canceled) || len(runs) != 1 || runs[0].Verdict != release.Pass {
		t.Errorf("got %+v, %v, want the one that had finished", runs, err)
	}
}

func TestOutputIsCutCleanedAndRedacted(t *testing.T) {
	r, commit := repository(t, map[string]string{"a": ""})
	r.Redact = func(text string) string { return strings.ReplaceAll(text, "s3cret", "***") }
	flood := run(t, r, commit, bash("echo first s3cret; head -c 10000000 /dev/zero | tr '\\0' x; echo; echo last s3cret"))[0].Output
	if !strings.HasPrefix(flood, "first ***\nxxx") || !strings.HasSuffix(flood, "xxx\nlast ***\n") {
		t.Errorf("both ends should be kept: %.40q … %q", flood, flood[max(0, len(flood)-40):])
	}
	if len(flood) > 66<<10 || !strings.Contains(flood, "bytes left out") {
		t.Errorf("%d bytes kept", len(flood))
	}
	got := run(t, r, commit, bash(`printf 'a\033[31mred\033[0m\r\007\000\t\xff\u202e.\n'`))[0].Output
	if want := "ared\t\uFFFD.\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestACheckoutThatCannotBeMadeIsAnError(t *testing.T) {
	r, commit := repository(t, map[string]string{"a": ""})
	absent := strings.Repeat("a", 40)
	lying := filepath.Join(openFolder(t), "git")
	script := "#!/bin/sh\ncase \"$*\" in *rev-parse*) echo " + absent + " ;; *) exec git \"$@\" ;; esac\n"
	if err := os.WriteFile(lying, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		runner verify.Runner
		commit string
		says   string
	}{
		"absent commit":  {r, absent, "check out " + absent + ": git fetch: exit status 128"},
		"no commit id":   {r, "--upload-pack=touch /tmp/x", "that is no commit id"},
		"abbreviated":    {r, commit[:12], "that is no commit id"},
		"nobody listens": {verify.Runner{URL: "http://127.0.0.1:1/x.git", Dir: r.Dir}, commit, "git fetch: exit status 128"},
		"ext transport":  {verify.Runner{URL: "ext::sh -c touch% /tmp/x", Dir: r.Dir}, commit, "transport 'ext' not allowed"},
		"path, not URL":  {verify.Runner{URL: r.Dir, Dir: r.Dir}, commit, "transport 'file' not allowed"},
		"another commit": {verify.Runner{URL: r.URL, Dir: r.Dir, Git: lying}, commit, "the remote gave"},
		"git missing":    {verify.Runner{URL: r.URL, Dir: r.Dir, Git: "git-not-installed"}, commit, "git-not-installed is not installed"},
		"folder missing": {verify.Runner{URL: r.URL, Dir: r.Dir + "/missing"}, commit, "no such file or directory"},
	} {
		runs, err := c.runner.Run(t.Context(), c.commit, []slo.Gate{bash("exit 0")})
		if err == nil || !strings.Contains(err.Error(), c.says) || len(runs) > 0 {
			t.Errorf("%s: got %v, %v, want an error that says %q", name, runs, err, c.says)
		}
	}
	if left, err := os.ReadDir(r.Dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestARemoteOnDiskIsReadAsItsOwner(t *testing.T) {
	dir := openFolder(t)
	bare := filepath.Join(dir, "bare.git")
	script := `git init -q --bare "$0" && cd "$0" && tree=$(git mktree </dev/null) &&
		git -c user.name=a -c user.email=a@example.org commit-tree $tree -m one`
	cmd := exec.Command("bash", "-c", script, bare)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	commit := strings.TrimSpace(string(out))
	if os.Getuid() == 0 { // git reads no repository of another user
		if out, err := exec.Command("chown", "-R", "nobody", bare).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	got := run(t, verify.Runner{URL: "file://" + bare, Dir: dir}, commit, bash("git rev-parse HEAD"))[0]
	if got.Output != commit+"\n" {
		t.Errorf("got %s: %q", got.Reason, got.Output)
	}
}
