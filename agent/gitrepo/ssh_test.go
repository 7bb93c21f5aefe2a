package gitrepo_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/gitrepo/gittest"
)

// overSSH is the rig's remote through a real sshd.
func (g rig) overSSH(t *testing.T, d *gittest.SSHD, c gitrepo.Config) rig {
	t.Helper()
	if c.URL == "" {
		c.URL = d.URL
	}
	if c.SSH.KeyFile == "" && c.SSH.AgentSocket == "" {
		c.SSH.KeyFile = d.KeyFile
	}
	if c.SSH.KnownHostsFile == "" {
		c.SSH.KnownHostsFile = d.KnownHosts(t, d.HostKeys...)
	}
	g.remote = openWith(t, c)
	return g
}

func TestRollbackOverSSH(t *testing.T) {
	ctx := context.Background()
	for name, o := range map[string]gittest.SSHOptions{
		"protocol 2": {},
		"protocol 0": {NoProtocolVariable: true},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t)
			d := g.SSHD(t, o)
			cable := gittest.NewCable(t, d.Address)
			known := gittest.KnownHosts(t, cable.Address, d.HostKeys...)
			g = g.overSSH(t, d, gitrepo.Config{URL: cable.Through(d.URL), SSH: gitrepo.SSH{KnownHostsFile: known}})
			if err := g.remote.Probe(ctx); err != nil {
				t.Fatal(err)
			}
			p := g.rollback(t, lockOf("production"))
			if out := g.push(t, p); out != (gitrepo.Pushed{Outcome: gitrepo.Done, Tip: p.Commit, LockStands: true}) {
				t.Errorf("got %+v", out)
			}
			if ok, err := g.remote.IsAncestor(ctx, g.good, p.Commit); !ok || err != nil {
				t.Errorf("ancestor: %t, %v", ok, err)
			}
			if record, ok, err := g.remote.ReadLock(ctx, "production"); !ok || err != nil || record.Allow != p.Commit {
				t.Errorf("lock %+v, %t, %v", record, ok, err)
			}
			if _, err := g.remote.CreateTag(ctx, "stable-2", p.Commit, "Stable", g.Clock()); err != nil {
				t.Error(err)
			}
			g.Hook(t, "pre-receive", "#!/bin/sh\necho not today\nexit 1\n")
			if out := g.push(t, g.rollback(t, nil)); out.Outcome != gitrepo.Rejected || !strings.Contains(out.Text, "not today") {
				t.Errorf("hook: %+v", out)
			}
			if _, _, conns := cable.Carried(); conns != 1 {
				t.Errorf("%d connections, want 1 for everything", conns)
			}
			g.fsck(t)
		})
	}
}

// TestHostKeys: a client that lets the library choose meets the ecdsa key first
// and takes a good host for an impostor.
func TestHostKeys(t *testing.T) {
	g := newRig(t)
	d := g.SSHD(t, gittest.SSHOptions{})
	other := signer(t)
	for name, c := range map[string]struct {
		known []ssh.PublicKey
		want  gitrepo.Kind
	}{
		"both keys on file":        {d.HostKeys, ""},
		"only ed25519":             {d.HostKeys[:1], ""},
		"only ecdsa":               {d.HostKeys[1:], ""},
		"another key on file":      {[]ssh.PublicKey{other.PublicKey()}, gitrepo.ErrIdentity},
		"nothing on file":          {nil, gitrepo.ErrIdentity},
		"another of the same kind": {[]ssh.PublicKey{other.PublicKey(), d.HostKeys[1]}, gitrepo.ErrIdentity}, // as ssh itself
	} {
		r := g.overSSH(t, d, gitrepo.Config{SSH: gitrepo.SSH{KnownHostsFile: d.KnownHosts(t, c.known...)}}).remote
		if _, err := r.Tip(context.Background()); gitrepo.KindOf(err) != c.want || (err == nil) != (c.want == "") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func signer(t *testing.T) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSSHKeys(t *testing.T) {
	g := newRig(t)
	d := g.SSHD(t, gittest.SSHOptions{})
	_, stranger, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		ssh  gitrepo.SSH
		want string
		kind gitrepo.Kind
	}{
		"from an agent":    {gitrepo.SSH{AgentSocket: sshAgent(t, d.KeyFile)}, "", ""},
		"an empty agent":   {gitrepo.SSH{AgentSocket: sshAgent(t, "")}, "refused the credentials", gitrepo.ErrAuth},
		"no agent":         {gitrepo.SSH{AgentSocket: "/nowhere/agent"}, "ask ssh agent", ""},
		"a stranger's":     {gitrepo.SSH{KeyFile: keyFile(t, stranger, "")}, "refused the credentials", gitrepo.ErrAuth},
		"with passphrase":  {gitrepo.SSH{KeyFile: keyFile(t, stranger, "hunter2")}, "give it to an ssh agent", ""},
		"no such file":     {gitrepo.SSH{KeyFile: "/nowhere/key"}, "read ssh key", ""},
		"no known hosts":   {gitrepo.SSH{KeyFile: d.KeyFile, KnownHostsFile: "/nowhere/hosts"}, "read known hosts", ""},
		"a file, no agent": {gitrepo.SSH{KeyFile: d.KeyFile}, "", ""},
	} {
		r := g.overSSH(t, d, gitrepo.Config{SSH: c.ssh}).remote
		_, err := r.Tip(context.Background())
		if (err == nil) != (c.want == "") || gitrepo.KindOf(err) != c.kind || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q (%q)", name, err, c.want, c.kind)
		}
	}
}

// An agent may wait for a finger on a token, at night.
func TestAnAgentThatSaysNothingKeepsNobodyWaiting(t *testing.T) {
	g := newRig(t)
	path := filepath.Join(t.TempDir(), "agent")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := g.overSSH(t, g.SSHD(t, gittest.SSHOptions{}), gitrepo.Config{SSH: gitrepo.SSH{AgentSocket: path}, Timeout: 500 * time.Millisecond}).remote
	began := time.Now()
	if _, err := r.Tip(context.Background()); err == nil || time.Since(began) > 20*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}

func keyFile(t *testing.T, key any, passphrase string) string {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(key, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key")
	write(t, path, string(pem.EncodeToMemory(block)))
	return path
}

// sshAgent is an ssh agent with the key of that file, and its socket.
func sshAgent(t *testing.T, file string) string {
	t.Helper()
	keys := agent.NewKeyring()
	if file != "" {
		key, err := ssh.ParseRawPrivateKey([]byte(read(t, file)))
		if err != nil {
			t.Fatal(err)
		}
		if err := keys.Add(agent.AddedKey{PrivateKey: key}); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "agent")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(keys, conn) }()
		}
	}()
	return path
}

func TestSSHServersThatCannotBeUsed(t *testing.T) {
	g := newRig(t)
	d := g.SSHD(t, gittest.SSHOptions{})
	for name, c := range map[string]struct {
		url  string
		want gitrepo.Kind
		text string
	}{
		"no such repository": {d.URL + "-not", gitrepo.ErrEnded, "does not appear to be a git repository"},
		"a quote in it":      {d.URL + "'; touch /tmp/pwned; '", gitrepo.ErrEnded, "does not appear to be a git repository"},
		"nobody listens":     {"ssh://" + refusing(t) + "/repo.git", gitrepo.ErrUnavailable, ""},
		"another protocol":   {"ssh://" + strings.TrimPrefix(g.URL, "http://"), gitrepo.ErrUnavailable, ""},
	} {
		known := gittest.KnownHosts(t, strings.Split(strings.TrimPrefix(c.url[strings.Index(c.url, "127"):], "ssh://"), "/")[0], d.HostKeys...)
		r := g.overSSH(t, d, gitrepo.Config{URL: c.url, Timeout: 5 * time.Second, SSH: gitrepo.SSH{KnownHostsFile: known}}).remote
		_, err := r.Tip(context.Background())
		if gitrepo.KindOf(err) != c.want || err != nil && !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// refusing is an address where nobody listens.
func refusing(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestSilentSSHServer: the library's handshake ignores contexts.
func TestSilentSSHServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
		}
	}()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	settings := gitrepo.SSH{KeyFile: keyFile(t, key, ""), KnownHostsFile: gittest.KnownHosts(t, address, signer(t).PublicKey())}
	for name, c := range map[string]struct{ caller, timeout time.Duration }{
		"the caller's deadline": {50 * time.Millisecond, time.Minute},
		"the remote's timeout":  {time.Minute, 50 * time.Millisecond},
	} {
		r := openWith(t, gitrepo.Config{URL: "ssh://git@" + address + "/repo.git", Timeout: c.timeout, SSH: settings})
		ctx, cancel := context.WithTimeout(context.Background(), c.caller)
		defer cancel()
		start := time.Now()
		if _, err := r.Tip(ctx); !errors.Is(err, gitrepo.ErrUnavailable) || time.Since(start) > 10*time.Second {
			t.Errorf("%s: %v after %s", name, err, time.Since(start))
		}
	}
}

// TestSSHOutlivesItsConnection: a connection that broke while idle costs one dial,
// one that breaks in the middle of a push an honest answer.
func TestSSHOutlivesItsConnection(t *testing.T) {
	ctx := context.Background()
	g := newRig(t)
	d := g.SSHD(t, gittest.SSHOptions{})
	cable := gittest.NewCable(t, d.Address)
	g = g.overSSH(t, d, gitrepo.Config{URL: cable.Through(d.URL), SSH: gitrepo.SSH{KnownHostsFile: gittest.KnownHosts(t, cable.Address, d.HostKeys...)}})
	p := g.rollback(t, nil)
	cable.Cut(0, -1)
	if _, err := g.remote.Tip(ctx); err != nil {
		t.Errorf("after the connection broke: %v", err)
	}
	g.remote.Close()
	if _, err := g.remote.Tip(ctx); err != nil {
		t.Errorf("after Close: %v", err)
	}
	for _, at := range []int64{0, 200, 500, 900, 1300, 1700, 2100} {
		cable.Cut(at, -1)
		out, err := g.remote.Push(ctx, p)
		if out.Outcome.Validate() != nil || out.Outcome == gitrepo.Rejected || out.Outcome == gitrepo.Moved {
			t.Errorf("cut after %d bytes: %+v, %v", at, out, err)
		}
	}
	cable.Cut(-1, -1)
	if out := g.push(t, p); out.Outcome != gitrepo.Done || g.count(t) != "3" {
		t.Errorf("in the end: %+v, %s commits", out, g.count(t))
	}
}

func TestSSHThroughSOCKS(t *testing.T) {
	g := newRig(t)
	d := g.SSHD(t, gittest.SSHOptions{})
	proxy, served := socks(t)
	r := g.overSSH(t, d, gitrepo.Config{Proxy: "socks5://" + proxy}).remote
	if _, err := r.Tip(context.Background()); err != nil || served() != d.Address {
		t.Errorf("%v; the proxy was asked for %q", err, served())
	}
}

// socks is a SOCKS5 proxy (RFC 1928) without authentication, and the address it
// was asked for last.
func socks(t *testing.T) (string, func() string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	asked := make(chan string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		head := make([]byte, 3+10)
		if _, err := io.ReadFull(conn, head[:3]); err != nil { // version, one method: none
			return
		}
		_, _ = conn.Write([]byte{5, 0})
		if _, err := io.ReadFull(conn, head[3:]); err != nil { // connect to an IPv4 address
			return
		}
		to := net.JoinHostPort(net.IP(head[7:11]).String(), strconv.Itoa(int(head[11])<<8|int(head[12])))
		asked <- to
		far, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer far.Close()
		_, _ = conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		go func() { _, _ = io.Copy(far, conn); far.Close() }()
		_, _ = io.Copy(conn, far)
	}()
	last := ""
	return l.Addr().String(), func() string {
		select {
		case last = <-asked:
		default:
		}
		return last
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
