package agent

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/coclai/cutover/agent/evidence"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// pollEvery is how often Alertmanager and Prometheus are asked for what fires. What is seen twice and was not delivered is missed: one
// interval is more than a delivery takes.
const pollEvery = 15 * time.Second

// The sources of what nobody delivered. They are no names of tokens: those hold no colon.
const (
	sourceAlertmanager = "poll:alertmanager"
	sourcePrometheus   = "poll:prometheus"
)

// poller looks for firings that are never delivered: an alert that nobody could be told of before it resolved, one that was cut from a
// group, one that Alertmanager believes delivered or does not have at all (facts: Alertmanager 0.34 sends nothing of the first kind). And
// it ends the episodes whose end was never said.
type poller struct {
	agent *Agent
	e     *environment
	seen  map[string]bool // fired at the last look, and was not delivered; by key
	gone  map[string]bool // was open at the last look, and fired nowhere; by key
}

// poll asks until ctx ends: at once after the start, and again after each interval while a release is watched.
func (a *Agent) poll(ctx context.Context, e *environment) {
	p := &poller{agent: a, e: e}
	for ctx.Err() == nil {
		watched := p.watched(a.journal.environment(e.name), a.now())
		e.polled.watch(watched, a.now())
		if watched {
			p.look(ctx, false)
		}
		timer := time.NewTimer(pollEvery)
		select {
		case <-ctx.Done():
		case <-e.incomplete:
			p.look(ctx, true) // what was cut from a group is missed already
		case <-timer.C:
		}
		timer.Stop()
	}
}

// watched says whether anything could be missed: a release that may still be rolled back or proposed for, or an alert to be followed.
func (p *poller) watched(state *rollback.Environment, now time.Time) bool {
	if r := state.Release; r != nil && now.Sub(r.T0) < p.e.policy.ArmPropose {
		return true
	}
	return len(followed(state)) > 0
}

// polled is when both last answered what fires while something was watched, or when watching began; the zero time while nothing is: then
// nobody is asked, and that is no silence. It outlives a reload, and no term.
type polled struct {
	mu sync.Mutex
	at time.Time
}

func (p *polled) watch(watched bool, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !watched:
		p.at = time.Time{}
	case p.at.IsZero():
		p.at = now
	}
}

// answered is that both did. Whoever asks out of turn while nothing is watched watches nothing.
func (p *polled) answered(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.at.IsZero() {
		p.at = now
	}
}

func (p *polled) last() (at time.Time, watched bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at, !p.at.IsZero()
}

// followed are the episodes that go on. The Watchdog is not one of them: it is to be delivered, not found.
func followed(state *rollback.Environment) []*rollback.Episode {
	var open []*rollback.Episode
	for _, episode := range state.Episodes {
		if episode.Open && episode.Firing.Labels["alertname"] != slo.Watchdog {
			open = append(open, episode)
		}
	}
	return open
}

// look asks both, and stores what was missed, and what ended without a word.
func (p *poller) look(ctx context.Context, impatient bool) {
	alerts, refused := p.e.alertmanagers.Alerts(ctx)
	firing, down := p.e.prometheus.Firing(ctx, p.e.plan.Service, p.e.plan.Environment)
	open := followed(p.agent.journal.environment(p.e.name))
	seen := map[string]bool{}
	active, all := p.active(alerts), p.fired(firing, alerts)
	var found []rollback.Delivery
	for _, asked := range []rollback.Delivery{{Source: sourceAlertmanager, Firings: active}, {Source: sourcePrometheus, Firings: all}} {
		missed := slices.DeleteFunc(asked.Firings, func(f rollback.Firing) bool {
			key := rollback.Key(asked.Source, f.Fingerprint)
			known := isKnown(f, open)
			seen[key] = !known
			return known || !(impatient || p.seen[key])
		})
		for _, f := range missed {
			open = append(open, &rollback.Episode{Firing: f})
		}
		asked.Firings = missed
		found = append(found, asked)
	}
	p.seen = seen
	if refused == nil && down == nil {
		p.e.polled.answered(p.agent.now())
		found = append(found, p.ended(open, alerts, firing)...)
	}
	p.store(ctx, found)
}

// active are Alertmanager's alerts that it would deliver to us.
func (p *poller) active(alerts evidence.Alerts) []rollback.Firing {
	var all []rollback.Firing
	for _, a := range alerts {
		if a.Status.State == "active" && p.mayAct(a.Labels) {
			all = append(all, rollback.Firing{Status: "firing", Fingerprint: a.Fingerprint, Labels: a.Labels, StartsAt: a.StartsAt.UTC(),
				Summary: capped(a.Annotations["summary"], maxSummary)})
		}
	}
	return all
}

// fired are Prometheus's alerts that nobody has silenced, with the time at which they fired: after `for`.
func (p *poller) fired(firing []rollback.Firing, alerts evidence.Alerts) []rollback.Firing {
	var all []rollback.Firing
	for _, f := range firing {
		if !p.mayAct(f.Labels) || alerts.Suppressing(f) != "" {
			continue
		}
		if s, known := p.e.plan.SLOByID(f.Labels[slo.LabelSLO]); known {
			f.StartsAt = f.StartsAt.Add(s.Alert.For.Std())
		}
		f.Summary = capped(f.Summary, maxSummary)
		all = append(all, f)
	}
	return all
}

// mayAct says whether an alert is of this environment and of a trigger.
func (p *poller) mayAct(labels map[string]string) bool {
	mode := slo.Mode(labels[slo.LabelRollback])
	return labels[slo.LabelService] == p.e.plan.Service && labels[slo.LabelEnvironment] == p.e.plan.Environment &&
		(mode == slo.ModeAuto || mode == slo.ModePropose || mode == slo.ModeObserve)
}

// isKnown says whether an episode that goes on is about f: by its fingerprint, or by all its labels, where external ones were added.
func isKnown(f rollback.Firing, open []*rollback.Episode) bool {
	return slices.ContainsFunc(open, func(e *rollback.Episode) bool {
		return f.Same(e.Firing)
	})
}

// heardOf is how long ago an episode must have been heard of before its silence means anything.
const heardOf = time.Minute

// ended are the ends of episodes that fire neither in Alertmanager nor in Prometheus, at two looks. Their end is when they were heard of last.
func (p *poller) ended(open []*rollback.Episode, alerts evidence.Alerts, firing []rollback.Firing) []rollback.Delivery {
	gone := map[string]bool{}
	var all []rollback.Delivery
	for _, episode := range open {
		if episode.Key == "" || p.agent.now().Sub(episode.Last) < heardOf || fires(episode.Firing, alerts, firing) {
			continue
		}
		gone[episode.Key] = true
		if !p.gone[episode.Key] {
			continue
		}
		f := episode.Firing
		f.Status, f.EndsAt = "resolved", episode.Last.UTC()
		all = append(all, rollback.Delivery{Source: episode.Source, Firings: []rollback.Firing{f}})
	}
	p.gone = gone
	return all
}

func fires(f rollback.Firing, alerts evidence.Alerts, firing []rollback.Firing) bool {
	return alerts.Has(f) || slices.ContainsFunc(firing, func(one rollback.Firing) bool {
		return one.Same(f)
	})
}

// store makes what was found durable, as what it is: nobody delivered it.
func (p *poller) store(ctx context.Context, found []rollback.Delivery) {
	var notes []note
	for _, d := range found {
		if len(d.Firings) == 0 {
			continue
		}
		d.Polled, d.Content = true, contentOf(d.Firings)
		notes = append(notes, note{environment: p.e.name, kind: rollback.AlertsReceived, author: self, body: d})
		p.agent.log.Warn("found by asking, not delivered", "environment", p.e.name, "source", d.Source, "alerts", len(d.Firings), "status", d.Firings[0].Status)
	}
	if len(notes) == 0 || ctx.Err() != nil {
		return
	}
	if _, err := p.agent.journal.append(ctx, notes...); err != nil {
		p.seen, p.gone = nil, nil // found again at the look after next
		p.agent.log.Error("what was found by asking was not stored", "environment", p.e.name, "err", err)
	}
}
