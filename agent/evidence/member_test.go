package evidence_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/evidence"
)

func TestAMemberTellsOfItselfOfTheWatchdogAndOfItsDeliveries(t *testing.T) {
	refuses := serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "who are you?", http.StatusUnauthorized) })
	dir := t.TempDir()
	file := filepath.Join(dir, "alertmanager.yml")
	text := "route: {receiver: agent, group_by: ['...'], group_wait: 0s}\nreceivers: [{name: agent, webhook_configs: [{url: '" + refuses + "/secret-path'}]}]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	url := start(t, "alertmanager", "--config.file="+file, "--storage.path="+dir, "--cluster.listen-address=")
	a, err := evidence.NewAlertmanagers([]evidence.Endpoint{{URL: url + "/", Timeout: 10 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	m := a.Members()[0]
	c, err := m.Condition(t.Context())
	if err != nil || c.Cluster != "disabled" || c.Peers != 0 || time.Since(c.Clock).Abs() > 10*time.Second || m.URL() != url || "http://"+m.Name() != url {
		t.Errorf("%+v, %v", c, err)
	}
	if !strings.Contains(c.Config, "receiver: agent") || strings.Contains(c.Config, "secret-path") {
		t.Errorf("its configuration: %s", c.Config)
	}

	before, err := m.Deliveries(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if last, err := m.Watchdog(t.Context(), "checkout", "production"); err != nil || last != (evidence.Heard{}) {
		t.Errorf("a Watchdog that nobody told it of: %+v, %v", last, err)
	}
	post(t, url+"/api/v2/alerts", `[{"labels": {"alertname": "Watchdog", "service": "checkout", "environment": "production"}, "generatorURL": "http://prom-1:9090/graph?g0.expr=1"},
		{"labels": {"alertname": "Watchdog", "service": "cart", "environment": "production"}}]`, nil)
	eventually(t, "it knows the Watchdog", func() bool {
		last, err := m.Watchdog(t.Context(), "checkout", "production")
		return err == nil && time.Since(last.At).Abs() < time.Minute && last.By == "http://prom-1:9090"
	})
	var got evidence.Deliveries
	eventually(t, "both are refused", func() bool {
		after, err := m.Deliveries(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got = after.Since(before)
		return got.Failed >= 2 && got.GivenUp["clientError"] >= 2
	})
	want := evidence.Deliveries{Tried: 2, Failed: 2, GivenUp: map[string]float64{"clientError": 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("its deliveries (-want +got):\n%s", diff)
	}
}

func TestAnInstrumentSaysWhatItIsAndWhomItTells(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	text := "global: {external_labels: {cluster: eu-1, drill: 'true'}}\n" +
		"alerting: {alert_relabel_configs: [{action: labeldrop, regex: replica}, {target_label: severity, replacement: page}], alertmanagers: [{path_prefix: /am, static_configs: [{targets: ['127.0.0.1:1']}]}]}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := evidence.NewPrometheus(evidence.Endpoint{URL: start(t, "prometheus", "--config.file="+file, "--storage.tsdb.path="+dir), Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	eventually(t, "it has found its Alertmanager", func() bool {
		told, err = p.Tells(t.Context())
		return err == nil && len(told) > 0
	})
	if fmt.Sprint(told) != "[http://127.0.0.1:1/am]" {
		t.Errorf("it tells %q", told)
	}
	if now, err := p.Clock(t.Context()); err != nil || time.Since(now).Abs() > 10*time.Second {
		t.Errorf("its clock: %s, %v", now, err)
	}
	want := evidence.Outgoing{External: map[string]string{"cluster": "eu-1", "drill": "true"}, Relabelled: []string{"severity"}}
	if got, err := p.Outgoing(t.Context()); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("what it does to labels: %v\n%s", err, cmp.Diff(want, got))
	}
	if value, err := p.Ask(t.Context(), "1 + 1"); err != nil || value == nil || *value != 2 {
		t.Errorf("1 + 1 is %v, %v", value, err)
	}
	if value, err := p.Ask(t.Context(), "up"); err != nil || value != nil {
		t.Errorf("what is empty is %v, %v", value, err)
	}
	if _, err := p.Ask(t.Context(), "sum("); !evidence.IsBadQuery(err) || evidence.IsWarned(err) {
		t.Errorf("no query: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Ask(gone, "up"); err == nil || evidence.IsBadQuery(err) {
		t.Errorf("who was not asked has said nothing about the query: %v", err)
	}
}
