package web

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// clinic is a server whose examinations a test carries out.
func clinic(t *testing.T, examine Examine) *httptest.Server {
	t.Helper()
	agent := &memory{view: View{Examine: examine, State: rollback.State{Environments: map[string]*rollback.Environment{
		"cart/production": {Name: "cart/production"}, "checkout/production": {Name: "checkout/production"}}}}}
	tokens := []Token{{Name: "kim", Secret: "kim", May: []string{"read", "operate"}}, {Name: "lee", Secret: "lee", May: []string{"operate"}, Environments: []string{"cart/production"}},
		{Name: "ci", Secret: "ci", May: []string{"read", "gate"}}}
	options := optionsFor(agent)
	options.Tokens = func() []Token { return tokens }
	server := httptest.NewUnstartedServer(New(options))
	server.Config.ReadTimeout, server.Config.WriteTimeout = 200*time.Millisecond, 200*time.Millisecond // far shorter than an examination
	server.Config.IdleTimeout = time.Minute
	server.Start()
	t.Cleanup(server.Close)
	return server
}

func consult(t *testing.T, ctx context.Context, server *httptest.Server, token, query string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/api/v1/doctor"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	return answer
}

func TestAnExaminationIsToldAsItGoesHoweverLongItTakes(t *testing.T) {
	next := make(chan bool)
	server := clinic(t, func(ctx context.Context, q Question, tell func(Progress)) {
		tell(Progress{Doing: q.By + " examines " + strings.Join(q.Environments, " and ")})
		<-next
		tell(Progress{Finding: &release.Finding{Check: "storage", Health: release.Healthy, Seen: "it is there"}})
	})
	answer := consult(t, t.Context(), server, "kim", "?drill=true")
	lines := json.NewDecoder(answer.Body)
	var got []Progress
	for n := range 3 {
		if n == 1 { // the first line is here already; and all limits of the server are over before the others are
			time.AfterFunc(600*time.Millisecond, func() { next <- true })
		}
		var p Progress
		if err := lines.Decode(&p); err != nil {
			t.Fatalf("line %d: %v", n+1, err)
		}
		got = append(got, p)
	}
	want := []Progress{{Doing: "kim examines cart/production and checkout/production"},
		{Finding: &release.Finding{Check: "storage", Health: release.Healthy, Seen: "it is there"}}, {End: true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the answer (-want +got):\n%s", diff)
	}
}

func TestWhoHangsUpEndsTheExamination(t *testing.T) {
	ended := make(chan bool)
	server := clinic(t, func(ctx context.Context, _ Question, tell func(Progress)) {
		tell(Progress{Doing: "begins"})
		<-ctx.Done()
		close(ended)
	})
	ctx, hangUp := context.WithCancel(t.Context())
	answer := consult(t, ctx, server, "kim", "")
	if _, err := answer.Body.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	hangUp()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("it goes on for nobody")
	}
}

func TestAServerThatEndsEndsItsExaminations(t *testing.T) {
	ending := make(chan struct{})
	agent := &memory{view: View{Examine: func(ctx context.Context, _ Question, tell func(Progress)) {
		tell(Progress{Doing: "begins"})
		close(ending)
		<-ctx.Done()
	}}}
	server := serving(t, agent, func(o *Options) { o.Ending = ending })
	_, body := send(t, server, sent{"POST", "/api/v1/doctor", with(kimToken), ""})
	if want := "{\"doing\":\"begins\"}\n{}\n"; body != want {
		t.Errorf("got %q, want %q: an end would say that all was looked at", body, want)
	}
}

func TestAnExaminationIsOfWhatIsTheTokensBusiness(t *testing.T) {
	for name, c := range map[string]struct {
		token, query string
		status       int
		says         string
	}{
		"all of it":              {"kim", "", 200, `cart/production checkout/production, whole true, drill false`},
		"one of it, and a drill": {"kim", "?environment=cart/production&drill=true", 200, `cart/production, whole true, drill true`},
		"a token that is bound":  {"lee", "", 200, `cart/production, whole false, drill false`},
		"to another":             {"lee", "?environment=checkout/production", 400, `one of cart/production`},
		"what is not there":      {"kim", "?environment=cart/staging", 400, `no environment \"cart/staging\" is configured`},
		"who may only read":      {"ci", "", 403, `add operate to its`},
		"nobody":                 {"", "", 401, `no token`},
	} {
		t.Run(name, func(t *testing.T) {
			server := clinic(t, func(_ context.Context, q Question, tell func(Progress)) {
				tell(Progress{Doing: strings.Join(q.Environments, " ") + map[bool]string{true: ", whole true", false: ", whole false"}[q.Whole] +
					map[bool]string{true: ", drill true", false: ", drill false"}[q.Drill]})
			})
			answer := consult(t, t.Context(), server, c.token, c.query)
			text, err := io.ReadAll(answer.Body)
			if err != nil || answer.StatusCode != c.status || !strings.Contains(string(text), c.says) {
				t.Errorf("%s, %v: %s", answer.Status, err, text)
			}
		})
	}
}

func TestAnExaminationKnowsHowManyWebhooksWereSentAway(t *testing.T) {
	var refused []int64
	server := clinic(t, func(_ context.Context, q Question, _ func(Progress)) { refused = append(refused, q.Refused()) })
	for _, token := range []string{"nobody", "ci"} {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/api/v1/alerts", strings.NewReader("{}"))
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	if _, err := io.ReadAll(consult(t, t.Context(), server, "kim", "").Body); err != nil || len(refused) != 1 || refused[0] != 2 {
		t.Errorf("%v, %v: one token is unknown, and one may not deliver", refused, err)
	}
}
