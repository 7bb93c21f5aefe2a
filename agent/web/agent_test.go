package web

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// memory is an Agent that keeps what it was given. Its answers are set by the test.
type memory struct {
	mu       sync.Mutex
	received []receivedBody
	deeds    []release.Deed
	fails    error
	panics   bool
	ended    error // the context's, when a deed was done
	view     View
}

type receivedBody struct {
	source string
	body   []byte
}

func (m *memory) Receive(_ context.Context, source string, body []byte) (Receipt, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.panics {
		panic("a bug")
	}
	m.received = append(m.received, receivedBody{source, body})
	if m.fails != nil {
		return Receipt{}, m.fails
	}
	if !json.Valid(body) {
		return Receipt{}, release.Problemf(release.Invalid, "", "not JSON")
	}
	return Receipt{Seq: int64(len(m.received)), Disposition: "received"}, nil
}

func (m *memory) Do(ctx context.Context, deed release.Deed) (release.Answer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.deeds, m.ended = append(m.deeds, deed), ctx.Err()
	return release.Answer{Message: "done"}, m.fails
}

func (m *memory) View() View {
	v := m.view
	if v.Entries == nil {
		v.Entries = func(context.Context, string, int) ([]rollback.Entry, error) { return nil, nil }
	}
	if v.Glance == nil {
		v.Glance = func(context.Context, string) (Rows, bool) { return Rows{}, false }
	}
	if v.Examine == nil {
		v.Examine = func(context.Context, Question, func(Progress)) {}
	}
	return v
}

const (
	alertsToken = "alerts-token-0123456789"
	ciToken     = "ci-token-0123456789"
	kimToken    = "kim-token-0123456789"
)

func someTokens() []Token {
	return []Token{
		{Name: "alertmanager", Secret: alertsToken, May: []string{"alerts"}},
		{Name: "ci", Secret: ciToken, May: []string{"gate", "deployed", "record"}},
		{Name: "kim", Secret: kimToken, May: []string{"read", "operate", "unlock"}},
		{Name: "empty", Secret: "", May: []string{"alerts", "read", "operate", "unlock", "gate", "deployed", "record"}},
	}
}

func optionsFor(m *memory) Options {
	return Options{Agent: m, Tokens: someTokens, Registry: prometheus.NewRegistry(), Reload: func() error { return nil },
		Config: func() []byte { return []byte("max_mode: observe\n") }, Version: "test", Logger: slog.New(slog.DiscardHandler)}
}

// serving starts the handler as it runs in production, over a socket.
func serving(t *testing.T, m *memory, change ...func(*Options)) *httptest.Server {
	t.Helper()
	options := optionsFor(m)
	for _, c := range change {
		c(&options)
	}
	server := httptest.NewServer(New(options))
	t.Cleanup(server.Close)
	return server
}

// sent is a request and what came of it.
type sent struct {
	method, path string
	header       http.Header
	body         string
}

func with(token string) http.Header {
	if token == "" {
		return http.Header{}
	}
	return http.Header{"Authorization": {"Bearer " + token}}
}

func send(t *testing.T, server *httptest.Server, s sent) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequest(s.method, server.URL+s.path, strings.NewReader(s.body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = s.header
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}
