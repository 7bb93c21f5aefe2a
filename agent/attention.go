package agent

import (
	"context"
	"fmt"
	"time"

	"github.com/coclai/cutover/agent/notify"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

const (
	pageEvery    = 30 * time.Second
	pageTimeout  = 10 * time.Second
	pageLasts    = 3 * time.Minute // an agent that dies stops paging about what it no longer sees
	watchdogLate = 3 * time.Minute // unseen for so long: Alertmanager cannot reach us
)

// callAttention pages, through the user's own Alertmanagers, for what the state says a person must know: again and again while it
// holds, so that no page is lost and none outlives its cause by long.
func (a *Agent) callAttention(ctx context.Context) {
	for {
		a.mu.RLock()
		n := a.notifier
		a.mu.RUnlock()
		if pages := a.pages(); len(pages) > 0 {
			if err := n.Send(ctx, pages); err != nil && ctx.Err() == nil {
				a.log.Warn("a page was not taken by every Alertmanager", "err", err)
			}
		}
		if !sleep(ctx, pageEvery) {
			return
		}
	}
}

// pages are what needs a person now.
func (a *Agent) pages() []notify.Page {
	state := a.journal.snapshot()
	var pages []notify.Page
	for _, e := range a.all() {
		for _, c := range calls(state.Environment(e.name), a.degraded(e, state.Environment(e.name))) {
			labels := map[string]string{slo.LabelService: e.plan.Service, slo.LabelEnvironment: e.plan.Environment}
			if c.slo != "" {
				labels[slo.LabelSLO] = c.slo // pages of the same name and labels are one alert
			}
			pages = append(pages, notify.Page{Name: c.name, Summary: c.summary, Since: c.since, Until: a.now().Add(pageLasts), Labels: labels})
		}
	}
	return pages
}

type call struct {
	name, summary string
	since         time.Time
	slo           string // "" unless it is about one
}

// calls are the reasons to page in one environment.
func calls(e *rollback.Environment, degraded []string) []call {
	var all []call
	for _, text := range degraded {
		all = append(all, call{"RollbackAgentDegraded", text, time.Time{}, ""})
	}
	if e.Lock != nil {
		all = append(all, call{"RollbackAgentLocked", fmt.Sprintf("redeployment of %s is refused since %s: incident %s", e.Name,
			e.Lock.Since.Format(time.RFC3339), e.Lock.Incident), e.Lock.Since, ""})
	}
	for _, i := range e.Incidents {
		if i.Trouble != nil && i.Phase != rollback.PhaseClosed {
			all = append(all, call{"RollbackAgentNeedsHuman", fmt.Sprintf("incident %s: %s", i.ID, i.Trouble.Text), i.Opened, ""})
		}
	}
	for _, episode := range e.Episodes {
		d := episode.Decision
		if !episode.Open || d == nil {
			continue
		}
		switch d.Verdict {
		case rollback.Propose:
			all = append(all, call{"RollbackAgentProposes", "a rollback is proposed, a person decides: " + d.Text, d.At, d.SLO})
		case rollback.Hold:
			all = append(all, call{"RollbackAgentHolds", d.Text, d.At, d.SLO})
		}
	}
	return all
}

// degraded says what works less well than it should.
func (a *Agent) degraded(e *environment, state *rollback.Environment) []string {
	if state.Release == nil {
		return nil // nothing is watched
	}
	seen := a.started
	for _, episode := range state.Episodes {
		if episode.Firing.Labels["alertname"] == slo.Watchdog && episode.Last.After(seen) {
			seen = episode.Last
		}
	}
	if late := a.now().Sub(seen); late > watchdogLate {
		return []string{fmt.Sprintf("%s: the Watchdog alert was not heard for %s: Prometheus or Alertmanager does not reach this agent",
			e.name, late.Round(time.Second))}
	}
	return nil
}
