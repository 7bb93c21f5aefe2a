package gitrepo_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/gitrepo/gittest"
)

func TestReadTag(t *testing.T) {
	ctx := context.Background()
	g := newRig(t)
	object := g.Git(t, "rev-parse", "stable-1")
	tree := g.Git(t, "rev-parse", "stable-1^{tree}")
	g.Git(t, "tag", "light", string(g.good))
	g.Git(t, "update-ref", "refs/tags/other-name", object)
	g.Tag(t, "nested", object)
	g.Tag(t, "of-a-tree", tree)
	g.Git(t, "tag", "light-tree", tree)
	g.Git(t, "tag", "light-blob", g.Git(t, "rev-parse", "main:app.txt"))
	g.Tag(t, "stable-10", string(g.bad)) // has stable-1 as prefix

	for name, want := range map[string]gitrepo.Pin{
		"stable-1": {Ref: "refs/tags/stable-1", Object: gitrepo.ID(object), Commit: g.good, Tree: gitrepo.ID(tree)},
		"light":    {Ref: "refs/tags/light", Object: g.good, Commit: g.good, Tree: gitrepo.ID(tree)},
	} {
		got, err := g.remote.ReadTag(ctx, name)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", name, err, diff)
		}
		if err := g.remote.CheckPin(ctx, got); err != nil || got.Annotated() != (name == "stable-1") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, want := range map[string]gitrepo.Kind{
		"other-name": gitrepo.ErrTagMismatch,
		"nested":     gitrepo.ErrTagMismatch,
		"of-a-tree":  gitrepo.ErrTagMismatch,
		"light-tree": gitrepo.ErrTagMismatch,
		"light-blob": gitrepo.ErrTagMismatch,
		"stable":     gitrepo.ErrTagMissing,
		"../main":    gitrepo.ErrInvalid,
	} {
		if got, err := g.remote.ReadTag(ctx, name); err == nil || gitrepo.KindOf(err) != want {
			t.Errorf("%s: %+v, %v; want %q", name, got, err, want)
		}
	}
}

func TestCheckPin(t *testing.T) {
	ctx := context.Background()
	g := newRig(t)
	pin, err := g.remote.ReadTag(ctx, "stable-1")
	if err != nil {
		t.Fatal(err)
	}
	lying := pin
	lying.Commit = g.bad
	if err := g.remote.CheckPin(ctx, lying); !errors.Is(err, gitrepo.ErrTagMismatch) {
		t.Errorf("pin that contradicts its object: %v", err)
	}
	g.Tag(t, "stable-1", string(g.bad))
	if err := g.remote.CheckPin(ctx, pin); !errors.Is(err, gitrepo.ErrTagMoved) {
		t.Errorf("moved: %v", err)
	}
	g.Git(t, "tag", "-d", "stable-1")
	if err := g.remote.CheckPin(ctx, pin); !errors.Is(err, gitrepo.ErrTagMissing) {
		t.Errorf("deleted: %v", err)
	}
	g.Git(t, "tag", "stable-1", string(g.good)) // the same commit, but not the tag that was pinned
	if err := g.remote.CheckPin(ctx, pin); !errors.Is(err, gitrepo.ErrTagMoved) {
		t.Errorf("replaced by a lightweight tag: %v", err)
	}
	if err := g.remote.CheckPin(ctx, gitrepo.Pin{}); err == nil {
		t.Error("empty pin passed")
	}
}

func TestCreateTag(t *testing.T) {
	ctx := context.Background()
	g := newRig(t)
	now := g.Clock()
	pin, err := g.remote.CreateTag(ctx, "stable-2", g.bad, "Stable before release 3", now)
	if err != nil || pin.Commit != g.bad || !pin.Annotated() {
		t.Fatalf("got %+v, %v", pin, err)
	}
	if got := g.Git(t, "tag", "-l", "--format=%(taggername) %(contents:subject)", "stable-2"); got != "Rollback Agent Stable before release 3" {
		t.Errorf("tag %q", got)
	}
	if again, err := g.remote.CreateTag(ctx, "stable-2", g.bad, "Stable before release 3", now); err != nil || again != pin {
		t.Errorf("repeat: %+v, %v", again, err)
	}
	if _, err := g.remote.CreateTag(ctx, "stable-2", g.good, "other", now); !errors.Is(err, gitrepo.ErrExists) {
		t.Errorf("existing: %v", err)
	}
	if _, err := g.remote.CreateTag(ctx, "stable-3", gitrepo.ID(strings.Repeat("ab", 20)), "of nothing", now); !errors.Is(err, gitrepo.ErrRefused) {
		t.Errorf("unknown commit: %v", err)
	}
	g.Break(gittest.Push, gittest.DropAnswer)
	if _, err := g.remote.CreateTag(ctx, "stable-4", g.good, "answer lost", now); err != nil {
		t.Errorf("lost answer: %v", err)
	}
	g.Break(gittest.Push, gittest.EmptyOK)
	if _, err := g.remote.CreateTag(ctx, "stable-5", g.good, "never arrived", now); !errors.Is(err, gitrepo.ErrNotGit) {
		t.Errorf("empty 200: %v", err)
	}
	g.Break(gittest.Push, nil)
	g.Hook(t, "pre-receive", "#!/bin/sh\necho no tags on Fridays\nexit 1\n")
	if _, err := g.remote.CreateTag(ctx, "stable-6", g.good, "refused", now); !errors.Is(err, gitrepo.ErrRefused) || !strings.Contains(err.Error(), "no tags on Fridays") {
		t.Errorf("hook: %v", err)
	}
	g.fsck(t)
}
