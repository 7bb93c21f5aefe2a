package notify

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// Prefix begins the name of every page, so that people can route the agent's own alerts.
const Prefix = "RollbackAgent"

// Page is one thing that needs a person's attention. Name and Labels are its identity: sent again with the same, it is the same page
// for longer; sent with Until in the past, it is over.
type Page struct {
	Name                 string            // starts with Prefix
	Labels               map[string]string // service and environment at least; severity and rollback are set by this package
	Severity             string            // page unless given
	Summary, Description string
	Since                time.Time // when the need arose; zero: when it is first sent
	Until                time.Time // when it ends unless it is sent again
}

// textLimit keeps a page readable on a telephone and below what receivers cut.
const textLimit = 4096

func (p Page) validate() error {
	if !strings.HasPrefix(p.Name, Prefix) {
		return fmt.Errorf("the name must begin with %s", Prefix)
	}
	for _, l := range []string{slo.LabelService, slo.LabelEnvironment} {
		if p.Labels[l] == "" {
			return fmt.Errorf("the label %s is missing", l)
		}
	}
	if p.Until.IsZero() {
		return errors.New("the end time is missing")
	}
	return nil
}

// alert is what Alertmanager takes (api/v2/openapi.yaml, postableAlert).
type alert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

// alert is the page as sent at `now`. The start is always given: without it Alertmanager takes the end for the start (api/v2/api.go,
// postAlertsHandler). Of an alert it knows already it keeps the earliest start.
func (p Page) alert(now time.Time) alert {
	labels := map[string]string{}
	for name, value := range p.Labels {
		if value != "" {
			labels[name] = text(value)
		}
	}
	labels["alertname"] = p.Name
	labels[slo.LabelSeverity] = cmp.Or(p.Severity, slo.SeverityPage)
	labels[slo.LabelRollback] = string(slo.ModeNone)
	start := p.Since
	if start.IsZero() {
		start = now
	}
	if start.After(p.Until) {
		start = p.Until // Alertmanager refuses an alert that ends before it starts
	}
	return alert{
		Labels:      labels,
		Annotations: map[string]string{"summary": text(p.Summary), "description": text(p.Description)},
		StartsAt:    start.UTC(),
		EndsAt:      p.Until.UTC(),
	}
}

// text is what JSON and Alertmanager can carry: valid UTF-8, of bounded length.
func text(t string) string {
	t = strings.ToValidUTF8(t, "\uFFFD")
	if runes := []rune(t); len(runes) > textLimit {
		return string(runes[:textLimit]) + "…"
	}
	return t
}
