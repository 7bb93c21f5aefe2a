package web

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/coclai/cutover/agent/release"
)

// Refusal is the body of every answer that is no.
type Refusal struct {
	Kind    release.Kind `json:"kind,omitempty"` // of the problem, "" for what never reached the agent
	Message string       `json:"message"`
	Hint    string       `json:"hint,omitempty"`
}

// statusOf is the one place where kinds of problems become statuses. Alertmanager sends again after 5xx and gives up after 4xx.
var statusOf = map[release.Kind]int{
	release.Invalid:     http.StatusBadRequest,
	release.Refused:     http.StatusConflict,
	release.Locked:      http.StatusLocked,
	release.Undecided:   http.StatusServiceUnavailable,
	release.Unavailable: http.StatusServiceUnavailable,
}

// rejection is an answer other than yes, on its way to the client.
type rejection struct {
	Refusal
	status int
	header map[string]string
	cause  error // for the log only
}

// Error is the message.
func (r *rejection) Error() string { return r.Message }

func (r *rejection) with(header, value string) *rejection {
	r.header = map[string]string{header: value}
	return r
}

func refuse(status int, message, hint string) *rejection {
	return &rejection{status: status, Refusal: Refusal{Message: message, Hint: hint}}
}

// rejectionOf makes an answer of any error. What is not classified is our own fault: its text stays in the log.
func rejectionOf(err error) *rejection {
	if r, ok := errors.AsType[*rejection](err); ok {
		return r
	}
	if p, ok := errors.AsType[*release.Problem](err); ok && statusOf[p.Kind] != 0 {
		return &rejection{status: statusOf[p.Kind], Refusal: Refusal{Kind: p.Kind, Message: message(p), Hint: p.Hint}, cause: err}
	}
	if h, ok := errors.AsType[*echo.HTTPError](err); ok {
		return refuse(h.Code, http.StatusText(h.Code), "")
	}
	r := refuse(http.StatusInternalServerError, "the agent met an error of its own", "its log says more")
	r.cause = err
	return r
}

func message(p *release.Problem) string {
	if p.Cause == nil {
		return p.Message
	}
	return p.Message + ": " + p.Cause.Error()
}

// answer is echo's error handler: every error becomes JSON, or a page for who reads pages.
func (s *server) answer(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	r := rejectionOf(err)
	if r.status == http.StatusInternalServerError {
		s.Logger.Error("request failed", "path", c.Request().URL.Path, "err", r.cause)
	}
	for name, value := range r.header {
		c.Response().Header().Set(name, value)
	}
	write := func() error { return c.JSON(r.status, r.Refusal) }
	if readsPages(c.Request()) {
		write = func() error { return s.refusalPage(c, r) }
	}
	if err := write(); err != nil {
		s.Logger.Debug("answer not written", "path", c.Request().URL.Path, "err", err)
	}
}

// readsPages says whether a browser asked, and for something that is a page.
func readsPages(r *http.Request) bool {
	path := r.URL.Path
	return strings.Contains(r.Header.Get(echo.HeaderAccept), echo.MIMETextHTML) && !strings.HasPrefix(path, "/api/") && !strings.HasPrefix(path, "/-/")
}

// refusalPage says no to a browser. Who is not signed in gets the form; and a browser that follows a link from elsewhere, such as a chat, keeps
// its cookie to itself (SameSite=Strict), so that it is told to ask again, from our own page.
func (s *server) refusalPage(c echo.Context, r *rejection) error {
	if r.status != http.StatusUnauthorized {
		return s.show(c, r.status, "refused", r)
	}
	header := c.Response().Header()
	header.Set(echo.HeaderWWWAuthenticate, `Bearer realm="rollback-agent"`) // Basic would open a dialogue before the form
	if c.Request().Method == http.MethodGet && c.Request().Header.Get("Sec-Fetch-Site") == "cross-site" {
		header.Set("Refresh", "0")
	}
	form := signIn{}
	if c.Request().Method != http.MethodGet {
		form.Problem = r.Message + ": " + r.Hint
	}
	return s.show(c, r.status, "sign-in", form)
}
