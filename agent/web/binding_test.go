package web

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coclai/cutover/agent/rollback"
)

const twoTokens = "one-token-bound-to-two"

// theirs serves two environments, of which kim has one, lee both and ops is bound to none.
func theirs(t *testing.T) (*memory, *httptest.Server) {
	t.Helper()
	names := []string{"checkout/production", "search/production", "search/staging"}
	m := &memory{view: View{Degraded: []string{"checkout/production: the kill switch is on", "search/production: no Watchdog"},
		State: rollback.State{Quarantined: 3, Unread: &rollback.Unread{Source: "somebody"}, Environments: map[string]*rollback.Environment{}}}}
	for _, name := range names {
		m.view.State.Environments[name] = &rollback.Environment{Name: name, Incidents: []*rollback.Incident{{ID: "inc-of-" + name[:6]}}}
	}
	m.view.Entries = func(_ context.Context, environment string, _ int) ([]rollback.Entry, error) {
		var all []rollback.Entry
		for n, name := range names {
			if environment == "" || environment == name {
				all = append(all, rollback.Entry{Seq: int64(n + 1), Environment: name, Kind: rollback.Held, Author: "of " + name, Body: []byte(`{}`)})
			}
		}
		return all, nil
	}
	m.view.Story = func(context.Context, string, string) ([]rollback.Entry, error) { return nil, nil }
	may := []string{"read", "operate", "gate"}
	return m, serving(t, m, func(o *Options) {
		o.Tokens = func() []Token {
			return []Token{{Name: "kim", Secret: kimToken, May: may, Environments: names[:1]}, {Name: "lee", Secret: twoTokens, May: may, Environments: names[:2]},
				{Name: "ops", Secret: ciToken, May: may}}
		}
	})
}

func TestATokenIsGoodForItsEnvironmentsAlone(t *testing.T) {
	_, server := theirs(t)
	for _, test := range []struct {
		method, path, body string
		kim, lee, ops      int
	}{
		{"POST", "/api/v1/deeds", `{"act":"hold","environment":"checkout/production"}`, 200, 200, 200},
		{"POST", "/api/v1/deeds", `{"act":"hold","environment":"search/production"}`, 403, 200, 200},
		{"POST", "/api/v1/deeds", `{"act":"hold"}`, 200, 400, 200},
		{"GET", "/api/v1/gate?commit=c&environment=search/production", "", 403, 200, 200},
		{"GET", "/api/v1/gate?commit=c&environment=nowhere", "", 403, 403, 200}, // the agent knows whether it is there
		{"GET", "/api/v1/history?environment=search/production", "", 403, 200, 200},
		{"GET", "/api/v1/explain?environment=search/production", "", 403, 200, 200},
		{"GET", "/api/v1/explain?incident=inc-of-search", "", 400, 200, 200},
		{"GET", "/config", "", 403, 403, 200},
		{"POST", "/-/reload", "", 403, 403, 200},
	} {
		for token, want := range map[string]int{kimToken: test.kim, twoTokens: test.lee, ciToken: test.ops} {
			if response, body := send(t, server, sent{test.method, test.path, with(token), test.body}); response.StatusCode != want {
				t.Errorf("%s %s %s by %s: %d, want %d\n%s", test.method, test.path, test.body, token, response.StatusCode, want, body)
			}
		}
	}
}

func TestATokenThatIsBoundSeesItsEnvironmentsAlone(t *testing.T) {
	m, server := theirs(t)
	for _, path := range []string{"/", "/api/v1/state", "/api/v1/history", "/api/v1/explain"} {
		_, body := send(t, server, sent{"GET", path, with(kimToken), ""})
		if !strings.Contains(body, "checkout/production") || strings.Contains(body, "search") || strings.Contains(body, "somebody") {
			t.Errorf("%s shows: %s", path, body)
		}
	}
	if _, body := send(t, server, sent{"GET", "/api/v1/history", with(twoTokens), ""}); strings.Contains(body, "staging") ||
		strings.Index(body, "of search/production") > strings.Index(body, "of checkout/production") {
		t.Errorf("not the newest of both first: %s", body)
	}
	send(t, server, sent{"POST", "/api/v1/deeds", with(kimToken), `{"act":"hold"}`})
	if d := m.deeds[len(m.deeds)-1]; d.Environment != "checkout/production" || d.Author != "kim" {
		t.Errorf("%+v", d)
	}
}

// TestWhatIsNoneOfATokensLooksLikeNothing holds I5: to a token that is bound elsewhere, a service that is there and one that is not are the same.
func TestWhatIsNoneOfATokensLooksLikeNothing(t *testing.T) {
	_, server := theirs(t)
	for _, path := range []string{"/api/v1/gate?commit=c&environment=", "/api/v1/history?environment=", "/api/v1/explain?environment=", "/api/v1/explain?incident=i&environment=",
		"/explain?environment=", "/plot?slo=p&environment=", "/api/v1/preflight?environment=", "/api/v1/report?environment="} {
		there, said := send(t, server, sent{"GET", path + "search/production", with(kimToken), ""})
		nowhere, saidOfIt := send(t, server, sent{"GET", path + "nosuch/production", with(kimToken), ""})
		if there.StatusCode != nowhere.StatusCode || strings.ReplaceAll(said, "search", "") != strings.ReplaceAll(saidOfIt, "nosuch", "") || there.StatusCode < 400 {
			t.Errorf("%s: %d %s\nof nothing: %d %s", path, there.StatusCode, said, nowhere.StatusCode, saidOfIt)
		}
	}
}
