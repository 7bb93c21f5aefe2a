package agent

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/notify"
	"github.com/coclai/cutover/agent/rollback"
)

// TestWhatCannotBeSentIsGivenUpAtOnce: a message that the template cannot be filled with must not keep back the others for a day, and says
// nothing of the webhook.
func TestWhatCannotBeSentIsGivenUpAtOnce(t *testing.T) {
	chat, err := notify.NewChat("http://127.0.0.1:1/x", `{"text": {{json (slice .Text 0 9)}}}`, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		err  error
		lost string
	}{
		"it cannot be filled in":       {chat.Post(t.Context(), notify.Message{Text: "short"}), "not sent: fill the chat's template"},
		"the webhook is not there":     {errors.New("connection refused"), ""},
		"the webhook will not have it": {&notify.Refused{Status: 400}, ""},
	} {
		tell := &telling{}
		lost := tell.came(rollback.Message{Seq: 1, At: time.Now()}, test.err, time.Now())
		if !strings.HasPrefix(lost, test.lost) || (lost == "") != (test.lost == "") || (tell.failing != nil) != (lost == "") {
			t.Errorf("%s: lost %q, failing %v", name, lost, tell.failing)
		}
	}
}
