package gitrepo_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/gitrepo/gittest"
)

const tried = "refs/rollback-agent/doctor/checkout/production"

func (g rig) try(t *testing.T) gitrepo.Trial {
	t.Helper()
	before := g.Git(t, "for-each-ref")
	trial, err := g.remote.Try(context.Background(), "checkout/production", g.Clock())
	if err != nil {
		t.Fatal(err)
	}
	if trial.Ref != tried || trial.Tip != g.bad {
		t.Errorf("tried %s at %s, want %s at %s", trial.Ref, trial.Tip, tried, g.bad)
	}
	if after := g.Git(t, "for-each-ref"); after != before {
		t.Errorf("the trial has changed the refs:\n%s\nbefore:\n%s", after, before)
	}
	g.fsck(t)
	return trial
}

func TestATrialTellsWhatTheServersRulesAreAndChangesNothing(t *testing.T) {
	type rulings struct{ ordered, forced, byHook bool }
	hook := func(t *testing.T, g rig) { g.InstallHook(t, "../../deploy/hooks/pre-receive") }
	for name, c := range map[string]struct {
		arrange func(*testing.T, rig)
		want    rulings
	}{
		"a server as git init makes it": {func(*testing.T, rig) {}, rulings{}},
		"one that wants fast-forwards":  {func(t *testing.T, g rig) { g.Git(t, "config", "receive.denyNonFastForwards", "true") }, rulings{forced: true}},
		"one with our hook":             {hook, rulings{byHook: true}},
		"one with both": {func(t *testing.T, g rig) {
			hook(t, g)
			g.Git(t, "config", "receive.denyNonFastForwards", "true")
		}, rulings{forced: true, byHook: true}},
		"one that protects the branch from everybody": {func(t *testing.T, g rig) {
			g.Hook(t, "update", "#!/bin/sh\ncase $1 in refs/heads/main) echo 'main is protected' >&2; exit 1;; esac\n")
		}, rulings{ordered: true, forced: true}},
		"one that forbids deletions": {func(t *testing.T, g rig) { g.Git(t, "config", "receive.denyDeletes", "true") }, rulings{}},
		"an old one":                 {func(t *testing.T, g rig) { g.Break(gittest.Read, gittest.OldGit) }, rulings{}},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t)
			c.arrange(t, g)
			trial := g.try(t)
			for _, r := range []gitrepo.Ruling{trial.Ordered, trial.Forced, trial.Locked} {
				if r.Problem != "" {
					t.Error(r.Problem)
				}
			}
			if got := (rulings{trial.Ordered.Refused, trial.Forced.Refused, trial.Locked.ByHook()}); got != c.want {
				t.Errorf("got %+v, want %+v: %+v", got, c.want, trial)
			}
		})
	}
}

// TestATrialDoesNotUndoAReset: somebody takes the last commit back between the trial's look at the branch and its pushes there.
func TestATrialDoesNotUndoAReset(t *testing.T) {
	for _, rule := range []string{"false", "true"} {
		g := newRig(t)
		g.Git(t, "config", "receive.denyNonFastForwards", rule)
		parent := strings.TrimSpace(g.Git(t, "rev-parse", "main^"))
		var once sync.Once // a second reset would hide what was undone
		g.Break(gittest.Push, gittest.Before(func() { once.Do(func() { g.Git(t, "update-ref", "refs/heads/main", parent) }) }))
		trial, err := g.remote.Try(context.Background(), "checkout/production", g.Clock())
		if err != nil || trial.Ordered.Refused || trial.Ordered.Problem != "" {
			t.Errorf("%+v, %v", trial, err)
		}
		if got := g.Tip(t, "main"); got != parent {
			t.Errorf("the branch was reset to %s, and is at %s", parent, got)
		}
	}
}

func TestATrialNeedsNoParentOfTheTip(t *testing.T) {
	s := gittest.New(t)
	first := gitrepo.ID(s.Commit(t, "main", map[string]string{"a": "1"}, "the first"))
	g := rig{s, open(t, s, "agent"), first, first}
	if trial := g.try(t); trial.Ordered.Refused || trial.Ordered.Problem != "" {
		t.Errorf("%+v", trial.Ordered)
	}
}

func TestATrialFindsWhyTheAgentCouldNotLock(t *testing.T) {
	g := newRig(t)
	g.InstallHook(t, "../../deploy/hooks/pre-receive")
	signers := g.Dir + "/signers"
	g.pipe(t, "", "config", "rollback-agent.allowedSigners", signers)
	if trial := g.try(t); !trial.Locked.Unsigned() || trial.Locked.ByHook() {
		t.Errorf("a hook that wants signatures takes an unsigned lock for a forgery: %+v", trial.Locked)
	}
	g.Git(t, "config", "--unset", "rollback-agent.user")
	_, err := g.remote.Try(context.Background(), "checkout/production", g.Clock())
	if err == nil || !strings.Contains(err.Error(), "git config rollback-agent.user NAME") {
		t.Errorf("a server that does not know the agent lets it make no ref: %v", err)
	}
	if g.Git(t, "for-each-ref", "refs/rollback-agent") != "" {
		t.Error("a ref was left behind")
	}
}

func TestATrialThatWasCutOffIsClearedByTheNext(t *testing.T) {
	g := newRig(t)
	g.Git(t, "update-ref", tried, string(g.good))
	trial, err := g.remote.Try(context.Background(), "checkout/production", g.Clock())
	if err != nil || !trial.Left {
		t.Errorf("%+v, %v: the ref that was left is found", trial, err)
	}
	if g.Git(t, "for-each-ref", "refs/rollback-agent") != "" {
		t.Error("it was not removed")
	}

	ctx, cancel := context.WithCancel(context.Background())
	made := false
	g.Break(gittest.Push, gittest.After(func() { // whoever asks hangs up when the ref was made
		if !made {
			made = true
			cancel()
		}
	}))
	if _, err := g.remote.Try(ctx, "checkout/production", g.Clock()); err == nil {
		t.Error("it was cut off, and says nothing of that")
	}
	if got := g.Git(t, "for-each-ref", "refs/rollback-agent"); got != "" || !made {
		t.Errorf("what was made is removed all the same: %q, %v", got, made)
	}
}

// careless does what it is asked wherever the ref is: git's own no is not heeded.
func (g rig) careless(t *testing.T) gittest.Fault {
	asked := regexp.MustCompile(`[0-9a-f]{40} ([0-9a-f]{40}) (refs/[a-z/-]+)`)
	return func(w http.ResponseWriter, r *http.Request, git http.Handler) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		git.ServeHTTP(w, r)
		if m := asked.FindSubmatch(body); m != nil && strings.Trim(string(m[1]), "0") != "" {
			g.Git(t, "update-ref", string(m[2]), string(m[1]))
		}
	}
}

func TestARemoteThatDoesNotCompareAndSwapIsFoundOutOnTheScratchRef(t *testing.T) {
	g := newRig(t)
	g.Break(gittest.Push, g.careless(t))
	trial, err := g.remote.Try(context.Background(), "checkout/production", g.Clock())
	if !errors.Is(err, gitrepo.ErrNoSwap) {
		t.Errorf("%+v, %v", trial, err)
	}
	if got := g.Git(t, "for-each-ref", "refs/rollback-agent"); got != "" || g.Tip(t, "main") != string(g.bad) {
		t.Errorf("left behind: %q; the branch is at %s", got, g.Tip(t, "main"))
	}
}

func TestATrialThroughARemoteThatSaysNothingIsNoRuling(t *testing.T) {
	g := newRig(t)
	posts := 0
	g.Break(gittest.Push, func(w http.ResponseWriter, r *http.Request, git http.Handler) {
		if r.Method == http.MethodPost {
			posts++
		}
		if posts > 3 && r.Method == http.MethodPost { // made, not moved, removed; then the branch
			gittest.EmptyOK(w, r, git)
			return
		}
		git.ServeHTTP(w, r)
	})
	trial := g.try(t)
	if trial.Ordered.Problem == "" || trial.Forced.Problem == "" || trial.Locked.Problem == "" {
		t.Errorf("an empty answer is taken for one: %+v", trial)
	}
}

func TestAbilitiesAndTheServersClock(t *testing.T) {
	g := newRig(t)
	got, err := g.remote.Abilities(context.Background())
	if want := (gitrepo.Abilities{V2: true, Filter: true, Atomic: true}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	g.Git(t, "config", "receive.advertiseAtomic", "false")
	g.Git(t, "config", "uploadpack.allowFilter", "false")
	g.Break(gittest.Read, gittest.OldGit)
	if got, err := g.remote.Abilities(context.Background()); err != nil || got != (gitrepo.Abilities{}) {
		t.Errorf("%+v, %v", got, err)
	}
	if at, err := g.remote.Clock(context.Background()); err != nil || time.Since(at).Abs() > 5*time.Second {
		t.Errorf("%s, %v", at, err)
	}
	d := g.SSHD(t, gittest.SSHOptions{})
	remote := openWith(t, gitrepo.Config{URL: d.URL, SSH: gitrepo.SSH{KeyFile: d.KeyFile, KnownHostsFile: d.KnownHosts(t, d.HostKeys...)}})
	if at, err := remote.Clock(context.Background()); err != nil || !at.IsZero() {
		t.Errorf("ssh tells the time: %s, %v", at, err)
	}
	if trial, err := remote.Try(context.Background(), "checkout/production", g.Clock()); err != nil || trial.Forced.Refused || trial.Forced.Problem != "" {
		t.Errorf("over ssh: %+v, %v", trial, err)
	}
}

func TestAShortKeyIsWeak(t *testing.T) {
	for bits, weak := range map[int]string{2048: "RSA below 3072 bits", 3072: ""} {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
		if kind, got, err := gitrepo.Strength(text); err != nil || got != weak || !strings.HasPrefix(kind, "ssh-rsa of ") {
			t.Errorf("%d bits: %q, %q, %v", bits, kind, got, err)
		}
	}
	if _, _, err := gitrepo.Strength([]byte("no key")); err == nil {
		t.Error("what is no key has a strength")
	}
}
