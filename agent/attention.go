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
	if !a.mayPage() {
		return nil
	}
	state, now := a.journal.snapshot(), a.now()
	var pages []notify.Page
	for _, e := range a.all() {
		here := state.Environment(e.name)
		all := append(calls(here, now), e.sight.calls(e, now)...)
		for _, text := range a.degraded(e, here) {
			all = append(all, call{"RollbackAgentDegraded", text, time.Time{}, ""})
		}
		if u := state.Unread; u != nil && now.Sub(u.At) < echoes {
			all = append(all, call{"RollbackAgentQuarantine", fmt.Sprintf("a delivery from %s could not be read at %s, and is kept: %s", u.Source, clock(u.At), u.Problem), u.At, ""})
		}
		pages = append(pages, a.callsOfCutover(e, here, now)...)
		for _, c := range all {
			labels := map[string]string{slo.LabelService: e.plan.Service, slo.LabelEnvironment: e.plan.Environment}
			if c.slo != "" {
				labels[slo.LabelSLO] = c.slo // pages of the same name and labels are one alert
			}
			pages = append(pages, notify.Page{Name: c.name, Summary: c.summary, Since: c.since, Until: now.Add(pageLasts), Labels: labels})
		}
	}
	return pages
}

// degraded says what works less well than it should.
func (a *Agent) degraded(e *environment, state *rollback.Environment) []string {
	all := a.strayed(e)
	if e.killed() {
		all = append(all, fmt.Sprintf("%s: the kill switch %s is on: the agent decides and records, and acts on nothing", e.name, e.kill))
	}
	if why := e.unwritten.Load(); why != nil {
		all = append(all, fmt.Sprintf("%s: a report is not written, and is tried again: %s", e.name, *why))
	}
	if state.Release == nil {
		return all // nothing is watched
	}
	if late := a.now().Sub(a.watchdogSeen(state)); late > watchdogLate {
		all = append(all, fmt.Sprintf("%s: the Watchdog alert was not heard for %s: Prometheus or Alertmanager does not reach this agent",
			e.name, late.Round(time.Second)))
	}
	return all
}
