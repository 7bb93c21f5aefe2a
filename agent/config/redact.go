package config

import (
	"cmp"
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	shortestSecret = 4  // of anything shorter, what is left of a text would tell it
	keyLine        = 32 // characters of a line of a key in PEM form: the last may be short, and tells little
)

// Redact replaces every secret of the configuration in text by ***: what a git server or a gate prints may echo one.
func (c Config) Redact(text string) string {
	for _, s := range c.secrets() {
		text = strings.ReplaceAll(text, s, mask)
	}
	return text
}

// secrets are all secrets in every form they are known to come back in, the longest first, so that none is left in part.
func (c Config) secrets() []string {
	all := dsnSecrets(string(c.Storage.DSN))
	for _, t := range c.Web.Tokens {
		for _, s := range t.Secrets {
			all = append(all, string(s))
		}
	}
	for _, e := range c.Environments {
		all = append(all, chatSecrets(string(e.Announce.Webhook))...)
		all = append(all, chatSecrets(string(e.Notify.Webhook))...)
		all = append(all, loginSecrets(string(e.Git.Credentials))...)
		all = append(all, loginSecrets(string(e.Git.Read.Credentials))...)
		all = append(all, keySecrets(string(e.Git.SigningKey))...)
		all = append(all, keySecrets(string(e.Git.Transport.Key))...)
		all = append(all, keySecrets(string(e.Git.Read.Key))...)
	}
	for _, s := range all {
		quoted := strconv.Quote(s)
		all = append(all, quoted[1:len(quoted)-1]) // as it is in a log or in JSON
	}
	all = slices.DeleteFunc(all, func(s string) bool { return len(s) < shortestSecret })
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	return slices.Compact(all)
}

// dsnPassword finds the password among key=value pairs.
var dsnPassword = regexp.MustCompile(`(?:^|\s)password\s*=\s*(?:'([^']*)'|(\S+))`)

// dsnSecrets are a DSN and the password in it.
func dsnSecrets(dsn string) []string {
	if u, err := url.Parse(dsn); err == nil && u.User != nil {
		password, _ := u.User.Password()
		_, written, _ := strings.Cut(u.User.String(), ":")
		return []string{dsn, password, written}
	}
	if found := dsnPassword.FindStringSubmatch(dsn); found != nil {
		return []string{dsn, found[1], found[2]}
	}
	return []string{dsn}
}

// chatSecrets are a chat's address, and its path alone.
func chatSecrets(address string) []string {
	u, err := url.Parse(address)
	if err != nil || len(u.RequestURI()) < minToken {
		return []string{address}
	}
	return []string{address, u.RequestURI()}
}

// loginSecrets are user:password or a token, the password alone, and both as the header of basic authentication has them.
func loginSecrets(login string) []string {
	if login == "" {
		return nil
	}
	user, password, both := strings.Cut(login, ":")
	if !both {
		user, password = "x-access-token", login // as a token is sent
	}
	return []string{login, password, base64.StdEncoding.EncodeToString([]byte(user + ":" + password))}
}

// keySecrets are the lines of a key.
func keySecrets(key string) []string {
	var all []string
	for line := range strings.Lines(key) {
		if line = strings.TrimSpace(line); len(line) >= keyLine && !strings.HasPrefix(line, "-----") {
			all = append(all, line)
		}
	}
	return all
}
