package evidence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/rollback"
)

// Alertmanagers are the members of one cluster, asked in order.
type Alertmanagers struct {
	peers []peer
}

type peer struct {
	Endpoint
	client *http.Client
}

// NewAlertmanagers makes the clients; they ask nothing yet.
func NewAlertmanagers(endpoints []Endpoint) (*Alertmanagers, error) {
	a := &Alertmanagers{}
	for _, e := range endpoints {
		if err := e.validate(); err != nil {
			return nil, fmt.Errorf("alertmanager: %w", err)
		}
		a.peers = append(a.peers, peer{e, newClient(e.Timeout)})
	}
	if len(a.peers) == 0 {
		return nil, errors.New("no alertmanager is given")
	}
	return a, nil
}

// Alerts are what the members of one cluster said of their alerts at one moment. An alert is in it once for each member that knows it.
type Alerts []Alert

// Alert is the part of Alertmanager's answer that is read (api/v2/openapi.yaml, gettableAlert). Resolved ones are not in it.
type Alert struct {
	Fingerprint string            `json:"fingerprint"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	Status      struct {
		State       string   `json:"state"`
		SilencedBy  []string `json:"silencedBy"`
		InhibitedBy []string `json:"inhibitedBy"`
	} `json:"status"`
}

// Alerts asks every member. Members gossip silences, so that one that answers is enough; it fails when none does.
func (a *Alertmanagers) Alerts(ctx context.Context) (Alerts, error) {
	all := Alerts{}
	err := a.each(func(p peer) error {
		var alerts Alerts
		// All of them: a filter would have to be made of a webhook's labels.
		if err := p.read(ctx, "/api/v2/alerts", &alerts); err != nil {
			return fmt.Errorf("ask %s for its alerts: %w", p.base(), err)
		}
		all = append(all, alerts...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// each asks every member in turn; it fails when none answers.
func (a *Alertmanagers) each(ask func(peer) error) error {
	var failures []error
	for _, p := range a.peers {
		if err := ask(p); err != nil {
			failures = append(failures, err)
		}
	}
	if len(failures) == len(a.peers) {
		return errors.Join(failures...)
	}
	return nil
}

// Suppressing says what keeps a firing from being anybody's business: "silenced by <id>" or "inhibited by <fingerprint>", "" when nothing
// does. One member that suppresses decides.
//
// Muting by a time interval is no suppression: it keeps a pager quiet at night, which is when a rollback is wanted most.
func (all Alerts) Suppressing(f rollback.Firing) string {
	for _, alert := range all.of(f) {
		if len(alert.Status.SilencedBy) > 0 {
			return "silenced by " + strings.Join(alert.Status.SilencedBy, ", ")
		}
		if len(alert.Status.InhibitedBy) > 0 {
			return "inhibited by " + strings.Join(alert.Status.InhibitedBy, ", ")
		}
	}
	return ""
}

// Has says whether a firing is among them, suppressed or not.
func (all Alerts) Has(f rollback.Firing) bool { return len(all.of(f)) > 0 }

// of are the alerts that a firing is one of. What Prometheus itself told us lacks the external labels that Alertmanager sees, and so has
// another fingerprint: then all its labels must be there, and it must be a drill as well or not as well.
func (all Alerts) of(f rollback.Firing) Alerts {
	if same := all.where(func(a Alert) bool { return a.Fingerprint == f.Fingerprint }); len(same) > 0 || len(f.Labels) == 0 {
		return same
	}
	return all.where(func(a Alert) bool { return f.Same(rollback.Firing{Fingerprint: a.Fingerprint, Labels: a.Labels}) })
}

func (all Alerts) where(holds func(Alert) bool) Alerts {
	var some Alerts
	for _, a := range all {
		if holds(a) {
			some = append(some, a)
		}
	}
	return some
}

// read is one GET of a peer, as JSON.
func (p peer) read(ctx context.Context, path string, into any) error {
	_, err := p.get(ctx, path, func(body io.Reader) error { return json.NewDecoder(body).Decode(into) })
	return err
}

// get is one GET of a peer.
func (p peer) get(ctx context.Context, path string, read func(body io.Reader) error) (http.Header, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base()+path, nil)
	if err != nil {
		return nil, err
	}
	answer, err := p.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answered %s", answer.Status)
	}
	if err := read(answer.Body); err != nil {
		return nil, fmt.Errorf("read its answer: %w", err)
	}
	return answer.Header, nil
}
