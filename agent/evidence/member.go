package evidence

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/coclai/cutover/generator/slo"
)

// Member is one Alertmanager of a cluster, to be asked about itself.
type Member struct {
	peer
}

// Members are all of the cluster, in the order of the configuration.
func (a *Alertmanagers) Members() []Member {
	all := make([]Member, len(a.peers))
	for n, p := range a.peers {
		all[n] = Member{p}
	}
	return all
}

// URL is its address.
func (m Member) URL() string { return m.base() }

// Name is its address for people: without the scheme.
func (m Member) Name() string {
	_, name, _ := strings.Cut(m.base(), "://")
	return name
}

// Condition is what a member says of itself (api/v2/openapi.yaml, alertmanagerStatus).
type Condition struct {
	Version string // "" when it was built without one
	Cluster string // ready, settling, disabled
	Peers   int    // of its cluster, itself among them; 0 when it has none
	Config  string // the whole of it as YAML, with <secret> in place of secrets
	Clock   time.Time
}

// Condition asks it. The clock is its Date header's, in whole seconds; zero when there is none.
func (m Member) Condition(ctx context.Context) (Condition, error) {
	var said struct {
		Cluster struct {
			Status string
			Peers  []json.RawMessage
		}
		Config      struct{ Original string }
		VersionInfo struct{ Version string }
	}
	header, err := m.get(ctx, "/api/v2/status", func(body io.Reader) error { return json.NewDecoder(body).Decode(&said) })
	if err != nil {
		return Condition{}, fmt.Errorf("ask %s for its status: %w", m.base(), err)
	}
	c := Condition{Version: oneLine(said.VersionInfo.Version), Cluster: oneLine(said.Cluster.Status), Peers: len(said.Cluster.Peers), Config: said.Config.Original}
	c.Clock, _ = http.ParseTime(header.Get("Date")) // zero without one
	return c, nil
}

// Heard is when a member was last told of an alert, and by whom as that one calls itself: an address to be shown, never to be asked.
type Heard struct {
	At time.Time
	By string
}

// Watchdog is when it was last told of the Watchdog of a service and environment; zero when it does not know of any.
func (m Member) Watchdog(ctx context.Context, service, environment string) (Heard, error) {
	var alerts []struct {
		Labels       map[string]string `json:"labels"`
		UpdatedAt    time.Time         `json:"updatedAt"`
		GeneratorURL string            `json:"generatorURL"`
	}
	if err := m.read(ctx, "/api/v2/alerts", &alerts); err != nil {
		return Heard{}, fmt.Errorf("ask %s for its alerts: %w", m.base(), err)
	}
	var last Heard
	for _, a := range alerts {
		ours := a.Labels[model.AlertNameLabel] == slo.Watchdog && a.Labels[slo.LabelService] == service && a.Labels[slo.LabelEnvironment] == environment
		if ours && a.UpdatedAt.After(last.At) {
			by, _, _ := strings.Cut(oneLine(a.GeneratorURL), "/graph")
			last = Heard{a.UpdatedAt, by}
		}
	}
	return last, nil
}

// Deliveries counts the webhooks of a member since its start, whoever was to get them: it does not count by receiver.
type Deliveries struct {
	Tried, Failed float64            // requests
	GivenUp       map[string]float64 // notifications, by the reason it gives
	Kept          float64            // notifications not sent, since they were silenced, inhibited or muted
}

// Deliveries reads its own metrics.
func (m Member) Deliveries(ctx context.Context) (Deliveries, error) {
	d := Deliveries{GivenUp: map[string]float64{}}
	_, err := m.get(ctx, "/metrics", func(body io.Reader) error {
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(body)
		if err != nil {
			return err
		}
		for name, add := range map[string]func(reason string, n float64){
			"alertmanager_notification_requests_total":        func(_ string, n float64) { d.Tried += n },
			"alertmanager_notification_requests_failed_total": func(_ string, n float64) { d.Failed += n },
			"alertmanager_notifications_failed_total":         func(reason string, n float64) { d.GivenUp[reason] += n },
			"alertmanager_notifications_suppressed_total":     func(_ string, n float64) { d.Kept += n },
		} {
			for _, metric := range families[name].GetMetric() {
				labels := map[string]string{}
				for _, l := range metric.GetLabel() {
					labels[l.GetName()] = l.GetValue()
				}
				if of := labels["integration"]; of == "" || of == "webhook" {
					add(labels["reason"], metric.GetCounter().GetValue())
				}
			}
		}
		return nil
	})
	if err != nil {
		return d, fmt.Errorf("read the metrics of %s: %w", m.base(), err)
	}
	return d, nil
}

// Since is what was counted after another count.
func (d Deliveries) Since(before Deliveries) Deliveries {
	more := Deliveries{Tried: d.Tried - before.Tried, Failed: d.Failed - before.Failed, Kept: d.Kept - before.Kept, GivenUp: map[string]float64{}}
	for reason, n := range d.GivenUp {
		if n > before.GivenUp[reason] {
			more.GivenUp[reason] = n - before.GivenUp[reason]
		}
	}
	return more
}
