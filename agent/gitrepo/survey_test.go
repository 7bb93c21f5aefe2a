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

const (
	readRequest = "POST git-upload-pack"
	pushRequest = "POST git-receive-pack"
)

// TestRollbackIsThreeRequestsAndTheReread: list the refs, fetch what is new, push,
// read the refs again. Nothing is fetched that was read before.
func TestRollbackIsThreeRequestsAndTheReread(t *testing.T) {
	ctx := context.Background()
	g := newRig(t)
	pin, err := g.remote.ReadTag(ctx, "stable-1")
	if err != nil {
		t.Fatal(err)
	}
	cable := gittest.NewCable(t, strings.Split(strings.TrimPrefix(g.URL, "http://"), "/")[0])
	fresh := openWith(t, gitrepo.Config{URL: cable.Through(g.URL), CredentialsFile: g.Credentials(t, "agent")})
	if err := fresh.Probe(ctx); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		remote *gitrepo.Remote
		want   []string
	}{
		"nothing read before":   {fresh, []string{readRequest, readRequest, pushRequest, readRequest}},
		"a decision went ahead": {g.remote, []string{readRequest, pushRequest, readRequest}},
	} {
		if c.remote == g.remote {
			if _, err := g.remote.Survey(ctx, pin); err != nil {
				t.Fatal(err)
			}
		}
		g.Requests()
		cable.Carried()
		s, err := c.remote.Survey(ctx, pin)
		if err != nil || s.Target != nil {
			t.Fatalf("%s: %+v, %v", name, s, err)
		}
		p, err := c.remote.Prepare(gitrepo.Change{Parents: []gitrepo.ID{s.Tip.ID}, Tree: pin.Tree, Message: name, Now: g.Clock(), NotBefore: s.Tip.Committed})
		if err != nil {
			t.Fatal(err)
		}
		if out, err := c.remote.Push(ctx, p); err != nil || out != (gitrepo.Pushed{Outcome: gitrepo.Done, Tip: p.Commit}) {
			t.Errorf("%s: %+v, %v", name, out, err)
		}
		if diff := cmp.Diff(c.want, g.Requests()); diff != "" {
			t.Errorf("%s: requests (-want +got)\n%s", name, diff)
		}
		if up, down, _ := cable.Carried(); up > 4096 || down > 4096 {
			t.Errorf("%s: %d bytes up, %d down; the bar is 4 kB each way", name, up, down)
		}
		g.Git(t, "update-ref", "refs/heads/main", string(g.bad))
	}
}

func TestSurvey(t *testing.T) {
	ctx := context.Background()
	g := newRig(t)
	pin, err := g.remote.ReadTag(ctx, "stable-1")
	if err != nil {
		t.Fatal(err)
	}
	lying := pin
	lying.Tree = gitrepo.ID(g.Git(t, "rev-parse", "main^{tree}"))
	for _, c := range []struct {
		name string
		pin  gitrepo.Pin
		do   []string
		want error
	}{
		{"as pinned", pin, []string{"version"}, nil},
		{"a pin that lies", lying, []string{"version"}, gitrepo.ErrTagMismatch},
		{"moved", pin, []string{"tag", "--force", "-m", "moved", "stable-1", string(g.bad)}, gitrepo.ErrTagMoved},
		{"a lightweight one in its place", pin, []string{"update-ref", "refs/tags/stable-1", string(g.good)}, gitrepo.ErrTagMoved},
		{"gone", pin, []string{"tag", "-d", "stable-1"}, gitrepo.ErrTagMissing},
		{"another in its place", pin, []string{"tag", "-m", "new", "stable-1", string(g.good)}, gitrepo.ErrTagMoved},
	} {
		g.Git(t, c.do...)
		for name, r := range map[string]*gitrepo.Remote{"fresh": open(t, g.Server, "agent"), "with memory": g.remote} {
			s, err := r.Survey(ctx, c.pin)
			if err != nil || s.Tip.ID != g.bad || !errors.Is(s.Target, c.want) {
				t.Errorf("%s, %s: %+v, %v; want %v", c.name, name, s, err, c.want)
			}
		}
	}
	g.Git(t, "update-ref", "-d", "refs/heads/main")
	if s, err := g.remote.Survey(ctx, pin); !errors.Is(err, gitrepo.ErrNoRef) {
		t.Errorf("no branch: %+v, %v", s, err)
	}
	if s, err := g.remote.Survey(ctx, gitrepo.Pin{}); err == nil {
		t.Errorf("no pin: %+v", s)
	}
}

// TestSecondPushLooksFirst: the tip just read serves one push; a repeat finds out
// by itself what became of it.
func TestSecondPushLooksFirst(t *testing.T) {
	g := newRig(t)
	p := g.rollback(t, nil)
	g.push(t, p)
	g.Requests()
	g.push(t, p)
	if diff := cmp.Diff([]string{readRequest}, g.Requests()); diff != "" {
		t.Errorf("requests (-want +got)\n%s", diff)
	}
}
