package agent

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/notify"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// TestAChatsAddressIsNotTold: it is the chat's secret, and a chat that takes no message may answer with it.
func TestAChatsAddressIsNotTold(t *testing.T) {
	alertmanager := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer alertmanager.Close()
	chat := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "no such hook: http://"+r.Host+r.URL.RequestURI()+", "+r.URL.Path)
	}))
	defer chat.Close()
	address := chat.URL + "/services/T0/B0/the-secret-of-the-chat"
	c := config.Config{Environments: []config.Environment{{Announce: config.Announce{Webhook: config.Secret(address)}}}}
	n, err := notify.New([]string{alertmanager.URL}, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	e := &environment{name: "checkout/production", plan: slo.Plan{Service: "checkout", Environment: "production"}, redact: c.Redact}
	if e.chat, err = notify.NewChat(address, notify.ChatTemplate, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	a := &Agent{now: time.Now, notifier: n}
	state := &rollback.Environment{Name: e.name, Pin: &release.Pin{Ref: "refs/tags/stable-1"}, Cutover: &release.Cutover{ID: "cut-1", Commit: "c"}}
	_, err = a.announce(t.Context(), e, state)
	if err == nil || strings.Contains(err.Error(), "the-secret-of-the-chat") || !strings.Contains(err.Error(), "no such hook: ***") {
		t.Errorf("%v", err)
	}
}
