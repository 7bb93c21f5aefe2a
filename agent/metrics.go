package agent

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// The agent's series that rules join on, and the few of its own. Their labels come from the configuration and the plan only.
var (
	place        = []string{slo.LabelService, slo.LabelEnvironment}
	descT0       = prometheus.NewDesc(slo.AgentT0, "When the release that is out was deployed, in seconds since the epoch.", place, nil)
	descBaseline = prometheus.NewDesc(slo.AgentBaseline, "What the SLO was before the release, in its unit.", append(place[:2:2], slo.LabelSLO), nil)
	descGate     = prometheus.NewDesc(slo.AgentGateResult, "A gate's last result: 1 PASS, 0 FAIL, absent while UNKNOWN.", append(place[:2:2], slo.LabelGate), nil)
	descGateTime = prometheus.NewDesc(slo.AgentGateTimestamp, "When the gate's last result was reported, in seconds since the epoch.", append(place[:2:2], slo.LabelGate), nil)
	descLocked   = prometheus.NewDesc(slo.AgentLocked, "1 while redeployment is refused.", place, nil)
	descSeq      = prometheus.NewDesc("rollback_agent_ledger_entries", "Entries in the ledger.", nil, nil)
	descKilled   = prometheus.NewDesc("rollback_agent_kill_switch", "1 while a kill switch is on: decide and record, act on nothing.", place, nil)
	descHeld     = prometheus.NewDesc("rollback_agent_held", "1 while a person holds the agent.", place, nil)
	descMissed   = prometheus.NewDesc("rollback_agent_missed_deliveries_total", "Firings that nobody delivered, found by asking.", place, nil)
	descPhase    = prometheus.NewDesc("rollback_agent_cutover_phase", "1 for the phase of the cutover that is open, or of the last one.", append(place[:2:2], "phase"), nil)
	descStopped  = prometheus.NewDesc("rollback_agent_cutover_stopped", "1 while the cutover does not go on.", place, nil)
	descClock    = prometheus.NewDesc("rollback_agent_observation_seconds", "Healthy time with data since T0, as milestones count it.", place, nil)
	descResult   = prometheus.NewDesc("rollback_agent_milestone_result", "A reached milestone: 1 PASS, 0 FAIL, absent while UNKNOWN.", append(place[:2:2], "milestone"), nil)
	descReached  = prometheus.NewDesc("rollback_agent_milestone_timestamp_seconds", "When the milestone was reached, in seconds since the epoch.", append(place[:2:2], "milestone"), nil)
	descActing   = prometheus.NewDesc("rollback_agent_acting", "1 for the agent that acts, 0 for those that wait.", nil, nil)
	descLease    = prometheus.NewDesc("rollback_agent_lease_age_seconds", "Since when the lease has not been renewed, by whoever holds it.", nil, nil)
	descTerm     = prometheus.NewDesc("rollback_agent_term", "Number of the last term that an agent began.", nil, nil)
	descBad      = prometheus.NewDesc("rollback_agent_quarantined_deliveries", "Webhook bodies in the ledger that could not be read.", nil, nil)
)

// Describe implements prometheus.Collector.
func (a *Agent) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range append(healthDescs, descT0, descBaseline, descGate, descGateTime, descLocked, descSeq, descBad, descKilled, descHeld, descMissed,
		descPhase, descStopped, descClock, descResult, descReached, descActing, descLease, descTerm) {
		ch <- d
	}
	for _, c := range a.counters() {
		c.Describe(ch)
	}
}

// counters are what is counted since the start, and not read off the state.
func (a *Agent) counters() []prometheus.Collector {
	return []prometheus.Collector{a.decisions, a.deliveries, a.tellings, a.journal.took}
}

// Collect implements prometheus.Collector: the series are read off the state, so that they cannot disagree with the ledger.
func (a *Agent) Collect(ch chan<- prometheus.Metric) {
	state := a.journal.snapshot()
	ch <- gauge(descSeq, float64(state.Seq-state.Cut))
	ch <- gauge(descBad, float64(state.Quarantined))
	a.collectTerm(ch)
	a.collectHealth(ch, state)
	for _, e := range a.all() {
		collect(ch, e, state.Environment(e.name), a.now())
		collectBrakes(ch, e, state.Environment(e.name), a.now())
		collectCutover(ch, e, state.Environment(e.name).Cutover)
	}
	for _, c := range a.counters() {
		c.Collect(ch)
	}
}

func collect(ch chan<- prometheus.Metric, e *environment, state *rollback.Environment, now time.Time) {
	at := []string{e.plan.Service, e.plan.Environment}
	ch <- gauge(descLocked, truth(state.Lock != nil), at...)
	if state.Release != nil {
		ch <- gauge(descT0, float64(state.Release.T0.UnixMilli())/1000, at...)
	}
	for _, b := range state.ActiveBaselines() {
		if v, err := strconv.ParseFloat(b.Value, 64); err == nil {
			ch <- gauge(descBaseline, v, append(at[:2:2], b.SLO)...)
		}
	}
	for _, last := range state.Gates {
		g := exported(state, last, now)
		if g.Verdict == release.Unknown {
			continue
		}
		ch <- gauge(descGate, truth(g.Verdict == release.Pass), append(at[:2:2], g.Gate)...)
		ch <- gauge(descGateTime, float64(g.At.UnixMilli())/1000, append(at[:2:2], g.Gate)...)
	}
}

func collectBrakes(ch chan<- prometheus.Metric, e *environment, state *rollback.Environment, now time.Time) {
	at := []string{e.plan.Service, e.plan.Environment}
	ch <- gauge(descKilled, truth(e.stopped(state)), at...)
	ch <- gauge(descHeld, truth(state.Standing(now) != nil), at...)
	ch <- prometheus.MustNewConstMetric(descMissed, prometheus.CounterValue, float64(state.Missed), at...)
}

func collectCutover(ch chan<- prometheus.Metric, e *environment, c *release.Cutover) {
	if c == nil {
		return
	}
	at := []string{e.plan.Service, e.plan.Environment}
	ch <- gauge(descPhase, 1, append(at[:2:2], string(c.Phase))...)
	ch <- gauge(descStopped, truth(c.Stop != nil), at...)
	if c.Observation != nil {
		ch <- gauge(descClock, c.Observation.Clock.Std().Seconds(), at...)
	}
	for _, r := range c.Reached {
		ch <- gauge(descReached, float64(r.At.UnixMilli())/1000, append(at[:2:2], r.Item)...)
		if r.Verdict != release.Unknown {
			ch <- gauge(descResult, truth(r.Verdict == release.Pass), append(at[:2:2], r.Item)...)
		}
	}
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func gauge(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}
