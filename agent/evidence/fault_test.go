package evidence_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/evidence"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// Faults that a real Prometheus or Alertmanager cannot be made to show on demand.

const healthy = `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1772323200,"1"]}]}}`

func serve(t *testing.T, f http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return s.URL
}

// hang answers nothing until the client has given up.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// drip answers a byte now and then, and would go on for days.
func drip(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for _, err := io.WriteString(w, "["); err == nil; _, err = io.WriteString(w, " ") {
		w.(http.Flusher).Flush()
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}

// flood never stops answering.
func flood(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, `[{"fingerprint":"`)
	for chunk := strings.Repeat("x", 1<<20); ; {
		if _, err := io.WriteString(w, chunk); err != nil {
			return
		}
	}
}

func TestAPrometheusThatMisbehavesIsUnknown(t *testing.T) {
	elsewhere := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		t.Error("the redirect was followed")
		_, _ = io.WriteString(w, healthy)
	})
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		says   string
	}{
		"warnings": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Replace(healthy, `"data"`, `"warnings":["store 2 is unreachable"],"data"`, 1))
		}, "prometheus warns: store 2 is unreachable"},
		"503": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "starting", http.StatusServiceUnavailable) }, "server_error"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
		}, ""},
		"hang":   {hang, "no answer within 200ms"},
		"drip":   {drip, "no answer within 200ms"},
		"flood":  {flood, evidence.ErrTooLarge.Error()},
		"a page": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>log in</html>") }, "bad_response"},
		"control characters": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `{"status":"error","errorType":"bad_data","error":"\u001b[2J\n%s"}`, strings.Repeat("x", 5000))
		}, "bad_data:  [2J xxx"},
	} {
		t.Run(name, func(t *testing.T) {
			timeout := 10 * time.Second
			if name == "hang" || name == "drip" {
				timeout = 200 * time.Millisecond
			}
			p := newPrometheus(t, serve(t, c.answer), timeout)
			for _, got := range []release.Reading{
				p.Read(t.Context(), violations("v"), nil, at(1, 0, 0)),
				p.ReadSince(t.Context(), violations("v"), nil, evidence.Since{Onset: at(0, 0, 0), At: at(1, 0, 0), Step: time.Minute}),
			} {
				if got.Verdict != release.Unknown || !strings.Contains(got.Reason, c.says) || len(got.Reason) > 400 {
					t.Errorf("got %s: %s", got.Verdict, got.Reason)
				}
			}
			if ids, err := p.Alerting(t.Context(), "checkout", "production"); err == nil && name != "warnings" {
				t.Errorf("alerting says %v", ids)
			}
			if _, err := p.Capture(t.Context(), latency("p95"), at(1, 0, 0)); err == nil {
				t.Error("a baseline was captured")
			}
		})
	}
}

func TestAPrometheusThatIsGoneIsUnknown(t *testing.T) {
	p := newPrometheus(t, "http://127.0.0.1:1", time.Second)
	if got := p.Read(t.Context(), violations("v"), nil, at(1, 0, 0)); got.Verdict != release.Unknown || !strings.Contains(got.Reason, "connection refused") {
		t.Errorf("got %s: %s", got.Verdict, got.Reason)
	}
}

func TestAlertmanagersThatMisbehave(t *testing.T) {
	elsewhere := serve(t, func(w http.ResponseWriter, _ *http.Request) { t.Error("the redirect was followed") })
	bad := map[string]http.HandlerFunc{
		"503": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusServiceUnavailable) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
		},
		"hang":   hang,
		"drip":   drip,
		"flood":  flood,
		"a page": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
	}
	silences := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `[{"fingerprint":"f1","status":{"state":"suppressed","silencedBy":["s1"],"inhibitedBy":[]}},
			{"fingerprint":"f2","status":{"state":"suppressed","silencedBy":[],"inhibitedBy":[],"mutedBy":["nights"]}}]`)
	})
	for name, answer := range bad {
		t.Run(name, func(t *testing.T) {
			broken := evidence.Endpoint{URL: serve(t, answer), Timeout: 2 * time.Second}
			if name == "hang" || name == "drip" {
				broken.Timeout = 200 * time.Millisecond
			}
			alone, err := evidence.NewAlertmanagers([]evidence.Endpoint{broken})
			if err != nil {
				t.Fatal(err)
			}
			if alerts, err := alone.Alerts(t.Context()); err == nil {
				t.Errorf("nobody answered, and there are %v", alerts)
			}
			pair, err := evidence.NewAlertmanagers([]evidence.Endpoint{broken, {URL: silences + "/", Timeout: 10 * time.Second}})
			if err != nil {
				t.Fatal(err)
			}
			alerts, err := pair.Alerts(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for fingerprint, want := range map[string]string{"f1": "silenced by s1", "f2": "", "f3": ""} {
				if by := alerts.Suppressing(rollback.Firing{Fingerprint: fingerprint}); by != want {
					t.Errorf("%s: got %q, want %q", fingerprint, by, want)
				}
			}
		})
	}
}

func TestEndpointsThatCannotBeMeantAreRefused(t *testing.T) {
	for _, e := range []evidence.Endpoint{{URL: "", Timeout: 1}, {URL: "file:///etc", Timeout: 1}, {URL: "http://x"}, {URL: "127.0.0.1:9090", Timeout: 1}} {
		if _, err := evidence.NewPrometheus(e); err == nil {
			t.Errorf("prometheus %+v: accepted", e)
		}
		if _, err := evidence.NewAlertmanagers([]evidence.Endpoint{e}); err == nil {
			t.Errorf("alertmanager %+v: accepted", e)
		}
	}
	if _, err := evidence.NewAlertmanagers(nil); err == nil {
		t.Error("no alertmanager: accepted")
	}
}
