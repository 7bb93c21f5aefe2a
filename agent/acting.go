package agent

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/rollback"
)

// whyUnready says why webhooks cannot be stored or acted upon, "" when they can. An agent that waits is ready: another one acts.
func (a *Agent) whyUnready() string {
	if why := a.journal.unwritable(); why != "" || a.replica == nil {
		return why
	}
	return a.replica.unready()
}

func (r *replica) unready() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, lost := errors.AsType[*ledger.Refusal](r.blind)
	switch {
	case r.blind != nil && (lost || time.Since(r.seen) > blindAfter):
		return r.blind.Error()
	case r.sight.Token > 0 && r.sight.Left < time.Since(r.seen)-blindAfter:
		return fmt.Sprintf("no agent acts: the lease of %s has run out", r.sight.Holder)
	}
	return ""
}

// actor says who acts, "" where there is only one agent.
func (a *Agent) actor() string {
	r := a.replica
	if r == nil {
		return ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	who := r.sight.Holder
	switch {
	case r.sight.Token == 0 || r.sight.Left < 0:
		return "nobody"
	case r.sight.Mine:
		who += " (this agent)"
	}
	return fmt.Sprintf("%s, since %s, term %d", who, r.sight.Taken.UTC().Format(time.RFC3339), r.sight.Token)
}

// weaknesses say what a failover of the database would lose.
func (a *Agent) weaknesses() []string {
	if a.replica == nil {
		return nil
	}
	a.replica.mu.Lock()
	defer a.replica.mu.Unlock()
	return append([]string(nil), a.replica.weak...)
}

// strayed says that the database is not the one, or not as far, as what is known of it elsewhere, and what a failover of it would lose.
func (a *Agent) strayed(e *environment) []rollback.Condition {
	if a.replica == nil {
		return nil
	}
	var all []rollback.Condition
	if why := e.foreign.Load(); why != nil && *why != "" {
		all = append(all, rollback.Condition{Cause: rollback.CauseDatabase, Text: e.name + ": " + *why})
	}
	if lost := a.replica.ledger.Lost(); lost != nil {
		all = append(all, rollback.Condition{Cause: rollback.CauseDatabase, Text: e.name + ": " + lost.Error()})
	}
	for _, weak := range a.weaknesses() {
		all = append(all, rollback.Condition{Cause: rollback.CauseReplication, Text: e.name + ": " + weak})
	}
	return all
}

// mayPage says whether this agent pages: who acts does, and whoever sees that the database has gone back, since then nobody acts.
func (a *Agent) mayPage() bool {
	return a.replica == nil || a.replica.term() != nil || a.replica.ledger.Lost() != nil
}

func (a *Agent) collectTerm(ch chan<- prometheus.Metric) {
	r := a.replica
	if r == nil {
		ch <- gauge(descActing, 1)
		return
	}
	ch <- gauge(descActing, truth(r.term() != nil))
	r.mu.Lock()
	defer r.mu.Unlock()
	ch <- gauge(descTerm, float64(r.sight.Token))
	if r.sight.Token > 0 {
		ch <- gauge(descLease, (r.ledger.Age(r.sight) + time.Since(r.seen)).Seconds())
	}
}
