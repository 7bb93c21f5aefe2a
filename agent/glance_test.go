package agent_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/release"
)

// asking is an agent whose Prometheus is a handler.
func asking(t *testing.T, handle http.HandlerFunc) (r *running, asked *atomic.Int64) {
	t.Helper()
	asked = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		if strings.HasSuffix(in.URL.Path, "/query_range") {
			asked.Add(1)
		}
		handle(out, in)
	}))
	t.Cleanup(server.Close)
	w := bare(t)
	c := w.config(t)
	c.Environments[0].Prometheus.URL = server.URL
	return w.start(t, c), asked
}

func TestThePageWaitsForNoPrometheus(t *testing.T) {
	end := make(chan struct{})
	r, _ := asking(t, func(_ http.ResponseWriter, in *http.Request) {
		select {
		case <-end:
		case <-in.Context().Done():
		}
	})
	defer close(end)
	began := time.Now()
	rows, known := r.View().Glance(context.Background(), home)
	if took := time.Since(began); took > 4*time.Second || !known {
		t.Errorf("it took %s", took)
	}
	if len(rows.Rows) != 1 || rows.Rows[0].Verdict != release.Unknown || rows.Rows[0].Alert != "> 2 % (3s)" || !strings.Contains(rows.Problem, "has not answered within 1s") {
		t.Errorf("%+v", rows)
	}
}

func TestThePageSaysThatPrometheusIsDown(t *testing.T) {
	w := bare(t)
	rows, _ := w.start(t, w.config(t)).View().Glance(context.Background(), home)
	if !strings.Contains(rows.Problem, "Prometheus gives no answer") || !strings.Contains(rows.Rows[0].Reason, "refused") || rows.Rows[0].SVG != "" || rows.At.IsZero() {
		t.Errorf("%+v", rows)
	}
	if _, known := w.start(t, w.config(t)).View().Glance(context.Background(), "nobody/knows"); known {
		t.Error("an environment that is not configured has rows")
	}
}

// TestManyReadersCostOneMeasurement: who opens the page in a hundred tabs while it burns must not burn Prometheus as well.
func TestManyReadersCostOneMeasurement(t *testing.T) {
	r, asked := asking(t, func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Content-Type", "application/json")
		_, _ = out.Write([]byte(`{"status":"success","data":{"resultType":"vector","result":[]}}`))
	})
	var readers sync.WaitGroup
	for range 50 {
		readers.Go(func() { r.View().Glance(context.Background(), home) })
	}
	readers.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("the one row was asked for %d times", n)
	}
}
