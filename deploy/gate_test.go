package deploy_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/gitrepo/gittest"
)

// asked runs the gate as a deploy job would, and returns its exit status and what it says.
func asked(t *testing.T, signers string, args ...string) (int, string) {
	t.Helper()
	cmd := exec.Command("sh", append([]string{"ci/deploy-gate.sh"}, args...)...)
	cmd.Env = append(os.Environ(), "DEPLOY_GATE_SIGNERS="+signers, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null")
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), string(out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, string(out)
}

// key is an SSH key of the agent's, and the file that allows it.
func key(t *testing.T) (k *gitrepo.Key, signers string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	secret, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	public, err := os.ReadFile(path + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	signers = filepath.Join(t.TempDir(), "signers")
	if err := os.WriteFile(signers, append([]byte("agent@example.org "), public...), 0o600); err != nil {
		t.Fatal(err)
	}
	if k, err = gitrepo.ReadKey(secret); err != nil {
		t.Fatal(err)
	}
	return k, signers
}

// A deploy job that can only read the git remote goes on for the rollback, and for nothing else while it is locked.
func TestTheDeployGateAdmitsOnlyWhatTheLockNames(t *testing.T) {
	const home = "checkout/production"
	ctx, s := context.Background(), gittest.New(t)
	good := s.Commit(t, "production", map[string]string{"a": "1"}, "good")
	bad := s.Commit(t, "production", map[string]string{"a": "2"}, "bad")
	k, signers := key(t)
	_, others := key(t)
	remote, err := gitrepo.Open(gitrepo.Config{URL: s.URL, Branch: "production", CredentialsFile: s.Credentials(t, "agent"), Key: k,
		Author: gitrepo.Identity{Name: "rollback-agent", Email: "agent@example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	defer remote.Close()
	want := func(name string, code int, text string, signers string, args ...string) {
		t.Helper()
		if got, out := asked(t, signers, args...); got != code || !strings.Contains(out, text) {
			t.Errorf("%s: exit %d, want %d with %q\n%s", name, got, code, text, out)
		}
	}
	want("not locked", 0, "is not locked", "", s.URL, home, bad)
	want("no such server", 2, "cannot tell", "", "http://127.0.0.1:1/x.git", home, bad)
	want("an option for a remote", 2, "cannot tell", "", "--upload-pack=touch /tmp/x", home, bad)
	want("too few words", 2, "usage", "", s.URL, home)

	record := gitrepo.LockRecord{Environment: home, Incident: "inc-7", Since: time.Unix(1_700_000_000, 0)}
	if _, err := remote.SetLock(ctx, record); err != nil {
		t.Fatal(err)
	}
	want("a lock without a rollback", 1, "allowed:    none", "", s.URL, home, bad)
	want("another environment", 0, "is not locked", "", s.URL, "checkout/staging", bad)
	if err := remote.ClearLock(ctx, home); err != nil {
		t.Fatal(err)
	}
	record.Allow = gitrepo.ID(good)
	if _, err := remote.SetLock(ctx, record); err != nil {
		t.Fatal(err)
	}
	want("another commit", 1, "rollback-agent unlock", "", s.URL, home, bad)
	want("the rollback", 0, "lets through", "", s.URL, home, good)
	want("the rollback, signed", 0, "lets through", signers, s.URL, home, good)
	want("the rollback, signed by another", 1, "not signed", others, s.URL, home, good)

	s.Git(t, "update-ref", "refs/rollback-agent/lock/"+home, s.Git(t, "rev-parse", "production:a"))
	want("a damaged record", 1, "locked", "", s.URL, home, good)
}

// The sample workflow asks before it pushes.
func TestTheDeploySampleAsksBeforeItPushes(t *testing.T) {
	var workflow struct {
		Jobs map[string]struct{ Steps []struct{ Run string } }
	}
	load(t, "ci/deploy.yaml", &workflow)
	var runs []string
	for _, step := range workflow.Jobs["deploy"].Steps {
		if step.Run != "" {
			runs = append(runs, step.Run)
		}
	}
	if len(runs) != 2 || !strings.HasPrefix(runs[0], "sh deploy/ci/deploy-gate.sh ") || !strings.HasPrefix(runs[1], "git push ") {
		t.Errorf("%q", runs)
	}
}
