// Package gittest is a real git remote for tests: a bare repository served by
// git http-backend on a loopback address, with faults to order.
//
// It needs the git command. Reading is anonymous; pushing takes one of [Users].
// Dates are fixed, so the same calls give the same ids.
package gittest

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"
)

// Users may push: name and password. The name is REMOTE_USER in hooks. The last
// one is what a bare token is sent as.
var Users = map[string]string{"agent": "secret", "dev": "secret", "x-access-token": "token"}

// Server is one bare repository and the http server in front of it.
type Server struct {
	URL string // http://127.0.0.1:port/repo.git
	Dir string // the bare repository; git commands may be run in it at any time

	root string
	mu   sync.Mutex
	fail map[string]Fault // by service
	seen []string
	date int64
}

// New starts a server with an empty repository, which offers filters and knows
// "agent" as the rollback agent. It stops with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{root: t.TempDir(), fail: map[string]Fault{}, date: 1_700_000_000}
	s.Dir = filepath.Join(s.root, "repo.git")
	if err := os.Mkdir(s.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s.Git(t, "init", "--quiet", "--bare", "--initial-branch=main", ".")
	s.Git(t, "config", "uploadpack.allowFilter", "true")
	s.Git(t, "config", "rollback-agent.user", "agent")
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	t.Cleanup(web.CloseClientConnections) // runs first: a hanging request ends here
	s.URL = web.URL + "/repo.git"
	return s
}

// Credentials writes a credentials file for that user and returns its path.
func (s *Server) Credentials(t testing.TB, user string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(path, []byte(user+":"+Users[user]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// PushURL is the URL with the user's password in it, for the git command.
func (s *Server) PushURL(user string) string {
	return strings.Replace(s.URL, "://", "://"+user+":"+Users[user]+"@", 1)
}

// Commit adds a commit to the branch, which it makes if it must: the parent's
// files with these written over them. It returns the commit's id.
func (s *Server) Commit(t testing.TB, branch string, files map[string]string, msg string) string {
	t.Helper()
	s.mu.Lock()
	s.date += 60
	when := s.date
	s.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "commit refs/heads/%s\ncommitter Dev <dev@example.org> %d +0000\ndata %d\n%s\n", branch, when, len(msg), msg)
	if s.Has(branch) {
		fmt.Fprintf(&b, "from refs/heads/%s^0\n", branch)
	}
	for _, name := range sorted(files) {
		fmt.Fprintf(&b, "M 100644 inline %s\ndata %d\n%s\n", name, len(files[name]), files[name])
	}
	s.run(t, b.String(), "fast-import", "--quiet", "--date-format=raw")
	return s.Git(t, "rev-parse", "refs/heads/"+branch)
}

func sorted(files map[string]string) []string {
	names := make([]string, 0, len(files))
	for n := range files {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// Has reports whether the branch exists.
func (s *Server) Has(branch string) bool {
	return s.command("show-ref", "--verify", "--quiet", "refs/heads/"+branch).Run() == nil
}

// Tag puts an annotated tag on target, moving it if it exists, and returns the
// tag object's id.
func (s *Server) Tag(t testing.TB, name, target string) string {
	t.Helper()
	s.Git(t, "tag", "--force", "--annotate", "-m", name, name, target)
	return s.Git(t, "rev-parse", "refs/tags/"+name)
}

// Tip is the commit the branch points at.
func (s *Server) Tip(t testing.TB, branch string) string {
	t.Helper()
	return s.Git(t, "rev-parse", "refs/heads/"+branch)
}

// Git runs a git command in the bare repository and returns its output, trimmed.
func (s *Server) Git(t testing.TB, args ...string) string {
	t.Helper()
	return s.run(t, "", args...)
}

func (s *Server) run(t testing.TB, in string, args ...string) string {
	t.Helper()
	cmd := s.command(args...)
	cmd.Stdin = strings.NewReader(in)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

func (s *Server) command(args ...string) *exec.Cmd {
	cmd := exec.Command("git", args...)
	cmd.Dir = s.Dir
	cmd.Env = append(s.env(),
		"GIT_AUTHOR_NAME=Dev", "GIT_AUTHOR_EMAIL=dev@example.org", "GIT_AUTHOR_DATE=1700000000 +0000",
		"GIT_COMMITTER_NAME=Dev", "GIT_COMMITTER_EMAIL=dev@example.org", "GIT_COMMITTER_DATE=1700000000 +0000")
	return cmd
}

// env keeps the configuration of whoever runs the tests out of them.
func (s *Server) env() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.root, "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C"}
}

// InstallHook copies a script to hooks/<its base name> and makes it executable.
func (s *Server) InstallHook(t testing.TB, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s.Hook(t, filepath.Base(path), string(b))
}

// Hook writes the hook of that name, a whole script.
func (s *Server) Hook(t testing.TB, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.Dir, "hooks", name), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
}

// Requests lists what was asked so far, "POST git-receive-pack" and the like, and
// forgets it.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.seen
	s.seen = nil
	return out
}

// ServeHTTP counts the request, then hands it to git or to the fault in force.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	service := serviceOf(r)
	s.mu.Lock()
	s.seen = append(s.seen, r.Method+" "+service)
	f := s.fail[service]
	s.mu.Unlock()
	if f == nil {
		s.git(w, r)
		return
	}
	f(w, r, http.HandlerFunc(s.git))
}

func serviceOf(r *http.Request) string {
	if s := r.URL.Query().Get("service"); s != "" {
		return s
	}
	return filepath.Base(r.URL.Path)
}

// git is git http-backend, with REMOTE_USER for who gave a good password. It is
// given whole requests only, as nginx does: on half a body http-backend of git
// 2.39 would wait for ever (http-backend.c, pipe_fixed_length).
func (s *Server) git(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	user, password, given := r.BasicAuth()
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		user, password, given = "x-access-token", token, true
	}
	if given && (Users[user] == "" || Users[user] != password) || !given && serviceOf(r) == "git-receive-pack" {
		w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
		http.Error(w, "bad credentials of "+user, http.StatusUnauthorized)
		return
	}
	path, err := exec.LookPath("git")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	backend := cgi.Handler{Path: path, Args: []string{"http-backend"}, Root: "/", Stderr: io.Discard, Env: s.env(),
		Logger: log.New(io.Discard, "", 0)} // clients that hang up early are what tests are about
	backend.Env = append(backend.Env, "GIT_PROJECT_ROOT="+s.root, "GIT_HTTP_EXPORT_ALL=1")
	if given {
		backend.Env = append(backend.Env, "REMOTE_USER="+user)
	}
	backend.ServeHTTP(w, r)
}

// Clock is a date after every commit the server has made.
func (s *Server) Clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Unix(s.date+60, 0).UTC()
}
