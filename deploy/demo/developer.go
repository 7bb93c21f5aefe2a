package main

import (
	"context"
	"os"
	"path/filepath"
)

// gitEnv keeps the settings of whoever runs the demo out of it.
var gitEnv = []string{
	"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
	"GIT_AUTHOR_NAME=Dev", "GIT_AUTHOR_EMAIL=dev@example.org", "GIT_COMMITTER_NAME=Dev", "GIT_COMMITTER_EMAIL=dev@example.org",
}

// developer works in a clone of the deploy repository, and may push.
type developer struct {
	clone  string
	remote string // with the developer's login
}

// git runs a git command in the clone.
func (d developer) git(ctx context.Context, args ...string) (string, error) {
	return command(ctx, d.clone, gitEnv, append([]string{"git"}, args...)...)
}

// begin makes the clone with the service's files as its first commit.
func (d developer) begin(ctx context.Context) (commit string, err error) {
	if err := copyRepository(d.clone); err != nil {
		return "", err
	}
	if _, err := d.git(ctx, "init", "--quiet", "--initial-branch=main"); err != nil {
		return "", err
	}
	if _, err := d.git(ctx, "remote", "add", "origin", d.remote); err != nil {
		return "", err
	}
	return d.commit(ctx, "checkout: first version")
}

// change writes a new description of the service and commits it.
func (d developer) change(ctx context.Context, description, message string) (commit string, err error) {
	if err := os.WriteFile(filepath.Join(d.clone, "service.json"), []byte(description+"\n"), 0o644); err != nil {
		return "", err
	}
	return d.commit(ctx, message)
}

func (d developer) commit(ctx context.Context, message string) (string, error) {
	if _, err := d.git(ctx, "add", "--all"); err != nil {
		return "", err
	}
	if _, err := d.git(ctx, "commit", "--quiet", "-m", message); err != nil {
		return "", err
	}
	return d.git(ctx, "rev-parse", "HEAD")
}

// push sends commit to branches of the remote.
func (d developer) push(ctx context.Context, commit string, branches ...string) (string, error) {
	args := []string{"push", "--quiet", "origin"}
	for _, b := range branches {
		args = append(args, commit+":refs/heads/"+b)
	}
	return d.git(ctx, args...)
}

// log is the deploy branch as the remote has it.
func (d developer) log(ctx context.Context) (string, error) {
	if _, err := d.git(ctx, "fetch", "--quiet", "--tags", "origin"); err != nil {
		return "", err
	}
	return d.git(ctx, "log", "--oneline", "--graph", "--decorate", "origin/production")
}

// of is a property of a commit of the remote: %T its tree, %P its parents.
func (d developer) of(ctx context.Context, commit, format string) (string, error) {
	return d.git(ctx, "log", "-1", "--format="+format, commit)
}
