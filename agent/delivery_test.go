package agent

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/notify/webhook"
	"github.com/prometheus/alertmanager/template"

	"github.com/coclai/cutover/agent/rollback"
)

var fired = time.Date(2026, 3, 1, 2, 11, 30, 0, time.UTC)

// sent is a body as Alertmanager's own code writes it.
func sent(t *testing.T, spoil func(*webhook.Message)) []byte {
	t.Helper()
	m := &webhook.Message{Version: "4", GroupKey: `{}:{}`, Data: &template.Data{Receiver: `rollback\-agent`, Status: "resolved", Alerts: template.Alerts{{
		Status: "firing", Fingerprint: "4f6a9e0c2b7d1835", StartsAt: fired, Labels: template.KV{"slo": "api-error-rate"},
		Annotations: template.KV{"summary": "too many errors"}}}}}
	if spoil != nil {
		spoil(m)
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestADeliveryIsReadAsAlertmanagerWritesIt(t *testing.T) {
	b := sent(t, nil)
	got, err := parseDelivery("am", b)
	want := rollback.Delivery{Source: "am", BodySHA: digest(b), Firings: []rollback.Firing{{Status: "firing", // the message's own status is of no account
		Fingerprint: "4f6a9e0c2b7d1835", Labels: map[string]string{"slo": "api-error-rate"}, Summary: "too many errors", StartsAt: fired}}}
	want.Content = contentOf(want.Firings)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	// A peer of the same cluster says the same under another envelope; it is the same content, and another body.
	peer, err := parseDelivery("am", sent(t, func(m *webhook.Message) { m.ExternalURL, m.GroupKey = "http://peer", "{}/{x=1}:{}" }))
	if err != nil || peer.Content != got.Content || peer.BodySHA == got.BodySHA {
		t.Errorf("%v: %+v", err, peer)
	}
}

func TestBodiesThatAreNoDelivery(t *testing.T) {
	for name, test := range map[string]struct {
		body []byte
		want string
	}{
		"not JSON":         {[]byte("hello"), "not a JSON body"},
		"nothing":          {nil, "not a JSON body"},
		"another version":  {sent(t, func(m *webhook.Message) { m.Version = "3" }), `version "3"`},
		"a custom payload": {[]byte(`{"text":"fire!"}`), `version ""`},
		"no alerts":        {sent(t, func(m *webhook.Message) { m.Alerts = nil }), "no alerts"},
		"no fingerprint":   {sent(t, func(m *webhook.Message) { m.Alerts[0].Fingerprint = "../../etc" }), "fingerprint"},
		"unknown status":   {sent(t, func(m *webhook.Message) { m.Alerts[0].Status = "smouldering" }), "smouldering"},
		"no start":         {sent(t, func(m *webhook.Message) { m.Alerts[0].StartsAt = time.Time{} }), "startsAt"},
		"wrong types":      {[]byte(`{"version":"4","alerts":"none"}`), "not a JSON body"},
	} {
		if _, err := parseDelivery("am", test.body); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want …%s…", name, err, test.want)
		}
	}
}

func TestHugeAndHostileLabelsAreCut(t *testing.T) {
	b := sent(t, func(m *webhook.Message) {
		m.Alerts[0].Labels["big"] = strings.Repeat("한", 100_000)
		m.Alerts[0].Labels["odd"] = "a\x00\r\n<script>\u202e"
	})
	got, err := parseDelivery("am", b)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(got.Firings[0].Labels["big"]); n > maxLabel+len("…") {
		t.Errorf("%d bytes are kept", n)
	}
	if got := got.Firings[0].Labels["odd"]; got != "a\x00\r\n<script>\u202e" {
		t.Errorf("got %q: what is stored is what came, whoever shows it must escape it", got)
	}
}

// FuzzDelivery: whatever is posted, it is read or refused; it never panics, and what is read stays within the limits.
func FuzzDelivery(f *testing.F) {
	f.Add([]byte(`{"version":"4","alerts":[{"status":"firing","fingerprint":"4f6a9e0c2b7d1835","startsAt":"2026-03-01T02:11:30Z","labels":{"a":"b"}}]}`))
	f.Add([]byte(`{"version":"4","alerts":[{}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := parseDelivery("am", body)
		if err != nil {
			_ = quarantine("am", body, err, strings.Clone)
			return
		}
		for _, firing := range d.Firings {
			if len(firing.Labels) > maxLabels || len(firing.Fingerprint) != 16 || firing.StartsAt.IsZero() {
				t.Errorf("%+v", firing)
			}
		}
	})
}
