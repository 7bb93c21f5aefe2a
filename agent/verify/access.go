package verify

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Access is how the repository is read for a checkout. It is for reading only, and not the deploy key: the git command runs as the user
// that gates run as, and what it was given could be looked at by a gate that runs at the same time.
type Access struct {
	Credentials string // for http and https: user:password, or a token alone; "": none
	Key         string // for ssh: a private key without passphrase
	KnownHosts  string // for ssh: a file
	CAFile      string // for https: authorities beyond the system's
}

// tokenUser is sent with a token alone; forges ignore it, GitHub's documentation names it.
const tokenUser = "x-access-token"

// lend puts what git may read into the scratch folder, and gives the variables that name it; taken back by the function returned, before
// any gate runs.
func (a Access) lend(s scratch) (env []string, takeBack func(), err error) {
	dir := filepath.Join(s.dir, "access")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, nil, err
	}
	takeBack = func() { _ = os.RemoveAll(dir) }
	var hosts []byte
	if a.KnownHosts != "" {
		if hosts, err = os.ReadFile(a.KnownHosts); err != nil {
			takeBack()
			return nil, nil, err
		}
	}
	key, known, config := filepath.Join(dir, "key"), filepath.Join(dir, "known_hosts"), filepath.Join(dir, "config")
	for _, f := range []struct{ path, content string }{{key, a.Key}, {known, string(hosts)}, {config, a.config()}} {
		if err := os.WriteFile(f.path, []byte(f.content), 0o600); err != nil {
			takeBack()
			return nil, nil, err
		}
	}
	if err := own(s.owner, dir, key, known, config); err != nil {
		takeBack()
		return nil, nil, err
	}
	ssh := "ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=yes"
	if a.Key != "" {
		ssh += " -o IdentitiesOnly=yes -i '" + key + "' -o UserKnownHostsFile='" + known + "'"
	}
	return []string{"GIT_CONFIG_GLOBAL=" + config, "GIT_SSH_COMMAND=" + ssh}, takeBack, nil
}

// config is a git configuration with the credentials in it: nobody can read them in a list of processes.
func (a Access) config() string {
	var b strings.Builder
	if a.Credentials != "" {
		user, password, both := strings.Cut(a.Credentials, ":")
		if !both {
			user, password = tokenUser, a.Credentials
		}
		b.WriteString("[http]\n\textraHeader = Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password)) + "\n")
	}
	if a.CAFile != "" {
		b.WriteString("[http]\n\tsslCAInfo = \"" + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(a.CAFile) + "\"\n")
	}
	return b.String()
}

func own(owner *syscall.Credential, paths ...string) error {
	if owner == nil {
		return nil
	}
	for _, p := range paths {
		if err := os.Chown(p, int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	return nil
}
