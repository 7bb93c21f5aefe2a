package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/alertmanager/template"

	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/web"
	"github.com/coclai/cutover/generator/slo"
)

// Limits of what is stored of a delivery. A label can hold 200 kB; nothing we match is longer than these.
const (
	maxFirings = 20000
	maxLabels  = 64
	maxLabel   = 1024
	maxSummary = 300
	maxHead    = 2048
)

// message is Alertmanager's webhook body, version 4 (notify/webhook.Message, without its 300 packages). Unknown fields are tolerated:
// 0.32 and 0.34 added some without a new version.
type message struct {
	Version         string `json:"version"`
	GroupKey        string `json:"groupKey"`
	TruncatedAlerts int    `json:"truncatedAlerts"`
	*template.Data
}

// parseDelivery reads a body. Each alert's own status counts; the message's does not, and the groupKey and externalURL identify nothing.
func parseDelivery(source string, body []byte) (rollback.Delivery, error) {
	d := rollback.Delivery{Source: source, BodySHA: digest(body)}
	var m message
	if err := web.Unambiguous(body); err != nil {
		return d, fmt.Errorf("not a JSON body that means one thing: %w", err)
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return d, fmt.Errorf("not a JSON body: %w", err)
	}
	if m.Version != "4" {
		return d, fmt.Errorf("version %.20q is not Alertmanager's webhook version \"4\" (a custom `payload` cannot be read)", m.Version)
	}
	if m.Data == nil || len(m.Alerts) == 0 {
		return d, errors.New("it holds no alerts")
	}
	if len(m.Alerts) > maxFirings {
		return d, fmt.Errorf("%d alerts are more than %d", len(m.Alerts), maxFirings)
	}
	d.Truncated = max(m.TruncatedAlerts, 0)
	for i, a := range m.Alerts {
		f, err := firingOf(a)
		if err != nil {
			return d, fmt.Errorf("alert %d: %w", i+1, err)
		}
		d.Firings = append(d.Firings, f)
	}
	d.Content = contentOf(d.Firings)
	return d, nil
}

// contentOf identifies what a delivery says, whatever its envelope is: the peers of a cluster differ in externalURL, repetitions in their
// reason. It is for counting and for forensics; what is told apart by it has no effect.
func contentOf(firings []rollback.Firing) string {
	text, err := json.Marshal(firings)
	if err != nil {
		return "" // plain texts and times always can be written
	}
	return digest(text)
}

func firingOf(a template.Alert) (rollback.Firing, error) {
	f := rollback.Firing{Status: a.Status, Fingerprint: a.Fingerprint, StartsAt: a.StartsAt.UTC(), Labels: map[string]string{}}
	if f.Status != "firing" && f.Status != "resolved" {
		return f, fmt.Errorf("status %.20q is neither firing nor resolved", f.Status)
	}
	if len(f.Fingerprint) != 16 || strings.Trim(f.Fingerprint, "0123456789abcdef") != "" {
		return f, fmt.Errorf("fingerprint %.40q is not 16 hexadecimal digits", f.Fingerprint)
	}
	if f.StartsAt.IsZero() {
		return f, errors.New("it has no startsAt")
	}
	if f.Status == "resolved" {
		f.EndsAt = a.EndsAt.UTC()
	}
	for _, p := range a.Labels.SortedPairs() {
		if len(f.Labels) < maxLabels {
			f.Labels[capped(p.Name, maxLabel)] = capped(p.Value, maxLabel)
		}
	}
	f.Summary = capped(a.Annotations["summary"], maxSummary)
	return f, nil
}

// quarantine is what is kept of a body that could not be read. It may be anything: a request with its headers, and so with its token.
func quarantine(source string, body []byte, problem error, redact func(string) string) rollback.Quarantine {
	head := capped(redact(string(body[:min(len(body), 2*maxHead)])), maxHead)
	return rollback.Quarantine{Source: source, BodySHA: digest(body), Size: len(body), Head: head, Problem: redact(problem.Error())}
}

// environmentOf is the environment an alert speaks of.
func environmentOf(f rollback.Firing) string {
	return f.Labels[slo.LabelService] + "/" + f.Labels[slo.LabelEnvironment]
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// capped is valid UTF-8 of at most n bytes, with a mark where something was cut.
func capped(s string, n int) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) <= n {
		return s
	}
	cut := s[:n]
	for !utf8.ValidString(cut) {
		cut = cut[:len(cut)-1]
	}
	return cut + "…"
}
