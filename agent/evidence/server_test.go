package evidence_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/evidence"
)

// midnight is when the samples of the tests begin; they end two hours later.
var midnight = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// at is a moment of that night.
func at(hour, minute, second int) time.Time {
	return midnight.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second)
}

// tool finds a real binary: on PATH, or where the project builds them.
func tool(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	path, err := filepath.Abs(filepath.Join("../../.tools/bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s is not installed: make build", name)
	}
	return path
}

// start runs a server until the test ends and returns its URL once it is ready.
func start(t *testing.T, program string, args ...string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	var output bytes.Buffer
	cmd := exec.Command(tool(t, program), append(args, "--web.listen-address="+address)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", program, output.String())
		}
	})
	url := "http://" + address
	eventually(t, program+" is ready", func() bool {
		answer, err := http.Get(url + "/-/ready")
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
	return url
}

// eventually polls what another process must bring about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited a minute: not true that %s", what)
		}
	}
}

// startPrometheus starts a real Prometheus that holds the samples, evaluates the rules every second and scrapes nothing.
func startPrometheus(t *testing.T, samples, rules string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"samples.txt": samples, "rules.yml": rules,
		"prometheus.yml": "global: {evaluation_interval: 1s}\nrule_files: [rules.yml]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	load := exec.Command(tool(t, "promtool"), "tsdb", "create-blocks-from", "openmetrics", filepath.Join(dir, "samples.txt"), filepath.Join(dir, "tsdb"))
	if out, err := load.CombinedOutput(); err != nil {
		t.Fatalf("load samples: %v\n%s", err, out)
	}
	return start(t, "prometheus", "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "tsdb"),
		"--storage.tsdb.retention.time=100y")
}

// series is one series in OpenMetrics' form, a sample each 15 s for two hours. A moment for which value says no is left out.
func series(name string, value func(at time.Time) (float64, bool)) string {
	var b strings.Builder
	metric, _, _ := strings.Cut(name, "{")
	fmt.Fprintf(&b, "# TYPE %s gauge\n", metric)
	for t := midnight; !t.After(at(2, 0, 0)); t = t.Add(15 * time.Second) {
		if v, ok := value(t); ok {
			fmt.Fprintf(&b, "%s %g %d\n", name, v, t.Unix())
		}
	}
	return b.String()
}

func newPrometheus(t *testing.T, url string, timeout time.Duration) *evidence.Prometheus {
	t.Helper()
	p, err := evidence.NewPrometheus(evidence.Endpoint{URL: url, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
