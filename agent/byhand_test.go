package agent_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/gitrepo/gittest"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// out is a world without Prometheus in which a release is out, on top of a stable tag.
func out(t *testing.T, change func(*config.Config)) (w *world, r *running) {
	t.Helper()
	w = bare(t)
	w.git.Commit(t, branch, map[string]string{"services/checkout/app": "1", "services/search/app": "1", "scripts/preflight.sh": "true\n"}, "Two services")
	w.git.InstallHook(t, "../deploy/hooks/pre-receive")
	c := w.config(t)
	if change != nil {
		change(&c)
	}
	r = w.start(t, c)
	r.do(release.Deed{Act: release.ActStable, Tag: "stable-1"})
	next := w.main(t, map[string]string{"services/checkout/app": "2", "services/search/app": "2", "README": "2"})
	r.ship(next)
	return w, r
}

// main commits on main, beside production.
func (w *world) main(t *testing.T, files map[string]string) string {
	t.Helper()
	if !w.git.Has("main") {
		w.git.Git(t, "branch", "main", branch)
	}
	return w.git.Commit(t, "main", files, "Release")
}

func (w *world) tree(t *testing.T, rev string) string {
	t.Helper()
	return w.git.Git(t, "rev-parse", rev+"^{tree}")
}

func TestAPersonRollsBackThroughTheSamePrimitive(t *testing.T) {
	w, r := out(t, nil)
	before := w.git.Tip(t, branch)
	shown := r.do(release.Deed{Act: release.ActPreview})
	if got := w.git.Tip(t, branch); got != before || r.state().Lock != nil {
		t.Fatal("a preview changed something")
	}
	want := "M services/checkout/app\nM services/search/app"
	if text := strings.Join(shown.Details, "\n"); !strings.Contains(text, want) || !strings.Contains(text, "D README") || shown.Facts["target"] != "stable-1" {
		t.Errorf("%s\n%s\n%v", shown.Message, text, shown.Facts)
	}
	done := r.do(release.Deed{Act: release.ActRollback, Tag: "stable-1", Tip: before, Reason: "it answers 500\n\nApproved-By: mallory"})
	tip := w.git.Tip(t, branch)
	if w.tree(t, tip) != w.tree(t, "stable-1") || w.git.Git(t, "rev-parse", tip+"^") != before || done.Facts["commit"] != tip {
		t.Errorf("%+v\ntip %s", done, tip)
	}
	trailers := fmt.Sprintf("Rollback-Of: %s\nRollback-To: stable-1 %s\nIncident: %s\nTrigger: by hand of kim", r.state().Release.Commit,
		w.git.Git(t, "rev-parse", "stable-1^{commit}"), done.Facts["incident"])
	if got := w.git.Git(t, "log", "-1", "--format=%(trailers:only,unfold)", tip); got != trailers {
		t.Errorf("trailers\n%s\nwant\n%s", got, trailers)
	}
	r.phase(rollback.PhaseClassified) // verified and classified like any other
	if s := r.state(); s.Lock == nil || s.Lock.Remote != rollback.LockStands || len(s.Automatic) != 0 {
		t.Errorf("lock %+v, automatic %v", s.Lock, s.Automatic)
	}
	r.refused(release.Deed{Act: release.ActPreview}, release.Refused, "nothing to roll back")

	// Taken back, as the answer says.
	if text := strings.Join(done.Details, "\n"); !strings.Contains(text, "--exonerate") || !strings.Contains(text, "rollback-agent release "+w.git.Tip(t, "main")) {
		t.Errorf("how to undo it:\n%s", text)
	}
	r.unlock(release.Deed{Exonerate: true})
	r.do(release.Deed{Act: release.ActRelease, Commit: w.git.Tip(t, "main")}) // its gates are on record
	if w.tree(t, branch) != w.tree(t, before) {
		t.Error("it is not undone")
	}
}

// unlock opens the lock by two persons.
func (r *running) unlock(d release.Deed) {
	r.t.Helper()
	if _, err := r.Do(context.Background(), release.Deed{Act: release.ActRCA, Author: "lee", Cause: "found"}); err != nil {
		r.t.Fatal(err)
	}
	d.Act = release.ActUnlock
	r.do(d)
}

func TestARollbackByHandThatCannotBeIsRefused(t *testing.T) {
	w, r := out(t, nil)
	before := w.git.Tip(t, branch)
	w.git.Tag(t, "never-declared", w.good)
	w.git.Tag(t, "stable-moved", before)
	for _, c := range []struct {
		deed release.Deed
		kind release.Kind
		text string
	}{
		{release.Deed{Tag: "nowhere", Tip: before}, release.Refused, "the tag is gone"},
		{release.Deed{Tag: "no..name", Tip: before}, release.Invalid, "not a valid name"},
		{release.Deed{Tag: "stable-1"}, release.Invalid, "preview"},
		{release.Deed{Tag: "stable-1", Tip: w.good}, release.Refused, "while you looked"},
		{release.Deed{Tag: "stable-1", Tip: before, Commit: before}, release.Refused, "stable-1 moved from"},
		{release.Deed{Tag: "stable-moved", Tip: before}, release.Refused, "nothing to roll back"},
		{release.Deed{Tag: "stable-1", Tip: before, Paths: []string{"../x"}}, release.Invalid, "path"},
		{release.Deed{Tag: "stable-1", Tip: before, Paths: []string{"nowhere"}}, release.Refused, "in neither"},
	} {
		c.deed.Act = release.ActRollback
		r.refused(c.deed, c.kind, c.text)
	}
	if shown := r.do(release.Deed{Act: release.ActPreview, Tag: "never-declared"}); !strings.Contains(strings.Join(shown.Details, "\n"), "nobody has declared it stable") {
		t.Errorf("%v", shown.Details)
	}
	w.git.Tag(t, "stable-1", before)
	r.refused(release.Deed{Act: release.ActRollback, Tag: "stable-1", Tip: before}, release.Refused, "the tag moved")
	if got := w.git.Tip(t, branch); got != before || r.state().Lock != nil {
		t.Errorf("tip %s, lock %+v", got, r.state().Lock)
	}
}

// The agent's own bounds are not a person's.
func TestTheKillSwitchDoesNotStopAPerson(t *testing.T) {
	var kill string
	w, r := out(t, func(c *config.Config) {
		c.MaxMode, c.Environments[0].Budget.PerDay, kill = "observe", 0, c.KillSwitchFile
	})
	write(t, kill, "")
	r.do(release.Deed{Act: release.ActRollback, Tag: "stable-1", Tip: w.git.Tip(t, branch)})
	if w.tree(t, branch) != w.tree(t, "stable-1") {
		t.Error("it was not rolled back")
	}
}

// What the push came to is found out by the conductor when the answer is lost; a hook's no is a person's matter, and the lock stands alone.
func TestARollbackByHandUnderFaults(t *testing.T) {
	w, r := out(t, nil)
	before := w.git.Tip(t, branch)
	w.git.Break(gittest.Push, gittest.Status(http.StatusServiceUnavailable))
	r.refused(release.Deed{Act: release.ActRollback, Tag: "stable-1", Tip: before}, release.Undecided, "tried again")
	w.git.Break(gittest.Push, nil)
	r.phase(rollback.PhaseClassified)
	if w.tree(t, branch) != w.tree(t, "stable-1") {
		t.Error("it was not pushed")
	}

	w, r = out(t, nil)
	before = w.git.Tip(t, branch)
	hook, err := os.ReadFile("../deploy/hooks/pre-receive")
	if err != nil {
		t.Fatal(err)
	}
	w.git.Hook(t, "update", "#!/bin/sh\ncase $1 in refs/heads/*) echo frozen >&2; exit 1;; esac\n")
	w.git.Hook(t, "pre-receive", string(hook))
	r.refused(release.Deed{Act: release.ActRollback, Tag: "stable-1", Tip: before}, release.Refused, "frozen")
	if !eventually(40*time.Second, func() bool { return r.state().Lock.Remote == rollback.LockStands }) {
		t.Fatalf("lock %+v", r.state().Lock)
	}
	record := w.git.Git(t, "cat-file", "blob", "refs/rollback-agent/lock/"+home)
	if i := r.state().Incidents[0]; !strings.Contains(record, "\nallow "+i.Preparation.Commit+"\n") {
		t.Errorf("it should let the repetition through:\n%s", record)
	}
	if err := os.Remove(filepath.Join(w.git.Dir, "hooks", "update")); err != nil {
		t.Fatal(err)
	}
	r.do(release.Deed{Act: release.ActRollback, Tag: "stable-1", Tip: before}) // replaces the lock that stands
	if w.tree(t, branch) != w.tree(t, "stable-1") || len(r.state().Incidents) != 1 {
		t.Errorf("%d incidents", len(r.state().Incidents))
	}
}

func TestOnlyThePathsOfTheEnvironmentMove(t *testing.T) {
	w, r := out(t, func(c *config.Config) {
		c.Environments[0].Git.Paths = []string{"services/checkout"}
	})
	if got := w.git.Git(t, "diff", "--name-only", "stable-1", branch); got != "services/checkout/app" {
		t.Errorf("the release moved %s", got) // main has other changes, which are other teams'
	}
	w.git.Commit(t, branch, map[string]string{"services/search/app": "3"}, "Another team ships")
	r.refused(release.Deed{Act: release.ActPreview, Paths: []string{"services/search"}}, release.Refused, "not a path of")
	tip := w.git.Tip(t, branch)
	done := r.do(release.Deed{Act: release.ActRollback, Tag: "stable-1", Tip: tip})
	if got := w.git.Git(t, "diff", "--name-only", tip, branch); got != "services/checkout/app" {
		t.Errorf("the rollback moved %s\n%+v", got, done)
	}
	if got := w.git.Git(t, "diff", "--name-only", "stable-1", branch); got != "services/search/app" {
		t.Errorf("not put back: %s", got)
	}
	r.phase(rollback.PhaseClassified)
	r.unlock(release.Deed{})
	bad := w.git.Tip(t, "main")
	r.refused(release.Deed{Act: release.ActGate, Commit: bad}, release.Refused, "rolled back") // by its paths, not by its tree
	fixed := w.main(t, map[string]string{"services/checkout/app": "4"})
	r.ship(fixed)
	if got := w.git.Git(t, "diff", "--name-only", tip, branch); got != "services/checkout/app" {
		t.Errorf("the next release moved %s", got)
	}
	if out := w.git.Git(t, "fsck", "--strict", "--no-dangling"); out != "" {
		t.Error(out)
	}
}

func TestTheLastStableTagIsOneThatTheTipDescendsFrom(t *testing.T) {
	w := bare(t)
	r := w.start(t, w.config(t))
	r.refused(release.Deed{Act: release.ActLast}, release.Refused, "none of the 0 pinned")
	r.do(release.Deed{Act: release.ActStable, Tag: "v1"})
	r.ship(w.main(t, map[string]string{"a": "1"}))
	r.do(release.Deed{Act: release.ActStable, Tag: "v2"})
	r.do(release.Deed{Act: release.ActStable, Tag: "x3"})
	rewound := w.git.Git(t, "rev-parse", branch)
	for pattern, want := range map[string]string{"": "x3", "v*": "v2", "v1": "v1"} {
		if a := r.do(release.Deed{Act: release.ActLast, Tag: pattern}); a.Facts["tag"] != want {
			t.Errorf("%q: %s", pattern, a.Message)
		}
	}
	w.git.Git(t, "update-ref", "refs/heads/"+branch, w.good)
	if a := r.do(release.Deed{Act: release.ActLast}); a.Facts["tag"] != "v1" {
		t.Errorf("rewound behind v2: %s", a.Message)
	}
	w.git.Git(t, "update-ref", "refs/heads/"+branch, rewound)
	r.refused(release.Deed{Act: release.ActLast, Tag: "["}, release.Invalid, "no pattern")
}

// After a rollback a plain merge leaves out, in silence, all that the bad release brought; release keeps it.
func TestReleaseKeepsWhatAPlainMergeWouldLose(t *testing.T) {
	w, r := out(t, nil)
	r.do(release.Deed{Act: release.ActRollback, Tag: "stable-1", Tip: w.git.Tip(t, branch)})
	r.phase(rollback.PhaseClassified)
	r.unlock(release.Deed{})
	fixed := w.main(t, map[string]string{"services/checkout/app": "fixed"}) // on top of the release that was rolled back, with its README
	clone := t.TempDir()
	for _, args := range [][]string{{"clone", "--quiet", "--branch", branch, w.git.Dir, "."}, {"merge", "--quiet", "--no-edit", "-X", "theirs", "origin/main"}} {
		cmd := exec.Command("git", append([]string{"-c", "user.name=Dev", "-c", "user.email=dev@example.org"}, args...)...)
		cmd.Dir = clone
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, text)
		}
	}
	if _, err := os.Stat(filepath.Join(clone, "README")); err == nil {
		t.Error("a plain merge keeps the release's README: then release would not be needed")
	}
	r.ship(fixed)
	if w.tree(t, branch) != w.tree(t, fixed) || !strings.Contains(w.git.Git(t, "ls-tree", "--name-only", branch), "README") {
		t.Error("release lost something, too")
	}
}

// Killed anywhere between the append and the answer, the person's rollback is one commit, and is not asked for twice.
func TestARollbackByHandIsFinishedAfterACrash(t *testing.T) {
	w := bare(t)
	d := newDaemon(t, w)
	d.start("")
	d.do(release.Deed{Act: release.ActStable, Tag: "stable-1"})
	for n, point := range []string{"by hand prepared", "pushing", "push answered", "pushed", "lock pushed"} {
		before := w.git.Commit(t, branch, map[string]string{"service.txt": fmt.Sprint("bad ", n)}, "Bad")
		d.kill()
		if point == "lock pushed" { // the branch is closed, so that the lock goes alone
			w.git.Hook(t, "update", "#!/bin/sh\ncase $1 in refs/heads/*) exit 1;; esac\n")
		}
		d.start(point)
		body := fmt.Sprintf(`{"act":"rollback","tag":"stable-1","tip":%q}`, before)
		_, answer := d.post("/api/v1/deeds", []byte(body))
		if !eventually(40*time.Second, d.dead) {
			t.Fatalf("not killed at %q: %s", point, answer)
		}
		d.start("")
		if !eventually(40*time.Second, func() bool {
			s := d.state()
			return s.Lock != nil && s.Lock.Remote == rollback.LockStands && !acting(s)
		}) {
			t.Fatalf("killed at %q: lock %+v", point, d.state().Lock)
		}
		want := n + 1
		if point == "lock pushed" {
			want = n
		}
		if got := w.git.Git(t, "rev-list", "--count", "--grep=^Rollback-Of:", branch); got != fmt.Sprint(want) {
			t.Fatalf("killed at %q: %s rollback commits, want %d", point, got, want)
		}
		w.git.Git(t, "update-ref", "-d", "refs/rollback-agent/lock/"+home) // and whoever sees to the lock is another test's matter
	}
}

func acting(e *rollback.Environment) bool {
	return slices.ContainsFunc(e.Incidents, (*rollback.Incident).Acting)
}
