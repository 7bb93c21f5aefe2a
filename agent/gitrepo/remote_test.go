package gitrepo_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/gitrepo/gittest"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// leave puts a file into the repository's directory, and returns its undo.
func (g rig) leave(t *testing.T, name string) func() {
	t.Helper()
	path := filepath.Join(g.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, path, "")
	return func() { os.Remove(path) }
}

func TestOpenRefuses(t *testing.T) {
	ok := gitrepo.Config{URL: "https://forge.example/app.git", Branch: "main", Author: author}
	for name, spoil := range map[string]func(*gitrepo.Config){
		"no URL":                  func(c *gitrepo.Config) { c.URL = "" },
		"git":                     func(c *gitrepo.Config) { c.URL = "git://forge.example/app.git" },
		"file":                    func(c *gitrepo.Config) { c.URL = "file:///srv/app.git" },
		"a path":                  func(c *gitrepo.Config) { c.URL = "/srv/app.git" },
		"ext":                     func(c *gitrepo.Config) { c.URL = "ext::sh -c id" },
		"bearer without token":    func(c *gitrepo.Config) { c.Bearer = true },
		"half a certificate":      func(c *gitrepo.Config) { c.TLS.CertificateFile = "f" },
		"no such CA":              func(c *gitrepo.Config) { c.TLS.CAFile = "/nowhere" },
		"CA for http":             func(c *gitrepo.Config) { c.URL = "http://forge.example/app.git"; c.TLS.CAFile = "f" },
		"ssh key for https":       func(c *gitrepo.Config) { c.SSH.KeyFile = "f" },
		"password for a proxy":    func(c *gitrepo.Config) { c.Proxy = "http://me:hunter2@proxy:3128" },
		"proxy of odd scheme":     func(c *gitrepo.Config) { c.Proxy = "ftp://proxy:3128" },
		"ssh, nothing else":       func(c *gitrepo.Config) { c.URL = "ssh://forge.example/app.git" },
		"ssh, no known hosts":     func(c *gitrepo.Config) { c.URL = "git@forge.example:app.git"; c.SSH.KeyFile = "f" },
		"ssh, no key":             func(c *gitrepo.Config) { shell(c); c.SSH.KeyFile = "" },
		"ssh, key and agent":      func(c *gitrepo.Config) { shell(c); c.SSH.AgentSocket = "s" },
		"ssh, a token":            func(c *gitrepo.Config) { shell(c); c.CredentialsFile = "f" },
		"ssh, http proxy":         func(c *gitrepo.Config) { shell(c); c.Proxy = "http://proxy:3128" },
		"ssh, password in URL":    func(c *gitrepo.Config) { shell(c); c.URL = "ssh://me:hunter2@forge.example/app.git" },
		"ssh, no path":            func(c *gitrepo.Config) { shell(c); c.URL = "ssh://forge.example/" },
		"ssh, an option as path":  func(c *gitrepo.Config) { shell(c); c.URL = "git@forge.example:--upload-pack=id" },
		"password in URL":         func(c *gitrepo.Config) { c.URL = "https://me:hunter2@forge.example/app.git" },
		"bad URL with password":   func(c *gitrepo.Config) { c.URL = "https://me:hunter2@forge.example:x/%zz" },
		"query":                   func(c *gitrepo.Config) { c.URL += "?token=hunter2" },
		"http with credentials":   func(c *gitrepo.Config) { c.URL = "http://forge.example/app.git"; c.CredentialsFile = "f" },
		"no branch":               func(c *gitrepo.Config) { c.Branch = "" },
		"branch with dots":        func(c *gitrepo.Config) { c.Branch = "a..b" },
		"branch with // ":         func(c *gitrepo.Config) { c.Branch = "a//b" },
		"branch ending in slash":  func(c *gitrepo.Config) { c.Branch = "a/" },
		"branch .lock":            func(c *gitrepo.Config) { c.Branch = "a.lock" },
		"branch with .lock/":      func(c *gitrepo.Config) { c.Branch = "a.lock/b" },
		"branch with hidden part": func(c *gitrepo.Config) { c.Branch = "a/.b" },
		"branch with a blank":     func(c *gitrepo.Config) { c.Branch = "a b" },
		"branch -option":          func(c *gitrepo.Config) { c.Branch = "-f" },
		"long branch":             func(c *gitrepo.Config) { c.Branch = strings.Repeat("a", 201) },
		"no author":               func(c *gitrepo.Config) { c.Author = gitrepo.Identity{} },
		"author with newline":     func(c *gitrepo.Config) { c.Author.Name = "a\nparent x" },
		"author with <":           func(c *gitrepo.Config) { c.Author.Email = "a>b" },
		"negative timeout":        func(c *gitrepo.Config) { c.Timeout = -1 },
	} {
		c := ok
		spoil(&c)
		_, err := gitrepo.Open(c)
		if err == nil {
			t.Errorf("%s: opened", name)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error repeats the password: %v", name, err)
		}
	}
	ok.Branch = "release/2026-11+hotfix_1.x"
	for name, spoil := range map[string]func(*gitrepo.Config){
		"https":              func(*gitrepo.Config) {},
		"a proxy":            func(c *gitrepo.Config) { c.Proxy = "socks5://proxy:1080" },
		"ssh":                shell,
		"ssh with port":      func(c *gitrepo.Config) { shell(c); c.URL = "ssh://me@forge.example:2222/~/app.git" },
		"scp form":           func(c *gitrepo.Config) { shell(c); c.URL = "git@forge.example:team/app.git" },
		"ssh agent":          func(c *gitrepo.Config) { shell(c); c.SSH.KeyFile, c.SSH.AgentSocket = "", "s" },
		"ssh through socks":  func(c *gitrepo.Config) { shell(c); c.Proxy = "socks5://proxy:1080" },
		"a token for https":  func(c *gitrepo.Config) { c.CredentialsFile, c.Bearer = "f", true },
		"loopback and token": func(c *gitrepo.Config) { c.URL, c.CredentialsFile = "http://[::1]:3000/app.git", "f" },
	} {
		c := ok
		spoil(&c)
		if _, err := gitrepo.Open(c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// shell makes it a remote over ssh.
func shell(c *gitrepo.Config) {
	c.URL, c.SSH = "ssh://forge.example/app.git", gitrepo.SSH{KeyFile: "k", KnownHostsFile: "h"}
}

func TestTipAndCommit(t *testing.T) {
	ctx := context.Background()
	g := newRig(t)
	g.Commit(t, "main-2", map[string]string{"x": "y"}, "another branch with our prefix")
	got, err := g.remote.Tip(ctx)
	want := gitrepo.Commit{
		ID: g.bad, Tree: gitrepo.ID(g.Git(t, "rev-parse", "main^{tree}")), Parents: []gitrepo.ID{g.good},
		Committed: time.Unix(1_700_000_120, 0), Subject: "bad release",
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	for name, id := range map[string]string{
		"unknown": strings.Repeat("ab", 20),
		"a tree":  string(want.Tree),
		"a tag":   g.Git(t, "rev-parse", "stable-1"),
	} {
		if c, err := g.remote.Commit(ctx, gitrepo.ID(id)); !errors.Is(err, gitrepo.ErrNoCommit) {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	if _, err := g.remote.Commit(ctx, "HEAD"); err == nil {
		t.Error("a name passed for an id")
	}
	g.Git(t, "update-ref", "-d", "refs/heads/main")
	if _, err := g.remote.Tip(ctx); !errors.Is(err, gitrepo.ErrNoRef) {
		t.Errorf("no branch: %v", err)
	}
}

// TestWithoutFilter: a server that offers no filter costs more, not less safety.
func TestWithoutFilter(t *testing.T) {
	ctx := context.Background()
	g := newRig(t)
	g.Git(t, "config", "uploadpack.allowFilter", "false")
	big := map[string]string{}
	for i := range 50 {
		big[fmt.Sprintf("dir%d/file", i)] = strings.Repeat(fmt.Sprint(i), 5000)
	}
	g.Commit(t, "main", big, "many files")
	p := g.rollback(t, lockOf("production"))
	if out := g.push(t, p); out.Outcome != gitrepo.Done || !out.LockStands {
		t.Errorf("got %+v", out)
	}
	if _, ok, err := g.remote.ReadLock(ctx, "production"); !ok || err != nil {
		t.Errorf("lock: %t, %v", ok, err)
	}
	checkAncestry(t, g, p.Commit)
	g.Git(t, "repack", "-adfq", "--window=50", "--depth=50", "--write-bitmap-index")
	checkAncestry(t, g, p.Commit)
}

func TestIsAncestor(t *testing.T) {
	g := newRig(t)
	for i := range 30 {
		g.Commit(t, "main", map[string]string{"app.txt": fmt.Sprint(i)}, strings.Repeat("the same long message again ", 20))
	}
	checkAncestry(t, g, gitrepo.ID(g.Tip(t, "main")))
	g.Git(t, "repack", "-adfq", "--window=50", "--depth=50") // commits become deltas
	checkAncestry(t, g, gitrepo.ID(g.Tip(t, "main")))
}

func checkAncestry(t *testing.T, g rig, tip gitrepo.ID) {
	t.Helper()
	side := gitrepo.ID(g.Commit(t, "side", map[string]string{"s": "s"}, "unrelated"))
	unknown := gitrepo.ID(strings.Repeat("ab", 20))
	for _, c := range []struct {
		name                 string
		ancestor, descendant gitrepo.ID
		want                 bool
	}{
		{"root of tip", g.good, tip, true},
		{"second of tip", g.bad, tip, true},
		{"itself", tip, tip, true},
		{"tip of root", tip, g.good, false},
		{"side of tip", side, tip, false},
		{"tip of side", tip, side, false},
		{"unknown of tip", unknown, tip, false},
	} {
		got, err := g.remote.IsAncestor(context.Background(), c.ancestor, c.descendant)
		if err != nil || got != c.want {
			t.Errorf("%s: %t, %v; want %t", c.name, got, err, c.want)
		}
	}
	if _, err := g.remote.IsAncestor(context.Background(), tip, unknown); !errors.Is(err, gitrepo.ErrNoCommit) {
		t.Errorf("unknown descendant: %v", err)
	}
}

func TestRemotesThatCannotBeUsed(t *testing.T) {
	for name, c := range map[string]struct {
		service string
		fault   gittest.Fault
		setup   func(*testing.T, *gittest.Server) string // URL, if another
		want    gitrepo.Kind
	}{
		"sha256":     {setup: makeSHA256, want: gitrepo.ErrSHA256},
		"sha256, v0": {service: gittest.Read, fault: gittest.OldGit, setup: makeSHA256, want: gitrepo.ErrSHA256},
		"no such repository": {setup: func(_ *testing.T, s *gittest.Server) string {
			return strings.Replace(s.URL, "repo", "other", 1)
		}, want: gitrepo.ErrNotFound},
		"redirected":       {service: gittest.Read, fault: gittest.Redirect("https://sso.example/login?from=secret"), want: gitrepo.ErrRedirected},
		"push not allowed": {service: gittest.Push, fault: gittest.Status(403), want: gitrepo.ErrAuth},
		"a login page":     {service: gittest.Read, fault: gittest.LoginPage, want: gitrepo.ErrNotGit},
		"down":             {service: gittest.Read, fault: gittest.DropAnswer, want: gitrepo.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s := gittest.New(t)
			s.Commit(t, "main", map[string]string{"a": "b"}, "first")
			url := s.URL
			if c.setup != nil {
				if u := c.setup(t, s); u != "" {
					url = u
				}
			}
			s.Break(c.service, c.fault)
			r := openWith(t, gitrepo.Config{URL: url, CredentialsFile: s.Credentials(t, "agent")})
			err := r.Probe(context.Background())
			if gitrepo.KindOf(err) != c.want || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func makeSHA256(t *testing.T, s *gittest.Server) string {
	if err := os.RemoveAll(s.Dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s.Git(t, "init", "--quiet", "--bare", "--object-format=sha256", "--initial-branch=main", ".")
	s.Commit(t, "main", map[string]string{"a": "b"}, "first")
	return ""
}

func TestContextIsHonoured(t *testing.T) {
	g := newRig(t)
	g.Break(gittest.Read, gittest.Hang)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := g.remote.Tip(ctx); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, gitrepo.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestRotatedCredentialsWorkWithoutReopening(t *testing.T) {
	g := newRig(t)
	p := g.rollback(t, nil)
	path := g.Credentials(t, "agent")
	r := openWith(t, gitrepo.Config{URL: g.URL, CredentialsFile: path})
	write(t, path, "agent:expired")
	if out, err := r.Push(context.Background(), p); !errors.Is(err, gitrepo.ErrAuth) || out.Outcome != gitrepo.Unknown {
		t.Fatalf("expired: %+v, %v", out, err)
	}
	write(t, path, "token\n") // a bare token
	if out, err := r.Push(context.Background(), p); err != nil || out.Outcome != gitrepo.Done {
		t.Errorf("rotated: %+v, %v", out, err)
	}
}

func TestConnectionsAreReused(t *testing.T) {
	g := newRig(t)
	conns := map[string]bool{}
	g.Break(gittest.Read, func(w http.ResponseWriter, r *http.Request, git http.Handler) {
		conns[r.RemoteAddr] = true
		git.ServeHTTP(w, r)
	})
	for range 10 {
		if _, err := g.remote.Tip(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if len(conns) != 1 {
		t.Errorf("%d connections for 21 requests, want 1", len(conns))
	}
}
