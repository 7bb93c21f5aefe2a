package doctor

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/release"
)

// keys looks at what the agent proves itself with. What an account may do elsewhere, no key and no token says: whoever made it must know.
func (x *Examination) keys(context.Context) {
	g := x.Environment.Git
	x.pushKey(g)
	x.signingKey(g)
}

const narrowKey = "; that it may do nothing else, on this and on other repositories, is not to be seen from here"

func (x *Examination) pushKey(g config.Git) {
	const check = "git: key"
	ssh := g.Transport.SSH
	switch {
	case ssh.KeyFile != "":
		content, err := os.ReadFile(ssh.KeyFile)
		if err != nil {
			x.found(check, release.Broken, err.Error(), "let the agent's user read it: chown and chmod 600 "+ssh.KeyFile)
			return
		}
		x.strength(check, "the deploy key "+ssh.KeyFile, string(content), narrowKey)
	case ssh.AgentSocket != "":
		x.found(check, release.Healthy, "an ssh agent at "+ssh.AgentSocket+" holds the deploy key"+narrowKey, "")
	case g.CredentialsFile == "" && g.Transport.TLS.CertificateFile == "":
		x.found(check, release.Weak, "the agent has no credentials: whoever reaches the server may push",
			"give it an account of its own: git.credentials_file")
	default:
		what := "a user and a password"
		if !strings.Contains(string(g.Credentials), ":") {
			what = "a token"
		}
		if g.CredentialsFile == "" {
			what = "a client certificate"
		}
		x.found(check, release.Healthy, "the agent pushes with "+what+narrowKey, "")
	}
}

func (x *Examination) signingKey(g config.Git) {
	const check = "git: signing key"
	switch {
	case g.SigningKeyFile != "":
		x.strength(check, "commits, tags and locks are signed with "+g.SigningKeyFile, string(g.SigningKey), "")
	case len(g.StableTags.Signers)+len(g.StableTags.Keyring) > 0:
		x.found(check, release.Weak, "stable tags must be signed, and the agent signs none: those that it makes are no targets",
			"name a key whose public half is among the signers: git.signing_key_file")
	default:
		x.found(check, release.Healthy, "nothing is signed, and no signature is asked for", "")
	}
}

func (x *Examination) strength(check, what, key, more string) {
	kind, weak, err := gitrepo.Strength([]byte(key))
	switch {
	case err != nil:
		x.found(check, release.Broken, fmt.Sprintf("%s: %v", what, err), "make one: ssh-keygen -t ed25519 -N ''")
	case weak != "":
		x.found(check, release.Weak, fmt.Sprintf("%s (%s): %s", what, kind, weak), "make a new one: ssh-keygen -t ed25519 -N ''")
	default:
		x.found(check, release.Healthy, fmt.Sprintf("%s (%s)%s", what, kind, more), "")
	}
}
