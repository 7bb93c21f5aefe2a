package web

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/release"
)

func TestAWebhookIsAnsweredWithItsPlaceInTheLedger(t *testing.T) {
	m := &memory{}
	server := serving(t, m)
	body := `{"version":"4","alerts":[]}` + "\n"
	response, got := send(t, server, sent{"POST", "/api/v1/alerts", with(alertsToken), body})
	if response.StatusCode != 200 || strings.TrimSpace(got) != `{"ledger_seq":1,"disposition":"received"}` {
		t.Errorf("%d %s", response.StatusCode, got)
	}
	if len(m.received) != 1 || m.received[0].source != "alertmanager" || string(m.received[0].body) != body {
		t.Errorf("the agent was given %q; want the body byte for byte and the token's name as its source", m.received)
	}
}

func TestAWebhookThatCannotBeReadIsUnprocessable(t *testing.T) {
	server := serving(t, &memory{})
	response, body := send(t, server, sent{"POST", "/api/v1/alerts", with(alertsToken), `nonsense`})
	var r Refusal
	if err := json.Unmarshal([]byte(body), &r); err != nil || response.StatusCode != 422 || r.Kind != release.Invalid {
		t.Errorf("%d %s (%v); want 422 and kind invalid", response.StatusCode, body, err)
	}
}

// A body over the limit reaches the agent, which must page somebody, but never whole, and never as a success.
func TestAWebhookOverTheLimitIsTooLarge(t *testing.T) {
	m := &memory{}
	server := serving(t, m)
	for size, want := range map[int]int{BodyLimit: 200, BodyLimit + 1: 413, BodyLimit + 4096: 413} {
		m.received = nil
		body := `{}` + strings.Repeat(" ", size-2)
		response, _ := send(t, server, sent{"POST", "/api/v1/alerts", with(alertsToken), body})
		if response.StatusCode != want {
			t.Errorf("%d bytes: %d, want %d", size, response.StatusCode, want)
		}
		if len(m.received) != 1 || len(m.received[0].body) != min(size, BodyLimit+1) {
			t.Errorf("%d bytes: the agent was not given them up to one byte after the limit", size)
		}
	}
	m.fails = release.Problemf(release.Unavailable, "", "disk full")
	response, _ := send(t, server, sent{"POST", "/api/v1/alerts", with(alertsToken), strings.Repeat(" ", BodyLimit+1)})
	if response.StatusCode != 503 {
		t.Errorf("too large and not durable: %d, want 503", response.StatusCode)
	}
}

func TestABodyThatEndsEarlyReachesNobody(t *testing.T) {
	m := &memory{}
	server := serving(t, m)
	request, err := http.NewRequest("POST", server.URL+"/api/v1/alerts", io.MultiReader(bytes.NewReader([]byte(`{"a`)), failing{}))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = with(alertsToken)
	if response, err := http.DefaultClient.Do(request); err == nil {
		response.Body.Close()
		t.Errorf("a request that was cut off was answered %d", response.StatusCode)
	}
	server.Close() // waits for the handler
	if len(m.received) != 0 {
		t.Errorf("the agent was given %q", m.received)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestADeedHasTheTokenAsItsAuthor(t *testing.T) {
	m := &memory{}
	server := serving(t, m)
	response, body := send(t, server, sent{"POST", "/api/v1/deeds", with(kimToken),
		`{"act":"unlock","environment":"checkout/production","cause":"an index was dropped"}`})
	if response.StatusCode != 200 || !strings.Contains(body, `"message":"done"`) {
		t.Fatalf("%d %s", response.StatusCode, body)
	}
	want := release.Deed{Act: release.ActUnlock, Environment: "checkout/production", Author: "kim", Cause: "an index was dropped"}
	if diff := cmp.Diff(want, m.deeds[0]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestADeedIsDoneAlthoughTheClientIsGone(t *testing.T) {
	m := &memory{}
	gone, leave := context.WithCancel(t.Context())
	leave()
	request := httptest.NewRequestWithContext(gone, "POST", "/api/v1/deeds", strings.NewReader(`{"act":"release","commit":"c"}`))
	request.Header = with(kimToken)
	New(optionsFor(m)).ServeHTTP(httptest.NewRecorder(), request)
	if len(m.deeds) != 1 || m.ended != nil {
		t.Errorf("%d deeds, with the context %v; want one whose context still lives", len(m.deeds), m.ended)
	}
}

func TestADeedIsReadStrictly(t *testing.T) {
	m := &memory{}
	server := serving(t, m)
	for body, want := range map[string]int{
		``:                                 400,
		`[]`:                               400,
		`{"act":"stable","branch":"main"}`: 400,
		`{"act":"stable","author":"ci"}`:   400,
		`{"act":"stable","Author":"ci"}`:   400,
		`{"act":"stable"}{"act":"unlock"}`: 400,
		`{"act":"rolback"}`:                400,
		`{}`:                               400,
		`{"act":"stable"}` + strings.Repeat(" ", 64<<10): 413,
	} {
		response, answer := send(t, server, sent{"POST", "/api/v1/deeds", with(kimToken), body})
		if response.StatusCode != want {
			t.Errorf("%.60s: %d, want %d\n%s", body, response.StatusCode, want, answer)
		}
	}
	if len(m.deeds) != 0 {
		t.Errorf("these deeds were done: %+v", m.deeds)
	}
}

func TestHistoryBoundsItsLimit(t *testing.T) {
	server := serving(t, &memory{})
	for limit, want := range map[string]int{"": 200, "1": 200, "1000": 200, "0": 400, "-1": 400, "1001": 400, "many": 400} {
		response, body := send(t, server, sent{"GET", "/api/v1/history?limit=" + limit, with(kimToken), ""})
		if response.StatusCode != want {
			t.Errorf("limit %q: %d, want %d\n%s", limit, response.StatusCode, want, body)
		}
	}
}
