package web

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	sessionLasts = 2 * time.Hour // whoever leaves a browser open must not leave the buttons to the next day
	sessionsMost = 1000
	secretLimit  = 16 << 10

	// The prefix makes browsers refuse a cookie that another host of the domain, or somebody on the wire, has set (RFC 6265bis, 4.1.3.2).
	secureCookie = "__Host-rollback-agent"
	plainCookie  = "rollback-agent"
)

// sessions are the persons who are signed in. They are kept in memory: who signs out is out, and a restart ends them all. The cookie is a
// random name of one, never a token.
type sessions struct {
	mu  sync.Mutex
	all map[[sha256.Size]byte]session // by the digest of what the cookie holds
}

// session says whose it is by the digest of a token's secret: a token that is taken away, or gets other scopes, changes it at once.
type session struct {
	token [sha256.Size]byte
	until time.Time
}

// begin makes a session, and returns what the cookie holds.
func (s *sessions) begin(token Token, now time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	first, firstUntil := [sha256.Size]byte{}, time.Time{}
	for id, one := range s.all {
		if !now.Before(one.until) {
			delete(s.all, id)
		} else if firstUntil.IsZero() || one.until.Before(firstUntil) {
			first, firstUntil = id, one.until
		}
	}
	if len(s.all) >= sessionsMost {
		delete(s.all, first)
	}
	if s.all == nil {
		s.all = map[[sha256.Size]byte]session{}
	}
	id := rand.Text()
	s.all[sha256.Sum256([]byte(id))] = session{token: sha256.Sum256([]byte(token.Secret)), until: now.Add(sessionLasts)}
	return id
}

func (s *sessions) find(id string, now time.Time) (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.all[sha256.Sum256([]byte(id))]
	return one, ok && now.Before(one.until)
}

func (s *sessions) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, sha256.Sum256([]byte(id)))
}

// signedIn is the token of whoever sent the request from a browser that is signed in.
func (s *server) signedIn(r *http.Request) (Token, bool) {
	one, ok := s.sessions.find(sessionID(r), time.Now())
	if !ok {
		return Token{}, false
	}
	return s.withDigest(one.token)
}

// sessionID is what the one cookie holds, "" when there is none or more than one: which one counts must not be a guess.
func sessionID(r *http.Request) string {
	cookies := append(r.CookiesNamed(secureCookie), r.CookiesNamed(plainCookie)...)
	if len(cookies) != 1 {
		return ""
	}
	return cookies[0].Value
}

// person admits whoever is signed in, from our own page only.
func (s *server) person(r *http.Request) (Token, error) {
	if err := ownForm(r); err != nil {
		return Token{}, err
	}
	token, ok := s.signedIn(r)
	if !ok {
		return Token{}, refuse(http.StatusUnauthorized, "you are not signed in, or no longer", "sign in, and do it again").with(echo.HeaderWWWAuthenticate, `Bearer realm="rollback-agent"`)
	}
	return token, nil
}

// own admits everybody who comes from our own page.
func (s *server) own(r *http.Request) (Token, error) { return Token{}, ownForm(r) }

// signInForm asks for a token.
func (s *server) signInForm(c echo.Context, _ Token) error {
	return s.show(c, http.StatusOK, "sign-in", signIn{})
}

// signIn takes the token that a person enters, once, and gives a cookie for it.
func (s *server) signIn(c echo.Context, _ Token) error {
	r := c.Request()
	r.Body = http.MaxBytesReader(c.Response(), r.Body, secretLimit)
	token, ok := s.find(strings.TrimSpace(r.PostFormValue("token")))
	if !ok {
		s.Logger.Warn("somebody could not sign in", "peer", c.RealIP())
		return s.show(c, http.StatusUnauthorized, "sign-in", signIn{Problem: "No token is like the one you entered."})
	}
	if err := token.must("read"); err != nil {
		return err
	}
	s.sessions.end(sessionID(r))
	s.forget(c)
	secure := overTLS(r)
	c.SetCookie(&http.Cookie{Name: cookieName(secure), Value: s.sessions.begin(token, time.Now()), Path: "/", MaxAge: int(sessionLasts.Seconds()),
		HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode})
	s.Logger.Info("signed in", "by", token.Name, "peer", c.RealIP())
	return c.Redirect(http.StatusSeeOther, "/")
}

// signOut ends the session.
func (s *server) signOut(c echo.Context, _ Token) error {
	s.sessions.end(sessionID(c.Request()))
	s.forget(c)
	return c.Redirect(http.StatusSeeOther, "/sign-in")
}

// forget takes the cookies back that the request brought.
func (s *server) forget(c echo.Context) {
	for _, name := range []string{secureCookie, plainCookie} {
		if len(c.Request().CookiesNamed(name)) > 0 {
			c.SetCookie(&http.Cookie{Name: name, Path: "/", MaxAge: -1, HttpOnly: true, Secure: name == secureCookie, SameSite: http.SameSiteStrictMode})
		}
	}
}

func cookieName(secure bool) string {
	if secure {
		return secureCookie
	}
	return plainCookie
}
