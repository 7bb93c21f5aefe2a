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

// TestNewsAreTriedForADay: a message that has taken up an old one is not given up for the other's age.
func TestNewsAreTriedForADay(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct {
		at, last time.Duration // ago
		lost     bool
	}{
		"old":                       {25 * time.Hour, 0, true},
		"new":                       {time.Minute, 0, false},
		"new, and has taken up old": {25 * time.Hour, time.Minute, false},
		"old, and has taken up old": {30 * time.Hour, 25 * time.Hour, true},
	} {
		m := rollback.Message{Seq: 1, At: now.Add(-test.at)}
		if test.last > 0 {
			m.Last = now.Add(-test.last)
		}
		if lost := (&telling{}).came(m, errors.New("connection refused"), now); (lost != "") != test.lost {
			t.Errorf("%s: lost %q", name, lost)
		}
	}
}
