package agent

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// PastEpisode is one time that an alert's condition held, and what the plan's queries gave meanwhile. Times are those of evaluations.
type PastEpisode struct {
	Labels  map[string]string
	Onset   time.Time        // pending since
	Fired   time.Time        // zero if it never fired
	Ended   time.Time        // the first evaluation at which it was over; zero if it went on
	Samples []release.Sample // of the SLO that the labels name, in order of time from onset on
}

func (p PastEpisode) holds(at time.Time) bool {
	return !p.Onset.After(at) && (p.Ended.IsZero() || p.Ended.After(at))
}

// Replay says what the agent would have decided about each episode, had it been there: by its own Triage and Decide over a state folded
// from the entries that it would have written. Releases are in order of T0, with their targets, baselines and readings at T0; which alerts
// burned at T0 is found among the episodes. A decision that waits for evidence is asked for again at every evaluation, as the agent does.
//
// What the past does not tell is taken to be no obstacle: the branch held the release, the tag was what was pinned, nothing was silenced.
// After a rollback the next release stands for a lock that was opened. Decisions are in the order of the episodes; one that never fired has
// none.
func Replay(plan slo.Plan, policy rollback.Policy, releases []release.Release, episodes []PastEpisode) ([]*rollback.Decision, error) {
	r := replay{plan: plan, policy: policy, name: plan.Service + "/" + plan.Environment, episodes: episodes, decisions: make([]*rollback.Decision, len(episodes))}
	for _, e := range r.events(releases) {
		if err := e.happen(); err != nil {
			return nil, fmt.Errorf("replay %s: %w", e.at.Format(time.RFC3339), err)
		}
	}
	return r.decisions, nil
}

// replay is a past being lived through.
type replay struct {
	plan      slo.Plan
	policy    rollback.Policy
	name      string // of the environment
	episodes  []PastEpisode
	state     rollback.State
	decisions []*rollback.Decision // by episode
}

// event is something that happens at a time.
type event struct {
	at     time.Time
	order  int // of what happens at the same time: ends, releases, firings
	happen func() error
}

// events are all that happened, in order.
func (r *replay) events(releases []release.Release) []event {
	var all []event
	for _, one := range releases {
		all = append(all, event{one.T0, 1, func() error { return r.deploy(one) }})
	}
	for i, e := range r.episodes {
		if e.Fired.IsZero() {
			continue
		}
		all = append(all, event{e.Fired, 2, func() error { return r.fire(i) }})
		for _, s := range e.Samples {
			if s.At.After(e.Fired) && e.holds(s.At) {
				all = append(all, event{s.At, 3, func() error { return r.judge(i, s.At) }})
			}
		}
		if !e.Ended.IsZero() {
			all = append(all, event{e.Ended, 0, func() error { return r.end(i) }})
		}
	}
	slices.SortStableFunc(all, func(a, b event) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.order, b.order)) })
	return all
}

// record applies what the agent would have written, at that time.
func (r *replay) record(at time.Time, notes ...note) error {
	for _, n := range notes {
		body, err := json.Marshal(n.body)
		if err != nil {
			return err
		}
		entry := rollback.Entry{Seq: r.state.Seq + 1, At: at, Environment: r.name, Kind: n.kind, Author: n.author, Incident: n.incident, Once: n.once, Body: body}
		if err := r.state.Apply(entry); err != nil {
			return err
		}
	}
	return nil
}

// deploy is a release: whoever deployed it had opened the lock.
func (r *replay) deploy(one release.Release) error {
	if lock := r.state.Environment(r.name).Lock; lock != nil {
		opened := rollback.Unlock{Incident: lock.Incident, Cause: "released again"}
		if err := r.record(one.T0, note{kind: rollback.LockCleared, incident: lock.Incident, body: opened}); err != nil {
			return err
		}
	}
	for _, e := range r.episodes {
		if id := e.Labels[slo.LabelSLO]; e.holds(one.T0) && e.Labels[slo.LabelSeverity] == slo.SeverityPage && !slices.Contains(one.Alerting, id) {
			one.Alerting = append(one.Alerting, id)
		}
	}
	return r.record(one.T0, note{kind: rollback.ReleaseDeployed, author: one.By, body: one})
}

// pastSource is where replayed firings come from, in place of an Alertmanager's name.
const pastSource = "past"

func (r *replay) firing(i int) rollback.Firing {
	e := r.episodes[i]
	return rollback.Firing{Status: "firing", Fingerprint: fmt.Sprintf("%016x", model.LabelsToSignature(e.Labels)), Labels: e.Labels, StartsAt: e.Fired}
}

func (r *replay) fire(i int) error {
	f := r.firing(i)
	if err := r.record(f.StartsAt, note{kind: rollback.AlertsReceived, author: pastSource, body: rollback.Delivery{Source: pastSource, Firings: []rollback.Firing{f}}}); err != nil {
		return err
	}
	return r.judge(i, f.StartsAt)
}

func (r *replay) end(i int) error {
	f := r.firing(i)
	f.Status, f.EndsAt = "resolved", r.episodes[i].Ended
	return r.record(f.EndsAt, note{kind: rollback.AlertsReceived, author: pastSource, body: rollback.Delivery{Source: pastSource, Firings: []rollback.Firing{f}}})
}

// judge decides about an episode, if it waits for that, and keeps the last decision that says something new.
func (r *replay) judge(i int, at time.Time) error {
	state := r.state.Environment(r.name)
	episode := state.Episodes[rollback.Key(pastSource, r.firing(i).Fingerprint)]
	if !episode.Due() {
		return nil
	}
	c := rollback.Case{Plan: r.plan, Environment: state, Episode: episode, Now: at}
	d, settled := r.policy.Triage(c)
	if !settled {
		d = r.policy.Decide(c, r.evidence(c, i))
	}
	if last := r.decisions[i]; last != nil && last.Verdict == d.Verdict && last.Reason == d.Reason {
		return nil
	}
	if last := r.decisions[i]; last == nil || last.Release == "" || last.Release == d.Release {
		r.decisions[i] = &d // what it was to the release that it began in stays, however many come while it fires
	}
	return r.record(at, decisionNotes(r.name, state, d)...)
}

// evidence is what the agent would have found.
func (r *replay) evidence(c rollback.Case, i int) rollback.Evidence {
	s, _, _ := c.SLO()
	one := c.Environment.Release
	found := rollback.Evidence{At: c.Now, Reading: r.reading(s, c, i), AtT0: atT0(one, s.ID), ActiveSince: c.Onset(s),
		Tip: rollback.Tip{Commit: one.Commit, Tree: one.Tree, Relation: rollback.Same}}
	if one.Target.Commit == "" {
		found.Target = rollback.TargetState{Reason: rollback.NoTarget, Text: "no stable tag was pinned when it was deployed"}
	}
	return found
}

// reading is the plan's condition at that moment; of counts, at any evaluation since onset.
func (r *replay) reading(s slo.PlanSLO, c rollback.Case, i int) release.Reading {
	baseline := baselineOf(c.Environment.ActiveBaselines(), s.ID)
	latest := release.Judge(s, release.Sample{At: c.Now}, baseline)
	for _, sample := range r.episodes[i].Samples {
		if sample.At.After(c.Now) {
			break
		}
		latest = release.Judge(s, sample, baseline)
		if s.Holds == slo.HoldsSinceOnset && latest.Verdict == release.Fail {
			return latest
		}
	}
	return latest
}
