package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/coclai/cutover/agent"
	"github.com/coclai/cutover/agent/evidence"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/backtest"
	"github.com/coclai/cutover/generator/slo"
)

// replayPolicy is what the agent's configuration allows unless it says otherwise, with the mode that a replay is for: what would have been
// done, had the agent been allowed all that the plan allows.
var replayPolicy = rollback.Policy{MaxMode: slo.ModeAuto, PerRelease: 1, PerDay: 1, ArmAuto: 24 * time.Hour, ArmPropose: 48 * time.Hour}

// judge joins the two programs: the generator's episodes, and the agent's decisions about them.
type judge struct {
	plan     slo.Plan
	past     *backtest.Past
	releases []release.Release
	span     backtest.Span
	notes    []string
}

// marks are the releases as a report shows them.
func (j *judge) marks() []backtest.Release {
	var marks []backtest.Release
	for _, r := range j.releases {
		marks = append(marks, backtest.Release{At: r.T0, Name: nameOf(r)})
	}
	return marks
}

func nameOf(r release.Release) string { return fmt.Sprintf("%.12s", r.Commit) }

// judged replays the rules with what an agent would have exported, and has the episodes judged.
func (j *judge) judged(ctx context.Context, rules backtest.Rules, o backtest.Options) (backtest.Report, error) {
	if err := j.capture(ctx); err != nil {
		return backtest.Report{}, err
	}
	o.Given = j.given()
	r, err := backtest.Run(ctx, j.past, rules, o)
	if err != nil {
		return backtest.Report{}, err
	}
	if err := j.readAtT0(ctx, r); err != nil {
		return backtest.Report{}, err
	}
	episodes, places, err := j.episodes(ctx, r)
	if err != nil {
		return backtest.Report{}, err
	}
	decisions, err := agent.Replay(j.plan, replayPolicy, j.releases, episodes)
	if err != nil {
		return backtest.Report{}, err
	}
	for i, d := range decisions {
		if at := places[i]; d != nil && r.Alerts[at.alert].Acts() {
			r.Alerts[at.alert].Episodes[at.episode].Judgement = backtest.Judgement{Verdict: string(d.Verdict), Reason: string(d.Reason), Text: d.Text}
		}
	}
	r.Notes = append(r.Notes, j.notes...)
	return r.Report, nil
}

// capture takes the baselines that an agent would have taken just before each release.
func (j *judge) capture(ctx context.Context) error {
	for i := range j.releases {
		r := &j.releases[i]
		for _, s := range j.plan.SLOs {
			if s.Baseline == nil {
				continue
			}
			asked := slo.PlanSLO{ID: s.ID, Value: s.Baseline.Value, Events: s.Baseline.Events, Age: s.Age}
			sample, err := j.at(ctx, j.past.Samples, asked, r.T0)
			if err != nil {
				return err
			}
			b, err := evidence.BaselineOf(s, sample)
			if err != nil {
				j.notes = append(j.notes, fmt.Sprintf("release %s: %v", nameOf(*r), err))
				continue
			}
			r.Baselines = append(r.Baselines, b)
		}
	}
	return nil
}

// given are the series that an agent would have exported: T0 and baselines, from one release to the next.
func (j *judge) given() []backtest.Given {
	var all []backtest.Given
	for i, r := range j.releases {
		out := backtest.Span{From: r.T0, To: j.span.To}
		if i+1 < len(j.releases) {
			out.To = j.releases[i+1].T0.Add(-time.Millisecond)
		}
		labels := map[string]string{slo.LabelService: j.plan.Service, slo.LabelEnvironment: j.plan.Environment}
		all = append(all, backtest.Given{Name: slo.AgentT0, Labels: labels, Span: out, Value: float64(r.T0.Unix())})
		for _, b := range r.Baselines {
			value, _ := strconv.ParseFloat(b.Value, 64) // a baseline is a number: BaselineOf made it of one
			of := map[string]string{slo.LabelService: j.plan.Service, slo.LabelEnvironment: j.plan.Environment, slo.LabelSLO: b.SLO}
			all = append(all, backtest.Given{Name: slo.AgentBaseline, Labels: of, Span: out, Value: value})
		}
	}
	return all
}

// readAtT0 measures every trigger's condition at each T0, as the agent does: what burned before is not the release's fault.
func (j *judge) readAtT0(ctx context.Context, r *backtest.Replay) error {
	for i := range j.releases {
		one := &j.releases[i]
		for _, t := range j.plan.Triggers {
			for _, id := range t.SLOs {
				s, _ := j.plan.SLOByID(id)
				sample, err := j.at(ctx, r.Samples, s, one.T0)
				if err != nil {
					return err
				}
				one.AtT0 = append(one.AtT0, release.Judge(s, sample, baselineFor(*one, id)))
			}
		}
	}
	return nil
}

func baselineFor(r release.Release, id string) *release.Baseline {
	for _, b := range r.Baselines {
		if b.SLO == id {
			return &b
		}
	}
	return nil
}

// place is where an episode stands in a report.
type place struct{ alert, episode int }

// episodes are those of all pages: the ones that act with what the plan's queries gave, the others for what burned at T0.
func (j *judge) episodes(ctx context.Context, r *backtest.Replay) (all []agent.PastEpisode, places []place, err error) {
	for a, alert := range r.Alerts {
		for e, episode := range alert.Episodes {
			if !alert.Acts() && alert.Labels[slo.LabelSeverity] != slo.SeverityPage {
				continue
			}
			past := agent.PastEpisode{Labels: episode.Labels, Onset: episode.Onset, Fired: episode.Fired, Ended: episode.Resolved}
			if s, ok := j.plan.SLOByID(episode.Labels[slo.LabelSLO]); ok && alert.Acts() && !episode.Fired.IsZero() {
				if past.Samples, err = j.samples(ctx, r.Samples, s, backtest.Span{From: episode.Onset, To: episode.End(j.span)}); err != nil {
					return nil, nil, err
				}
			}
			all, places = append(all, past), append(places, place{a, e})
		}
	}
	return all, places, nil
}

// measuring asks a past for samples, or a replay, which has the recorded series too.
type measuring func(ctx context.Context, query string, s backtest.Span, every time.Duration) ([]backtest.Sample, error)

// at is a sample of an SLO at the last evaluation before a time.
func (j *judge) at(ctx context.Context, ask measuring, s slo.PlanSLO, t time.Time) (release.Sample, error) {
	t = t.Truncate(j.plan.EvaluationInterval.Std())
	samples, err := j.samples(ctx, ask, s, backtest.Span{From: t, To: t})
	if err != nil || len(samples) == 0 {
		return release.Sample{At: t}, err
	}
	return samples[0], nil
}

// samples are what the plan's three queries gave at each evaluation of a span.
func (j *judge) samples(ctx context.Context, ask measuring, s slo.PlanSLO, span backtest.Span) ([]release.Sample, error) {
	every := j.plan.EvaluationInterval.Std()
	span.From = span.From.Truncate(every)
	var all []release.Sample
	for t := span.From; !t.After(span.To); t = t.Add(every) {
		all = append(all, release.Sample{At: t})
	}
	for _, q := range []struct {
		query string
		into  func(*release.Sample, float64)
	}{
		{s.Value, func(r *release.Sample, v float64) { r.Value = &v }},
		{s.Events, func(r *release.Sample, v float64) { r.Events = &v }},
		{s.Age, func(r *release.Sample, v float64) { r.Age = &v }},
	} {
		if q.query == "" {
			continue
		}
		found, err := ask(ctx, q.query, span, every)
		if err != nil {
			return nil, fmt.Errorf("measure %s: %w", s.ID, err)
		}
		for _, f := range found {
			if i := int(f.At.Sub(span.From) / every); i < len(all) {
				q.into(&all[i], f.Value)
			}
		}
	}
	return all, nil
}
