package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/coclai/cutover/agent/release"
)

const (
	deedLimit = 64 << 10
	deedTime  = 55 * time.Second // less than the server's write timeout, so that the answer still arrives
)

// deeds takes one release.Deed as JSON and answers with a release.Answer. Its author is the token.
func (s *server) deeds(c echo.Context, token Token) error {
	deed, err := readDeed(c.Request().Body)
	if err != nil {
		return err
	}
	if err := token.must(scopeOf[deed.Act]); err != nil {
		return err
	}
	return s.do(c, token, deed)
}

// gate answers a deploy job: 200 the commit may be deployed, 423 locked, 409 refused, 503 cannot tell. Anything but 200 is a no.
func (s *server) gate(c echo.Context, token Token) error {
	return s.do(c, token, release.Deed{Act: release.ActGate, Environment: c.QueryParam("environment"), Commit: c.QueryParam("commit")})
}

// do answers with what came of a deed.
func (s *server) do(c echo.Context, token Token, deed release.Deed) error {
	answer, err := s.carryOut(c, token, deed)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, answer)
}

// readDeed reads exactly one deed of a known act, and nothing it does not know.
func readDeed(body io.Reader) (release.Deed, error) {
	text, err := io.ReadAll(io.LimitReader(body, deedLimit+1))
	if err != nil {
		return release.Deed{}, refuse(http.StatusBadRequest, "the body ended early", "")
	}
	if len(text) > deedLimit {
		return release.Deed{}, refuse(http.StatusRequestEntityTooLarge, fmt.Sprintf("a deed is at most %d bytes", deedLimit), "")
	}
	var deed release.Deed
	if err := strict(text, &deed); err != nil {
		return release.Deed{}, release.Problemf(release.Invalid, "send one JSON object as in release.Deed", "the deed cannot be read: %v", err)
	}
	if scopeOf[deed.Act] == "" {
		return release.Deed{}, release.Problemf(release.Invalid, "one of "+acts(),
			"unknown act %q", string(deed.Act))
	}
	return deed, nil
}

// acts are the names of all deeds, in order.
func acts() string {
	names := make([]string, 0, len(scopeOf))
	for act := range scopeOf {
		names = append(names, string(act))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func strict(text []byte, into any) error {
	if err := Unambiguous(text); err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows it")
	}
	return nil
}
