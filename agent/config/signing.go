package config

import (
	"fmt"
	"os"
	"strings"

	"github.com/coclai/cutover/generator/diag"
)

// scope reads the paths that a rollback puts back; package gitrepo applies git's finer rules.
func (r *reader) scope(g gitFile, git *Git) {
	first := map[string]diag.Position{}
	for _, p := range g.Paths {
		path := strings.TrimSuffix(p.Value, "/")
		if path == "" || strings.HasPrefix(path, "/") || strings.Contains("/"+path+"/", "/../") || strings.Contains("/"+path+"/", "/./") || strings.Contains(path, "//") {
			r.complain(p, quoted(p.Value)+" is no path in a repository", "write it from the top, as in services/checkout")
			continue
		}
		r.twice(p, first, "path "+path, path)
		for _, other := range git.Paths {
			if strings.HasPrefix(path, other+"/") || strings.HasPrefix(other, path+"/") {
				r.complain(p, path+" and "+other+" lie in each other", "leave the inner one out")
			}
		}
		git.Paths = append(git.Paths, path)
	}
}

// signing reads the key that signs, and those whose signature counts. What is in the files is looked at by who uses them.
func (r *reader) signing(g gitFile, git *Git) {
	if git.SigningKeyFile = r.resolve(g.SigningKeyFile.Value); git.SigningKeyFile != "" {
		content, mode := r.content(g.SigningKeyFile, git.SigningKeyFile)
		if content != nil && mode&0o077 != 0 {
			r.complain(g.SigningKeyFile, fmt.Sprintf("%s is open to others (mode %04o)", git.SigningKeyFile, mode), "chmod 600 "+git.SigningKeyFile)
		}
		git.SigningKey = Secret(content)
	}
	tags := &git.StableTags
	if tags.SignersFile = r.resolve(g.StableTags.SignersFile.Value); tags.SignersFile != "" {
		tags.Signers, _ = r.content(g.StableTags.SignersFile, tags.SignersFile)
	}
	if tags.KeyringFile = r.resolve(g.StableTags.KeyringFile.Value); tags.KeyringFile != "" {
		tags.Keyring, _ = r.content(g.StableTags.KeyringFile, tags.KeyringFile)
	}
	git.MarkerTags = r.yes(g.MarkerTags)
}

// maxKeyFile is above any ring of keys; a longer file was named by mistake.
const maxKeyFile = 4 << 20

// content reads a whole file; nil after a complaint. What others can write is no policy: whoever writes it decides what is signed well.
func (r *reader) content(place diag.Text, path string) ([]byte, os.FileMode) {
	info, err := os.Stat(path)
	if err != nil {
		r.complain(place, reason(err), "")
		return nil, 0
	}
	content, err := os.ReadFile(path)
	switch {
	case err != nil:
		r.complain(place, reason(err), "")
	case len(content) == 0 || len(content) > maxKeyFile:
		r.complain(place, fmt.Sprintf("%s is %d bytes long", path, len(content)), "it holds keys, and nothing else")
	case info.Mode()&0o022 != 0:
		r.complain(place, fmt.Sprintf("%s can be written by others (mode %04o)", path, info.Mode().Perm()), "chmod go-w "+path)
	default:
		return content, info.Mode().Perm()
	}
	return nil, 0
}
