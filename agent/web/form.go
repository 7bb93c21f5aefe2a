package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/coclai/cutover/agent/release"
)

// buttons are the deeds that the page has a form for. All others take the command, or the API.
var buttons = []release.Act{release.ActApprove, release.ActCancel, release.ActHold, release.ActResume, release.ActKill, release.ActRevive, release.ActRCA,
	release.ActUnlock, release.ActBreak, release.ActDone, release.ActPause, release.ActProceed}

// button carries out the deed of a form. The form says what the person saw: when that has changed since, nothing is done.
func (s *server) button(c echo.Context, token Token) error {
	deed, err := pressed(c)
	if err != nil {
		return err
	}
	if err := token.must(scopeOf[deed.Act]); err != nil {
		return err
	}
	answer, err := s.carryOut(c, token, deed)
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "done", outcome{Answer: answer, By: token.Name})
}

// carryOut does a deed to its end, whether or not the client still listens. Its author is the token.
func (s *server) carryOut(c echo.Context, token Token, deed release.Deed) (release.Answer, error) {
	var err error
	if deed.Environment, err = token.about(deed.Environment); err != nil {
		return release.Answer{}, err
	}
	deed.Author = token.Name
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), deedTime)
	defer cancel()
	return s.Agent.Do(ctx, deed)
}

// pressed reads the deed from a form.
func pressed(c echo.Context) (release.Deed, error) {
	r := c.Request()
	r.Body = http.MaxBytesReader(c.Response(), r.Body, deedLimit)
	if err := r.ParseForm(); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return release.Deed{}, refuse(http.StatusRequestEntityTooLarge, fmt.Sprintf("a form is at most %d bytes", deedLimit), "a longer text belongs behind a link")
		}
		return release.Deed{}, refuse(http.StatusBadRequest, "the form cannot be read", "")
	}
	field := r.PostForm.Get
	deed := release.Deed{Act: release.Act(field("act")), Environment: field("environment"), Incident: field("incident"), Item: field("item"), Expected: field("expected"),
		Reason: field("reason"), Cause: field("cause"), Link: field("link"), For: field("for"), Exonerate: field("exonerate") == "yes"}
	switch {
	case !slices.Contains(buttons, deed.Act):
		return release.Deed{}, release.Problemf(release.Invalid, "", "the page has no button %q", string(deed.Act))
	case deed.Environment == "" || deed.Expected == "":
		return release.Deed{}, release.Problemf(release.Invalid, "load the page again", "the form does not say what it is about")
	}
	return deed, nil
}
