package gitrepo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/gitrepo"
)

// keyring is a folder with signing keys made by the real programs, and git told to use them.
type keyring struct {
	t      *testing.T
	dir    string
	format string // git's gpg.format
	public []byte // allowed signers, or an armored keyring
	secret []byte
}

// sshKeyring makes a key of that type; options go between principal and key in the allowed signers file.
func sshKeyring(t *testing.T, kind, options string) keyring {
	t.Helper()
	k := keyring{t: t, dir: t.TempDir(), format: "ssh"}
	k.run("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f", k.path("key"))
	k.secret = k.read("key")
	k.public = fmt.Appendf(nil, "# who may sign\nagent@example.org %s %s\n", options, bytes.TrimSpace(k.read("key.pub")))
	k.write("signers", k.public)
	return k
}

func pgpKeyring(t *testing.T) keyring {
	t.Helper()
	k := keyring{t: t, dir: shortDir(t), format: "openpgp"}
	k.run("gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", "Agent <agent@example.org>", "ed25519", "sign", "never")
	t.Cleanup(func() { k.run("gpgconf", "--kill", "all") })
	k.secret = []byte(k.run("gpg", "--batch", "--armor", "--export-secret-keys"))
	k.public = []byte(k.run("gpg", "--batch", "--armor", "--export"))
	return k
}

// shortDir is where gpg's agent can put its socket: a path of more than 107 bytes is too long for one.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gpg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (k keyring) path(name string) string { return filepath.Join(k.dir, name) }

func (k keyring) read(name string) []byte {
	k.t.Helper()
	b, err := os.ReadFile(k.path(name))
	if err != nil {
		k.t.Fatal(err)
	}
	return b
}

func (k keyring) write(name string, content []byte) {
	k.t.Helper()
	if err := os.WriteFile(k.path(name), content, 0o600); err != nil {
		k.t.Fatal(err)
	}
}

func (k keyring) run(name string, args ...string) string {
	k.t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		k.t.Fatalf("%s is missing: install the packages openssh-client and gnupg", name)
	}
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "GNUPGHOME="+k.dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		k.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, &stderr)
	}
	return string(out)
}

// git runs git in a repository with this keyring's trust and key.
func (k keyring) git(dir string, args ...string) (string, error) {
	key := k.path("key.pub")
	if k.format == "openpgp" {
		key = "agent@example.org"
	}
	config := []string{"-C", dir, "-c", "gpg.format=" + k.format, "-c", "user.signingkey=" + key,
		"-c", "gpg.ssh.allowedSignersFile=" + k.path("signers"), "-c", "user.name=Dev", "-c", "user.email=dev@example.org"}
	cmd := exec.Command("git", append(config, args...)...)
	cmd.Env = append(os.Environ(), "GNUPGHOME="+k.dir, "GIT_CONFIG_NOSYSTEM=1", "HOME="+k.dir, "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (k keyring) signers() *gitrepo.Signers {
	k.t.Helper()
	allowed, ring := k.public, []byte(nil)
	if k.format == "openpgp" {
		allowed, ring = nil, k.public
	}
	s, err := gitrepo.ReadSigners(allowed, ring)
	if err != nil {
		k.t.Fatal(err)
	}
	return s
}

func (k keyring) key() *gitrepo.Key {
	k.t.Helper()
	key, err := gitrepo.ReadKey(k.secret)
	if err != nil {
		k.t.Fatal(err)
	}
	return key
}

func (g rig) signing(t *testing.T, k keyring) *gitrepo.Remote {
	t.Helper()
	return openWith(t, gitrepo.Config{URL: g.URL, CredentialsFile: g.Credentials(t, "agent"), Key: k.key(), Signers: k.signers()})
}

func TestWhatWeSignGitVerifies(t *testing.T) {
	for name, k := range map[string]keyring{
		"ed25519": sshKeyring(t, "ed25519", ""),
		"ecdsa":   sshKeyring(t, "ecdsa", ""),
		"rsa":     sshKeyring(t, "rsa", `namespaces="git,rollback-agent-lock"`),
		"openpgp": pgpKeyring(t),
	} {
		t.Run(name, func(t *testing.T) {
			ctx, g := context.Background(), newRig(t)
			g.Git(t, "config", "receive.fsckObjects", "true")
			g.remote = g.signing(t, k)
			pin, err := g.remote.CreateTag(ctx, "stable-2", g.good, "Stable before release 3", g.Clock())
			if err != nil || !strings.HasPrefix(pin.Signer, k.format) {
				t.Fatalf("signer %q, %v", pin.Signer, err)
			}
			tip, err := g.remote.Tip(ctx)
			if err != nil {
				t.Fatal(err)
			}
			p, err := g.remote.Prepare(gitrepo.Change{Parents: []gitrepo.ID{tip.ID}, Tree: pin.Tree, Message: "Roll back\n\nRollback-Of: x", Now: g.Clock(),
				NotBefore: tip.Committed, Lock: lockOf("production"), Marker: "rollback-agent/inc-7"})
			if err != nil {
				t.Fatal(err)
			}
			if out := g.push(t, p); out.Outcome != gitrepo.Done || !out.LockStands {
				t.Fatalf("%+v", out)
			}
			for _, verify := range [][]string{{"verify-commit", "main"}, {"verify-tag", "stable-2"}, {"verify-tag", "rollback-agent/inc-7"}} {
				if out, err := k.git(g.Dir, verify...); err != nil {
					t.Errorf("git %v: %v\n%s", verify, err, out)
				}
			}
			if got := g.Git(t, "rev-parse", "rollback-agent/inc-7^{commit}"); got != string(p.Commit) {
				t.Errorf("the marker is on %s", got)
			}
			g.fsck(t)
			g.verifyLock(t, k)
		})
	}
}

// verifyLock checks the lock's signature by the program that made the key.
func (g rig) verifyLock(t *testing.T, k keyring) {
	t.Helper()
	record := g.Git(t, "cat-file", "blob", "refs/rollback-agent/lock/production") + "\n"
	at := strings.Index(record, "-----BEGIN ")
	if at < 0 {
		t.Fatalf("unsigned:\n%s", record)
	}
	k.write("record", []byte(record[:at]))
	k.write("record.sig", []byte(record[at:]))
	if k.format == "openpgp" {
		k.run("gpg", "--batch", "--quiet", "--verify", k.path("record.sig"), k.path("record"))
		return
	}
	cmd := exec.Command("ssh-keygen", "-Y", "verify", "-f", k.path("signers"), "-I", "agent@example.org", "-n", "rollback-agent-lock", "-s", k.path("record.sig"))
	cmd.Stdin = strings.NewReader(record[:at])
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("ssh-keygen: %v\n%s", err, out)
	}
}

// Tags that git made and signed are judged by us as by git verify-tag: good ones good, and everything else refused with its kind.
func TestTagsAreJudgedAsGitJudgesThem(t *testing.T) {
	past, future := time.Now().AddDate(0, 0, -7).Format("20060102"), time.Now().AddDate(0, 0, 7).Format("20060102")
	good, other := sshKeyring(t, "ed25519", ""), sshKeyring(t, "ed25519", "")
	pgp, otherPGP := pgpKeyring(t), pgpKeyring(t)
	with := func(k keyring, options string) keyring {
		k.public = []byte(strings.Replace(string(k.public), "agent@example.org", "agent@example.org "+options, 1))
		k.dir = t.TempDir()
		k.write("signers", k.public)
		k.write("key", k.secret)
		k.write("key.pub", good.read("key.pub"))
		return k
	}
	for _, c := range []struct {
		name   string
		trust  keyring
		signed *keyring // by whom; nil: not at all
		spoil  bool
		want   gitrepo.Kind // "" for good
	}{
		{"good", good, &good, false, ""},
		{"good, OpenPGP", pgp, &pgp, false, ""},
		{"unsigned", good, nil, false, gitrepo.ErrUnsigned},
		{"another's key", good, &other, false, gitrepo.ErrSignature},
		{"another's OpenPGP key", pgp, &otherPGP, false, gitrepo.ErrSignature},
		{"OpenPGP where only SSH is trusted", good, &pgp, false, gitrepo.ErrSignature},
		{"changed after it was signed", good, &good, true, gitrepo.ErrSignature},
		{"changed after it was signed, OpenPGP", pgp, &pgp, true, gitrepo.ErrSignature},
		{"not valid any more", with(good, `valid-before="`+past+`"`), &good, false, gitrepo.ErrSignature},
		{"not valid yet", with(good, `valid-after="`+future+`"`), &good, false, gitrepo.ErrSignature},
		{"valid today", with(good, `valid-after="`+past+`",valid-before="`+future+`"`), &good, false, ""},
		{"for another namespace", with(good, `namespaces="file"`), &good, false, gitrepo.ErrSignature},
		{"for git's namespace", with(good, `namespaces="file,git"`), &good, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newRig(t)
			g.makeTag(t, "stable-2", c.signed)
			if c.spoil {
				raw := g.Git(t, "cat-file", "tag", "stable-2")
				g.Git(t, "update-ref", "refs/tags/stable-2", g.hash(t, "tag", strings.Replace(raw, "a word", "b word", 1)+"\n"))
			}
			remote := openWith(t, gitrepo.Config{URL: g.URL, Signers: c.trust.signers()})
			pin, err := remote.ReadTag(context.Background(), "stable-2")
			if gitrepo.KindOf(err) != c.want || (err == nil) != (c.want == "") || (pin.Signer == "") != (err != nil) {
				t.Errorf("we: %+v, %v; want %q", pin, err, c.want)
			}
			if out, err := c.trust.git(g.Dir, "verify-tag", "stable-2"); (err == nil) != (c.want == "") {
				t.Errorf("git: %v\n%s", err, out)
			}
		})
	}
}

// makeTag makes a tag on good with git, as of now.
func (g rig) makeTag(t *testing.T, name string, by *keyring) {
	t.Helper()
	k, flag := keyring{t: t, dir: t.TempDir(), format: "ssh"}, "--annotate"
	if by != nil {
		k, flag = *by, "--sign"
	}
	if out, err := k.git(g.Dir, "tag", flag, "-m", "a word", name, string(g.good)); err != nil {
		t.Fatalf("git tag: %v\n%s", err, out)
	}
}

// hash puts an object into the repository, whatever git thinks of it.
func (g rig) hash(t *testing.T, kind, content string) string {
	t.Helper()
	cmd := exec.Command("git", "-C", g.Dir, "hash-object", "-t", kind, "-w", "--stdin", "--literally")
	cmd.Stdin = strings.NewReader(content)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("hash-object: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestASignedTagCannotBePassedOffAsAnother(t *testing.T) {
	k, g := sshKeyring(t, "ed25519", ""), newRig(t)
	g.makeTag(t, "stable-2", &k)
	object := g.Git(t, "rev-parse", "stable-2")
	raw := g.Git(t, "cat-file", "tag", "stable-2") + "\n"
	put := func(name, content string) {
		g.Git(t, "update-ref", "refs/tags/"+name, g.hash(t, "tag", content))
	}
	g.Git(t, "update-ref", "refs/tags/other-name", object)
	g.Git(t, "tag", "light", string(g.good))
	put("twice", strings.Replace(raw, "tag stable-2", "tag twice", 1)+raw[strings.Index(raw, "-----BEGIN"):])
	put("header", strings.Replace(strings.Replace(raw, "tag stable-2", "tag header", 1), "\n\n", "\nencoding latin-1\n\n", 1))
	put("target", strings.Replace(strings.Replace(raw, "tag stable-2", "tag target", 1), string(g.good), string(g.bad), 1))
	if out, err := k.git(g.Dir, "tag", "--sign", "-m", "a tag of a tag", "nested", object); err != nil {
		t.Fatal(out)
	}
	remote := openWith(t, gitrepo.Config{URL: g.URL, Signers: k.signers()})
	for name, want := range map[string]gitrepo.Kind{
		"other-name": gitrepo.ErrTagMismatch, "light": gitrepo.ErrUnsigned, "twice": gitrepo.ErrTagMismatch, "header": gitrepo.ErrTagMismatch,
		"target": gitrepo.ErrSignature, "nested": gitrepo.ErrTagMismatch, "stable-2": "",
	} {
		if pin, err := remote.ReadTag(context.Background(), name); gitrepo.KindOf(err) != want || (err == nil) != (want == "") {
			t.Errorf("%s: %+v, %v; want %q", name, pin, err, want)
		}
	}
}

func TestATagNobodyWouldTrustIsNotPushed(t *testing.T) {
	ctx, g := context.Background(), newRig(t)
	mine, theirs := sshKeyring(t, "ed25519", ""), sshKeyring(t, "ed25519", "")
	for name, c := range map[string]struct {
		key  *gitrepo.Key
		want error
	}{"no key": {nil, gitrepo.ErrUnsigned}, "a key that is not allowed": {theirs.key(), gitrepo.ErrSignature}} {
		remote := openWith(t, gitrepo.Config{URL: g.URL, CredentialsFile: g.Credentials(t, "agent"), Key: c.key, Signers: mine.signers()})
		if _, err := remote.CreateTag(ctx, "stable-2", g.good, "x", g.Clock()); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if out := g.Git(t, "tag", "-l", "stable-2"); out != "" {
		t.Errorf("it was pushed")
	}
}

func TestReadKeyAndSignersRefuseWhatTheyCannotUse(t *testing.T) {
	k := sshKeyring(t, "ed25519", "")
	k.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "secret words", "-f", k.path("locked"))
	for name, content := range map[string]string{
		"nothing": "", "a public key": string(k.public), "a passphrase": string(k.read("locked")), "half a key": string(k.secret[:100]),
		"an OpenPGP public key": "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n=aaaa\n-----END PGP PUBLIC KEY BLOCK-----\n",
	} {
		if key, err := gitrepo.ReadKey([]byte(content)); err == nil || strings.Contains(err.Error(), "OPENSSH") {
			t.Errorf("%s: %v, %v", name, key, err)
		}
	}
	public := strings.TrimSpace(string(k.read("key.pub")))
	for name, content := range map[string]string{
		"nothing": "# empty\n", "no principal": public, "no key": "kim@example.org\n", "an authority": "* cert-authority " + public,
		"an unknown option": "kim restrict=1 " + public, "a bad date": `kim valid-before="tomorrow" ` + public, "a negated namespace": `kim namespaces="!git" ` + public,
	} {
		if s, err := gitrepo.ReadSigners([]byte(content), nil); err == nil {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if _, err := gitrepo.ReadSigners([]byte("\"kim x\" "+public+"\n\nlee\t"+public+"\n"), nil); err != nil {
		t.Error(err)
	}
}
