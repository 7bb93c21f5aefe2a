package backtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	engine "github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"
)

// episodes runs the states of an alert over the answer to its expression: one state for each set of labels that the alert would have, as
// Prometheus's rules.AlertingRule.Eval has it.
func (r rule) episodes(answer engine.Matrix, g grid, least bool) ([]Episode, error) {
	byLabels := map[string][]engine.FPoint{}
	sets := map[string]map[string]string{}
	for _, series := range answer {
		points := append([]engine.FPoint(nil), series.Floats...)
		for _, h := range series.Histograms {
			points = append(points, engine.FPoint{T: h.T})
		}
		for _, p := range points {
			set, key := r.labelsOf(series.Metric, p)
			sets[key] = set
			byLabels[key] = append(byLabels[key], p)
		}
	}
	var all []Episode
	for _, key := range slices.Sorted(maps.Keys(sets)) {
		points := byLabels[key]
		slices.SortFunc(points, func(a, b engine.FPoint) int { return cmp.Compare(a.T, b.T) })
		for i := 1; i < len(points); i++ {
			if points[i].T == points[i-1].T {
				return nil, fmt.Errorf("at %s two series would be one alert, %s: Prometheus refuses to evaluate it", stamp(at(points[i].T)), key)
			}
		}
		s := states{rule: r, grid: g, labels: sets[key], least: least}
		s.run(points)
		all = append(all, s.ended...)
	}
	slices.SortStableFunc(all, func(a, b Episode) int { return a.Onset.Compare(b.Onset) })
	return all, nil
}

// labelsOf are the labels that the alert would have: those of the sample without its name, and the rule's own, expanded.
func (r rule) labelsOf(metric labels.Labels, p engine.FPoint) (map[string]string, string) {
	set := metric.Map()
	delete(set, model.MetricNameLabel)
	for name, text := range r.labels {
		if strings.Contains(text, "{{") {
			text = expanded(r.name, text, metric, p)
		}
		set[name] = text
	}
	set[model.AlertNameLabel] = r.name
	return set, labels.FromMap(set).String()
}

// expanded is a label's template with $labels and $value. It may not query: what it found would be another expression to replay.
func expanded(alert, text string, metric labels.Labels, p engine.FPoint) string {
	const variables = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"
	about := template.AlertTemplateData(metric.Map(), nil, "", engine.Sample{T: p.T, F: p.F, Metric: metric})
	refuse := func(context.Context, string, time.Time) (engine.Vector, error) {
		return nil, fmt.Errorf("a label that queries is not replayed")
	}
	t := template.NewTemplateExpander(context.Background(), variables+text, "__alert_"+alert, about, model.Time(p.T), refuse, &url.URL{}, nil)
	result, err := t.Expand()
	if err != nil {
		return fmt.Sprintf("<error expanding template: %s>", err)
	}
	return result
}

// states is the life of one alert with one set of labels.
type states struct {
	rule   rule
	grid   grid
	labels map[string]string
	least  bool

	open  bool
	now   Episode
	onset int64
	last  int64 // the last moment at which the condition held
	ended []Episode
}

// run goes over the moments at which the condition held. Between them it did not.
func (s *states) run(points []engine.FPoint) {
	for _, p := range points {
		if s.open && p.T > s.last+s.grid.step {
			s.absent(p.T)
		}
		s.present(p)
	}
	if !s.open {
		return
	}
	if s.last < s.grid.to {
		s.absent(s.grid.to + s.grid.step)
	}
	if s.open {
		s.ended = append(s.ended, s.now)
	}
}

// present is an evaluation at which the condition holds: pending at first, firing once it has held for long enough.
func (s *states) present(p engine.FPoint) {
	if !s.open {
		s.open, s.onset = true, p.T
		s.now = Episode{Labels: s.labels, Onset: s.moment(p.T), Value: p.F, Peak: p.F, Before: p.T == s.grid.from}
	}
	s.last = p.T
	if s.least == (p.F < s.now.Peak) {
		s.now.Peak = p.F
	}
	if s.now.Fired.IsZero() && p.T-s.onset >= s.rule.hold.Milliseconds() {
		s.now.Fired = s.moment(p.T)
	}
}

// absent is a run of evaluations, up to before next, at which the condition does not hold. What was pending ends with the first; what was
// firing goes on for keep_firing_for since then.
func (s *states) absent(next int64) {
	gone := s.last + s.grid.step
	if !s.now.Fired.IsZero() {
		gone += (s.rule.keep.Milliseconds() + s.grid.step - 1) / s.grid.step * s.grid.step
	}
	if gone >= next {
		return
	}
	s.now.Resolved = s.moment(gone)
	s.ended = append(s.ended, s.now)
	s.open = false
}

// moment is when the rule was evaluated that queried for t.
func (s *states) moment(t int64) time.Time { return at(t).Add(s.rule.offset) }
