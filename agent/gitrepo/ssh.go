package gitrepo

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"
	"golang.org/x/net/proxy"
)

// sshIdle is how long a connection is kept for the next session.
const sshIdle = 90 * time.Second

// shell is the transport over ssh: one connection, a session for every exchange.
type shell struct {
	address, user, path string
	settings            SSH
	handshake           time.Duration
	dialer              func(ctx context.Context, network, address string) (net.Conn, error)

	dialing chan struct{} // holds one token: one dial at a time
	mu      sync.Mutex
	client  *ssh.Client // nil: none open
	busy    int         // sessions on it
	timer   *time.Timer
}

// newShell reads no file: keys and known hosts are read for every connection, so
// that a rotated key needs no restart.
func newShell(c Config, u *url.URL) (*shell, error) {
	s := &shell{address: u.Host, user: u.User.Username(), path: u.Path, settings: c.SSH, handshake: c.Timeout, dialing: make(chan struct{}, 1)}
	if u.Port() == "" {
		s.address = net.JoinHostPort(u.Hostname(), "22")
	}
	if s.user == "" {
		s.user = "git"
	}
	if strings.HasPrefix(s.path, "/~") { // as git: relative to a home directory
		s.path = s.path[1:]
	}
	var err error
	s.dialer, err = dialer(c.Proxy)
	return s, err
}

// dialer goes through the proxy, or as ALL_PROXY and NO_PROXY say.
func dialer(through string) (func(context.Context, string, string) (net.Conn, error), error) {
	if through == "" {
		return proxy.Dial, nil
	}
	u, err := url.Parse(through)
	if err != nil {
		return nil, err
	}
	d, err := proxy.FromURL(u, proxy.Direct)
	if err != nil {
		return nil, fmt.Errorf("proxy for ssh: %w", err)
	}
	with, ok := d.(proxy.ContextDialer)
	if !ok {
		return nil, fmt.Errorf("proxy for ssh: %s cannot be interrupted", u.Scheme)
	}
	return with.DialContext, nil
}

func (s *shell) exchange(ctx context.Context, q request) (*answer, error) {
	st, err := s.start(ctx, q)
	if err != nil {
		return nil, err
	}
	return st.exchange(q)
}

// start begins the command on the connection at hand, or on a new one if that
// one turns out to be dead.
func (s *shell) start(ctx context.Context, q request) (*stream, error) {
	for {
		client, kept, err := s.connection(ctx)
		if err != nil {
			return nil, err
		}
		st, err := s.session(ctx, client, q)
		if err == nil {
			return st, nil
		}
		s.drop(client)
		s.release()
		if !kept || ctx.Err() != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
}

// connection is the open connection, or a new one; kept tells which. The caller
// releases it.
func (s *shell) connection(ctx context.Context) (client *ssh.Client, kept bool, err error) {
	select {
	case s.dialing <- struct{}{}:
		defer func() { <-s.dialing }()
	case <-ctx.Done():
		return nil, false, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
	if client = s.take(); client != nil {
		return client, true, nil
	}
	if client, err = s.dial(ctx); err != nil {
		return nil, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.client = client
	s.busy++
	return client, false, nil
}

func (s *shell) take() *ssh.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client == nil {
		return nil
	}
	s.busy++
	if s.timer != nil {
		s.timer.Stop()
	}
	return s.client
}

// release ends one use of the connection; after the last one it waits a while
// for the next.
func (s *shell) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy--
	if s.busy == 0 && s.client != nil {
		s.timer = time.AfterFunc(sshIdle, s.idle)
	}
}

// drop closes a connection that is of no use any more.
func (s *shell) drop(client *ssh.Client) {
	client.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client == client {
		s.client = nil
	}
}

func (s *shell) idle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.busy > 0 || s.client == nil {
		return
	}
	s.client.Close()
	s.client = nil
}

// dial connects and authenticates. The library's handshake knows no context, so
// the connection is given a deadline and is closed when the context ends.
func (s *shell) dial(ctx context.Context) (*ssh.Client, error) {
	config, known, done, err := s.clientConfig()
	if err != nil {
		return nil, err
	}
	defer done()
	conn, err := s.dialer(ctx, "tcp", s.address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := conn.SetDeadline(time.Now().Add(s.handshake)); err != nil {
		conn.Close()
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	c, channels, requests, err := ssh.NewClientConn(conn, s.address, config)
	if !stop() && err == nil {
		c.Close()
		err = ctx.Err()
	}
	if err != nil {
		return nil, known.blame(ctx, err)
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		c.Close()
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return ssh.NewClient(c, channels, requests), nil
}

// session starts the command. When the context ends the whole connection is
// closed: a peer that no longer answers would not close a session either.
func (s *shell) session(ctx context.Context, client *ssh.Client, q request) (*stream, error) {
	stop := context.AfterFunc(ctx, func() { s.drop(client) })
	session, err := client.NewSession()
	if err != nil {
		stop()
		return nil, err
	}
	end := sync.OnceFunc(func() {
		stop()
		session.Close()
		s.release()
	})
	st := &stream{stop: end, said: &complaints{}}
	st.wait = sync.OnceValue(func() error { return lost(ctx, session.Wait()) })
	session.Stderr = st.said
	if st.in, st.out, err = pipes(session); err == nil {
		if q.service == uploadPack && !q.v0 {
			// A server that does not accept the variable speaks version 0; its greeting tells.
			_ = session.Setenv("GIT_PROTOCOL", "version=2")
		}
		err = session.Start(q.service + " " + shellQuoted(s.path))
	}
	if err != nil {
		stop()
		session.Close()
		return nil, err
	}
	return st, nil
}

// lost tells a connection that broke from a command that ended.
func lost(ctx context.Context, err error) error {
	var missing *ssh.ExitMissingError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	case errors.As(err, &missing):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

func pipes(s *ssh.Session) (io.WriteCloser, io.Reader, error) {
	in, err := s.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := s.StdoutPipe()
	return in, out, err
}

// shellQuoted is git's own quoting of a path for the remote's shell.
func shellQuoted(path string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(path) + "'"
}

// identity remembers what became of the host key, since the library reports it
// as text.
type identity struct {
	accepted bool
	refused  error
}

// blame gives a failed handshake its kind.
func (k *identity) blame(ctx context.Context, err error) error {
	var network net.Error
	switch {
	case k.refused != nil:
		return fmt.Errorf("%w: %w", ErrIdentity, k.refused)
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	case errors.As(err, &network), errors.Is(err, io.EOF), !k.accepted:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return fmt.Errorf("%w: %w", ErrAuth, err)
}

// clientConfig reads the known hosts and the keys; done is called when the
// handshake is over.
func (s *shell) clientConfig() (config *ssh.ClientConfig, known *identity, done func(), err error) {
	check, err := knownhosts.New(s.settings.KnownHostsFile)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("read known hosts: %w", err)
	}
	auth, done, err := s.settings.auth(s.handshake)
	if err != nil {
		return nil, nil, nil, err
	}
	known = &identity{}
	return &ssh.ClientConfig{
		User:          s.user,
		Auth:          auth,
		ClientVersion: "SSH-2.0-rollback-agent",
		Timeout:       s.handshake,
		HostKeyCallback: func(host string, remote net.Addr, key ssh.PublicKey) error {
			known.refused = check(host, remote, key)
			known.accepted = known.refused == nil
			return known.refused
		},
		HostKeyAlgorithms: hostKeyAlgorithms(check, s.address),
	}, known, done, nil
}

// hostKeyAlgorithms are those of the keys on file for the host. Without them
// client and server may agree on a kind of key that is not on file, and a good
// host looks like an impostor (go-git#1551). Certificates come last, for a file
// that trusts an authority; nil if nothing is known, which the check refuses.
func hostKeyAlgorithms(check ssh.HostKeyCallback, address string) []string {
	nobody, err := ssh.NewPublicKey(ed25519.PublicKey(make([]byte, ed25519.PublicKeySize)))
	if err != nil {
		return nil
	}
	var unknown *knownhosts.KeyError
	if !errors.As(check(address, &net.TCPAddr{}, nobody), &unknown) || len(unknown.Want) == 0 {
		return nil
	}
	var all []string
	for _, k := range unknown.Want {
		algorithms := []string{k.Key.Type()}
		if k.Key.Type() == ssh.KeyAlgoRSA { // never with SHA-1
			algorithms = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
		}
		for _, a := range algorithms {
			if !slices.Contains(all, a) {
				all = append(all, a)
			}
		}
	}
	return append(all, ssh.CertAlgoED25519v01, ssh.CertAlgoECDSA256v01, ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01)
}

// auth is the key file's key, or those of the agent. An agent that waits for a finger on a token has no longer than the handshake: closing
// the connection to the server would not end the wait.
func (s SSH) auth(within time.Duration) ([]ssh.AuthMethod, func(), error) {
	if s.AgentSocket != "" {
		conn, err := net.DialTimeout("unix", s.AgentSocket, within)
		if err == nil {
			err = conn.SetDeadline(time.Now().Add(within))
		}
		if err != nil {
			return nil, nil, fmt.Errorf("ask ssh agent: %w", err)
		}
		return []ssh.AuthMethod{ssh.PublicKeysCallback(agent.NewClient(conn).Signers)}, func() { conn.Close() }, nil
	}
	pem, err := os.ReadFile(s.KeyFile)
	if err != nil {
		return nil, nil, fmt.Errorf("read ssh key: %w", err)
	}
	key, err := ssh.ParsePrivateKey(pem)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		return nil, nil, fmt.Errorf("read ssh key %s: it has a passphrase: give it to an ssh agent and name the agent's socket", s.KeyFile)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read ssh key %s: %w", s.KeyFile, err)
	}
	return []ssh.AuthMethod{ssh.PublicKeys(key)}, func() {}, nil
}
