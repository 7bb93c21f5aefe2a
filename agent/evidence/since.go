package evidence

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/generator/slo"
)

// Since is a stretch of time seen at the moments when the rules were evaluated: Onset, Onset+Step, …, and At.
type Since struct {
	Onset, At time.Time
	Step      time.Duration // the plan's evaluation interval
}

// pointsPerQuery is Prometheus's limit for one range query (web/api/v1: 11,000 points a series).
const pointsPerQuery = 11_000

// maxPoints is 48 h, the longest that a proposal is armed by default, at the shortest interval of 1 s, with room to spare.
const maxPoints = 20 * pointsPerQuery

// moments are those of the grid; At is asked apart.
func (s Since) moments() int {
	if s.At.Before(s.Onset) {
		return 0
	}
	return int(s.At.Sub(s.Onset)/s.Step) + 1
}

// ReadSince is FAIL if the alert condition held at any evaluation since onset, with the first such moment as its At: for counts and
// restarts, where one violation is enough and need not go on. Freshness is judged at since.At. When no evaluation was found true and
// some could not be judged, it is UNKNOWN: the violation may have been there.
func (p *Prometheus) ReadSince(ctx context.Context, s slo.PlanSLO, b *release.Baseline, since Since) release.Reading {
	since.Onset = since.Onset.Truncate(time.Millisecond) // Prometheus's own precision: it would answer for other moments than were asked
	now, err := p.sample(ctx, s, since.At)
	if err != nil {
		return unknown(s, since.At, err)
	}
	latest := release.Judge(s, now, b)
	if now.Age == nil || *now.Age > s.AgeMax.Std().Seconds() {
		return latest
	}
	h, err := p.history(ctx, s, since)
	if err != nil {
		return unknown(s, since.At, err)
	}
	return h.judge(s, b, now, latest)
}

// history is what the queries of one SLO gave at each moment of the grid; a moment without an answer is absent.
type history struct {
	since          Since
	values, events map[model.Time]float64
}

func (p *Prometheus) history(ctx context.Context, s slo.PlanSLO, since Since) (history, error) {
	h := history{since: since}
	if since.Step <= 0 {
		return h, errors.New("no step is given")
	}
	if n := since.moments(); n > maxPoints {
		return h, fmt.Errorf("%d evaluations since onset, more than %d can be asked for", n, maxPoints)
	}
	var err error
	if h.values, err = p.series(ctx, s.Value, since); err != nil {
		return h, fmt.Errorf("query value of %s since onset: %w", s.ID, err)
	}
	if s.Events == "" {
		return h, nil
	}
	if h.events, err = p.series(ctx, s.Events, since); err != nil {
		return h, fmt.Errorf("query events of %s since onset: %w", s.ID, err)
	}
	return h, nil
}

// judge looks at each moment, then at the latest sample.
func (h history) judge(s slo.PlanSLO, b *release.Baseline, now release.Sample, latest release.Reading) release.Reading {
	n, untold := h.since.moments(), 0
	for i := range n {
		at := h.since.Onset.Add(time.Duration(i) * h.since.Step)
		sample := release.Sample{Value: h.at(h.values, at), Events: h.at(h.events, at), Age: now.Age, At: at.UTC()}
		switch r := release.Judge(s, sample, b); r.Verdict {
		case release.Fail:
			return r
		case release.Unknown:
			untold++
		}
	}
	if latest.Verdict == release.Pass && untold > 0 {
		latest.Verdict = release.Unknown
		latest.Reason = fmt.Sprintf("%s; but %d of %d evaluations since onset could not be judged", latest.Reason, untold, n)
	}
	return latest
}

func (h history) at(values map[model.Time]float64, at time.Time) *float64 {
	value, known := values[model.TimeFromUnixNano(at.UnixNano())]
	if !known {
		return nil
	}
	return &value
}

// series is one query over the grid, in as many requests as its length needs.
func (p *Prometheus) series(ctx context.Context, query string, since Since) (map[model.Time]float64, error) {
	values := map[model.Time]float64{}
	n := since.moments()
	for first := 0; first < n; first += pointsPerQuery {
		last := min(first+pointsPerQuery, n) - 1
		err := p.stretch(ctx, query, v1.Range{
			Start: since.Onset.Add(time.Duration(first) * since.Step),
			End:   since.Onset.Add(time.Duration(last) * since.Step),
			Step:  since.Step,
		}, values)
		if err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (p *Prometheus) stretch(ctx context.Context, query string, r v1.Range, into map[model.Time]float64) error {
	value, warnings, _, err := p.api.QueryRange(ctx, query, r, v1.WithTimeout(p.timeout))
	if err := p.answered(warnings, err); err != nil {
		return err
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		return fmt.Errorf("the answer is a %s, want a matrix", value.Type())
	}
	if len(matrix) > 1 {
		return fmt.Errorf("%d series, want one", len(matrix))
	}
	for _, series := range matrix {
		if len(series.Histograms) > 0 {
			return errors.New("the answer holds histograms, want numbers")
		}
		for _, pair := range series.Values {
			into[pair.Timestamp] = float64(pair.Value)
		}
	}
	return nil
}
