package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/prometheus/client_golang/api"
	"github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/coclai/cutover/generator/slo"
)

// Server is one Prometheus. All its answers are about one moment, so that they agree.
type Server struct {
	client api.Client
	api    v1.API
	at     time.Time
}

// Connect makes a client for an http or https URL, and asks nothing yet. Answers are about the moment at.
func Connect(address string, at time.Time) (*Server, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%q is no http address of a Prometheus", address)
	}
	client, err := api.NewClient(api.Config{Address: address})
	if err != nil {
		return nil, fmt.Errorf("prometheus: %w", err)
	}
	return &Server{client, v1.NewAPI(client), at}, nil
}

// Sample is one series of an answer.
type Sample struct {
	Labels map[string]string
	Value  float64
}

// Query asks an instant query, the answer of which must be a vector.
func (s *Server) Query(ctx context.Context, query string) ([]Sample, error) {
	value, _, _, err := s.api.Query(ctx, query, s.at)
	if err != nil {
		return nil, fmt.Errorf("query %q: %w", query, err)
	}
	vector, ok := value.(model.Vector)
	if !ok {
		return nil, fmt.Errorf("query %q: the answer is a %s, not a vector", query, value.Type())
	}
	samples := make([]Sample, 0, len(vector))
	for _, v := range vector {
		labels := make(map[string]string, len(v.Metric))
		for name, text := range v.Metric {
			labels[string(name)] = string(text)
		}
		samples = append(samples, Sample{labels, float64(v.Value)})
	}
	return samples, nil
}

// Values are the distinct values of a label in the answer of a query, sorted; "" stands for series without the label.
func (s *Server) Values(ctx context.Context, query, label string) ([]string, error) {
	samples, err := s.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	var values []string
	for _, sample := range samples {
		values = append(values, sample.Labels[label])
	}
	slices.Sort(values)
	return slices.Compact(values), nil
}

// Metrics are the names of all metrics that the server knows of the last while.
func (s *Server) Metrics(ctx context.Context, while slo.Duration) ([]string, error) {
	values, _, _, err := s.api.LabelValues(ctx, model.MetricNameLabel, nil, s.at.Add(-while.Std()), s.at)
	if err != nil {
		return nil, fmt.Errorf("list the metrics: %w", err)
	}
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = string(v)
	}
	return names, nil
}

// ScrapeIntervals are the intervals at which targets are scraped, by job, the longest of each. It is empty where the server knows none.
func (s *Server) ScrapeIntervals(ctx context.Context) (map[string]slo.Duration, error) {
	var answer struct {
		Data struct {
			ActiveTargets []struct {
				Labels         map[string]string `json:"labels"`
				ScrapeInterval string            `json:"scrapeInterval"` // since Prometheus 2.27
			} `json:"activeTargets"`
		} `json:"data"`
	}
	told, err := s.ask(ctx, "/api/v1/targets", url.Values{"state": {"active"}}, &answer)
	if err != nil || !told {
		return nil, err
	}
	longest := map[string]slo.Duration{}
	for _, t := range answer.Data.ActiveTargets {
		job := t.Labels[model.JobLabel]
		if d, err := slo.ParseDuration(t.ScrapeInterval); err == nil {
			longest[job] = max(longest[job], d)
		}
	}
	return longest, nil
}

// Retention is how far back the server remembers, in time and as it says it: "15d", "15d or 10GiB". It is unknown (0, "") where the server
// does not say; 0 with a text is a limit by size alone.
func (s *Server) Retention(ctx context.Context) (slo.Duration, string, error) {
	var answer struct {
		Data struct {
			StorageRetention string `json:"storageRetention"`
		} `json:"data"`
	}
	if told, err := s.ask(ctx, "/api/v1/status/runtimeinfo", nil, &answer); err != nil || !told {
		return 0, "", err
	}
	said := answer.Data.StorageRetention
	return timeIn(said), said, nil
}

// ask reads an endpoint that the client library knows too little of. A server without it has not told.
func (s *Server) ask(ctx context.Context, path string, query url.Values, into any) (told bool, err error) {
	u := s.client.URL(path, nil)
	u.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return false, fmt.Errorf("ask for %s: %w", path, err)
	}
	response, body, err := s.client.Do(ctx, request)
	if err != nil {
		return false, fmt.Errorf("ask for %s: %w", path, err)
	}
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return false, nil
	default:
		return false, fmt.Errorf("ask for %s: %w", path, errors.New(response.Status))
	}
	if err := json.Unmarshal(body, into); err != nil {
		return false, fmt.Errorf("read the answer of %s: %w", path, err)
	}
	return true, nil
}
