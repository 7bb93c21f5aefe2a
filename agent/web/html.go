package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/coclai/cutover/agent/release"
)

// policy lets a page load its style and its plots, and send its forms to us; nothing else: no script, no frame. A label that got through the
// template could still do nothing.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

var (
	//go:embed pages
	pageFiles embed.FS
	//go:embed style.css
	style []byte

	pages = template.Must(template.New("pages").Funcs(template.FuncMap{"moment": Moment, "short": short, "cut": cut, "address": address, "words": words}).
		ParseFS(pageFiles, "pages/*.html"))
)

// frame is what every page has around it.
type frame struct {
	Version string
	Now     time.Time
	Title   string
	Person  string // who is signed in, "" when nobody is
	Body    any
}

// signIn is the form that asks for a token.
type signIn struct{ Problem string }

// outcome is a deed done.
type outcome struct {
	release.Answer
	By string
}

// titles are of the pages that have always the same.
var titles = map[string]string{"sign-in": "Sign in", "done": "Done", "refused": "Not done"}

// show answers with a page. It is not kept anywhere, and where it is sent from is told to nobody but us: forms need that.
func (s *server) show(c echo.Context, status int, name string, body any) error {
	f := frame{Version: s.Version, Now: time.Now(), Title: titles[name], Body: body}
	if titled, ok := body.(page); ok {
		f.Title = titled.title()
	}
	if x, ok := body.(incidentPage); ok {
		f.Title = "Incident " + x.Incident
	}
	if token, ok := s.signedIn(c.Request()); ok {
		f.Person = token.Name
	}
	var html bytes.Buffer
	if err := pages.ExecuteTemplate(&html, name, f); err != nil {
		return fmt.Errorf("write page %s: %w", name, err)
	}
	header := c.Response().Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	return c.HTML(status, Plain(html.String()))
}

// address is text as a link, "" when it is none that a page may have: http and https only.
func address(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return u.String()
}
