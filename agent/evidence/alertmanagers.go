package evidence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

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

// Suppressed says what keeps a firing from being anybody's business: "silenced by <id>" or "inhibited by <fingerprint>", "" when nothing
// does. Members gossip silences, so one that suppresses decides, and one that answers is enough. It fails when none answers.
//
// Muting by a time interval is no suppression: it keeps a pager quiet at night, which is when a rollback is wanted most.
func (a *Alertmanagers) Suppressed(ctx context.Context, f rollback.Firing) (string, error) {
	var failures []error
	for _, p := range a.peers {
		by, err := p.suppressed(ctx, f.Fingerprint)
		if err != nil {
			failures = append(failures, fmt.Errorf("ask %s for its alerts: %w", p.base(), err))
			continue
		}
		if by != "" {
			return by, nil
		}
	}
	if len(failures) == len(a.peers) {
		return "", errors.Join(failures...)
	}
	return "", nil
}

// alert is the part of Alertmanager's answer that is read (api/v2/openapi.yaml, gettableAlert).
type alert struct {
	Fingerprint string `json:"fingerprint"`
	Status      struct {
		State       string   `json:"state"`
		SilencedBy  []string `json:"silencedBy"`
		InhibitedBy []string `json:"inhibitedBy"`
	} `json:"status"`
}

// suppressed asks for all alerts: a filter would have to be made of a webhook's labels.
func (p peer) suppressed(ctx context.Context, fingerprint string) (string, error) {
	alerts, err := p.alerts(ctx)
	if err != nil {
		return "", err
	}
	for _, a := range alerts {
		if a.Fingerprint != fingerprint {
			continue
		}
		if len(a.Status.SilencedBy) > 0 {
			return "silenced by " + strings.Join(a.Status.SilencedBy, ", "), nil
		}
		if len(a.Status.InhibitedBy) > 0 {
			return "inhibited by " + strings.Join(a.Status.InhibitedBy, ", "), nil
		}
	}
	return "", nil
}

func (p peer) alerts(ctx context.Context) ([]alert, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base()+"/api/v2/alerts", nil)
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
	var alerts []alert
	if err := json.NewDecoder(answer.Body).Decode(&alerts); err != nil {
		return nil, fmt.Errorf("read its answer: %w", err)
	}
	return alerts, nil
}
