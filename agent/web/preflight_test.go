package web

import (
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// rehearsed is a view with a preflight in each of two environments; the later one is of commit bbbb.
func rehearsed() View {
	one := func(name, id, commit string, at time.Time) *rollback.Environment {
		return &rollback.Environment{Name: name, Preflights: []*release.Preflight{{ID: id, Commit: commit, Started: at, By: "kim"}}}
	}
	return View{
		State: rollback.State{Environments: map[string]*rollback.Environment{
			"checkout/production": one("checkout/production", "pf-1", "aaaa", t0), "checkout/staging": one("checkout/staging", "pf-2", "bbbb", t0.Add(time.Hour))}},
		Rehearse: func(environment string, p release.Preflight) Rehearsal {
			return Rehearsal{Environment: environment, Preflight: p, Record: "record of " + p.ID + " \x1b[2J"}
		},
	}
}

func TestAPreflightIsFoundByItsEnvironmentItsIdAndItsCommit(t *testing.T) {
	for query, want := range map[string]struct {
		status int
		text   string
	}{
		"":                                 {200, `"id":"pf-2"`},
		"?environment=checkout/production": {200, `"id":"pf-1"`},
		"?commit=aaaa":                     {200, `"environment":"checkout/production"`},
		"?id=pf-1":                         {200, `"id":"pf-1"`},
		"?id=pf-3":                         {400, "there is no preflight pf-3"},
		"?id=pf-1&commit=bbbb":             {400, "there is no preflight pf-1 of commit bbbb"},
		"?environment=other":               {400, "there is no preflight in other"},
	} {
		response, body := send(t, serving(t, &memory{view: rehearsed()}), sent{"GET", "/api/v1/preflight" + query, with(kimToken), ""})
		if response.StatusCode != want.status || !strings.Contains(body, want.text) {
			t.Errorf("%s: %d %s, want %d with %s", query, response.StatusCode, body, want.status, want.text)
		}
	}
}

func TestTheRecordIsTextThatMovesNoCursor(t *testing.T) {
	server := serving(t, &memory{view: rehearsed()})
	response, body := send(t, server, sent{"GET", "/preflight/pf-1", with(kimToken), ""})
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/plain; charset=utf-8" || body != "record of pf-1 ⟨U+001B⟩[2J" {
		t.Errorf("%d %s %q", response.StatusCode, response.Header.Get("Content-Type"), body)
	}
	if response, _ := send(t, server, sent{"GET", "/preflight/pf-1", nil, ""}); response.StatusCode != 401 {
		t.Errorf("without a token: %d", response.StatusCode)
	}
	if response, _ := send(t, server, sent{"POST", "/preflight/pf-1", with(kimToken), ""}); response.StatusCode != 405 {
		t.Errorf("POST: %d", response.StatusCode)
	}
}
