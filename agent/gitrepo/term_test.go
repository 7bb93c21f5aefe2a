package gitrepo_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/gitrepo"
)

// yes is a guard that an agent passes before it is paused.
func yes(context.Context) error { return nil }

func begin(t *testing.T, r *gitrepo.Remote, number int64) {
	t.Helper()
	term := gitrepo.Term{Environment: "shop/production", Number: number, By: "agent", Entry: 10 * number, Hash: "ab12"}
	if err := r.Begin(t.Context(), term, func(gitrepo.Term) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

// TestTheRemoteRefusesWhatComesAfterTheTerm is a paused agent that wakes up after another one has taken over: whatever it was about to
// send is refused by the remote, although the branch, the lock and the tags are where it left them.
func TestTheRemoteRefusesWhatComesAfterTheTerm(t *testing.T) {
	for name, late := range map[string]func(g rig, p gitrepo.Prepared) error{
		"push": func(g rig, p gitrepo.Prepared) error {
			out, err := g.remote.Push(t.Context(), p)
			if err == nil || out.Outcome != gitrepo.Retry {
				t.Errorf("pushed: %+v", out)
			}
			return err
		},
		"lock": func(g rig, _ gitrepo.Prepared) error {
			_, err := g.remote.SetLock(t.Context(), *lockOf("shop/staging"))
			return err
		},
		"unlock": func(g rig, _ gitrepo.Prepared) error { return g.remote.ClearLock(t.Context(), "shop/production") },
		"tag": func(g rig, _ gitrepo.Prepared) error {
			_, err := g.remote.CreateTag(t.Context(), "stable-2", g.bad, "late", time.Unix(1_700_000_600, 0))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t)
			g.InstallHook(t, "../../deploy/hooks/pre-receive")
			g.remote.Guard(yes)
			begin(t, g.remote, 1)
			if _, err := g.remote.SetLock(t.Context(), *lockOf("shop/production")); err != nil {
				t.Fatal(err)
			}
			p := g.rollback(t, nil)
			next := open(t, g.Server, "agent")
			next.Guard(yes)
			begin(t, next, 2)
			before := g.Git(t, "for-each-ref")
			if err := late(g, p); !errors.Is(err, gitrepo.ErrFenced) || errors.Is(err, gitrepo.ErrRefused) {
				t.Errorf("got %v, want ErrFenced", err)
			}
			if diff := cmp.Diff(before, g.Git(t, "for-each-ref")); diff != "" {
				t.Errorf("refs have moved (-before +after):\n%s", diff)
			}
		})
	}
}

func TestATermsOwnPushesPass(t *testing.T) {
	g := newRig(t)
	g.InstallHook(t, "../../deploy/hooks/pre-receive")
	g.remote.Guard(yes)
	begin(t, g.remote, 1)
	begin(t, g.remote, 1) // after a restart in the same term
	p := g.rollback(t, lockOf("shop/production"))
	if out := g.push(t, p); out.Outcome != gitrepo.Done || !out.LockStands {
		t.Errorf("pushed: %+v", out)
	}
	if err := g.remote.ClearLock(t.Context(), "shop/production"); err != nil {
		t.Error(err)
	}
	want := "version 1\nenvironment shop/production\nterm 1\nby agent\nentry 10\nsha256 ab12"
	if diff := cmp.Diff(want, g.Git(t, "cat-file", "blob", "refs/rollback-agent/term/shop/production")); diff != "" {
		t.Errorf("the record (-want +got):\n%s", diff)
	}
	g.fsck(t)
}

func TestWhatStandsMayRefuseATerm(t *testing.T) {
	g := newRig(t)
	begin(t, g.remote, 7)
	var shown gitrepo.Term
	later := errors.New("a later term has begun")
	err := g.remote.Begin(t.Context(), gitrepo.Term{Environment: "shop/production", Number: 3, By: "another"}, func(standing gitrepo.Term) error {
		shown = standing
		return later
	})
	if !errors.Is(err, later) || shown.Number != 7 || shown.Entry != 70 || shown.Hash != "ab12" {
		t.Errorf("got %v after seeing %+v", err, shown)
	}
	if got := g.Git(t, "cat-file", "blob", "refs/rollback-agent/term/shop/production"); !strings.Contains(got, "\nterm 7\n") {
		t.Errorf("the record has become %s", got)
	}
}

func TestAGuardStopsAPushBeforeItIsSent(t *testing.T) {
	g := newRig(t)
	p := g.rollback(t, nil)
	no := errors.New("not this agent's turn")
	g.remote.Guard(func(context.Context) error { return no })
	g.Requests()
	if out, err := g.remote.Push(t.Context(), p); !errors.Is(err, no) || out.Outcome != gitrepo.Retry {
		t.Errorf("got %+v, %v", out, err)
	}
	for _, request := range g.Requests() {
		if request == "POST git-receive-pack" {
			t.Error("it was sent")
		}
	}
}
