package gitrepo_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/gitrepo/gittest"
)

func TestRollbackIsTheTagsTreeOnTheOldTip(t *testing.T) {
	g := newRig(t)
	p := g.rollback(t, nil)
	g.Requests()
	if got, want := g.push(t, p), (gitrepo.Pushed{Outcome: gitrepo.Done, Tip: p.Commit}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	want := []string{"POST git-receive-pack", "POST git-upload-pack"} // the tip has just been read
	if diff := cmp.Diff(want, g.Requests()); diff != "" {
		t.Errorf("requests (-want +got)\n%s", diff)
	}
	if got, want := g.Git(t, "rev-parse", "main^{tree}"), g.Git(t, "rev-parse", "stable-1^{tree}"); got != want {
		t.Errorf("tree %s, want the tag's %s", got, want)
	}
	if got := g.Git(t, "rev-parse", "main^@"); got != string(g.bad) {
		t.Errorf("parents %s, want the old tip %s", got, g.bad)
	}
	want2 := "Rollback Agent <agent@example.org>|Rollback Agent <agent@example.org>|Roll back to stable-1"
	if got := g.Git(t, "log", "-1", "--format=%an <%ae>|%cn <%ce>|%B", "main"); got != want2 {
		t.Errorf("commit %q, want %q", got, want2)
	}
	g.fsck(t)
}

func TestPreparedSurvivesItsStorage(t *testing.T) {
	g := newRig(t)
	p := g.rollback(t, lockOf("production"))
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back gitrepo.Prepared
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, back); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(p, g.rollback(t, lockOf("production"))); diff != "" {
		t.Errorf("the same arguments gave other bytes (-first +second)\n%s", diff)
	}
	back.Raw[len(back.Raw)-2] ^= 1
	if out, err := g.remote.Push(context.Background(), back); err == nil || out.Outcome != gitrepo.Rejected {
		t.Errorf("damaged commit: %+v, %v", out, err)
	}
	p.Branch = "refs/heads/other"
	if out, err := g.remote.Push(context.Background(), p); err == nil || out.Outcome != gitrepo.Rejected {
		t.Errorf("commit for another branch: %+v, %v", out, err)
	}
}

func TestCommitIsNeverOlderThanItsParent(t *testing.T) {
	g := newRig(t)
	parent := time.Unix(1_800_000_000, 0)
	c := gitrepo.Change{Parents: []gitrepo.ID{g.bad}, Tree: g.good, Message: "m", Now: parent.Add(-time.Hour), NotBefore: parent}
	p, err := g.remote.Prepare(c)
	if err != nil {
		t.Fatal(err)
	}
	if want := "committer Rollback Agent <agent@example.org> 1800000000 +0000\n"; !strings.Contains(string(p.Raw), want) {
		t.Errorf("commit\n%swant %s", p.Raw, want)
	}
}

func TestPrepareRefuses(t *testing.T) {
	g := newRig(t)
	ok := gitrepo.Change{Parents: []gitrepo.ID{g.bad}, Tree: g.good, Message: "m", Now: time.Unix(1, 0)}
	for name, spoil := range map[string]func(*gitrepo.Change){
		"no parent":         func(c *gitrepo.Change) { c.Parents = nil },
		"a parent twice":    func(c *gitrepo.Change) { c.Parents = []gitrepo.ID{g.bad, g.bad} },
		"a short id":        func(c *gitrepo.Change) { c.Parents = []gitrepo.ID{"abc"} },
		"no tree":           func(c *gitrepo.Change) { c.Tree = "" },
		"zero tree":         func(c *gitrepo.Change) { c.Tree = gitrepo.ID(strings.Repeat("0", 40)) },
		"no message":        func(c *gitrepo.Change) { c.Message = " \n" },
		"NUL in message":    func(c *gitrepo.Change) { c.Message = "a\x00b" },
		"no date":           func(c *gitrepo.Change) { c.Now = time.Time{} },
		"lock, no incident": func(c *gitrepo.Change) { c.Lock = lockOf("prod"); c.Lock.Incident = "" },
		"lock, two lines":   func(c *gitrepo.Change) { c.Lock = lockOf("prod"); c.Lock.Incident = "a\nallow b" },
		"lock, bad name":    func(c *gitrepo.Change) { c.Lock = lockOf("../x") },
		"lock, other allow": func(c *gitrepo.Change) { c.Lock = lockOf("prod"); c.Lock.Allow = g.good },
	} {
		c := ok
		spoil(&c)
		if p, err := g.remote.Prepare(c); err == nil {
			t.Errorf("%s: prepared %+v", name, p)
		}
	}
}

// TestPushUnderFaults: whatever becomes of the answer, the refs decide, and a
// repeat once the fault is gone ends with exactly one new commit.
func TestPushUnderFaults(t *testing.T) {
	for name, c := range map[string]struct {
		service string
		fault   gittest.Fault
		want    gitrepo.Outcome
		kind    gitrepo.Kind
		repeat  gitrepo.Outcome
	}{
		"lost answer":       {gittest.Push, gittest.DropAnswer, gitrepo.Done, "", gitrepo.Done},
		"half an answer":    {gittest.Push, gittest.HalfAnswer, gitrepo.Done, "", gitrepo.Done},
		"empty 200":         {gittest.Push, gittest.EmptyOK, gitrepo.Retry, gitrepo.ErrNotGit, gitrepo.Done},
		"login page":        {gittest.Push, gittest.LoginPage, gitrepo.Retry, gitrepo.ErrNotGit, gitrepo.Done},
		"503 before":        {gittest.Push, gittest.Status(503), gitrepo.Retry, gitrepo.ErrUnavailable, gitrepo.Done},
		"429 before":        {gittest.Push, gittest.Status(429), gitrepo.Retry, gitrepo.ErrUnavailable, gitrepo.Done},
		"413 before":        {gittest.Push, gittest.Status(413), gitrepo.Retry, gitrepo.ErrUnavailable, gitrepo.Done},
		"hangs":             {gittest.Push, gittest.Hang, gitrepo.Retry, gitrepo.ErrUnavailable, gitrepo.Done},
		"401":               {gittest.Push, gittest.Status(401), gitrepo.Rejected, gitrepo.ErrAuth, gitrepo.Done},
		"403":               {gittest.Push, gittest.Status(403), gitrepo.Rejected, gitrepo.ErrAuth, gitrepo.Done},
		"redirect":          {gittest.Push, gittest.Redirect("http://localhost:1/x"), gitrepo.Rejected, gitrepo.ErrRedirected, gitrepo.Done},
		"reads fail":        {gittest.Read, gittest.Status(503), gitrepo.Unknown, gitrepo.ErrUnavailable, gitrepo.Done},
		"reads hang":        {gittest.Read, gittest.Hang, gitrepo.Unknown, gitrepo.ErrUnavailable, gitrepo.Done},
		"reads are a login": {gittest.Read, gittest.LoginPage, gitrepo.Unknown, gitrepo.ErrNotGit, gitrepo.Done},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t)
			p := g.rollback(t, nil)
			creds := g.Credentials(t, "agent")
			impatient := openWith(t, gitrepo.Config{URL: g.URL, CredentialsFile: creds, Timeout: 2 * time.Second})
			if _, err := impatient.Tip(context.Background()); err != nil { // capabilities are known from before
				t.Fatal(err)
			}
			g.Break(c.service, c.fault)
			out, err := impatient.Push(context.Background(), p)
			if out.Outcome != c.want || gitrepo.KindOf(err) != c.kind || out.Outcome.Validate() != nil {
				t.Errorf("got %+v, %v; want %s, %q", out, err, c.want, c.kind)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("credentials in %v", err)
			}
			g.Break(c.service, nil)
			if out := g.push(t, p); out.Outcome != c.repeat {
				t.Errorf("repeat: %+v", out)
			}
			if n := g.count(t); n != "3" {
				t.Errorf("%s commits on main, want 3", n)
			}
		})
	}
}

func TestStatusErrorCarriesRetryAfter(t *testing.T) {
	g := newRig(t)
	g.Break(gittest.Read, gittest.Status(503))
	_, err := g.remote.Tip(context.Background())
	var status *gitrepo.StatusError
	if !errors.As(err, &status) || *status != (gitrepo.StatusError{Code: 503, RetryAfter: 7 * time.Second}) {
		t.Errorf("got %v (%+v)", err, status)
	}
}

func TestAnswerLostWithTheCallersDeadlineIsStillDone(t *testing.T) {
	g := newRig(t)
	p := g.rollback(t, lockOf("production"))
	if err := g.remote.Probe(context.Background()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	g.Break(gittest.Push, gittest.After(cancel))
	out, err := g.remote.Push(ctx, p)
	if want := (gitrepo.Pushed{Outcome: gitrepo.Done, Tip: p.Commit, LockStands: true}); err != nil || out != want {
		t.Errorf("got %+v, %v; want %+v", out, err, want)
	}
}

func TestRepeatIsDoneWithoutAPush(t *testing.T) {
	g := newRig(t)
	p := g.rollback(t, lockOf("production"))
	g.push(t, p)
	g.Break(gittest.Push, gittest.Status(500))
	if out := g.push(t, p); out != (gitrepo.Pushed{Outcome: gitrepo.Done, Tip: p.Commit, LockStands: true}) {
		t.Errorf("repeat: %+v", out)
	}
	g.Commit(t, "main", map[string]string{"app.txt": "fixed"}, "on top")
	top := g.Commit(t, "main", map[string]string{"app.txt": "fixed2"}, "and again")
	want := gitrepo.Pushed{Outcome: gitrepo.Done, Tip: gitrepo.ID(top), Superseded: true, LockStands: true}
	if out := g.push(t, p); out != want {
		t.Errorf("pushed on top: %+v, want %+v", out, want)
	}
}

func TestStaleTipIsMovedWithoutAPush(t *testing.T) {
	g := newRig(t)
	p := g.rollback(t, nil)
	g.Break(gittest.Push, gittest.Status(500))
	top := g.Commit(t, "main", map[string]string{"app.txt": "fixed"}, "somebody was faster")
	if out, want := g.push(t, p), (gitrepo.Pushed{Outcome: gitrepo.Moved, Tip: gitrepo.ID(top)}); out != want {
		t.Errorf("ahead: %+v, want %+v", out, want)
	}
	g.Git(t, "update-ref", "refs/heads/main", string(g.good))
	if out, want := g.push(t, p), (gitrepo.Pushed{Outcome: gitrepo.Moved, Tip: g.good}); out != want {
		t.Errorf("rewound: %+v, want %+v", out, want)
	}
	g.Git(t, "update-ref", "-d", "refs/heads/main")
	if out, want := g.push(t, p), (gitrepo.Pushed{Outcome: gitrepo.Moved}); out != want {
		t.Errorf("deleted: %+v, want %+v", out, want)
	}
}

func TestPushRacesAPersonBetweenReadAndWrite(t *testing.T) {
	g := newRig(t)
	p := g.rollback(t, lockOf("production"))
	var top string
	g.Break(gittest.Push, gittest.Before(func() {
		if top == "" { // the probe for "atomic" comes through here too
			top = g.Commit(t, "main", map[string]string{"app.txt": "fix"}, "a person's fix")
		}
	}))
	out := g.push(t, p)
	if out.Outcome != gitrepo.Moved || out.Tip != gitrepo.ID(top) || out.LockStands || out.Text == "" {
		t.Errorf("got %+v, want moved to %s, no lock, a text", out, top)
	}
	if refs := g.Git(t, "for-each-ref", "refs/rollback-agent"); refs != "" {
		t.Errorf("half applied: %s", refs)
	}
}

func TestSixteenPushersOneWins(t *testing.T) {
	g := newRig(t)
	var prepared [16]gitrepo.Prepared
	for i := range prepared {
		p := g.rollback(t, nil)
		q, err := g.remote.Prepare(gitrepo.Change{Parents: []gitrepo.ID{p.Expected}, Tree: p.Tree, Message: fmt.Sprint("pusher ", i), Now: g.Clock()})
		if err != nil {
			t.Fatal(err)
		}
		prepared[i] = q
	}
	// Everybody has looked before anybody pushes.
	var ready sync.WaitGroup
	ready.Add(len(prepared))
	g.Break(gittest.Push, gittest.Before(func() { ready.Done(); ready.Wait() }))
	outs := make([]gitrepo.Pushed, len(prepared))
	errs := make([]error, len(prepared))
	var all sync.WaitGroup
	for i := range prepared {
		all.Go(func() { outs[i], errs[i] = g.remote.Push(context.Background(), prepared[i]) })
	}
	all.Wait()
	count := map[gitrepo.Outcome]int{}
	for i, o := range outs {
		count[o.Outcome]++
		if errs[i] != nil {
			t.Errorf("pusher %d: %v", i, errs[i])
		}
	}
	if diff := cmp.Diff(map[gitrepo.Outcome]int{gitrepo.Done: 1, gitrepo.Moved: 15}, count); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if n := g.count(t); n != "3" {
		t.Errorf("%s commits on main, want 3", n)
	}
	g.fsck(t)
}

func TestHookRefusalIsRejectedWithItsText(t *testing.T) {
	for name, script := range map[string]string{
		"pre-receive": "echo 'change freeze until Monday' >&2; printf '\\033[31mred\\007\\033[0m\\n' >&2; exit 1",
		"update":      "echo 'change freeze until Monday'; printf '\\033]0;title\\007red\\n'; exit 1",
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t)
			g.Hook(t, name, "#!/bin/sh\n"+script+"\n")
			out := g.push(t, g.rollback(t, lockOf("production")))
			if out.Outcome != gitrepo.Rejected || out.Tip != g.bad || out.LockStands {
				t.Errorf("got %+v", out)
			}
			if !strings.Contains(out.Text, "hook declined") || !strings.Contains(out.Text, "change freeze until Monday\nred") || strings.ContainsAny(out.Text, "\x1b\x07") {
				t.Errorf("text %q", out.Text)
			}
		})
	}
}

func TestHookPrintingMegabytesIsStillRejected(t *testing.T) {
	g := newRig(t)
	g.Hook(t, "pre-receive", "#!/bin/sh\necho no, because >&2\nhead -c 10000000 /dev/zero | tr '\\0' x >&2\nexit 1\n")
	out := g.push(t, g.rollback(t, nil))
	if out.Outcome != gitrepo.Rejected || !strings.Contains(out.Text, "no, because") || len(out.Text) > 2000 {
		t.Errorf("got %s, text of %d bytes: %.80q", out.Outcome, len(out.Text), out.Text)
	}
}

func TestHookHangingAfterAcceptanceIsDone(t *testing.T) {
	g := newRig(t)
	p := g.rollback(t, nil)
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	g.Hook(t, "post-receive", "#!/bin/sh\nread -r x <'"+fifo+"'\n")
	defer func() { write(t, fifo, "go\n") }() // the hook ends here, not before
	r := openWith(t, gitrepo.Config{URL: g.URL, CredentialsFile: g.Credentials(t, "agent"), Timeout: time.Second})
	out, err := r.Push(context.Background(), p)
	if err != nil || out.Outcome != gitrepo.Done {
		t.Errorf("got %+v, %v", out, err)
	}
}

func TestStaleLockFileOnTheServerIsRetry(t *testing.T) {
	g := newRig(t)
	p := g.rollback(t, nil)
	g.Git(t, "pack-refs", "--all") // otherwise the loose ref is read first
	left := g.leave(t, "refs/heads/main.lock")
	out := g.push(t, p)
	if out.Outcome != gitrepo.Retry || !strings.Contains(out.Text, "main.lock") {
		t.Errorf("got %+v, want retry naming the lock file", out)
	}
	left()
	if out := g.push(t, p); out.Outcome != gitrepo.Done {
		t.Errorf("repeat: %+v", out)
	}
}

func TestUnknownTreeIsRejected(t *testing.T) {
	g := newRig(t)
	p, err := g.remote.Prepare(gitrepo.Change{Parents: []gitrepo.ID{g.bad}, Tree: gitrepo.ID(strings.Repeat("ab", 20)), Message: "m", Now: g.Clock()})
	if err != nil {
		t.Fatal(err)
	}
	if out := g.push(t, p); out.Outcome != gitrepo.Rejected || !strings.Contains(out.Text, "missing necessary objects") {
		t.Errorf("got %+v", out)
	}
}

func TestRollForwardHasTwoParents(t *testing.T) {
	g := newRig(t)
	back := g.rollback(t, nil)
	g.push(t, back)
	fixed := gitrepo.ID(g.Commit(t, "fix", map[string]string{"app.txt": "fixed"}, "the next release"))
	release, err := g.remote.Commit(context.Background(), fixed)
	if err != nil {
		t.Fatal(err)
	}
	p, err := g.remote.Prepare(gitrepo.Change{Parents: []gitrepo.ID{back.Commit, fixed}, Tree: release.Tree, Message: "Roll forward", Now: g.Clock()})
	if err != nil {
		t.Fatal(err)
	}
	if out := g.push(t, p); out.Outcome != gitrepo.Done {
		t.Fatalf("got %+v", out)
	}
	if got, want := g.Git(t, "rev-parse", "main^@"), string(back.Commit)+"\n"+string(fixed); got != want {
		t.Errorf("parents\n%s\nwant\n%s", got, want)
	}
	if got, want := g.Git(t, "rev-parse", "main^{tree}"), string(release.Tree); got != want {
		t.Errorf("tree %s, want %s", got, want)
	}
	g.fsck(t)
}
