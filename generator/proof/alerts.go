package proof

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	engine "github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"
)

// alertRecord is what became of one alerting rule: of each label set when it was pending and firing, as rules.AlertingRule has it.
type alertRecord struct{ all []*instance }

// instance is an alert with one set of labels.
type instance struct {
	labels labels.Labels // with the alert's name
	points []point       // when the condition held, and with what value
	firing []int64       // evaluations, in milliseconds, at which it fired
	active bool          // now: pending or firing
	fires  bool
	since  time.Time // of being active
	kept   time.Time // since when only keep_firing_for holds it; zero if the condition does
	next   int       // the first of points that no evaluation has looked at
}

// point is a result of the alert's expression.
type point struct {
	at     int64 // when it was evaluated, the offset of the group not subtracted
	sample engine.Sample
}

func newAlertRecord() *alertRecord { return &alertRecord{} }

// advance goes over some evaluations, and gives the series that Prometheus writes for alerts.
func (a *alertRecord) advance(p *play, r rule, matrix engine.Matrix, s steps) ([]*column, error) {
	for _, series := range matrix {
		if err := a.hear(p, r, series); err != nil {
			return nil, err
		}
	}
	for _, i := range a.all {
		slices.SortFunc(i.points, func(a, b point) int { return int(a.at - b.at) })
		for n := 1; n < len(i.points); n++ {
			if i.points[n].at == i.points[n-1].at {
				return nil, errTwice{i.labels}
			}
		}
	}
	written := p.outputs[slices.Index(p.alerts, a)]
	for _, i := range a.all {
		pending, firing, forState := i.live(r, s)
		written = p.extended(written, []*column{pending, firing, forState}, r, steps{s.from, s.every, s.count})
	}
	return written, nil
}

// hear sorts the points of a result by the labels that its alert has. They differ within a series only if they show the value.
func (a *alertRecord) hear(p *play, r rule, series engine.Series) error {
	var current *instance
	changing := changes(r.labels)
	for _, f := range series.Floats {
		sample := engine.Sample{T: f.T, F: f.F, Metric: series.Metric}
		at := timestamp.Time(f.T).Add(r.offset)
		if current == nil || changing {
			current = a.of(p.alertLabels(r, sample, at))
		}
		current.points = append(current.points, point{timestamp.FromTime(at), sample})
	}
	for _, h := range series.Histograms {
		sample := engine.Sample{T: h.T, H: h.H, Metric: series.Metric}
		at := timestamp.Time(h.T).Add(r.offset)
		current = a.of(p.alertLabels(r, sample, at))
		current.points = append(current.points, point{timestamp.FromTime(at), sample})
	}
	return nil
}

func (a *alertRecord) of(l labels.Labels) *instance {
	for _, i := range a.all {
		if labels.Equal(i.labels, l) {
			return i
		}
	}
	a.all = append(a.all, &instance{labels: l})
	return a.all[len(a.all)-1]
}

// live goes through pending and firing, and gives the samples of ALERTS and ALERTS_FOR_STATE.
func (i *instance) live(r rule, s steps) (pending, firing, forState *column) {
	name := func(metric, state string) *column {
		b := labels.NewBuilder(i.labels).Set(model.MetricNameLabel, metric)
		if state != "" {
			b.Set("alertstate", state)
		}
		return &column{labels: b.Labels()}
	}
	pending, firing, forState = name(alertSeries, "pending"), name(alertSeries, "firing"), name(alertForSeries, "")
	for n := range s.count {
		now := s.at(n)
		ms := now.UnixMilli()
		holds := i.next < len(i.points) && i.points[i.next].at == ms
		if holds {
			i.next++
		}
		i.step(r, now, holds)
		written := ms - r.offset.Milliseconds()
		switch {
		case i.fires:
			i.firing = append(i.firing, ms)
			firing.add(written, 1, nil)
		case i.active:
			pending.add(written, 1, nil)
		}
		if i.active {
			forState.add(written, float64(i.since.Unix()), nil)
		}
	}
	return pending, firing, forState
}

// step is one evaluation.
func (i *instance) step(r rule, now time.Time, holds bool) {
	if !holds {
		i.release(r, now)
		return
	}
	i.kept = time.Time{}
	if !i.active {
		i.active, i.since = true, now
	}
	i.fires = i.fires || now.Sub(i.since) >= r.wait
}

// release ends the alert, unless keep_firing_for holds it.
func (i *instance) release(r rule, now time.Time) {
	if i.fires && r.keep > 0 {
		if i.kept.IsZero() {
			i.kept = now
		}
		if now.Sub(i.kept) < r.keep {
			return
		}
	}
	i.active, i.fires, i.kept = false, false, time.Time{}
}

// firingAt are the alerts that fired at an evaluation, with their annotations.
func (p *play) firingAt(r rule, a *alertRecord, at time.Time) []shownAlert {
	var all []shownAlert
	ms := at.UnixMilli()
	for _, i := range a.all {
		if _, fired := slices.BinarySearch(i.firing, ms); !fired {
			continue
		}
		n, found := slices.BinarySearchFunc(i.points, ms, func(p point, t int64) int { return int(p.at - t) })
		if !found {
			n-- // kept: what it said last
		}
		last := i.points[n]
		all = append(all, shownAlert{i.labels, p.expanded(r, r.annotations, last.sample, timestamp.Time(last.at))})
	}
	return all
}

func (p *play) alertLabels(r rule, s engine.Sample, at time.Time) labels.Labels {
	b := labels.NewBuilder(s.Metric).Del(model.MetricNameLabel)
	p.expanded(r, r.labels, s, at).Range(func(l labels.Label) { b.Set(l.Name, l.Value) })
	return b.Set(labels.AlertName, r.name).Labels()
}

// isTemplate says whether a text is more than itself.
func isTemplate(text string) bool { return strings.Contains(text, "{{") }

// changes says whether templates may say something else at each evaluation.
func changes(l labels.Labels) bool {
	yes := false
	l.Range(func(l labels.Label) {
		for _, word := range []string{"alue", "query", "now", "time"} {
			yes = yes || isTemplate(l.Value) && strings.Contains(strings.ToLower(l.Value), word)
		}
	})
	return yes
}

// definitions are the variables that Prometheus declares before every template.
const definitions = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"

// expanded are labels or annotations with their templates filled in.
func (p *play) expanded(r rule, texts labels.Labels, s engine.Sample, at time.Time) labels.Labels {
	data := template.AlertTemplateData(s.Metric.Map(), p.group.ExternalLabels, p.group.ExternalURL, s)
	b := labels.NewScratchBuilder(texts.Len())
	texts.Range(func(l labels.Label) {
		text := l.Value
		if isTemplate(text) {
			expander := template.NewTemplateExpander(p.ctx, definitions+text, "__alert_"+r.name, data, model.Time(at.UnixMilli()), p.ask, p.external, nil)
			var err error
			if text, err = expander.Expand(); err != nil {
				text = fmt.Sprintf("<error expanding template: %s>", err)
			}
		}
		if text != "" {
			b.Add(l.Name, text)
		}
	})
	return b.Labels()
}

// ask lets templates query.
func (p *play) ask(ctx context.Context, expr string, at time.Time) (engine.Vector, error) {
	q, err := p.engine.NewInstantQuery(ctx, p.memory, nil, expr, at)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	result := q.Exec(ctx)
	if result.Err != nil {
		return nil, result.Err
	}
	switch v := result.Value.(type) {
	case engine.Vector:
		return slices.Clone(v), nil
	case engine.Scalar:
		return engine.Vector{{T: v.T, F: v.V}}, nil
	}
	return nil, fmt.Errorf("%s is neither a vector nor a scalar", expr)
}
