package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// mighty is kim with every scope.
func mighty() []Token {
	return []Token{{Name: "kim", Secret: kimToken, May: []string{"read", "operate", "approve", "unlock", "break_glass"}}}
}

// fromPage are the headers of a browser that sends a form of our own page.
func fromPage(server *httptest.Server, session *http.Cookie) http.Header {
	h := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {server.URL}, "Sec-Fetch-Site": {"same-origin"}, "Accept": {"text/html"}}
	if session != nil {
		h.Set("Cookie", session.Name+"="+session.Value)
	}
	return h
}

func cookie(c *http.Cookie) http.Header {
	return http.Header{"Cookie": {c.Name + "=" + c.Value}, "Accept": {"text/html"}}
}

func signInAs(t *testing.T, server *httptest.Server, token string) *http.Cookie {
	t.Helper()
	response, body := send(t, server, sent{"POST", "/session", fromPage(server, nil), url.Values{"token": {token}}.Encode()})
	if response.StatusCode != http.StatusSeeOther || response.Header.Get("Location") != "/" || len(response.Cookies()) != 1 {
		t.Fatalf("sign in: %d to %q, cookies %v\n%s", response.StatusCode, response.Header.Get("Location"), response.Cookies(), body)
	}
	return response.Cookies()[0]
}

func TestTheCookieIsNoTokenAndStaysInTheBrowser(t *testing.T) {
	server := serving(t, &memory{view: View{State: rolledBack()}})
	c := signInAs(t, server, kimToken)
	if c.Name != plainCookie || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || c.MaxAge <= 0 || c.MaxAge > 7200 || c.Secure {
		t.Errorf("%+v", c)
	}
	_, body := send(t, server, sent{"GET", "/", cookie(c), ""})
	if strings.Contains(c.Value+body, kimToken) || !strings.Contains(body, "Sign out") || strings.Contains(body, c.Value) {
		t.Error("the cookie or the page holds the token, or the page does not know who is signed in")
	}
	tls := fromPage(server, c)
	tls.Set("Origin", "https://agent.example.org") // as a browser sends it to a proxy that speaks TLS
	response, _ := send(t, server, sent{"POST", "/session", tls, url.Values{"token": {kimToken}}.Encode()})
	set := response.Cookies()
	if len(set) != 2 || set[0].MaxAge != -1 || !set[1].Secure || !strings.HasPrefix(set[1].Name, "__Host-") {
		t.Errorf("behind TLS: %v", set)
	}
	if response, _ := send(t, server, sent{"GET", "/", cookie(c), ""}); response.StatusCode != 401 {
		t.Errorf("the session before the new one: %d, want 401", response.StatusCode)
	}
}

func TestWhoCannotSignInIsToldWhy(t *testing.T) {
	server := serving(t, &memory{})
	for token, want := range map[string]int{"guess": 401, "": 401, ciToken: 403, alertsToken: 403} {
		response, body := send(t, server, sent{"POST", "/session", fromPage(server, nil), url.Values{"token": {token}}.Encode()})
		if response.StatusCode != want || len(response.Cookies()) != 0 || token != "" && strings.Contains(body, token) {
			t.Errorf("%q: %d, cookies %v, want %d\n%s", token, response.StatusCode, response.Cookies(), want, body)
		}
	}
}

func TestASessionEnds(t *testing.T) {
	tokens := someTokens()
	m := &memory{view: View{State: rolledBack()}}
	server := serving(t, m, func(o *Options) { o.Tokens = func() []Token { return tokens } })
	out, gone := signInAs(t, server, kimToken), signInAs(t, server, kimToken)
	if response, _ := send(t, server, sent{"POST", "/sign-out", fromPage(server, out), ""}); response.StatusCode != 303 || response.Cookies()[0].MaxAge != -1 {
		t.Errorf("sign out: %d, %v", response.StatusCode, response.Cookies())
	}
	if response, _ := send(t, server, sent{"GET", "/", cookie(out), ""}); response.StatusCode != 401 {
		t.Errorf("signed out: %d, want 401", response.StatusCode)
	}
	tokens = tokens[:2]
	if response, _ := send(t, server, sent{"GET", "/", cookie(gone), ""}); response.StatusCode != 401 {
		t.Errorf("with a token that was taken away: %d, want 401", response.StatusCode)
	}
	var s sessions
	now := time.Now()
	id := s.begin(Token{Secret: kimToken}, now)
	if _, ok := s.find(id, now.Add(sessionLasts)); ok {
		t.Error("a session goes on for ever")
	}
	for range sessionsMost + 5 {
		s.begin(Token{Secret: kimToken}, now.Add(time.Second))
	}
	if _, ok := s.find(id, now); ok || len(s.all) != sessionsMost {
		t.Errorf("%d sessions are kept, the oldest: %v", len(s.all), ok)
	}
}

// pressing is the form of a button, as the page of the state has it.
func pressing(act release.Act, incident string) url.Values {
	e := rolledBack().Environments["checkout/production"]
	return url.Values{"act": {string(act)}, "environment": {e.Name}, "incident": {incident}, "cause": {"a migration dropped an index"},
		"expected": {e.Mark(release.Deed{Act: act, Incident: incident})}}
}

const locking = "inc-20260301T020000Z-bbbbbbbb"

func TestAButtonIsADeedOfWhoIsSignedIn(t *testing.T) {
	m := &memory{view: View{State: rolledBack()}}
	server := serving(t, m)
	c := signInAs(t, server, kimToken)
	form := pressing(release.ActRCA, locking)
	form.Set("author", "lee")
	response, body := send(t, server, sent{"POST", "/deed", fromPage(server, c), form.Encode()})
	if response.StatusCode != 200 || !strings.Contains(body, "Recorded as a deed of kim") || response.Header.Get("Content-Security-Policy") != policy {
		t.Fatalf("%d\n%s", response.StatusCode, body)
	}
	want := release.Deed{Act: release.ActRCA, Environment: "checkout/production", Author: "kim", Incident: locking, Cause: form.Get("cause"), Expected: form.Get("expected")}
	if len(m.deeds) != 1 || m.deeds[0].Author != want.Author || m.deeds[0].Cause != want.Cause || m.deeds[0].Expected != want.Expected || m.deeds[0].Incident != locking {
		t.Errorf("%+v", m.deeds)
	}
}

// TestNobodyElsePressesAButton holds E1 of the threats: what a foreign page, a program with a cookie, or a form that says too little can send.
func TestNobodyElsePressesAButton(t *testing.T) {
	m := &memory{view: View{State: rolledBack()}}
	server := serving(t, m)
	c := signInAs(t, server, kimToken)
	form := pressing(release.ActRCA, locking)
	without := func(name string) string {
		f := url.Values{}
		for k, v := range form {
			if k != name {
				f[k] = v
			}
		}
		return f.Encode()
	}
	set := func(name, value string) http.Header {
		h := fromPage(server, c)
		if value == "" {
			h.Del(name)
		} else {
			h.Set(name, value)
		}
		return h
	}
	bare := set("Sec-Fetch-Site", "")
	bare.Del("Origin")
	elsewhere := set("Sec-Fetch-Site", "")
	elsewhere.Set("Origin", "http://evil.example")
	null := set("Sec-Fetch-Site", "")
	null.Set("Origin", "null")
	noCookie := fromPage(server, nil)
	basically := fromPage(server, nil)
	basically.Set("Authorization", basic("kim", kimToken).Get("Authorization"))
	twice := fromPage(server, c)
	twice.Add("Cookie", c.Name+"=other")
	for name, r := range map[string]struct {
		sent sent
		want int
	}{
		"cross-site":               {sent{"POST", "/deed", set("Sec-Fetch-Site", "cross-site"), form.Encode()}, 403},
		"another port":             {sent{"POST", "/deed", set("Sec-Fetch-Site", "same-site"), form.Encode()}, 403},
		"typed":                    {sent{"POST", "/deed", set("Sec-Fetch-Site", "none"), form.Encode()}, 403},
		"an older browser's":       {sent{"POST", "/deed", elsewhere, form.Encode()}, 403},
		"of no origin":             {sent{"POST", "/deed", null, form.Encode()}, 403},
		"neither header":           {sent{"POST", "/deed", bare, form.Encode()}, 403},
		"JSON as text":             {sent{"POST", "/deed", set("Content-Type", "text/plain"), `{"act":"rca","incident":"` + locking + `","cause":"x"}`}, 415},
		"JSON":                     {sent{"POST", "/deed", set("Content-Type", "application/json"), `{"act":"rca"}`}, 415},
		"GET":                      {sent{"GET", "/deed?" + form.Encode(), cookie(c), ""}, 405},
		"HEAD":                     {sent{"HEAD", "/deed?" + form.Encode(), cookie(c), ""}, 405},
		"in the query":             {sent{"POST", "/deed?" + form.Encode(), fromPage(server, c), ""}, 400},
		"no session":               {sent{"POST", "/deed", noCookie, form.Encode()}, 401},
		"a password":               {sent{"POST", "/deed", basically, form.Encode()}, 401},
		"two cookies":              {sent{"POST", "/deed", twice, form.Encode()}, 401},
		"a cookie at the API":      {sent{"POST", "/api/v1/deeds", cookie(c), `{"act":"kill"}`}, 401},
		"nothing seen":             {sent{"POST", "/deed", fromPage(server, c), without("expected")}, 400},
		"no environment":           {sent{"POST", "/deed", fromPage(server, c), without("environment")}, 400},
		"an act without button":    {sent{"POST", "/deed", fromPage(server, c), strings.Replace(form.Encode(), "act=rca", "act=release", 1)}, 400},
		"not in the token's scope": {sent{"POST", "/deed", fromPage(server, c), strings.Replace(form.Encode(), "act=rca", "act=approve", 1)}, 403},
		"too long":                 {sent{"POST", "/deed", fromPage(server, c), form.Encode() + "&x=" + strings.Repeat("x", deedLimit)}, 413},
		"foreign sign-in":          {sent{"POST", "/session", set("Sec-Fetch-Site", "cross-site"), "token=" + kimToken}, 403},
		"foreign sign-out":         {sent{"POST", "/sign-out", set("Sec-Fetch-Site", "cross-site"), ""}, 403},
	} {
		if response, body := send(t, server, r.sent); response.StatusCode != r.want {
			t.Errorf("%s: %d, want %d\n%s", name, response.StatusCode, r.want, body)
		}
	}
	if len(m.deeds) != 0 {
		t.Errorf("done: %+v", m.deeds)
	}
	older := set("Sec-Fetch-Site", "")
	if response, _ := send(t, server, sent{"POST", "/deed", older, form.Encode()}); response.StatusCode != 200 {
		t.Errorf("our own page in a browser that says only Origin: %d", response.StatusCode)
	}
}

func TestARefusalIsAPageForABrowser(t *testing.T) {
	m := &memory{view: View{State: rolledBack()}, fails: release.Problemf(release.Refused, "load the page again", "nothing was done: <b>")}
	server := serving(t, m)
	response, body := send(t, server, sent{"POST", "/deed", fromPage(server, signInAs(t, server, kimToken)), pressing(release.ActRCA, locking).Encode()})
	if response.StatusCode != 409 || !strings.Contains(body, "nothing was done: &lt;b&gt;") || !strings.Contains(body, "load the page again") {
		t.Errorf("%d\n%s", response.StatusCode, body)
	}
	foreign := http.Header{"Accept": {"text/html"}, "Sec-Fetch-Site": {"cross-site"}}
	response, body = send(t, server, sent{"GET", "/", foreign, ""})
	if response.StatusCode != 401 || !strings.Contains(body, `type="password"`) || strings.HasPrefix(response.Header.Get("WWW-Authenticate"), "Basic") || response.Header.Get("Refresh") != "0" {
		t.Errorf("%d %v\n%s", response.StatusCode, response.Header, body)
	}
}

func TestTheFormsAreThoseOfTheToken(t *testing.T) {
	state := rolledBack()
	e := state.Environments["checkout/production"]
	e.Lock.Incident = locking
	e.Episodes = map[string]*rollback.Episode{"am/1": {Key: "am/1", Decision: &rollback.Decision{Verdict: rollback.Propose, Reason: rollback.CannotTell, Text: "nobody answers"}}}
	e.Incidents[0].RCA = &rollback.Analysis{Text: "an index", Link: "javascript:alert(1)", By: "lee"}
	read := func(may ...string) string {
		server := serving(t, &memory{view: View{State: state}}, func(o *Options) {
			o.Tokens = func() []Token { return []Token{{Name: "kim", Secret: kimToken, May: append(may, "read")}} }
		})
		_, body := send(t, server, sent{"GET", "/", cookie(signInAs(t, server, kimToken)), ""})
		return body
	}
	for scope, act := range map[string]release.Act{"approve": release.ActApprove, "unlock": release.ActUnlock, "operate": release.ActKill, "break_glass": release.ActBreak} {
		with, without := read(scope), read()
		field := `name="act" value="` + string(act) + `"`
		if !strings.Contains(with, field) || strings.Contains(without, field) {
			t.Errorf("%s: with the scope %v, without %v", act, strings.Contains(with, field), strings.Contains(without, field))
		}
		if strings.Contains(with, "href=\"javascript") {
			t.Error("a link that runs")
		}
	}
	e.Incidents[0].RCA.By = "kim"
	if body := read("unlock"); strings.Contains(body, `value="unlock"`) || !strings.Contains(body, "You wrote it: somebody else opens the lock.") {
		t.Error("the author of the cause is offered to open the lock")
	}
}
