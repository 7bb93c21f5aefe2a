package agent

import (
	"fmt"
	"time"

	"github.com/coclai/cutover/agent/rollback"
)

// conditions are what works less well than it should, as this agent sees it. Each text begins with the environment's name, a colon and a space.
func (a *Agent) conditions(e *environment, state *rollback.Environment) []rollback.Condition {
	all := a.strayed(e)
	if e.killed() {
		all = append(all, rollback.Condition{Cause: rollback.CauseKillFile, Text: fmt.Sprintf("%s: the kill switch %s is on: the agent decides and records, and acts on nothing", e.name, e.kill)})
	}
	if why := e.unwritten.Load(); why != nil {
		all = append(all, rollback.Condition{Cause: rollback.CauseReport, Text: fmt.Sprintf("%s: a report is not written, and is tried again: %s", e.name, *why)})
	}
	all = append(all, e.sight.conditions(e, a.now())...)
	all = append(all, a.pager.conditions(e)...)
	all = append(all, e.telling.conditions(e, state.Outbox, a.now())...)
	if state.Release == nil {
		return all // nothing is watched
	}
	if seen := a.watchdogSeen(state); a.now().Sub(seen) > rollback.WatchdogLate {
		all = append(all, rollback.Condition{Cause: rollback.CauseWatchdog, Since: seen, Text: fmt.Sprintf("%s: the Watchdog alert was not heard for %s: Prometheus or Alertmanager does not reach this agent",
			e.name, a.now().Sub(seen).Round(time.Second))})
	}
	return all
}

// degraded says the same to persons. How the database replicates is said once for all environments.
func (a *Agent) degraded(e *environment, state *rollback.Environment) []string {
	var all []string
	for _, c := range a.conditions(e, state) {
		if c.Cause != rollback.CauseReplication {
			all = append(all, c.Text)
		}
	}
	return all
}
