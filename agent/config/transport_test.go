package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/generator/slo"
)

const anyRemote = "git: {url: https://git.example.org/shop/deploy.git, branch: production}"

// keys puts files a transport may name beside the configuration, as ssh and https want them.
func keys(t *testing.T, dir string) {
	t.Helper()
	for name, mode := range map[string]os.FileMode{"key": 0o600, "open-key": 0o644, "cert": 0o644, "ca": 0o644, "hosts": 0o644} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(name), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTransports(t *testing.T) {
	half := slo.Duration(30 * 1e9)
	for name, c := range map[string]struct {
		git  string
		want func(dir string) config.Transport
	}{
		"plain": {"{url: https://git.example.org/x.git, branch: b}", func(string) config.Transport { return config.Transport{Timeout: half} }},
		"everything of https": {"{url: https://git.example.org/x.git, branch: b, credentials_file: git.token, auth: bearer, timeout: 5s, proxy: 'http://proxy:3128', " +
			"tls: {ca_file: ca, certificate_file: cert, key_file: key}}",
			func(dir string) config.Transport {
				return config.Transport{Auth: "bearer", Timeout: 5e9, Proxy: "http://proxy:3128",
					TLS: config.TLS{CAFile: dir + "/ca", CertificateFile: dir + "/cert", KeyFile: dir + "/key"}, Key: "key"}
			}},
		"ssh": {"{url: 'ssh://git@example.org:2222/x.git', branch: b, proxy: 'socks5://proxy:1080', ssh: {key_file: key, known_hosts_file: hosts}}",
			func(dir string) config.Transport {
				return config.Transport{Timeout: half, Proxy: "socks5://proxy:1080", SSH: config.SSH{KeyFile: dir + "/key", KnownHostsFile: dir + "/hosts"}, Key: "key"}
			}},
		"ssh, short, with an agent": {"{url: 'git@example.org:shop/x.git', branch: b, ssh: {agent_socket: /run/agent.sock, known_hosts_file: hosts}}",
			func(dir string) config.Transport {
				return config.Transport{Timeout: half, SSH: config.SSH{AgentSocket: "/run/agent.sock", KnownHostsFile: dir + "/hosts"}}
			}},
	} {
		dir := folder(t, replaced(t, minimal, anyRemote, "git: "+c.git), nil)
		keys(t, dir)
		got := load(t, dir).Environments[0].Git.Transport
		if diff := cmp.Diff(c.want(dir), got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

func TestTransportMistakesAreShownWhereTheyAre(t *testing.T) {
	const shell = "url: 'ssh://git@example.org/x.git', branch: b"
	const web = "url: https://example.org/x.git, branch: b"
	for _, c := range []struct{ name, git, want string }{
		{"no such way", web + ", auth: digest", `"digest" is no way to authenticate`},
		{"bearer of nothing", web + ", auth: bearer", "there is no token to be sent"},
		{"half a certificate", web + ", tls: {certificate_file: cert}", "certificate_file and key_file must be given together"},
		{"no such CA", web + ", tls: {ca_file: nowhere}", "nowhere: no such file"},
		{"open key", web + ", tls: {certificate_file: cert, key_file: open-key}", "open-key is open to everybody (mode 0644)"},
		{"TLS for http", "url: 'http://127.0.0.1/x.git', branch: b, tls: {ca_file: ca}", "this means nothing for a URL that is not https"},
		{"ssh for https", web + ", ssh: {key_file: key}", "this means nothing for an http URL"},
		{"proxy with password", web + ", proxy: 'http://me:hunter2@proxy:1'", "this is no proxy"},
		{"socks4", web + ", proxy: 'socks4://proxy:1'", `a proxy of scheme "socks4" is not spoken here`},
		{"ssh without a key", shell + ", ssh: {known_hosts_file: hosts}", "ssh.key_file or ssh.agent_socket is missing"},
		{"ssh with both", shell + ", ssh: {key_file: key, agent_socket: s, known_hosts_file: hosts}", "ssh.key_file or ssh.agent_socket is missing"},
		{"ssh without hosts", shell + ", ssh: {key_file: key}", "ssh.known_hosts_file is missing"},
		{"ssh with an open key", shell + ", ssh: {key_file: open-key, known_hosts_file: hosts}", "open-key is open to everybody"},
		{"ssh through http", shell + ", proxy: 'http://proxy:1', ssh: {key_file: key, known_hosts_file: hosts}", `a proxy of scheme "http" is not spoken here`},
		{"ssh with a token", shell + ", credentials_file: git.token, ssh: {key_file: key, known_hosts_file: hosts}", "this means nothing for an ssh URL"},
		{"ssh with a password", "url: 'ssh://git:hunter2@example.org/x.git', branch: b, ssh: {key_file: key, known_hosts_file: hosts}", "a URL must not carry a password"},
		{"no time", web + ", timeout: 0s", "must be longer than 0s"},
	} {
		dir := folder(t, replaced(t, minimal, anyRemote, "git: {"+c.git+"}"), nil)
		keys(t, dir)
		_, problems := config.Load(filepath.Join(dir, "agent.yaml"))
		if len(problems) != 1 || !strings.Contains(problems[0].Message, c.want) || problems[0].At.Line != 12 {
			t.Errorf("%s: %v, want %q", c.name, problems, c.want)
		}
		if err := problems.Err(); err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the password is repeated: %v", c.name, err)
		}
	}
}
