package config

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/slo"
)

// requestTimeout is as long as Alertmanager itself waits for a webhook in the generated configuration.
const requestTimeout = slo.Duration(10 * 1e9)

func (r *reader) endpoint(owner diag.Position, e endpointFile, key string) Endpoint {
	if e.At != (diag.Position{}) {
		owner = e.At
	}
	endpoint := Endpoint{URL: strings.TrimSuffix(e.URL.Value, "/"), Timeout: r.duration(e.Timeout, requestTimeout)}
	if r.required(owner, e.URL, key) {
		r.url(e.URL)
	}
	return endpoint
}

// url refuses what is no plain http address. A password in a URL would be printed wherever the URL is.
func (r *reader) url(t diag.Text) {
	u, err := url.Parse(t.Value)
	switch {
	case err != nil || u.Host == "":
		r.complain(t, "this is no URL", "write for instance https://example.org/path")
	case u.Scheme != "http" && u.Scheme != "https":
		r.complain(t, "the scheme "+quoted(u.Scheme)+" is not spoken", "use https, or http")
	case u.User != nil:
		r.complain(diag.Text{At: t.At}, "a URL must not carry a user or a password", "secrets belong into a file")
		r.problems[len(r.problems)-1].Source = "" // the line holds the secret
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		r.complain(t, "a URL must not carry a query or a fragment", "")
	}
}

// branches are those that need no quoting anywhere; package gitrepo applies git's finer rules.
var branches = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/+-]{0,199}$`)

func (r *reader) git(owner diag.Position, g gitFile) Git {
	if g.At != (diag.Position{}) {
		owner = g.At
	}
	git := Git{URL: g.URL.Value, Branch: g.Branch.Value, Author: r.author(g.Author)}
	r.transport(owner, g, &git)
	if r.required(owner, g.Branch, "git.branch") && (!branches.MatchString(git.Branch) || strings.Contains(git.Branch, "..")) {
		r.complain(g.Branch, quoted(git.Branch)+" cannot be a branch", "write the short name, as in git branch")
	}
	if g.CredentialsFile.Value != "" && !shellURL(g.URL.Value) {
		git.CredentialsFile = r.resolve(g.CredentialsFile.Value)
		git.Credentials = r.secret(g.CredentialsFile, git.CredentialsFile)
	}
	r.read(g, &git)
	r.scope(g, &git)
	r.signing(g, &git)
	return git
}

func (r *reader) author(a authorFile) Author {
	author := Author{Name: "rollback-agent", Email: "rollback-agent@localhost"}
	for _, field := range []struct {
		given diag.Text
		into  *string
	}{{a.Name, &author.Name}, {a.Email, &author.Email}} {
		if field.given.Value == "" {
			continue
		}
		if strings.ContainsAny(field.given.Value, "<>\n\r\x00") {
			r.complain(field.given, "git takes no <, > or line break in a name or an address", "")
		}
		*field.into = field.given.Value
	}
	return author
}
