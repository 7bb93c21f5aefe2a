package agent_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// signing makes an SSH key and the file that allows it.
func signing(t *testing.T) (secret config.Secret, allowed []byte, file string) {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, "key")).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen (package openssh-client): %v\n%s", err, out)
	}
	key, err := os.ReadFile(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	public, err := os.ReadFile(filepath.Join(dir, "key.pub"))
	if err != nil {
		t.Fatal(err)
	}
	allowed = append([]byte("agent@example.org "), public...)
	file = filepath.Join(dir, "signers")
	write(t, file, string(allowed))
	return config.Secret(key), allowed, file
}

// With a key and a list of signers all that the agent makes is signed, and only what is signed by somebody on the list is a target.
func TestWhatTheAgentMakesIsSignedAndTrusted(t *testing.T) {
	key, allowed, signers := signing(t)
	var c config.Config
	w, r := out(t, func(made *config.Config) {
		made.Environments[0].Git.SigningKey, made.Environments[0].Git.StableTags.Signers, made.Environments[0].Git.MarkerTags = key, allowed, true
		c = *made
	})
	if signer := r.state().Pin.Signer; !strings.HasPrefix(signer, "ssh agent@example.org SHA256:") {
		t.Errorf("signer %q", signer)
	}
	done := r.do(release.Deed{Act: release.ActRollback, Tag: "stable-1", Tip: w.git.Tip(t, branch)})
	marker := "rollback-agent/" + done.Facts["incident"]
	for _, args := range [][]string{{"verify-tag", "stable-1"}, {"verify-commit", branch}, {"verify-commit", branch + "~1"}, {"verify-tag", marker}} {
		w.git.Git(t, append([]string{"-c", "gpg.ssh.allowedSignersFile=" + signers}, args...)...) // fails the test unless git agrees
	}
	if got := w.git.Git(t, "rev-parse", marker+"^{commit}"); got != w.git.Tip(t, branch) {
		t.Errorf("the marker is on %s", got)
	}
	r.phase(rollback.PhaseClassified)
	r.unlock(release.Deed{Exonerate: true})

	w.git.Tag(t, "unsigned", w.git.Tip(t, branch))
	r.refused(release.Deed{Act: release.ActStable, Tag: "unsigned"}, release.Refused, "not signed")
	_, others, _ := signing(t)
	c.Environments[0].Git.StableTags.Signers = others
	if err := r.Reload(c); err != nil {
		t.Fatal(err)
	}
	r.refused(release.Deed{Act: release.ActPreview, Tag: "stable-1"}, release.Refused, "no allowed signer") // trusted when it was pinned, and no more
	r.refused(release.Deed{Act: release.ActStable}, release.Refused, "no allowed signer")                   // by our own key: it would be no target
}

// Another team ships beside the release, and the rollback moves the paths of its own environment only.
func TestAnAutomaticRollbackMovesOnlyThePaths(t *testing.T) {
	w := newWorld(t)
	c := w.config(t)
	c.Environments[0].Git.Paths = []string{"service.txt"}
	r := w.start(t, c)
	bad := w.release(t, 20, "bad")
	w.quiet(t)
	r.do(release.Deed{Act: release.ActStable, Tag: "stable-1"})
	r.ship(bad)
	w.git.Commit(t, branch, map[string]string{"other.txt": "theirs"}, "Another team's change")
	before := w.git.Tip(t, branch)
	w.burning(t)
	r.deliver(1, time.Now())
	r.phase(rollback.PhaseClassified)
	if got := w.git.Git(t, "diff", "--name-only", before, branch); got != "service.txt" {
		t.Errorf("the rollback moved %q", got)
	}
	if got := w.git.Git(t, "diff", "--name-only", "stable-1", branch); got != "other.txt" {
		t.Errorf("beside the stable tag: %q", got)
	}
	if got := w.git.Git(t, "log", "-1", "--format=%(trailers:key=Rollback-Paths,valueonly)", branch); strings.TrimSpace(got) != "service.txt" {
		t.Errorf("paths %q", got)
	}
	r.refused(release.Deed{Act: release.ActGate, Commit: bad}, release.Locked, "locked")
	if _, err := r.Do(context.Background(), release.Deed{Act: release.ActGate, Commit: w.git.Tip(t, branch)}); err != nil {
		t.Errorf("the rollback itself: %v", err)
	}
}

// TestWhatHasAKnownHoleIsNotRestored holds T11: what the agent's file forbids is no target, pinned or not, and whoever asks.
func TestWhatHasAKnownHoleIsNotRestored(t *testing.T) {
	var c config.Config
	w, r := out(t, func(made *config.Config) { c = *made })
	commit := w.git.Git(t, "rev-parse", "stable-1^{commit}")
	for name, tags := range map[string]config.StableTags{
		"by its name":   {Refuse: []string{"stable-0", "stable-1"}},
		"by its commit": {Refuse: []string{commit}},
		"by its age":    {Floor: w.git.Clock()},
	} {
		c.Environments[0].Git.StableTags = tags
		if err := r.Reload(c); err != nil {
			t.Fatal(err)
		}
		for _, act := range []release.Act{release.ActStable, release.ActPreview, release.ActRollback} {
			if _, err := r.Do(context.Background(), release.Deed{Act: act, Tag: "stable-1", Author: "kim", Tip: w.git.Tip(t, branch)}); err == nil || !strings.Contains(err.Error(), "must not be gone back to") {
				t.Errorf("%s, %s: %v", name, act, err)
			}
		}
	}
	c.Environments[0].Git.StableTags = config.StableTags{Refuse: []string{"stable-10"}, Floor: time.Unix(1_000_000_000, 0)}
	if err := r.Reload(c); err != nil {
		t.Fatal(err)
	}
	r.do(release.Deed{Act: release.ActPreview, Tag: "stable-1"})
}
