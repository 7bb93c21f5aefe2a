package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/coclai/cutover/generator/diag"
)

// minToken is the least length of a token in bytes: 16 random bytes cannot be guessed over a network.
const minToken = 16

// maxSecret is far above any token; a longer file was named by mistake.
const maxSecret = 8 << 10

func (r *reader) tokens(f file) []Token {
	owner := f.Web.At
	if owner == (diag.Position{}) {
		owner = f.At
	}
	var tokens []Token
	known := identities{names: map[string]diag.Position{}, secrets: map[string]diag.Position{}, certificates: map[string]diag.Position{}}
	mayAlert, before := false, len(r.problems)
	for _, t := range f.Web.Tokens {
		token := r.token(t, known)
		token.Environments = r.bindings(t, f)
		mayAlert = mayAlert || slices.Contains(token.May, Alerts)
		tokens = append(tokens, token)
	}
	if !mayAlert && len(r.problems) == before { // else it may be one of those just complained of
		r.report(owner, 0, "no token may deliver alerts",
			"add to web.tokens: {name: alertmanager, file: alertmanager.token, may: [alerts]}")
	}
	return tokens
}

// own is who the agent's own deeds are by, in the ledger.
const own = "rollback-agent"

// bindings are the environments that a token is good for.
func (r *reader) bindings(t tokenFile, f file) []string {
	var known, bound []string
	for _, e := range f.Environments {
		known = append(known, e.Service.Value+"/"+e.Environment.Value)
	}
	for _, text := range t.Environments {
		if !slices.Contains(known, text.Value) {
			r.complain(text, quoted(text.Value)+" is no environment of this file", "one of "+strings.Join(known, ", "))
			continue
		}
		bound = append(bound, text.Value)
	}
	return bound
}

// identities are what tokens are told apart by, with the place where each was given first.
type identities struct{ names, secrets, certificates map[string]diag.Position }

func (r *reader) token(t tokenFile, known identities) Token {
	token := Token{Name: r.name(t.At, t.Name, "name"), May: r.scopes(t)}
	if token.Name == own {
		r.complain(t.Name, quoted(own)+" is the name that the agent's own deeds have in the ledger", "name the token after who uses it")
	}
	if token.Name != "" {
		r.twice(t.Name, known.names, "token "+token.Name, token.Name)
	}
	if token.Certificate = t.Certificate.Value; token.Certificate != "" {
		r.certificate(t.Certificate, known)
	}
	switch {
	case t.File.Value != "" && len(t.Files) > 0:
		r.complain(t.File, "file and files are both given", "two secrets, of which either is valid, are files: [NEW, OLD]")
	case t.File.Value != "":
		token.File = r.resolve(t.File.Value)
		token.Secrets = r.tokenSecret(token.Secrets, t.File, known)
	case len(t.Files) > 2:
		r.complain(t.Files[2], "a token has at most two secrets, the new one and the old one", "leave out those that nobody uses any more")
	case len(t.Files) == 0 && token.Certificate == "":
		r.missing(t.At, "file", "the file that holds the token's secret; or certificate: the name in a client's certificate")
	}
	for _, f := range t.Files {
		token.Files = append(token.Files, r.resolve(f.Value))
		token.Secrets = r.tokenSecret(token.Secrets, f, known)
	}
	return token
}

// certificate complains of what is no name in a certificate, or that of another token.
func (r *reader) certificate(t diag.Text, known identities) {
	if strings.IndexFunc(t.Value, func(c rune) bool { return !visible(c) }) >= 0 || len(t.Value) > 253 {
		r.complain(t, quoted(t.Value)+" cannot be a name in a certificate", "write one of its subject alternative names as openssl x509 -text shows it, without DNS:")
		return
	}
	r.twice(t, known.certificates, "this certificate", t.Value)
}

// tokenSecret adds what is in a file to the secrets of a token, unless it is complained of.
func (r *reader) tokenSecret(secrets []Secret, place diag.Text, known identities) []Secret {
	secret := r.secret(place, r.resolve(place.Value))
	if secret == "" {
		return secrets
	}
	r.twice(place, known.secrets, "this secret", string(secret))
	if n := len(secret); n < minToken {
		r.complain(place, fmt.Sprintf("the token is %d bytes long, fewer than %d", n, minToken), "openssl rand -hex 32 makes one")
	}
	return append(secrets, secret)
}

func visible(c rune) bool { return c > ' ' && c < 0x7f }

func (r *reader) scopes(t tokenFile) []Scope {
	if len(t.May) == 0 {
		r.missing(t.At, "may", "possible: "+scopeNames(", "))
	}
	var scopes []Scope
	for _, s := range t.May {
		scope := Scope(s.Value)
		if !slices.Contains(Scopes(), scope) {
			r.unknownScope(s)
			continue
		}
		scopes = append(scopes, scope)
	}
	return scopes
}

func (r *reader) unknownScope(s diag.Text) {
	hint := "possible: " + scopeNames(", ")
	if near, ok := diag.Nearest(s.Value, strings.Fields(scopeNames(" "))); ok {
		hint = "did you mean " + quoted(near) + "?"
	}
	r.complain(s, quoted(s.Value)+" is nothing a token may do", hint)
}

func scopeNames(between string) string {
	all := make([]string, 0, len(Scopes()))
	for _, s := range Scopes() {
		all = append(all, string(s))
	}
	return strings.Join(all, between)
}

// secret reads a secret from a file that nobody else can read; "" after a complaint.
func (r *reader) secret(place diag.Text, path string) Secret {
	content := r.take(place, wanted{path: path, hint: "the file holds the secret alone, on one line", most: maxSecret, private: true})
	if content == nil {
		return ""
	}
	text := strings.TrimSpace(string(content))
	switch {
	case len(content) > maxSecret:
		r.complain(place, fmt.Sprintf("%s is longer than %d bytes", path, maxSecret), "the file holds the secret alone")
	case text == "":
		r.complain(place, path+" is empty", "the file holds the secret alone, on one line")
	case strings.IndexFunc(text, func(c rune) bool { return !visible(c) }) >= 0:
		r.complain(place, path+" holds more than one word of visible ASCII", "the file holds the secret alone, on one line")
	default:
		return Secret(text)
	}
	return ""
}
