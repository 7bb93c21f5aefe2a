package config

import (
	"fmt"
	"strings"
	"time"

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
		git.SigningKey = Secret(r.keys(g.SigningKeyFile, git.SigningKeyFile, true))
	}
	tags := &git.StableTags
	if tags.SignersFile = r.resolve(g.StableTags.SignersFile.Value); tags.SignersFile != "" {
		tags.Signers = r.keys(g.StableTags.SignersFile, tags.SignersFile, false)
	}
	if tags.KeyringFile = r.resolve(g.StableTags.KeyringFile.Value); tags.KeyringFile != "" {
		tags.Keyring = r.keys(g.StableTags.KeyringFile, tags.KeyringFile, false)
	}
	git.MarkerTags = r.yes(g.MarkerTags)
	r.floor(g.StableTags, tags)
}

// floor reads what must not be gone back to.
func (r *reader) floor(given stableTags, tags *StableTags) {
	for _, t := range given.Refuse {
		if !branches.MatchString(t.Value) {
			r.complain(t, quoted(t.Value)+" is neither a tag nor a commit", "write the tag's short name, or all 40 digits of the commit")
		}
		tags.Refuse = append(tags.Refuse, t.Value)
	}
	if tags.NotBefore = given.NotBefore.Value; tags.NotBefore == "" {
		return
	}
	var err error
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if tags.Floor, err = time.Parse(layout, tags.NotBefore); err == nil {
			return
		}
	}
	r.complain(given.NotBefore, quoted(tags.NotBefore)+" is no date", "write 2026-03-01, or 2026-03-01T12:00:00+09:00")
}

// maxKeyFile is above any ring of keys; a longer file was named by mistake.
const maxKeyFile = 4 << 20

// keys reads a file of keys; nil after a complaint. Whoever can write a list of signers decides what is signed well.
func (r *reader) keys(place diag.Text, path string, private bool) []byte {
	content := r.take(place, wanted{path: path, most: maxKeyFile, private: private})
	if content != nil && (len(content) == 0 || len(content) > maxKeyFile) {
		r.complain(place, fmt.Sprintf("%s is %d bytes long", path, len(content)), "it holds keys, and nothing else")
		return nil
	}
	return content
}
