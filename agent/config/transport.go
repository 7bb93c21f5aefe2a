package config

import (
	"cmp"
	"net/url"
	"regexp"
	"strings"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/slo"
)

// Transport is how the git remote is reached, beside its URL. What does not fit the URL's scheme is refused.
type Transport struct {
	Auth    string       `yaml:"auth,omitempty"`  // how the credentials are sent: basic ("", too) or bearer
	Timeout slo.Duration `yaml:"timeout"`         // of one request, and of ssh's handshake; 30s unless given
	Proxy   string       `yaml:"proxy,omitempty"` // http://, https:// or socks5://; for ssh socks5://. "": as the environment says
	TLS     TLS          `yaml:"tls,omitempty"`
	SSH     SSH          `yaml:"ssh,omitempty"`
	Key     Secret       `yaml:"-"` // what the key file of either held when it was read: nothing that is put out may show it
}

// TLS is what https may need beyond the system's authorities.
type TLS struct {
	CAFile          string `yaml:"ca_file,omitempty"`          // more authorities
	CertificateFile string `yaml:"certificate_file,omitempty"` // ours, with its key
	KeyFile         string `yaml:"key_file,omitempty"`
}

// SSH is what an ssh URL needs: a key without passphrase or an agent, and the known hosts.
type SSH struct {
	KeyFile        string `yaml:"key_file,omitempty"`
	AgentSocket    string `yaml:"agent_socket,omitempty"`
	KnownHostsFile string `yaml:"known_hosts_file,omitempty"`
}

// gitTimeout is longer than other requests': a hook may look at what is pushed.
const gitTimeout = slo.Duration(30 * 1e9)

// scpForm is git's short form of an ssh URL: user@host:path.
var scpForm = regexp.MustCompile(`^([A-Za-z0-9._-]+@)?[A-Za-z0-9.-]+:[^/].*$`)

// transport reads how the remote is reached. Package gitrepo has the last word on URLs.
func (r *reader) transport(owner diag.Position, g gitFile, git *Git) {
	t := &git.Transport
	t.Timeout, t.Proxy = r.duration(g.Timeout, gitTimeout), g.Proxy.Value
	switch {
	case !r.required(owner, g.URL, "git.url"):
	case shellURL(g.URL.Value):
		r.shell(owner, g, t)
		r.proxy(g.Proxy, "socks5")
	default:
		r.url(g.URL)
		r.overHTTP(g, t)
		r.proxy(g.Proxy, "http", "https", "socks5")
	}
}

// shellURL says whether git would use ssh.
func shellURL(raw string) bool {
	return strings.HasPrefix(raw, "ssh://") || !strings.Contains(raw, "://") && scpForm.MatchString(raw)
}

func (r *reader) overHTTP(g gitFile, t *Transport) {
	r.unfit("an http URL", g.SSH.KeyFile, g.SSH.AgentSocket, g.SSH.KnownHostsFile)
	t.Auth = g.Auth.Value
	switch t.Auth {
	case "", "basic":
	case "bearer":
		if g.CredentialsFile.Value == "" {
			r.complain(g.Auth, "there is no token to be sent", "name its file: credentials_file")
		}
	default:
		r.complain(g.Auth, quoted(g.Auth.Value)+" is no way to authenticate", "write basic or bearer")
	}
	if !strings.HasPrefix(g.URL.Value, "https://") {
		r.unfit("a URL that is not https", g.TLS.CAFile, g.TLS.CertificateFile, g.TLS.KeyFile)
	}
	t.TLS = TLS{CAFile: r.readable(g.TLS.CAFile), CertificateFile: r.readable(g.TLS.CertificateFile), KeyFile: r.resolve(g.TLS.KeyFile.Value)}
	t.Key = r.private(g.TLS.KeyFile)
	if (g.TLS.CertificateFile.Value == "") != (g.TLS.KeyFile.Value == "") {
		r.report(g.TLS.At, 0, "certificate_file and key_file must be given together", "")
	}
}

func (r *reader) shell(owner diag.Position, g gitFile, t *Transport) {
	u, err := url.Parse(g.URL.Value)
	if _, password := passwordOf(u, err); password {
		r.complain(diag.Text{At: g.URL.At}, "a URL must not carry a password", "ssh takes a key: ssh.key_file")
		r.problems[len(r.problems)-1].Source = "" // the line holds the secret
	}
	r.unfit("an ssh URL", g.Auth, g.CredentialsFile, g.TLS.CAFile, g.TLS.CertificateFile, g.TLS.KeyFile)
	if g.SSH.At != (diag.Position{}) {
		owner = g.SSH.At
	}
	t.SSH = SSH{KeyFile: r.resolve(g.SSH.KeyFile.Value), AgentSocket: r.resolve(g.SSH.AgentSocket.Value), KnownHostsFile: r.readable(g.SSH.KnownHostsFile)}
	t.Key = r.private(g.SSH.KeyFile)
	if (t.SSH.KeyFile == "") == (t.SSH.AgentSocket == "") {
		r.missing(owner, "ssh.key_file or ssh.agent_socket", "give one of them: a private key without passphrase, or an agent's socket")
	}
	if r.resolve(g.SSH.KnownHostsFile.Value) == "" {
		r.missing(owner, "ssh.known_hosts_file", "write it with ssh-keyscan, and compare it with what the forge publishes")
	}
}

// checkouts complains when the gates of a rollback could not read what they are to check: that must not be found out at 3 a.m. Over ssh it takes
// a key, and the one that may push is not lent to them.
func (r *reader) checkouts(e environmentFile, environment Environment) {
	gates := 0
	for _, step := range environment.Plan.Rollback {
		gates += len(step.Gates)
	}
	read := environment.Git.Read
	if gates == 0 || read.Key != "" || !shellURL(cmp.Or(read.URL, environment.Git.URL)) {
		return
	}
	r.complain(e.Git.URL, "the plan's gates run on a checkout of what a rollback restores, and have no key to read it over ssh",
		"git.read: {key_file: …} with a key that may only read, or git.read: {url: https://…}")
}

func passwordOf(u *url.URL, err error) (string, bool) {
	if err != nil || u.User == nil {
		return "", false
	}
	return u.User.Password()
}

// unfit reports what was given and means nothing.
func (r *reader) unfit(what string, given ...diag.Text) {
	for _, t := range given {
		if t.Value != "" {
			r.complain(t, "this means nothing for "+what, "leave it out")
		}
	}
}

func (r *reader) proxy(t diag.Text, schemes ...string) {
	if t.Value == "" {
		return
	}
	u, err := url.Parse(t.Value)
	if err != nil || u.Host == "" || u.User != nil {
		r.complain(diag.Text{At: t.At}, "this is no proxy", "write http://host:port, without user and password")
		r.problems[len(r.problems)-1].Source = "" // the line may hold a secret
		return
	}
	for _, s := range schemes {
		if u.Scheme == s {
			return
		}
	}
	r.complain(t, "a proxy of scheme "+quoted(u.Scheme)+" is not spoken here", "use "+strings.Join(schemes, ", "))
}

// readable is the path of a file that is there.
func (r *reader) readable(t diag.Text) string {
	path := r.resolve(t.Value)
	if path != "" {
		r.take(t, wanted{path: path, most: maxKeyFile})
	}
	return path
}

// private is what a key file holds that nobody else can read.
func (r *reader) private(t diag.Text) Secret {
	path := r.resolve(t.Value)
	if path == "" {
		return ""
	}
	return Secret(r.take(t, wanted{path: path, most: maxKeyFile, private: true}))
}
