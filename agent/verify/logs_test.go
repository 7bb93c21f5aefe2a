package verify_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/verify"
	"github.com/coclai/cutover/generator/slo"
)

var began = time.Date(2026, 2, 28, 8, 48, 39, 0, time.UTC)

// withLogs is a gate whose script writes into the folder `out` of its checkout.
func withLogs(script string) slo.Gate {
	g := bash(script)
	g.Logs = "out"
	return g
}

// kept runs a gate and returns what was kept of it, by path below the run's folder, and the gate's own result.
func kept(t *testing.T, g slo.Gate) (map[string]string, rollback.GateRun) {
	t.Helper()
	r, commit := repository(t, map[string]string{"a": "1"})
	logs, err := verify.Logs{Root: filepath.Join(t.TempDir(), "logs"), Redact: func(text string) string { return strings.ReplaceAll(text, "secret", "***") }}.Open(began)
	if err != nil {
		t.Fatal(err)
	}
	runs, err := r.Follow(t.Context(), commit, []slo.Gate{g}, verify.Watch{Logs: logs})
	if err != nil {
		t.Fatal(err)
	}
	return files(t, logs.Folder), runs[0]
}

func files(t *testing.T, folder string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(folder, path)
		found[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestAGatesOutputAndItsOwnLogsAreKept(t *testing.T) {
	got, run := kept(t, withLogs("echo done; mkdir -p out/deep; echo the secret > out/deep/a.log; echo b > out/b.log"))
	want := map[string]string{"gate-1.1.log": "done\n", "gate-1.1/out/deep/a.log": "the ***\n", "gate-1.1/out/b.log": "b\n"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	if len(run.Kept) != 2 || filepath.Base(run.Log) != "gate-1.1.log" || run.Reason != "exit status 0" {
		t.Errorf("%+v", run)
	}
}

func TestAGateWithoutLogsHasNone(t *testing.T) {
	got, run := kept(t, withLogs("true"))
	if diff := cmp.Diff(map[string]string{"gate-1.1.log": ""}, got); diff != "" || run.Reason != "exit status 0" {
		t.Errorf("kept (-want +got), %q:\n%s", run.Reason, diff)
	}
}

func TestNoLogLeadsOutOfTheCheckout(t *testing.T) {
	outside := filepath.Join(openFolder(t), "outside")
	if err := os.WriteFile(outside, []byte("of the machine"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, script := range map[string]string{
		"a link":                 "mkdir out; ln -s " + outside + " out/a.log",
		"a link to a folder":     "mkdir out; ln -s " + filepath.Dir(outside) + " out/folder",
		"a link within":          "mkdir out; ln -s ../a out/a.log",
		"a hard link":            "mkdir out; ln a out/a.log",
		"a pipe":                 "mkdir out; mkfifo out/a.log",
		"the folder is a link":   "ln -s " + filepath.Dir(outside) + " out",
		"a folder nobody enters": "mkdir -p out/closed; chmod 0 out/closed",
		"a socket":               "mkdir out; exec python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"out/a.log\")' || true",
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := kept(t, withLogs(script))
			delete(got, "gate-1.1.log")
			if len(got) > 0 {
				t.Errorf("kept %v", got)
			}
		})
	}
}

func TestLogsAreCutInSizeAndNumber(t *testing.T) {
	got, run := kept(t, withLogs("mkdir out; for n in $(seq 300); do echo $n > out/$n.log; done; (head -c 9000000 /dev/zero | tr '\\0' x; echo the end) > out/0.log"))
	if len(run.Kept) != 200 {
		t.Errorf("%d files were kept", len(run.Kept))
	}
	large := got["gate-1.1/out/0.log"]
	if len(large) > 8<<20+100 || !strings.HasPrefix(large, "… 611400 bytes left out …\n") || !strings.HasSuffix(large, "the end\n") {
		t.Errorf("%d bytes of the large file, beginning with %.40q", len(large), large)
	}
}

func TestOldRunsGoAndNothingElse(t *testing.T) {
	root := t.TempDir()
	for _, other := range []string{"notes", "20260101T000000Z-old"} {
		if err := os.Mkdir(filepath.Join(root, other), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	l := verify.Logs{Root: root}
	for n := range 103 {
		if _, err := l.Open(began.Add(time.Duration(n/2) * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if len(names) != 102 || !slices.Contains(names, "notes") || !slices.Contains(names, "20260101T000000Z-old") {
		t.Errorf("%d folders: %v", len(names), names[:4])
	}
	if slices.Contains(names, "20260228T084839Z") || !slices.Contains(names, "20260228T084841Z-2") {
		t.Errorf("the oldest are not those that went: %v", names[:4])
	}
}

func TestWhoWatchesSeesEachGateAndMayEndTheRun(t *testing.T) {
	r, commit := repository(t, map[string]string{"a": "1"})
	first, second, enough := bash("true"), bash("false"), errors.New("enough")
	second.ID = "1.2"
	var seen []string
	runs, err := r.Follow(t.Context(), commit, []slo.Gate{first, second, bash("true")}, verify.Watch{
		Begins: func(g slo.Gate) { seen = append(seen, g.ID) },
		Ended: func(g slo.Gate, run rollback.GateRun) error {
			if seen = append(seen, string(run.Verdict)); g.ID == "1.2" {
				return enough
			}
			return nil
		}})
	if diff := cmp.Diff([]string{"1.1", "PASS", "1.2", "FAIL"}, seen); diff != "" || !errors.Is(err, enough) || len(runs) != 2 {
		t.Errorf("%v, %d runs (-want +got):\n%s", err, len(runs), diff)
	}
}
