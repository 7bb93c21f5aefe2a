package notify_test

import (
	"encoding/json"
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
	if err := chat.Post(t.Context(), notify.Message{Text: hostile}); err != nil || !strings.HasPrefix(got.Text, `"}], "channel": "#other" <!everyone> {{.Cutover}}`) {
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
