package backtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// prometheus starts a real Prometheus on a copy of a TSDB directory and returns its address once it is ready.
func prometheus(t *testing.T, dir string) string {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		if program, err = filepath.Abs("../../.tools/bin/prometheus"); err != nil {
			t.Fatal(err)
		}
	}
	work := t.TempDir()
	if err := os.CopyFS(filepath.Join(work, "data"), os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(work, "prometheus.yml"), []byte("global: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	var output bytes.Buffer
	cmd := exec.Command(program, "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--storage.tsdb.retention.time=100y", "--web.listen-address="+address)
	cmd.Dir, cmd.Stdout, cmd.Stderr = work, &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(output.String())
		}
	})
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		answer, err := http.Get("http://" + address + "/-/ready")
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return "http://" + address
			}
		}
		if time.Now().After(end) {
			t.Fatalf("prometheus is not ready after a minute:\n%s", output.String())
		}
	}
}

// troublesome is a proxy in front of a server that does to a request what trouble says, once for each time it says so.
func troublesome(t *testing.T, address string, trouble func(http.ResponseWriter, *http.Request) bool) string {
	t.Helper()
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if !trouble(w, q) {
			proxy.ServeHTTP(w, q)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// A server and a directory with the same data give the same answer, also for a range that has more points than one query may have, by a
// server that allows even fewer, and that is out of order now and then.
func TestAServerAnswersAsTheDirectoryDoes(t *testing.T) {
	dir, err := theMonth()
	if err != nil {
		t.Fatal(err)
	}
	var requests, refused atomic.Int64
	address := troublesome(t, prometheus(t, dir), func(w http.ResponseWriter, q *http.Request) bool {
		if !strings.HasSuffix(q.URL.Path, "/query_range") {
			return false
		}
		if requests.Add(1)%5 == 0 {
			w.WriteHeader(http.StatusBadGateway)
			return true
		}
		start, end := moments(t, q)
		if end.Sub(start) > 48*time.Hour {
			refused.Add(1)
			w.WriteHeader(http.StatusUnprocessableEntity)
			fmt.Fprint(w, `{"status":"error","errorType":"execution","error":"the query time range exceeds the limit"}`)
			return true
		}
		return false
	})
	past, err := Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	rules, o := groupsIn(t, "api-error-rate", "p95-latency"), Options{Span: Span{month.From, month.From.Add(8 * 24 * time.Hour)}}
	got, want := replayed(t, past, rules, o), replayed(t, openMonth(t), rules, o)
	got.Past, got.Notes, want.Notes = want.Past, nil, nil
	if diff := cmp.Diff(Answer{Report: want.Report}.JSON(), Answer{Report: got.Report}.JSON()); diff != "" {
		t.Errorf("directory (-), server (+):\n%s", diff)
	}
	if got.Totals().Fired == 0 || refused.Load() == 0 {
		t.Errorf("%d fired, %d requests refused: nothing was tried", got.Totals().Fired, refused.Load())
	}
}

// moments are the ends of a range query's form.
func moments(t *testing.T, q *http.Request) (start, end time.Time) {
	t.Helper()
	body := new(bytes.Buffer)
	if _, err := body.ReadFrom(q.Body); err != nil {
		t.Error(err)
	}
	q.Body = readCloser{bytes.NewReader(body.Bytes())}
	form, err := url.ParseQuery(body.String())
	if err != nil {
		t.Error(err)
	}
	var s, e float64
	fmt.Sscan(form.Get("start"), &s)
	fmt.Sscan(form.Get("end"), &e)
	return time.Unix(int64(s), 0), time.Unix(int64(e), 0)
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

func TestAServerThatRefusesIsSaidToAndWhatToDo(t *testing.T) {
	answering := func(status int) func(t *testing.T) string {
		return func(t *testing.T) string {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
			t.Cleanup(server.Close)
			return server.URL
		}
	}
	closed := httptest.NewServer(nil)
	closed.Close()
	for _, test := range []struct {
		name, want, hint string
		address          func(*testing.T) string
	}{
		{"401", "401 Unauthorized", "give a user that may query", answering(http.StatusUnauthorized)},
		{"403", "403 Forbidden", "give a user that may query", answering(http.StatusForbidden)},
		{"404", "404 Not Found", "no Prometheus API", answering(http.StatusNotFound)},
		{"503", "503", "try again later", answering(http.StatusServiceUnavailable)},
		{"nobody there", "connection refused", "is it running", func(*testing.T) string { return closed.URL }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			address := strings.Replace(test.address(t), "http://", "http://reader:geheim@", 1)
			_, err := Connect(t.Context(), address)
			var refusal *Refusal
			if !errors.As(err, &refusal) || !strings.Contains(err.Error(), test.want) || !strings.Contains(refusal.Hint, test.hint) {
				t.Errorf("got %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "geheim") {
				t.Errorf("the password is told: %v", err)
			}
		})
	}
	if _, err := Connect(t.Context(), "localhost:9090"); err == nil || !strings.Contains(err.Error(), "--prometheus.url http://") {
		t.Errorf("an address without a scheme: %v", err)
	}
}

// scripted is a server that gives prepared answers, by the end of the path.
func scripted(t *testing.T, answers map[string]string) *Past {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		for path, answer := range answers {
			if strings.HasSuffix(q.URL.Path, path) {
				fmt.Fprint(w, answer)
				return
			}
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(server.Close)
	past, err := Connect(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return past
}

func scalar(at time.Time) string {
	return fmt.Sprintf(`{"status":"success","data":{"resultType":"scalar","result":[%d,"%d"]}}`, at.Unix(), at.Unix())
}

func TestWhatIsKnownOfAServerIsSaid(t *testing.T) {
	now := time.Now()
	info := `{"status":"success","data":{"storageRetention":"15d or 10GiB"}}`
	empty := `{"status":"success","warnings":["store gateway 3 is down"],"data":{"resultType":"matrix","result":[]}}`
	past := scripted(t, map[string]string{"/query": scalar(now.Add(-time.Hour)), "/runtimeinfo": info, "/query_range": empty})
	rules := reading(t, "      - alert: A\n        expr: up > 1\n")
	r := replayed(t, past, rules, Options{Span: Span{now.Add(-20 * 24 * time.Hour), now}})
	notes := strings.Join(r.Notes, "\n")
	for _, want := range []string{"is -1h0m", "holds nothing before " + now.Add(-15*24*time.Hour).UTC().Format("2006-01-02")} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes do not say %q: %s", want, notes)
		}
	}
	if diff := cmp.Diff([]string{"store gateway 3 is down"}, r.Partial); diff != "" {
		t.Error(diff)
	}
	_, err := Run(t.Context(), past, rules, Options{Span: Span{now.Add(-40 * 24 * time.Hour), now.Add(-20 * 24 * time.Hour)}})
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		t.Errorf("beyond retention: %v", err)
	}
}

func TestAReplayThatIsInterruptedEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	past, err := Connect(ctx, troublesome(t, "http://127.0.0.1:1", func(w http.ResponseWriter, q *http.Request) bool {
		switch {
		case strings.HasSuffix(q.URL.Path, "/query"):
			fmt.Fprint(w, scalar(time.Now()))
		case strings.HasSuffix(q.URL.Path, "/query_range"):
			cancel()
		default:
			w.WriteHeader(http.StatusNotFound)
		}
		return true
	}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Run(ctx, past, reading(t, "      - alert: A\n        expr: up > 1\n"), Options{Span: Span{time.Now().Add(-time.Hour), time.Now()}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
