package main

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/generator/backtest/pasttest"
)

// emptyPrometheus starts a real Prometheus that scrapes nothing, and returns its URL once it answers.
func emptyPrometheus(t *testing.T) string {
	t.Helper()
	return prometheusOver(t, t.TempDir())
}

// prometheusOver starts one that has scraped before what is in a TSDB directory.
func prometheusOver(t *testing.T, tsdb string) string {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		if program, err = filepath.Abs("../../.tools/bin/prometheus"); err != nil {
			t.Fatal(err)
		}
	}
	dir, address := t.TempDir(), freeAddress(t)
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, []byte("global: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--config.file="+config, "--storage.tsdb.path="+tsdb, "--web.listen-address="+address)
	if err := cmd.Start(); err != nil {
		t.Fatalf("start Prometheus (make build): %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for end := time.Now().Add(time.Minute); !ready("http://" + address); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("Prometheus was not ready within a minute")
		}
	}
	return "http://" + address
}

func ready(url string) bool {
	answer, err := http.Get(url + "/-/ready")
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// Two codes of three instances are scraped; of one selector there is nothing, and that is said.
func TestCostCountsTheSeriesOfAServer(t *testing.T) {
	dir, now := t.TempDir(), time.Now().Truncate(time.Second)
	var all []pasttest.Series
	for _, instance := range []string{"a", "b", "c"} {
		for _, code := range []string{"200", "500"} {
			set := map[string]string{"__name__": "http_requests_total", "job": "shop", "instance": instance, "code": code}
			all = append(all, pasttest.Series{Labels: set, At: func(time.Time) float64 { return 1 }})
		}
	}
	tsdb := filepath.Join(dir, "tsdb")
	if err := (pasttest.Past{From: now.Add(-time.Minute), To: now, Scrape: 15 * time.Second}).Write(tsdb, all); err != nil {
		t.Fatal(err)
	}
	rules := filepath.Join(dir, "rules.yaml")
	if err := os.WriteFile(rules, []byte(twoRules), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	server := prometheusOver(t, tsdb)
	if code := run(t.Context(), streams{&out, &errs}, []string{"cost", "--prometheus.url", server, "--max-samples", "123", rules}); code != exitYes {
		t.Errorf("cost exits %d: %s", code, errs.String())
	}
	for _, want := range []string{"\n120 ", "\n3 ", "\n123 "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	if want := `{__name__="misspelt_total"} picks no series at ` + server; !strings.Contains(errs.String(), want) {
		t.Errorf("%q is not in\n%s", want, errs.String())
	}
	if code := run(t.Context(), streams{&out, &errs}, []string{"cost", "--prometheus.url", server, "--max-samples", "122", rules}); code != exitNo {
		t.Errorf("cost of more than --max-samples exits %d", code)
	}
	if code := run(t.Context(), streams{&out, &errs}, []string{"cost", "--prometheus.url", "http://" + freeAddress(t), rules}); code != exitUnable {
		t.Errorf("cost without its server exits %d", code)
	}
}

const twoRules = `groups:
  - name: g
    interval: 30s
    rules:
      - record: requests:rate5m
        expr: sum(rate(http_requests_total{job="shop"}[5m]))
      - record: failures
        expr: sum(http_requests_total{code="500"}) + sum(rate(misspelt_total[5m]))
`

func TestRulesThatCannotWorkOnAServerAreNotWritten(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "generated")
	var out, errs bytes.Buffer
	code := run(t.Context(), streams{&out, &errs}, []string{"generate", "--config", "../../rules/promrulegen.yaml", "--out", folder,
		"--prometheus.url", emptyPrometheus(t)})
	if code != exitNo {
		t.Errorf("generate exits %d, want %d", code, exitNo)
	}
	for _, want := range []string{
		"api-error-rate: no series of the last 1h is called http_requests_total\n",
		"isolation-violations: no series of the last 1h is called isolation_violations_total; unless nothing has been counted yet, it is misspelt\n",
		"no file was touched\n",
	} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("%q is not in\n%s", want, errs.String())
		}
	}
	if want := "api-error-rate                 -    > 2% (5m)"; !strings.Contains(out.String(), want) {
		t.Errorf("%q is not in\n%s", want, out.String())
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("%s was made (error %v)", folder, err)
	}
}

func TestAServerThatCannotBeAskedIsNotAnAnswer(t *testing.T) {
	var out, errs bytes.Buffer
	code := run(t.Context(), streams{&out, &errs}, []string{"check", "--config", "../../rules/promrulegen.yaml", "--prometheus.url", "http://" + freeAddress(t)})
	if code != exitUnable {
		t.Errorf("check exits %d, want %d:\n%s", code, exitUnable, errs.String())
	}
}
