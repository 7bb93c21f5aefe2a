package live

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/generator/slo"
)

// answering is a server that gives one answer to everything, as rulers and proxies in front of a Prometheus do.
func answering(t *testing.T, status int, body string) *Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	s, err := Connect(server.URL, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Thanos and Mimir have no targets and no retention of their own: that is no failure.
func TestWhatAServerDoesNotKnowIsUnknown(t *testing.T) {
	s := answering(t, http.StatusNotFound, "404 page not found")
	if intervals, err := s.ScrapeIntervals(t.Context()); err != nil || len(intervals) > 0 {
		t.Errorf("intervals %v, error %v", intervals, err)
	}
	if kept, said, err := s.Retention(t.Context()); err != nil || kept != 0 || said != "" {
		t.Errorf("retention %v %q, error %v", kept, said, err)
	}
}

func TestAServerThatRefusesIsAnError(t *testing.T) {
	s := answering(t, http.StatusUnauthorized, "who are you?")
	if _, err := s.ScrapeIntervals(t.Context()); err == nil {
		t.Error("intervals: no error")
	}
	if _, _, err := s.Retention(t.Context()); err == nil {
		t.Error("retention: no error")
	}
	if _, err := s.Query(t.Context(), "up"); err == nil {
		t.Error("query: no error")
	}
}

func TestOfSeveralTargetsOfAJobTheOneScrapedLeastOftenCounts(t *testing.T) {
	s := answering(t, http.StatusOK, `{"status":"success","data":{"activeTargets":[
		{"labels":{"job":"a"},"scrapeInterval":"15s"},{"labels":{"job":"a"},"scrapeInterval":"1m"},{"labels":{"job":"a"},"scrapeInterval":"30s"},
		{"labels":{"job":"b"},"scrapeInterval":""}]}}`)
	got, err := s.ScrapeIntervals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]slo.Duration{"a": slo.Duration(time.Minute)}, got); diff != "" {
		t.Errorf("intervals (-want +got):\n%s", diff)
	}
}

func TestRetentionIsReadAsPrometheusSaysIt(t *testing.T) {
	for said, want := range map[string]time.Duration{
		"15d": 15 * 24 * time.Hour, "15d or 10GiB": 15 * 24 * time.Hour, "10GiB": 0, "1y": 365 * 24 * time.Hour,
	} {
		s := answering(t, http.StatusOK, `{"status":"success","data":{"storageRetention":"`+said+`"}}`)
		kept, text, err := s.Retention(t.Context())
		if err != nil || kept.Std() != want || text != said {
			t.Errorf("%q: %v, %q, error %v", said, kept, text, err)
		}
	}
}
