package web

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/coclai/cutover/agent/release"
)

// everyRoute lists what each token gets at each route: nothing, the alerts token, ci's and kim's.
var everyRoute = []struct {
	method, path, body string
	nobody, alerts     int
	ci, kim            int
}{
	{"POST", "/api/v1/alerts", `{}`, 401, 200, 403, 403},
	{"POST", "/api/v1/deeds", `{"act":"stable"}`, 401, 403, 403, 200},
	{"POST", "/api/v1/deeds", `{"act":"baseline"}`, 401, 403, 403, 200},
	{"POST", "/api/v1/deeds", `{"act":"release","commit":"c"}`, 401, 403, 403, 200},
	{"POST", "/api/v1/deeds", `{"act":"deployed","commit":"c"}`, 401, 403, 200, 403},
	{"POST", "/api/v1/deeds", `{"act":"record","gate":"1.4","verdict":"PASS"}`, 401, 403, 200, 403},
	{"POST", "/api/v1/deeds", `{"act":"gate","commit":"c"}`, 401, 403, 200, 403},
	{"POST", "/api/v1/deeds", `{"act":"unlock","cause":"x"}`, 401, 403, 403, 200},
	{"GET", "/api/v1/gate?commit=c", ``, 401, 403, 200, 403},
	{"GET", "/api/v1/state", ``, 401, 403, 403, 200},
	{"GET", "/api/v1/history", ``, 401, 403, 403, 200},
	{"GET", "/", ``, 401, 403, 403, 200},
	{"GET", "/explain", ``, 401, 403, 403, 400},
	{"GET", "/plot?environment=checkout/production&slo=p95", ``, 401, 403, 403, 404},
	{"GET", "/sign-in", ``, 200, 200, 200, 200},
	{"POST", "/session", ``, 403, 403, 403, 403}, // not from our page: session_test.go
	{"POST", "/sign-out", ``, 403, 403, 403, 403},
	{"POST", "/deed", ``, 403, 403, 403, 403},
	{"GET", "/api/v1/explain", ``, 401, 403, 403, 400},
	{"GET", "/api/v1/preflight", ``, 401, 403, 403, 400},
	{"POST", "/api/v1/doctor", ``, 401, 403, 403, 200},
	{"POST", "/api/v1/deeds", `{"act":"try"}`, 401, 400, 400, 400}, // agents ask each other, through their ledger
	{"GET", "/api/v1/report", ``, 401, 403, 403, 409},
	{"GET", "/preflight/pf-1", ``, 401, 403, 403, 400},
	{"GET", "/reports/cut-1/6.1", ``, 401, 403, 403, 409},
	{"GET", "/config", ``, 401, 403, 403, 200},
	{"POST", "/-/reload", ``, 401, 403, 403, 200},
	{"PUT", "/-/reload", ``, 401, 403, 403, 200},
	{"GET", "/-/healthy", ``, 200, 200, 200, 200},
	{"GET", "/-/ready", ``, 200, 200, 200, 200},
	{"GET", "/metrics", ``, 200, 200, 200, 200},
	{"GET", "/style.css", ``, 200, 200, 200, 200},
}

func TestEachTokenOpensItsRoutesOnly(t *testing.T) {
	server := serving(t, &memory{view: View{Kept: func(string) ([]byte, error) { return nil, fs.ErrNotExist }}})
	for _, r := range everyRoute {
		for token, want := range map[string]int{"": r.nobody, alertsToken: r.alerts, ciToken: r.ci, kimToken: r.kim} {
			response, body := send(t, server, sent{r.method, r.path, with(token), r.body})
			if response.StatusCode != want {
				t.Errorf("%s %s %s with token %q: %d, want %d\n%s", r.method, r.path, r.body, token, response.StatusCode, want, body)
			}
		}
	}
}

// TestNoRouteIsForgotten: whoever adds a route says in the table above who may use it.
func TestNoRouteIsForgotten(t *testing.T) {
	for _, r := range (&server{Options: optionsFor(&memory{})}).routes() {
		pattern := regexp.MustCompile("^" + regexp.MustCompile(`:\w+`).ReplaceAllString(regexp.QuoteMeta(r.path), "[^/?]+") + `(\?|$)`)
		for _, method := range r.methods {
			if method == http.MethodHead {
				continue
			}
			listed := false
			for _, one := range everyRoute {
				listed = listed || one.method == method && pattern.MatchString(one.path)
			}
			if !listed {
				t.Errorf("%s %s is not in everyRoute", method, r.path)
			}
		}
	}
}

func TestEachActNeedsItsOwnScope(t *testing.T) {
	scopes := []string{"alerts", "gate", "deployed", "record", "read", "operate", "approve", "unlock"}
	var tokens []Token
	for _, scope := range scopes {
		tokens = append(tokens, Token{Name: scope, Secret: "token-that-may-only-" + scope, May: []string{scope}})
	}
	server := serving(t, &memory{}, func(o *Options) { o.Tokens = func() []Token { return tokens } })
	for act, needs := range map[string]string{"stable": "operate", "baseline": "operate", "release": "operate",
		"deployed": "deployed", "gate": "gate", "record": "record", "unlock": "unlock", "last": "read", "preview": "read", "rollback": "approve"} {
		for _, token := range tokens {
			want := http.StatusForbidden
			if token.Name == needs {
				want = http.StatusOK
			}
			response, _ := send(t, server, sent{"POST", "/api/v1/deeds", with(token.Secret), `{"act":"` + act + `"}`})
			if response.StatusCode != want {
				t.Errorf("%s with the scope %s: %d, want %d", act, token.Name, response.StatusCode, want)
			}
		}
	}
}

func TestWhatIsNoTokenIsRefused(t *testing.T) {
	m := &memory{}
	server := serving(t, m)
	for name, header := range map[string]http.Header{
		"none":            {},
		"empty":           {"Authorization": {""}},
		"empty bearer":    {"Authorization": {"Bearer "}},
		"only the scheme": {"Authorization": {"Bearer"}},
		"prefix":          with(alertsToken[:len(alertsToken)-1]),
		"longer":          with(alertsToken + "x"),
		"two headers":     {"Authorization": {"Bearer " + alertsToken, "Bearer " + alertsToken}},
		"no scheme":       {"Authorization": {alertsToken}},
		"basic":           {"Authorization": {"Basic YTphbGVydHMtdG9rZW4tMDEyMzQ1Njc4OQ=="}},
		"other header":    {"X-Authorization": {"Bearer " + alertsToken}},
	} {
		response, _ := send(t, server, sent{"POST", "/api/v1/alerts?token=" + alertsToken, header, `{}`})
		if response.StatusCode != 401 || response.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d, WWW-Authenticate %q; want 401 and a scheme", name, response.StatusCode, response.Header.Get("WWW-Authenticate"))
		}
	}
	if len(m.received) != 0 {
		t.Errorf("%d bodies were received without a token", len(m.received))
	}
}

func TestOtherMethodsAreNotAllowed(t *testing.T) {
	server := serving(t, &memory{})
	for path, allow := range map[string]string{
		"/api/v1/alerts": "POST", "/api/v1/deeds": "POST", "/-/reload": "POST, PUT",
		"/api/v1/gate": "GET, HEAD", "/": "GET, HEAD", "/metrics": "GET, HEAD",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "QUERY"} {
			if strings.Contains(allow, method) {
				continue
			}
			header := with(kimToken)
			header.Set("X-Http-Method-Override", "POST")
			response, _ := send(t, server, sent{method, path, header, ""})
			if response.StatusCode != 405 || response.Header.Get("Allow") != allow {
				t.Errorf("%s %s: %d, Allow %q; want 405, %q", method, path, response.StatusCode, response.Header.Get("Allow"), allow)
			}
		}
	}
}

func TestNoPathRedirectsOrReachesAnotherRoute(t *testing.T) {
	m := &memory{}
	server := serving(t, m)
	for _, path := range []string{"/api/v1/alerts/", "//api/v1/alerts", "/api/v1/./alerts", "/api/v1/x/../alerts", "/api/v1%2falerts",
		"/API/v1/alerts", "/api/v1/alerts%20", "/api/v1/alerts%00", "/api%5cv1/alerts", "/api", "/-/reload/", "/config/", "/nowhere"} {
		response, _ := send(t, server, sent{"POST", path, with(alertsToken), `{}`})
		if response.StatusCode != 404 {
			t.Errorf("POST %s: %d, want 404", path, response.StatusCode)
		}
	}
	if len(m.received) != 0 {
		t.Errorf("%d bodies came through another path", len(m.received))
	}
}

func TestKindsOfProblemsHaveOneStatusEach(t *testing.T) {
	m := &memory{}
	server := serving(t, m)
	for _, c := range []struct {
		err           error
		deed, webhook int
	}{
		{release.Problemf(release.Invalid, "h", "m"), 400, 422},
		{release.Problemf(release.Refused, "h", "m"), 409, 409},
		{release.Problemf(release.Locked, "h", "m"), 423, 423},
		{release.Problemf(release.Undecided, "h", "m"), 503, 503},
		{release.Problemf(release.Unavailable, "h", "m"), 503, 503},
		{fmt.Errorf("act: %w", release.Problemf(release.Locked, "h", "m")), 423, 423},
		{errors.New("password=hunter2"), 500, 500},
	} {
		m.fails = c.err
		gate, body := send(t, server, sent{"GET", "/api/v1/gate?environment=a/b&commit=c", with(ciToken), ""})
		webhook, _ := send(t, server, sent{"POST", "/api/v1/alerts", with(alertsToken), `{}`})
		if gate.StatusCode != c.deed || webhook.StatusCode != c.webhook {
			t.Errorf("%v: gate %d, webhook %d; want %d, %d", c.err, gate.StatusCode, webhook.StatusCode, c.deed, c.webhook)
		}
		if strings.Contains(body, "hunter2") {
			t.Errorf("an error of our own shows its text: %s", body)
		}
	}
}

func TestAPanicIsAnswered(t *testing.T) {
	server := serving(t, &memory{panics: true})
	response, body := send(t, server, sent{"POST", "/api/v1/alerts", with(alertsToken), `{}`})
	if response.StatusCode != 500 || strings.Contains(body, "a bug") {
		t.Errorf("%d %s; want 500 without the panic's text", response.StatusCode, body)
	}
}

func TestReadySaysWhyNot(t *testing.T) {
	server := serving(t, &memory{view: View{Ready: "the ledger cannot be written"}})
	response, body := send(t, server, sent{"GET", "/-/ready", nil, ""})
	if response.StatusCode != 503 || !strings.Contains(body, "the ledger cannot be written") {
		t.Errorf("%d %q; want 503 with the reason", response.StatusCode, body)
	}
	response, _ = send(t, server, sent{"GET", "/-/healthy", nil, ""})
	if response.StatusCode != 200 {
		t.Errorf("healthy: %d, want 200 also when not ready", response.StatusCode)
	}
}

func TestAReloadThatFailsSaysWhere(t *testing.T) {
	server := serving(t, &memory{}, func(o *Options) {
		o.Reload = func() error { return errors.New("agent.yaml:3:1: unknown key") }
	})
	response, body := send(t, server, sent{"POST", "/-/reload", with(kimToken), ""})
	if response.StatusCode != 422 || !strings.Contains(body, "agent.yaml:3:1") {
		t.Errorf("%d %s; want 422 with the place", response.StatusCode, body)
	}
}

func TestTokensAreReadAgainAtEachRequest(t *testing.T) {
	tokens := someTokens()
	server := serving(t, &memory{}, func(o *Options) { o.Tokens = func() []Token { return tokens } })
	tokens = []Token{{Name: "new", Secret: "another-token-0123456789", May: []string{"read"}}}
	for token, want := range map[string]int{kimToken: 401, "another-token-0123456789": 200} {
		response, _ := send(t, server, sent{"GET", "/api/v1/state", with(token), ""})
		if response.StatusCode != want {
			t.Errorf("token %q after the change: %d, want %d", token, response.StatusCode, want)
		}
	}
}

func TestWebhooksAreCountedByStatus(t *testing.T) {
	server := serving(t, &memory{})
	send(t, server, sent{"POST", "/api/v1/alerts", nil, `{}`})
	send(t, server, sent{"GET", "/api/v1/alerts", nil, ""})
	send(t, server, sent{"POST", "/api/v1/alerts", with(alertsToken), `{}`})
	_, body := send(t, server, sent{"GET", "/metrics", nil, ""})
	for _, want := range []string{`{code="401"} 1`, `{code="405"} 1`, `{code="200"} 1`} {
		if !strings.Contains(body, "rollback_agent_webhook_requests_total"+want) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
}
