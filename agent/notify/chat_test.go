package notify_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/notify"
)

func TestTheChatGetsJSONWhateverTheTextIs(t *testing.T) {
	var got struct{ Text string }
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &got); err != nil {
			t.Errorf("%v: %s", err, body)
		}
		w.WriteHeader(status)
	}))
	defer server.Close()
	chat, err := notify.NewChat(server.URL+"/hooks/the-secret", notify.ChatTemplate, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	const hostile = `"}], "channel": "#other" <!everyone> {{.Cutover}}` + "\n\x00\xff"
	if err := chat.Post(t.Context(), notify.Message{Text: hostile}); err != nil || !strings.HasPrefix(got.Text, `"}], "channel": "#other" &lt;!everyone&gt; {{.Cutover}}`) {
		t.Errorf("%v, it got %q", err, got.Text)
	}
	status = http.StatusForbidden
	if err := chat.Post(t.Context(), notify.Message{Text: "again"}); err == nil || strings.Contains(err.Error(), "the-secret") {
		t.Errorf("a refusal is an error without the address: %v", err)
	}
	server.Close()
	if err := chat.Post(t.Context(), notify.Message{Text: "again"}); err == nil || strings.Contains(err.Error(), "the-secret") {
		t.Errorf("a chat that is gone is an error without the address: %v", err)
	}
}

func TestATemplateThatGivesNoJSONIsRefused(t *testing.T) {
	for template, says := range map[string]string{
		`{"text": {{.Text}}}`:          "does not give JSON",
		`{"text": {{json .Nonsense}}}`: "can't evaluate field",
		`{{`:                           "read the chat's template",
	} {
		if _, err := notify.NewChat("https://chat.example.org/hooks/x", template, time.Second); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", template, err, says)
		}
	}
	if _, err := notify.NewChat("chat.example.org", notify.ChatTemplate, time.Second); err == nil {
		t.Error("an address without a scheme")
	}
}

// TestATemplateCanOnlyFillIn: it is the agent's own process that runs it.
func TestATemplateCanOnlyFillIn(t *testing.T) {
	for template, says := range map[string]string{
		`{{range 1000000000}}{{end}}{}`:                                       "no more: {{range",
		`{{define "x"}}{{template "x"}}{{end}}{}`:                             "holds others",
		`{{if .Text}}{{template "chat" .}}{{end}}{}`:                          "no more: {{template",
		`{"text": "{{printf "%99999d" 1}}"}`:                                  "longer than 65536 bytes",
		`{"text": {{json (env "HOME")}}}`:                                     `function "env" not defined`,
		`{{with .Text}}{{range 9}}{{end}}{{else}}{}{{end}}`:                   "no more: {{range",
		`{{if .Text}}{{else}}{{with .Text}}{{range 9}}x{{end}}{{end}}{{end}}`: "no more: {{range",
	} {
		if _, err := notify.NewChat("https://chat.example.org/hooks/x", template, time.Second); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", template, err, says)
		}
	}
	chat, err := notify.NewChat("https://chat.example.org/hooks/x", `{"title": {{json .Title}}{{if eq .Severity "page"}}, "priority": 1{{end}}}`, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if sample, err := chat.Sample(); err != nil || string(sample) != `{"title": "checkout/production: rolled back", "priority": 1}` {
		t.Errorf("the sample is %s, %v", sample, err)
	}
}

// TestARefusalSaysWhetherTheNextMayBeTaken: one message that a webhook will not have must not keep back all others, and one that asks for
// patience gets it.
func TestARefusalSaysWhetherTheNextMayBeTaken(t *testing.T) {
	status := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(status)
	}))
	defer server.Close()
	chat, err := notify.NewChat(server.URL, notify.ChatTemplate, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for code, unfit := range map[int]bool{400: true, 413: true, 422: true, 401: false, 403: false, 404: false, 429: false, 500: false, 503: false, 302: false} {
		status = code
		refused, ok := errors.AsType[*notify.Refused](chat.Post(t.Context(), notify.Message{}))
		if !ok || refused.Unfit() != unfit || refused.After != 7*time.Second {
			t.Errorf("%d: %+v", code, refused)
		}
	}
}

// TestATemplateThatCannotBeFilled: one that not every message has the fields for is refused when it is read, and a message that one cannot be
// filled with is told from one that the webhook does not take.
func TestATemplateThatCannotBeFilled(t *testing.T) {
	for _, field := range []string{"Cutover", "Commit", "Tag", "Incident", "About"} {
		short := `{"text": {{json (slice .` + field + ` 0 8)}}}`
		if _, err := notify.NewChat("https://chat.example.org/hooks/x", short, time.Second); err == nil || !strings.Contains(err.Error(), "not every one has") {
			t.Errorf("%s: %v", short, err)
		}
		asked := `{"text": {{if .` + field + `}}{{json (slice .` + field + ` 0 8)}}{{else}}""{{end}}}`
		if _, err := notify.NewChat("https://chat.example.org/hooks/x", asked, time.Second); err != nil {
			t.Errorf("%s: %v", asked, err)
		}
	}
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	chat, err := notify.NewChat(server.URL, `{"text": {{json (slice .Text 0 9)}}}`, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for text, unfilled := range map[string]bool{"short": true, "long enough": false} {
		err := chat.Post(t.Context(), notify.Message{Text: text})
		if _, is := errors.AsType[*notify.Unfilled](err); err == nil || is != unfilled {
			t.Errorf("%q: %v", text, err)
		}
	}
}
