package evidence_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/evidence"
	"github.com/coclai/cutover/agent/rollback"
)

const alertmanagerConfig = `route: {receiver: nobody}
receivers: [{name: nobody}]
inhibit_rules:
  - {source_matchers: ['severity="page"'], target_matchers: ['severity="ticket"'], equal: [slo]}
`

func startAlertmanager(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(file, []byte(alertmanagerConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	return start(t, "alertmanager", "--config.file="+file, "--storage.path="+dir, "--cluster.listen-address=")
}

func post(t *testing.T, url, body string, into any) {
	t.Helper()
	answer, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("post to %s: %s", url, answer.Status)
	}
	if into == nil {
		return
	}
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}

// fingerprints are Alertmanager's own names of the alerts it holds, by alertname.
func fingerprints(t *testing.T, url string) map[string]string {
	t.Helper()
	answer, err := http.Get(url + "/api/v2/alerts")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var alerts []struct {
		Fingerprint string
		Labels      map[string]string
	}
	if err := json.NewDecoder(answer.Body).Decode(&alerts); err != nil {
		t.Fatal(err)
	}
	named := map[string]string{}
	for _, a := range alerts {
		named[a.Labels["alertname"]] = a.Fingerprint
	}
	return named
}

func TestARealSilenceAndInhibitionSuppress(t *testing.T) {
	url := startAlertmanager(t)
	post(t, url+"/api/v2/alerts", `[
		{"labels": {"alertname": "Page", "severity": "page", "slo": "a"}},
		{"labels": {"alertname": "Ticket", "severity": "ticket", "slo": "a"}},
		{"labels": {"alertname": "Silenced", "severity": "page", "slo": "b"}}]`, nil)
	var silence struct{ SilenceID string }
	post(t, url+"/api/v2/silences", `{"matchers": [{"name": "slo", "value": "b", "isRegex": false}], "createdBy": "kim", "comment": "known",
		"startsAt": "`+time.Now().UTC().Format(time.RFC3339)+`", "endsAt": "`+time.Now().Add(time.Hour).UTC().Format(time.RFC3339)+`"}`, &silence)
	named := map[string]string{}
	eventually(t, "all three alerts are there", func() bool {
		named = fingerprints(t, url)
		return len(named) == 3
	})
	// One member of the pair is down: the other decides.
	a, err := evidence.NewAlertmanagers([]evidence.Endpoint{{URL: "http://127.0.0.1:1", Timeout: time.Second}, {URL: url, Timeout: 10 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Page": "", "Ticket": "inhibited by " + named["Page"], "Silenced": "silenced by " + silence.SilenceID, "unheard of": "",
	} {
		var got string
		eventually(t, name+" is what it should be", func() bool {
			alerts, err := a.Alerts(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got = alerts.Suppressing(rollback.Firing{Fingerprint: named[name]})
			return got == want || name == "unheard of"
		})
		if got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
