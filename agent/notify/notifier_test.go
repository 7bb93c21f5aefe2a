package notify_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/agent/notify"
)

// startAlertmanager starts a real one that sends everything to the URL, and returns its own.
func startAlertmanager(t *testing.T, receiver string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "alertmanager.yml")
	config := "route: {receiver: people, group_wait: 0s, group_interval: 1s}\nreceivers: [{name: people, webhook_configs: [{url: '" + receiver + "'}]}]\n"
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	var output bytes.Buffer
	cmd := exec.Command(tool(t, "alertmanager"), "--config.file="+file, "--storage.path="+dir, "--cluster.listen-address=", "--web.listen-address="+address)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("alertmanager said:\n%s", output.String())
		}
	})
	eventually(t, "alertmanager is ready", func() bool {
		answer, err := http.Get("http://" + address + "/-/ready")
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
	return "http://" + address
}

// tool finds a real binary: on PATH, or where the project builds them.
func tool(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	path := filepath.Join("../../.tools/bin", name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s is not installed: make build", name)
	}
	return path
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited a minute: not true that %s", what)
		}
	}
}

type alert struct {
	Labels, Annotations map[string]string
	StartsAt, EndsAt    time.Time
}

func alerts(t *testing.T, url string) []alert {
	t.Helper()
	answer, err := http.Get(url + "/api/v2/alerts")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var all []alert
	if err := json.NewDecoder(answer.Body).Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

func page() notify.Page {
	return notify.Page{
		Name:    "RollbackAgentLocked",
		Labels:  map[string]string{"service": "checkout", "environment": "production", "incident": "inc-1", "severity": "ticket", "rollback": "auto"},
		Summary: "checkout/production is locked", Description: "unlock with a cause", Until: time.Now().Add(2 * time.Minute),
	}
}

func newNotifier(t *testing.T, urls ...string) *notify.Notifier {
	t.Helper()
	n, err := notify.New(urls, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAPageReachesPeopleThroughEveryAlertmanager(t *testing.T) {
	delivered := make(chan []alert, 10)
	people := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body struct{ Alerts []alert }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		delivered <- body.Alerts
	}))
	t.Cleanup(people.Close)
	first, second := startAlertmanager(t, people.URL), startAlertmanager(t, people.URL)
	n := newNotifier(t, first, second+"/")
	sent := page()
	if err := n.Send(t.Context(), []notify.Page{sent}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"alertname": "RollbackAgentLocked", "service": "checkout", "environment": "production", "incident": "inc-1",
		"severity": "page", "rollback": "none", // whatever the caller says
	}
	for range 2 {
		select {
		case got := <-delivered:
			if diff := cmp.Diff(want, got[0].Labels); diff != "" {
				t.Errorf("labels (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(map[string]string{"summary": sent.Summary, "description": sent.Description}, got[0].Annotations); diff != "" {
				t.Errorf("annotations (-want +got):\n%s", diff)
			}
		case <-time.After(time.Minute):
			t.Fatal("nobody was paged for a minute")
		}
	}
	testRepeated(t, n, first, sent)
}

// testRepeated: sent again, a page is the same one for longer; sent with an end in the past, it is over.
func testRepeated(t *testing.T, n *notify.Notifier, url string, p notify.Page) {
	before := alerts(t, url)[0]
	p.Until, p.Description = p.Until.Add(time.Minute), "again"
	if err := n.Send(t.Context(), []notify.Page{p}); err != nil {
		t.Fatal(err)
	}
	after := alerts(t, url)
	if len(after) != 1 || !after[0].StartsAt.Equal(before.StartsAt) || !after[0].EndsAt.After(before.EndsAt) {
		t.Errorf("sent again: got %+v, want the one of before for longer: %+v", after, before)
	}
	p.Until = time.Now().Add(-time.Second)
	if err := n.Send(t.Context(), []notify.Page{p}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the page is over", func() bool { return len(alerts(t, url)) == 0 })
}

func TestAPageStartsWhenTheNeedArose(t *testing.T) {
	url := startAlertmanager(t, "http://127.0.0.1:1")
	p := page()
	p.Since = time.Now().Add(-time.Hour).Truncate(time.Second)
	p.Description = strings.Repeat("é", 5000) + "\xff"
	if err := newNotifier(t, url).Send(t.Context(), []notify.Page{p}); err != nil {
		t.Fatal(err)
	}
	got := alerts(t, url)[0]
	if !got.StartsAt.Equal(p.Since) {
		t.Errorf("starts at %s, want %s", got.StartsAt, p.Since)
	}
	if n := len([]rune(got.Annotations["description"])); n != 4097 {
		t.Errorf("the description has %d characters, want 4096 and a sign that it was cut", n)
	}
}

func TestAnAlertmanagerThatFailsDoesNotKeepTheOthersFromPaging(t *testing.T) {
	working := startAlertmanager(t, "http://127.0.0.1:1")
	var broken []string
	for _, answer := range []http.HandlerFunc{
		func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no room", http.StatusInternalServerError) },
		func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, working+r.URL.Path, http.StatusTemporaryRedirect)
		},
		func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() },
	} {
		s := httptest.NewServer(answer)
		t.Cleanup(s.Close)
		broken = append(broken, s.URL)
	}
	err := newNotifier(t, append(broken, working)...).Send(t.Context(), []notify.Page{page()})
	var undelivered *notify.Undelivered
	if !errors.As(err, &undelivered) || undelivered.Reached != 1 || len(undelivered.Causes) != 3 {
		t.Fatalf("got %v, want one reached and three causes", err)
	}
	for _, url := range broken {
		if !strings.Contains(err.Error(), url) {
			t.Errorf("%s is not named in: %v", url, err)
		}
	}
	if got := alerts(t, working); len(got) != 1 {
		t.Errorf("the working one holds %d pages", len(got))
	}
	if err := newNotifier(t, "http://127.0.0.1:1").Send(t.Context(), []notify.Page{page()}); !errors.As(err, &undelivered) || undelivered.Reached != 0 {
		t.Errorf("nobody reached: got %v", err)
	}
}

func TestPagesThatNobodyCouldAnswerAreRefused(t *testing.T) {
	asked := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("something was sent") }))
	t.Cleanup(asked.Close)
	n := newNotifier(t, asked.URL)
	for name, change := range map[string]func(*notify.Page){
		"name":        func(p *notify.Page) { p.Name = "CheckoutApiErrorRate" },
		"service":     func(p *notify.Page) { delete(p.Labels, "service") },
		"environment": func(p *notify.Page) { p.Labels["environment"] = "" },
		"end":         func(p *notify.Page) { p.Until = time.Time{} },
	} {
		bad := page()
		change(&bad)
		if err := n.Send(t.Context(), []notify.Page{page(), bad}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := n.Send(t.Context(), nil); err != nil {
		t.Errorf("no pages: %v", err)
	}
	for _, urls := range [][]string{nil, {"ftp://x"}, {"127.0.0.1:9093"}} {
		if _, err := notify.New(urls, time.Second); err == nil {
			t.Errorf("%v: accepted", urls)
		}
	}
}
