package simulation

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var planted = flag.Bool("planted", false, "compile and test each planted bug: some minutes")

// change is one text of a file in place of another.
type change struct{ file, old, new string }

// bug is a bug of facts/faults.md §4 and who finds it. The tree stays as it is: the compiler is given another text for some files.
type bug struct {
	name    string
	changes []change
	in      string   // package whose tests find it
	run     []string // arguments for its tests
	want    string   // what they say
}

// seeds of the simulation that a bug may take to be found
var simulated = []string{"-run", "NoSeed", "-seeds", "1500"}

var bugs = []bug{
	{"a webhook is acknowledged before it is stored", []change{{"agent/incident.go", "	seq, err := a.journal.receive(ctx, notes...)\n	crashpoint(\"received\")",
		"	seq, err := int64(0), error(nil)\n	go a.journal.receive(context.WithoutCancel(ctx), notes...)\n	crashpoint(\"received\")"}}, "agent/simulation", simulated, "F I3"},
	{"synchronous=NORMAL", []change{{"agent/ledger/schema.go", `"synchronous(full)"`, `"synchronous(normal)"`}}, "agent/ledger", []string{"-run", "Contract"}, "synchronous"},
	{"a push without the lease", []change{{"agent/gitrepo/push.go", "updates, objects := []update{{p.Branch, p.Expected, p.Commit}}, p.objects()",
		"now, _ := r.listRefs(ctx, p.Branch)\n	updates, objects := []update{{p.Branch, now[p.Branch].id, p.Commit}}, p.objects()"}}, "agent/simulation", simulated, "F I5"},
	{"the commit is made anew on a retry", []change{{"agent/incident.go", "	return a.pushPrepared(ctx, e, i)\n}", `	if e.patience > 0 {
		tip, _ := e.look(ctx, state.Release)
		p, err := e.rollbackCommit(ctx, order{target: state.Release.Target, of: state.Release.Commit, tip: tip, decision: lastRollback(i), incident: i.ID, now: a.now()})
		if err == nil {
			changed := *i
			changed.Preparation, i = &p, &changed
		}
	}
	return a.pushPrepared(ctx, e, i)
}`}}, "agent/simulation", simulated, "F I2"},
	{"an answer to the push is believed", []change{{"agent/gitrepo/push.go", "	again, cancel := r.afterwards(ctx)\n	defer cancel()\n	after, _, err := r.look(again, p)",
		"	if unsent == nil || KindOf(unsent) == ErrNotGit {\n		return Pushed{Outcome: Done, Tip: p.Commit}, nil\n	}\n	again, cancel := r.afterwards(ctx)\n	defer cancel()\n	after, _, err := r.look(again, p)"}},
		"agent/simulation", simulated, "F I2"},
	{"the lock comes after the push", []change{{"agent/incident.go", "	if !d.Locks {\n		return notes\n	}", "	if d.Verdict == rollback.Rollback || !d.Locks {\n		return notes\n	}"}},
		"agent/simulation", simulated, "R I19"},
	{"startsAt identifies an episode", []change{{"agent/rollback/fold.go", "key := Key(d.Source, f.Fingerprint)", "key := Key(d.Source, f.Fingerprint+f.StartsAt.String())"}},
		"agent/rollback", nil, "FAIL"},
	{"429 when it cannot be stored", []change{{"agent/web/refusal.go", "release.Unavailable: http.StatusServiceUnavailable", "release.Unavailable: http.StatusTooManyRequests"}},
		"agent/simulation", simulated, "answered 429"},
	{"a label names the target", []change{{"agent/incident.go", "	p, err := e.rollbackCommit(ctx, order{target: r.Target,",
		"	if name := state.Episodes[d.Key].Firing.Labels[\"target\"]; name != \"\" {\n		named, _ := e.remote.ReadTag(ctx, name)\n		other := *r\n		other.Target = release.Pin{Ref: named.Ref, Object: string(named.Object), Commit: string(named.Commit), Tree: string(named.Tree)}\n		r = &other\n	}\n	p, err := e.rollbackCommit(ctx, order{target: r.Target,"}},
		"agent/simulation", simulated, "F I6"},
	{"an empty answer is healthy", []change{{"agent/release/reading.go", "	if reason := unfit(s, sample); reason != \"\" {",
		"	if sample.Value == nil {\n		r.Verdict, r.Age = Pass, \"0\"\n		return r\n	}\n	if reason := unfit(s, sample); reason != \"\" {"}},
		"agent/simulation", simulated, "F I12"},
	{"only the process is killed, not its family", []change{{"agent/verify/command.go", "func killGroup(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }",
		"func killGroup(cmd *exec.Cmd) error { return syscall.Kill(cmd.Process.Pid, syscall.SIGKILL) }"},
		{"agent/verify/command.go", "	group, kin := newCgroup(), (*family)(nil)\n	if group == nil {", "	group, kin := (*cgroup)(nil), (*family)(nil)\n	if false {"}},
		"agent/verify", []string{"-run", "Background|Session|Deadline"}, "--- FAIL"},
	{"what was cut from a group is dropped", []change{{"agent/incident.go", "	if d.Truncated > 0 {", "	if d.Truncated > 1<<20 {"}}, "agent/simulation", simulated, "F I9"},
	{"an fsync error is tried again", []change{{"agent/ledger/writer.go", "	w.broken = fmt.Errorf(\"%w: %w\", ErrBroken, err)\n	return w.broken", "	return err"}},
		"agent/ledger", []string{"-run", "AFailingDisk"}, "--- FAIL"},
}

// TestPlantedBugsFitTheSource: each has its place in the source as it is now.
func TestPlantedBugsFitTheSource(t *testing.T) {
	for _, b := range bugs {
		t.Run(b.name, func(t *testing.T) { overlay(t, b.changes) })
	}
}

// TestPlantedBugsAreFound plants the bugs of facts/faults.md §4, all but the lease without a token, which needs replicas.
func TestPlantedBugsAreFound(t *testing.T) {
	if !*planted {
		t.Skip("asked for with -planted: each bug is compiled anew")
	}
	caught := 0
	for _, b := range bugs {
		t.Run(b.name, func(t *testing.T) {
			args := append([]string{"test", "-overlay", overlay(t, b.changes), "-count=1", "./" + b.in}, b.run...)
			cmd := exec.Command("go", args...)
			cmd.Dir = filepath.Join("..", "..")
			out, err := cmd.CombinedOutput()
			text := string(out)
			if err == nil || strings.Contains(text, "[build failed]") || !strings.Contains(text, b.want) {
				t.Fatalf("not found by go %s, want %q: %v\n%.2000s", strings.Join(args, " "), b.want, err, text)
			}
			caught++
		})
	}
	t.Logf("%d of %d planted bugs are found", caught, len(bugs))
}

// overlay writes the changed files, and what tells the compiler of them.
func overlay(t *testing.T, changes []change) string {
	t.Helper()
	dir, replace, texts := t.TempDir(), map[string]string{}, map[string]string{}
	for _, c := range changes {
		path, err := filepath.Abs(filepath.Join("..", "..", c.file))
		if err != nil {
			t.Fatal(err)
		}
		before := texts[path]
		if before == "" {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			before = string(b)
		}
		if strings.Count(before, c.old) != 1 {
			t.Fatalf("%s holds %d times %q: plant the bug where it is now", c.file, strings.Count(before, c.old), c.old)
		}
		texts[path] = strings.Replace(before, c.old, c.new, 1)
		replace[path] = filepath.Join(dir, filepath.Base(path))
	}
	for path, text := range texts {
		if err := os.WriteFile(replace[path], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	content, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestTheRulesFindAForgetfulDisk: a disk that acknowledges what it does not keep, as SQLite does with synchronous=NORMAL when the power goes.
func TestTheRulesFindAForgetfulDisk(t *testing.T) {
	for seed := uint64(1); seed <= 20; seed++ {
		s := draw(seed)
		s.events = []event{{at: calmAt / 2, do: "restart"}}
		found := play(t, s, func(w *world) { w.loses = 2 })
		if strings.Contains(strings.Join(found, "\n"), "F I3") {
			return
		}
	}
	t.Error("nobody has noticed")
}
