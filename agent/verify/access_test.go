package verify_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coclai/cutover/agent/gitrepo/gittest"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/verify"
	"github.com/coclai/cutover/generator/slo"
)

// private is a remote over http that wants a password even for reading.
func private(t *testing.T, user, password string) (url, commit string) {
	t.Helper()
	git := gittest.New(t)
	commit = git.Commit(t, "production", map[string]string{"a": "1"}, "release")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, p, _ := r.BasicAuth()
		if u != user || p != password {
			w.Header().Set("WWW-Authenticate", "Basic")
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		r.Header.Del("Authorization") // the server behind has other users
		git.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/repo.git", commit
}

func TestAPrivateRepositoryIsReadWithCredentialsThatNoGateFinds(t *testing.T) {
	for name, c := range map[string]struct{ user, password, given string }{
		"user and password": {"reader", "s3cret:with:colons", "reader:s3cret:with:colons"},
		"a token alone":     {"x-access-token", "t0ken", "t0ken"},
	} {
		t.Run(name, func(t *testing.T) {
			url, commit := private(t, c.user, c.password)
			r := verify.Runner{URL: url, Dir: openFolder(t), Access: verify.Access{Credentials: c.given}}
			got := run(t, r, commit, bash("cat a; git config --list; env; ls -R ..; cat ../access/* 2>&1"))[0]
			if !strings.HasPrefix(got.Output, "1") {
				t.Errorf("the checkout is not there: %s", got.Output)
			}
			for _, secret := range []string{c.password, "extraHeader", "extraheader"} {
				if strings.Contains(got.Output, secret) {
					t.Errorf("the gate found %q:\n%s", secret, got.Output)
				}
			}
			if _, err := (verify.Runner{URL: url, Dir: r.Dir}).Run(t.Context(), commit, []slo.Gate{bash("true")}); err == nil {
				t.Error("it was read without credentials")
			}
		})
	}
}

func TestAPrivateRepositoryIsReadOverSSHWithAKey(t *testing.T) {
	git := gittest.New(t)
	commit := git.Commit(t, "production", map[string]string{"a": "1"}, "release")
	d := git.SSHD(t, gittest.SSHOptions{})
	key, err := os.ReadFile(d.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	r := verify.Runner{URL: d.URL, Dir: openFolder(t), Access: verify.Access{Key: string(key), KnownHosts: d.KnownHosts(t, d.HostKeys...)}}
	if got := run(t, r, commit, bash("cat a; ls ../access"))[0]; got.Verdict == release.Pass || !strings.HasPrefix(got.Output, "1") {
		t.Errorf("got %s: %s", got.Verdict, got.Output) // ls must not find the folder
	}
	r.Access.KnownHosts = filepath.Join(r.Dir, "nobody")
	if err := os.WriteFile(r.Access.KnownHosts, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Run(t.Context(), commit, []slo.Gate{bash("true")}); err == nil {
		t.Error("an unknown host was trusted")
	}
}
