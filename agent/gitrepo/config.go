package gitrepo

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// tokenUser is the user name sent with a bare token; forges ignore it, GitHub's
// and GitLab's documentation suggest names like this one.
const tokenUser = "x-access-token"

const defaultTimeout = 30 * time.Second

// Config says which remote, which branch and in whose name.
type Config struct {
	// URL is https://forge/team/app.git, http://…, ssh://user@forge/team/app.git or
	// user@forge:team/app.git, without password, query or fragment. An ssh URL
	// without a user means the user git.
	URL    string
	Branch string // the deploy branch, short: production

	// CredentialsFile, over http(s), holds one line, "user:password" or a bare
	// token, which is sent as the password of user "x-access-token" (HTTP basic). It
	// is read anew for every request, so rotation needs no restart. Empty:
	// anonymous. Over plain http credentials go to a loopback address only.
	CredentialsFile string
	Bearer          bool // the line is sent as it is, as "Authorization: Bearer"

	// Redact takes out of what the remote says what others have given to the same server; what we sent is taken out anyway. nil: nothing more.
	Redact func(string) string `json:"-"`

	TLS   TLS
	SSH   SSH
	Proxy string // http(s): http://, https:// or socks5://; ssh: socks5://. Empty: as the environment says

	Key     *Key     // signs commits, tags and lock records; nil: nothing is signed
	Signers *Signers // whose signature a tag must bear; nil: none is asked for
	Floor   Floor    // what no tag may lead back to

	Author  Identity      // author and committer of commits, tagger of tags
	Timeout time.Duration // of one request, its answer included, and of ssh's handshake; zero: 30 s
}

// Floor keeps what has a known hole from being restored. Its zero value forbids nothing.
type Floor struct {
	Refused   []string  // short names of tags, and ids of commits
	NotBefore time.Time // a tag's commit must not be older, by its committer's date; zero: any may be
}

// admits refuses a tag with ErrForbidden.
func (f Floor) admits(name string, c Commit) error {
	if err := f.admitsName(name, c.ID); err != nil {
		return err
	}
	if c.Committed.Before(f.NotBefore) {
		return fmt.Errorf("%w: commit %s is of %s, older than %s", ErrForbidden, c.ID.Short(), c.Committed.Format(time.RFC3339), f.NotBefore.Format(time.RFC3339))
	}
	return nil
}

func (f Floor) admitsName(name string, id ID) error {
	for _, refused := range []string{name, string(id)} {
		if slices.Contains(f.Refused, refused) {
			return fmt.Errorf("%w: %s is refused by name", ErrForbidden, refused)
		}
	}
	return nil
}

// TLS is what https may need beyond the system's authorities.
type TLS struct {
	CAFile                   string // more authorities, PEM; read once
	CertificateFile, KeyFile string // ours, PEM; read for every connection
}

// SSH is what an ssh URL needs: one of key file and agent, and the known hosts.
// All are read for every connection.
type SSH struct {
	KeyFile        string // a private key without passphrase
	AgentSocket    string // of an ssh agent: what SSH_AUTH_SOCK would hold
	KnownHostsFile string // as ssh-keyscan writes it; a host not in it is refused
}

// Identity is a name and an address as git writes them.
type Identity struct{ Name, Email string }

// String is git's form: Name <email>.
func (i Identity) String() string { return i.Name + " <" + i.Email + ">" }

func (i Identity) validate() error {
	for _, s := range []string{i.Name, i.Email} {
		if s == "" || len(s) > maxName || s != strings.TrimSpace(s) || strings.ContainsAny(s, "<>") || s != printable(s) || strings.Contains(s, "\n") {
			return fmt.Errorf("identity %q: want a name and an address without <, > and control characters", i)
		}
	}
	return nil
}

// transport checks how c would reach the remote, and makes it ready.
func (c Config) transport() (transport, error) {
	u, err := parseURL(c.URL)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "ssh" {
		if err := errors.Join(c.checkShell(), checkPath(u.Path)); err != nil {
			return nil, err
		}
		return newShell(c, u)
	}
	if err := c.checkWeb(u); err != nil {
		return nil, err
	}
	return newWeb(c)
}

// scpForm is user@host:path, which git takes for ssh.
var scpForm = regexp.MustCompile(`^(?:([A-Za-z0-9._-]+)@)?([A-Za-z0-9.-]+):([^/].*|/[^/].*)$`)

// parseURL never repeats the address: it may hold a password by mistake.
func parseURL(raw string) (*url.URL, error) {
	if m := scpForm.FindStringSubmatch(raw); m != nil && !strings.Contains(raw, "://") {
		return &url.URL{Scheme: "ssh", User: url.User(m[1]), Host: m[2], Path: m[3]}, nil
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "":
		return nil, errors.New("remote URL is not of the form https://host/path, ssh://user@host/path or user@host:path")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("remote URL has a query or a fragment")
	case u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "ssh":
		return nil, fmt.Errorf("remote URL scheme %q: only https, http and ssh are spoken", u.Scheme)
	}
	if _, password := u.User.Password(); password || u.User != nil && u.Scheme != "ssh" {
		return nil, errors.New("remote URL has user info: put it in the credentials file")
	}
	return u, nil
}

// checkPath refuses what the remote's git would take for an option.
func checkPath(path string) error {
	if strings.Trim(path, "/") == "" || strings.HasPrefix(path, "-") || strings.ContainsAny(path, "\n\r\x00") {
		return fmt.Errorf("remote URL path %.80q: want a repository's", path)
	}
	return nil
}

func (c Config) checkWeb(u *url.URL) error {
	switch {
	case c.SSH != SSH{}:
		return errors.New("ssh settings for an http URL")
	case (c.TLS.CertificateFile == "") != (c.TLS.KeyFile == ""):
		return errors.New("a client certificate and its key must be given together")
	case c.TLS != TLS{} && u.Scheme != "https":
		return errors.New("TLS settings for a URL that is not https")
	case c.Bearer && c.CredentialsFile == "":
		return errors.New("bearer authentication without a credentials file")
	case u.Scheme == "http" && c.CredentialsFile != "" && !loopback(u.Hostname()):
		return errors.New("credentials over plain http to another machine: use https")
	}
	return checkProxy(c.Proxy, "http", "https", "socks5")
}

func (c Config) checkShell() error {
	switch {
	case c.CredentialsFile != "" || c.Bearer || c.TLS != TLS{}:
		return errors.New("http credentials or TLS settings for an ssh URL: it takes a key file or an agent")
	case (c.SSH.KeyFile == "") == (c.SSH.AgentSocket == ""):
		return errors.New("an ssh URL takes either a key file or an agent's socket")
	case c.SSH.KnownHostsFile == "":
		return errors.New("an ssh URL takes a known hosts file: ssh-keyscan writes one, to be compared with what the forge publishes")
	}
	return checkProxy(c.Proxy, "socks5")
}

func checkProxy(raw string, schemes ...string) error {
	if raw == "" {
		return nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil {
		return errors.New("proxy is not of the form http://host:port, without user")
	}
	for _, s := range schemes {
		if u.Scheme == s {
			return nil
		}
	}
	return fmt.Errorf("proxy of scheme %q: want one of %s", u.Scheme, strings.Join(schemes, ", "))
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
