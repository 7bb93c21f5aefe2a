package agent

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/coclai/cutover/agent/rollback"
)

// How the agent itself does, and what waits for persons. Every label is of the configuration, or one of a list in package rollback.
var (
	descReady    = prometheus.NewDesc("rollback_agent_ready", "1 while webhooks can be stored and acted upon.", nil, nil)
	descDegraded = prometheus.NewDesc("rollback_agent_degraded", "1 for each cause by which something works less well than it should, as this agent sees it.", append(place[:2:2], "cause"), nil)
	descWatchdog = prometheus.NewDesc("rollback_agent_watchdog_age_seconds", "Since when the Watchdog alert was not heard, while a release is out.", place, nil)
	descPolled   = prometheus.NewDesc("rollback_agent_poll_timestamp_seconds", "When Alertmanager and Prometheus last answered what fires, or watching began, in seconds since the epoch; absent while nothing is watched. Only the agent that acts asks.", place, nil)
	descPlan     = prometheus.NewDesc("rollback_agent_plan_info", "The plan in force, by the hashes of its runbook and of its rules.", append(place[:2:2], "runbook_sha256", "rules_sha256"), nil)
	descSince    = prometheus.NewDesc("rollback_agent_locked_timestamp_seconds", "Since when redeployment is refused, in seconds since the epoch; absent while it is not.", place, nil)
	descOpen     = prometheus.NewDesc("rollback_agent_incidents", "Incidents that wait for the agent, a person or their cause, by phase.", append(place[:2:2], "phase"), nil)
	descProposed = prometheus.NewDesc("rollback_agent_proposals", "Rollbacks that are proposed and wait for a person.", place, nil)
	descOutbox   = prometheus.NewDesc("rollback_agent_outbox_messages", "Messages that wait for the webhook; absent without one.", place, nil)
	descOldest   = prometheus.NewDesc("rollback_agent_outbox_oldest_timestamp_seconds", "Since when the oldest of them waits, in seconds since the epoch; absent while none does.", place, nil)
	descLost     = prometheus.NewDesc("rollback_agent_messages_lost_total", "Messages that were given up.", place, nil)
	descUnsaid   = prometheus.NewDesc("rollback_agent_pages_undelivered", "Pages that no Alertmanager took at the last try.", nil, nil)

	healthDescs = []*prometheus.Desc{descReady, descDegraded, descWatchdog, descPolled, descPlan, descSince, descOpen, descProposed, descOutbox, descOldest, descLost, descUnsaid}
)

// openPhases are those in which an incident waits for somebody.
var openPhases = []rollback.Phase{rollback.PhaseOpen, rollback.PhaseDecided, rollback.PhasePrepared, rollback.PhasePushed, rollback.PhaseVerified,
	rollback.PhaseClassified, rollback.PhaseHuman}

func (a *Agent) collectHealth(ch chan<- prometheus.Metric, state *rollback.State) {
	ch <- gauge(descReady, truth(a.whyUnready() == ""))
	ch <- gauge(descUnsaid, float64(a.pager.undelivered()))
	now := a.now()
	for _, e := range a.all() {
		here, at := state.Environment(e.name), []string{e.plan.Service, e.plan.Environment}
		ch <- gauge(descPlan, 1, append(at[:2:2], e.plan.Runbook.SHA256, e.plan.Rules.SHA256)...)
		a.collectConditions(ch, e, here)
		if last, watched := e.polled.last(); watched {
			ch <- gauge(descPolled, stamp(last), e.plan.Service, e.plan.Environment)
		}
		if here.Release != nil {
			ch <- gauge(descWatchdog, now.Sub(a.watchdogSeen(here)).Seconds(), at...)
		}
		collectWaiting(ch, here, now, at)
		collectOutbox(ch, here.Outbox, at)
	}
}

func (a *Agent) collectConditions(ch chan<- prometheus.Metric, e *environment, state *rollback.Environment) {
	stands := map[rollback.Cause]bool{}
	for _, c := range a.conditions(e, state) {
		stands[c.Cause] = true
	}
	for _, cause := range rollback.Causes() {
		ch <- gauge(descDegraded, truth(stands[cause]), e.plan.Service, e.plan.Environment, string(cause))
	}
}

// collectWaiting are what waits for persons, or for the agent's next step.
func collectWaiting(ch chan<- prometheus.Metric, e *rollback.Environment, now time.Time, at []string) {
	if e.Lock != nil {
		ch <- gauge(descSince, stamp(e.Lock.Since), at...)
	}
	phases := map[rollback.Phase]int{}
	for _, i := range e.Incidents {
		if i.Open(e) {
			phases[i.Phase]++
		}
	}
	for _, phase := range openPhases {
		ch <- gauge(descOpen, float64(phases[phase]), append(at[:2:2], string(phase))...)
	}
	proposals := 0
	for _, episode := range e.Episodes {
		if d := episode.Decision; d != nil && d.Stands(now) && (episode.Open || !d.Until.IsZero()) {
			proposals++
		}
	}
	ch <- gauge(descProposed, float64(proposals), at...)
}

func collectOutbox(ch chan<- prometheus.Metric, o *rollback.Outbox, at []string) {
	if o == nil {
		return
	}
	ch <- gauge(descOutbox, float64(len(o.Messages)), at...)
	ch <- prometheus.MustNewConstMetric(descLost, prometheus.CounterValue, float64(o.Lost), at...)
	if len(o.Messages) > 0 {
		ch <- gauge(descOldest, stamp(o.Oldest()), at...)
	}
}

func stamp(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// durations are the buckets of what takes from a memory access to a request's timeout.
var durations = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// startCounting puts the series at 0 whose first increment an alert must not miss: rate() and increase() do not see a series appear.
func (a *Agent) startCounting(e *environment) {
	a.decisions.WithLabelValues(e.plan.Service, e.plan.Environment, string(rollback.Ignore), string(rollback.NotCorroborated))
	if e.herald == nil {
		return
	}
	for _, outcome := range []string{"delivered", "failed"} {
		a.tellings.WithLabelValues(e.plan.Service, e.plan.Environment, outcome)
	}
}
