package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/coclai/cutover/agent/release"
)

// Token is a secret, or a name in a client's certificate, that opens some of the routes. Its name is the author of every deed done with it, and
// the source of every webhook. Two of one name are one person with two secrets, while they are exchanged.
type Token struct {
	Name        string
	Secret      string
	Certificate string
	May         []string // the scopes: alerts, gate, deployed, record, read, operate, approve, unlock, break_glass

	// Environments are those, as service/environment, that it is bound to; empty: all. What a bound token delivers about others is the
	// Agent's to leave without effect.
	Environments []string
}

// scopeOf says which scope an act needs.
var scopeOf = map[release.Act]string{
	release.ActStable: "operate", release.ActBaseline: "operate", release.ActRelease: "operate", release.ActPreflight: "operate",
	release.ActDeployed: "deployed", release.ActRecord: "record", release.ActGate: "gate", release.ActUnlock: "unlock",
	release.ActLast: "read", release.ActPreview: "read", release.ActRollback: "approve",
	release.ActRCA: "operate", release.ActBreak: "break_glass", release.ActApprove: "approve", release.ActCancel: "approve",
	release.ActHold: "operate", release.ActResume: "operate", release.ActKill: "operate", release.ActRevive: "operate",
	release.ActStart: "operate", release.ActDone: "operate", release.ActPause: "operate", release.ActProceed: "operate", release.ActAbort: "operate",
}

// door decides whom a route admits; the error is the answer to those it does not.
type door func(r *http.Request) (Token, error)

// open admits everybody.
func open(*http.Request) (Token, error) { return Token{}, nil }

// known admits every token; what it may do is asked later, when the request has been read.
func (s *server) known(r *http.Request) (Token, error) {
	if len(r.Header.Values("Authorization")) == 0 {
		if token, ok := s.certified(r); ok {
			return token, nil
		}
	}
	if token, ok := s.find(bearer(r)); ok {
		return token, nil
	}
	return Token{}, unauthorized("Bearer")
}

// scope admits the tokens that may do one thing.
func (s *server) scope(scope string) door {
	return func(r *http.Request) (Token, error) {
		token, err := s.known(r)
		if err != nil {
			return Token{}, err
		}
		return token, token.must(scope)
	}
}

// reader admits a browser that is signed in, and programs: as a bearer, or with the token as the password of basic authentication, whatever the
// user is called. It is for pages that change nothing.
func (s *server) reader(r *http.Request) (Token, error) {
	if token, ok := s.signedIn(r); ok {
		return token, token.must("read")
	}
	if s.OpenPage {
		return Token{}, nil
	}
	if len(r.Header.Values("Authorization")) == 0 {
		if token, ok := s.certified(r); ok {
			return token, token.must("read")
		}
	}
	secret := bearer(r)
	if _, password, ok := r.BasicAuth(); ok && len(r.Header.Values("Authorization")) == 1 {
		secret = password
	}
	token, ok := s.find(secret)
	if !ok {
		return Token{}, unauthorized("Basic")
	}
	return token, token.must("read")
}

// find looks a secret up.
func (s *server) find(secret string) (Token, bool) {
	return s.withDigest(sha256.Sum256([]byte(secret)))
}

// withDigest is the token whose secret has a digest. Every token is compared, over digests of one length, so that the time taken tells nothing
// about them.
func (s *server) withDigest(given [sha256.Size]byte) (found Token, ok bool) {
	for _, token := range s.Tokens() {
		want := sha256.Sum256([]byte(token.Secret))
		if subtle.ConstantTimeCompare(given[:], want[:]) == 1 && token.Secret != "" {
			found, ok = token, true
		}
	}
	return found, ok
}

func (t Token) must(scope string) error {
	if slices.Contains(t.May, scope) {
		return nil
	}
	return refuse(http.StatusForbidden, "token "+t.Name+" may not do this", "add "+scope+" to its `may` in the agent's file")
}

// bearer is the secret in the one Authorization header, "" when there is none or more than one: which one counts must not be a guess.
func bearer(r *http.Request) string {
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 {
		return ""
	}
	scheme, secret, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return secret
}

func unauthorized(scheme string) error {
	return refuse(http.StatusUnauthorized, "no token, or one that is not known",
		"send `Authorization: Bearer TOKEN`; the agent's file names the tokens").with(echo.HeaderWWWAuthenticate, scheme+` realm="rollback-agent"`)
}
