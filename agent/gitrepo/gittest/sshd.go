package gittest

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// SSHD is a real OpenSSH server on a loopback port in front of a [Server]'s
// repository, with an ed25519 and an ecdsa host key.
type SSHD struct {
	URL      string // ssh://user@127.0.0.1:port/path
	Address  string // 127.0.0.1:port
	KeyFile  string // of the one user let in
	HostKeys []ssh.PublicKey
	folder   string
}

// SSHOptions are what a server's administrator may have forgotten.
type SSHOptions struct {
	NoProtocolVariable bool // sshd does not accept GIT_PROTOCOL: version 0 is spoken
}

// SSHD starts the server. It stops with the test.
func (s *Server) SSHD(t testing.TB, o SSHOptions) *SSHD {
	t.Helper()
	program, err := exec.LookPath("sshd")
	if err != nil {
		program = "/usr/sbin/sshd" // rarely on the PATH of a user
	}
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("%v: install openssh-server (tools/install does)", err)
	}
	if os.Getuid() == 0 {
		// Debian's sshd wants this folder, which its service makes at boot.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	d := &SSHD{folder: t.TempDir(), Address: freeAddress(t)}
	d.URL = "ssh://" + me.Username + "@" + d.Address + s.Dir
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d.HostKeys = []ssh.PublicKey{d.newKey(t, "host-ed25519", ed), d.newKey(t, "host-ecdsa", ec)}
	d.start(t, program, d.config(t, s, o))
	return d
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// config writes sshd's configuration and the user's key.
func (d *SSHD) config(t testing.TB, s *Server, o SSHOptions) string {
	t.Helper()
	_, mine, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d.KeyFile = filepath.Join(d.folder, "user")
	d.write(t, "authorized", string(ssh.MarshalAuthorizedKey(d.newKey(t, "user", mine))))
	host, port, _ := net.SplitHostPort(d.Address)
	lines := []string{
		"ListenAddress " + host, "Port " + port, "PidFile none", "UsePAM no", "StrictModes no", "LogLevel ERROR", "PermitRootLogin yes",
		"PasswordAuthentication no", "KbdInteractiveAuthentication no", "MaxStartups 200", "MaxSessions 100",
		"HostKey " + filepath.Join(d.folder, "host-ed25519"), "HostKey " + filepath.Join(d.folder, "host-ecdsa"),
		"AuthorizedKeysFile " + filepath.Join(d.folder, "authorized"),
		"SetEnv HOME=" + s.root + " GIT_CONFIG_NOSYSTEM=1 LC_ALL=C",
	}
	if !o.NoProtocolVariable {
		lines = append(lines, "AcceptEnv GIT_PROTOCOL")
	}
	return d.write(t, "config", strings.Join(lines, "\n")+"\n")
}

// start runs sshd until the end of the test.
func (d *SSHD) start(t testing.TB, program, config string) {
	t.Helper()
	var said strings.Builder
	cmd := exec.Command(program, "-D", "-e", "-f", config)
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(gone)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-gone
	})
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if conn, err := net.Dial("tcp", d.Address); err == nil {
			conn.Close()
			return
		}
		select {
		case <-gone:
			t.Fatalf("sshd: %s", said.String())
		case <-time.After(5 * time.Millisecond):
		}
	}
	t.Fatal("sshd does not listen")
}

// newKey writes a private key in OpenSSH's form and returns the public one.
func (d *SSHD) newKey(t testing.TB, name string, private any) ssh.PublicKey {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(private, name)
	if err != nil {
		t.Fatal(err)
	}
	d.write(t, name, string(pem.EncodeToMemory(block)))
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer.PublicKey()
}

func (d *SSHD) write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(d.folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// KnownHosts writes a known hosts file with these keys for the server's address.
func (d *SSHD) KnownHosts(t testing.TB, keys ...ssh.PublicKey) string {
	t.Helper()
	return KnownHosts(t, d.Address, keys...)
}

// KnownHosts writes a known hosts file with these keys for address, host:port.
func KnownHosts(t testing.TB, address string, keys ...ssh.PublicKey) string {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, k := range keys {
		fmt.Fprintf(&b, "[%s]:%s %s", host, port, ssh.MarshalAuthorizedKey(k))
	}
	path := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
