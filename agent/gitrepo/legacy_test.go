package gitrepo_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/gitrepo/gittest"
)

// TestRollbackInProtocol0: a server without version 2 costs its whole list of
// refs with each look, and nothing else.
func TestRollbackInProtocol0(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct{ filter, advertised string }{
		"with filter":    {"true", ""},
		"without filter": {"false", ""},
		"packed refs":    {"true", "pack-refs --all"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t)
			g.Break(gittest.Read, gittest.OldGit)
			g.Git(t, "config", "uploadpack.allowFilter", c.filter)
			big := map[string]string{}
			for i := range 50 {
				big[fmt.Sprintf("dir%d/file", i)] = strings.Repeat(fmt.Sprint(i), 5000)
			}
			tip := gitrepo.ID(g.Commit(t, "main", big, "many files"))
			if c.advertised != "" {
				g.Git(t, strings.Fields(c.advertised)...)
			}
			if err := g.remote.Probe(ctx); err != nil {
				t.Fatal(err)
			}
			p := g.rollback(t, lockOf("production"))
			if out := g.push(t, p); out.Outcome != gitrepo.Done || !out.LockStands {
				t.Errorf("got %+v", out)
			}
			top := g.Commit(t, "main", map[string]string{"a": "b"}, "on top")
			if out := g.push(t, p); out.Outcome != gitrepo.Done || !out.Superseded || out.Tip != gitrepo.ID(top) {
				t.Errorf("pushed on top: %+v", out)
			}
			for _, ancestor := range []gitrepo.ID{g.good, tip, p.Commit} {
				if ok, err := g.remote.IsAncestor(ctx, ancestor, gitrepo.ID(top)); !ok || err != nil {
					t.Errorf("ancestor %s: %t, %v", ancestor, ok, err)
				}
			}
			if _, ok, err := g.remote.ReadLock(ctx, "production"); !ok || err != nil {
				t.Errorf("lock: %t, %v", ok, err)
			}
			if _, err := g.remote.CreateTag(ctx, "stable-2", tip, "Stable", g.Clock()); err != nil {
				t.Error(err)
			}
			g.fsck(t)
		})
	}
}

// TestCommitInProtocol0: over ssh an old server serves only what it advertises;
// over http, where each request stands alone, whatever its refs reach.
func TestCommitInProtocol0(t *testing.T) {
	ctx := context.Background()
	g := newRig(t)
	aside := gitrepo.ID(g.Commit(t, "other", map[string]string{"a": "b"}, "first there"))
	g.Commit(t, "other", map[string]string{"a": "c"}, "second there")
	g.Break(gittest.Read, gittest.OldGit)
	shell := g.overSSH(t, g.SSHD(t, gittest.SSHOptions{NoProtocolVariable: true}), gitrepo.Config{})
	if c, err := shell.remote.Commit(ctx, g.good); err != nil || c.Subject != "good release" {
		t.Errorf("behind the branch: %+v, %v", c, err)
	}
	if c, err := shell.remote.Commit(ctx, aside); !errors.Is(err, gitrepo.ErrNoV2) {
		t.Errorf("behind another branch: %+v, %v", c, err)
	}
	if c, err := g.remote.Commit(ctx, aside); err != nil || c.Subject != "first there" {
		t.Errorf("over http: %+v, %v", c, err)
	}
	g.Git(t, "config", "uploadpack.allowReachableSHA1InWant", "true")
	if c, err := shell.remote.Commit(ctx, aside); err != nil || c.Subject != "first there" {
		t.Errorf("served on request: %+v, %v", c, err)
	}
}

func TestEmptyRepositoryInProtocol0(t *testing.T) {
	s := gittest.New(t)
	s.Break(gittest.Read, gittest.OldGit)
	if _, err := open(t, s, "agent").Tip(context.Background()); !errors.Is(err, gitrepo.ErrNoRef) {
		t.Errorf("got %v", err)
	}
}

// TestServerReplaced: what a server can do is remembered, and asked again when an
// answer says otherwise.
func TestServerReplaced(t *testing.T) {
	ctx := context.Background()
	g := newRig(t)
	if _, err := g.remote.Tip(ctx); err != nil {
		t.Fatal(err)
	}
	top := gitrepo.ID(g.Commit(t, "main", map[string]string{"a": "b"}, "next"))
	g.Break(gittest.Read, gittest.OldGit)
	if _, err := g.remote.Tip(ctx); err == nil {
		t.Error("a v2 request was understood by a v0 server")
	}
	if c, err := g.remote.Tip(ctx); err != nil || c.ID != top {
		t.Errorf("downgraded: %+v, %v", c, err)
	}
	g.Break(gittest.Read, nil)
	g.Git(t, "config", "uploadpack.allowFilter", "false")
	top = gitrepo.ID(g.Commit(t, "main", map[string]string{"a": "c"}, "and next"))
	for range 2 { // the first may fail
		if c, err := g.remote.Tip(ctx); err == nil && c.ID == top {
			return
		}
	}
	t.Error("the filter is still asked for")
}
