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
	names, secrets := map[string]diag.Position{}, map[string]diag.Position{}
	mayAlert, before := false, len(r.problems)
	for _, t := range f.Web.Tokens {
		token := r.token(t)
		token.Environments = r.bindings(t, f)
		if token.Name != "" {
			r.twice(t.Name, names, "token "+token.Name, token.Name)
		}
		if token.Secret != "" {
			r.twice(t.File, secrets, "this secret", string(token.Secret))
		}
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

func (r *reader) token(t tokenFile) Token {
	token := Token{Name: r.name(t.At, t.Name, "name"), May: r.scopes(t)}
	if token.Name == own {
		r.complain(t.Name, quoted(own)+" is the name that the agent's own deeds have in the ledger", "name the token after who uses it")
	}
	if !r.required(t.At, t.File, "file") {
		return token
	}
	token.File = r.resolve(t.File.Value)
	token.Secret = r.secret(t.File, token.File)
	if n := len(token.Secret); n > 0 && n < minToken {
		r.complain(t.File, fmt.Sprintf("the token is %d bytes long, fewer than %d", n, minToken), "openssl rand -hex 32 makes one")
	}
	return token
}

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
	visible := func(c rune) bool { return c > ' ' && c < 0x7f }
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
