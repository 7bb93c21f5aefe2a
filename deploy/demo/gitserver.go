package main

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// gitServer is the remote: one bare repository behind `git http-backend`. Everybody may read; who pushes must log in, and the hook of
// deploy/hooks sees the name.
type gitServer struct {
	folder  string            // that holds shop.git
	git     string            // the git command
	users   map[string]string // name → password
	address address
}

// newGitServer makes the bare repository, with the hook that keeps everybody but the agent off a locked branch.
func newGitServer(ctx context.Context, folder, hook string, users map[string]string) (*gitServer, error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return nil, err
	}
	g := &gitServer{folder: folder, git: git, users: users}
	_, err = command(ctx, folder, nil, "git", "init", "--quiet", "--bare", "--initial-branch=production", g.bare())
	if err != nil {
		return nil, err
	}
	for _, setting := range [][2]string{{"rollback-agent.user", "agent"}, {"uploadpack.allowFilter", "true"}, {"receive.fsckObjects", "true"},
		{"receive.denyNonFastForwards", "true"}} {
		if _, err := command(ctx, g.bare(), nil, "git", "config", setting[0], setting[1]); err != nil {
			return nil, err
		}
	}
	script, err := os.ReadFile(hook)
	if err != nil {
		return nil, fmt.Errorf("install the hook: %w", err)
	}
	return g, os.WriteFile(filepath.Join(g.bare(), "hooks", "pre-receive"), script, 0o755)
}

func (g *gitServer) bare() string { return filepath.Join(g.folder, "shop.git") }

// url is the repository's address, with a user's name and password unless user is empty.
func (g *gitServer) url(user string) string {
	if user == "" {
		return g.address.url() + "/shop.git"
	}
	return "http://" + user + ":" + g.users[user] + "@" + string(g.address) + "/shop.git"
}

// ServeHTTP hands a request to git with the name of whoever sent it.
func (g *gitServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, password, _ := r.BasicAuth()
	known := g.users[name] != "" && subtle.ConstantTimeCompare([]byte(g.users[name]), []byte(password)) == 1
	if pushes := strings.Contains(r.URL.RequestURI(), "git-receive-pack"); pushes && !known {
		w.Header().Set("WWW-Authenticate", `Basic realm="shop"`)
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	env := []string{"GIT_PROJECT_ROOT=" + g.folder, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "HOME=" + g.folder}
	if known {
		env = append(env, "REMOTE_USER="+name)
	}
	handler := cgi.Handler{Path: g.git, Args: []string{"http-backend"}, Root: "/", Dir: g.folder, Env: env, InheritEnv: []string{"PATH"}}
	handler.ServeHTTP(w, r)
}
