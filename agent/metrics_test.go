package agent_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/coclai/cutover/agent/release"
)

// series are an agent's, with their values, as Prometheus would name them.
func (r *running) series() map[string]float64 {
	r.t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(r.Agent)
	families, err := registry.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	if problems, err := promlint.NewWithMetricFamilies(families).Lint(); err != nil || len(problems) > 0 {
		r.t.Errorf("a linter of metrics finds: %v %v", problems, err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			value := m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
			all[f.GetName()+"{"+strings.Join(labels, ",")+"}"] = value
		}
	}
	return all
}

// flood is a body of alerts whose labels nobody has ever seen; every second is of an environment that is not configured.
func flood(from, to int) []byte {
	var alerts []string
	for n := from; n < to; n++ {
		service := map[int]string{0: "checkout", 1: fmt.Sprintf("service-%d", n)}[n%2]
		alerts = append(alerts, fmt.Sprintf(`{"status":"firing","labels":{"alertname":"Alert%d","service":%q,"environment":"production","slo":"slo-%d","trigger":"%d","instance":"host-%d","rollback":"auto"},
"annotations":{},"startsAt":"2026-03-01T02:11:30Z","endsAt":"0001-01-01T00:00:00Z","fingerprint":"%016x"}`, n, service, n, n, n, n))
	}
	return []byte(`{"version":"4","groupKey":"{}","receiver":"rollback-agent","status":"firing","alerts":[` + strings.Join(alerts, ",") + `]}`)
}

// TestSeriesDoNotGrowWithWhatIsDelivered: facts/threats.md T5. Ten thousand alerts with labels of their own leave no series of their own.
func TestSeriesDoNotGrowWithWhatIsDelivered(t *testing.T) {
	w := bare(t)
	r := w.start(t, w.told(t, newReceiver(t)))
	send := func(from, to int) {
		if _, err := r.Receive(context.Background(), "am", flood(from, to)); err != nil {
			t.Fatal(err)
		}
	}
	judged := func(n int) func() bool {
		return func() bool {
			return r.series()[`rollback_agent_decisions_total{environment="production",reason="unmatched",service="checkout",verdict="ignore"}`] >= float64(n)
		}
	}
	send(0, 2)
	if !eventually(30*time.Second, judged(1)) {
		t.Fatalf("the first was not judged: %v", r.series())
	}
	before := slices.Sorted(maps.Keys(r.series()))
	const alerts, atOnce = 10_000, 500
	for from := 2; from < alerts+2; from += atOnce {
		send(from, from+atOnce)
	}
	if !eventually(2*time.Minute, judged(alerts/2+1)) {
		t.Fatalf("they were not judged: %v", r.series())
	}
	if diff := cmp.Diff(before, slices.Sorted(maps.Keys(r.series()))); diff != "" {
		t.Errorf("series (-before +after):\n%s", diff)
	}
}

// TestTheSeriesSayHowTheAgentDoes: what waits for whom, and what works less well.
func TestTheSeriesSayHowTheAgentDoes(t *testing.T) {
	w := bare(t)
	path, people := filepath.Join(t.TempDir(), "ledger.db"), newReceiver(t)
	since := time.Now().Add(-time.Hour).Truncate(time.Second)
	lockSince(t, path, since)
	people.does(func(string) int { return 503 })
	r, _ := w.startOn(t, w.told(t, people), path)
	write(t, filepath.Join(w.dir, "stop"), "")
	if !eventually(30*time.Second, func() bool { return r.state().Outbox != nil }) {
		t.Fatal("the outbox is not open")
	}
	r.do(release.Deed{Act: release.ActKill, Reason: "storm"})
	const at = `environment="production",service="checkout"`
	hash := strings.Repeat("0", 64)
	for series, want := range map[string]float64{
		"rollback_agent_ready{}": 1,
		`rollback_agent_degraded{cause="kill_switch_file",` + at + `}`:                                                           1,
		`rollback_agent_degraded{cause="watchdog",` + at + `}`:                                                                   0,
		`rollback_agent_locked_timestamp_seconds{` + at + `}`:                                                                    float64(since.Unix()),
		`rollback_agent_incidents{` + at[:24] + `,phase="open",service="checkout"}`:                                              0,
		`rollback_agent_proposals{` + at + `}`:                                                                                   0,
		`rollback_agent_outbox_messages{` + at + `}`:                                                                             1,
		`rollback_agent_messages_lost_total{` + at + `}`:                                                                         0,
		`rollback_agent_plan_info{` + at[:24] + `,rules_sha256="` + hash + `",runbook_sha256="` + hash + `",service="checkout"}`: 1,
		`rollback_agent_decisions_total{` + at[:24] + `,reason="not_corroborated",service="checkout",verdict="ignore"}`:          0,
		`rollback_agent_messages_total{` + at[:24] + `,outcome="delivered",service="checkout"}`:                                  0,
	} {
		if got, is := r.series()[series]; !is || got != want {
			t.Errorf("%s is %v (%v), want %v", series, got, is, want)
		}
	}
	if !eventually(30*time.Second, func() bool {
		s := r.series()
		return s["rollback_agent_pages_undelivered{}"] > 0 && s[`rollback_agent_degraded{cause="alertmanager",`+at+`}`] == 1 &&
			s[`rollback_agent_messages_total{`+at[:24]+`,outcome="failed",service="checkout"}`] > 0
	}) {
		t.Errorf("that pages and messages do not arrive is not said: %v", r.series())
	}
	if age := float64(time.Now().Unix()) - r.series()[`rollback_agent_outbox_oldest_timestamp_seconds{`+at+`}`]; age < -1 || age > 120 {
		t.Errorf("the oldest message is %g s old", age)
	}
	if r.series()["rollback_agent_ledger_append_duration_seconds{}"] == 0 {
		t.Error("appends are not timed")
	}
}
