package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/coclai/cutover/agent/notify"
	"github.com/coclai/cutover/agent/rollback"
)

const (
	pageEvery   = 30 * time.Second
	pageTimeout = 10 * time.Second
	pageLasts   = 3 * time.Minute // an agent that dies stops paging about what it no longer sees
)

// callAttention pages, through the user's own Alertmanagers, for what the state says a person must know: again and again while it
// holds, so that no page is lost and none outlives its cause by long.
func (a *Agent) callAttention(ctx context.Context) {
	for {
		a.mu.RLock()
		n := a.notifier
		a.mu.RUnlock()
		pages := a.pages()
		err := n.Send(ctx, pages)
		if ctx.Err() == nil {
			a.pager.sent(len(pages), err, a.now())
		}
		if err != nil && ctx.Err() == nil {
			a.log.Warn("a page was not taken by every Alertmanager", "err", err)
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
		all := append(calls(here, now), callsOfLongLock(here, e.lockedAfter, now)...)
		for _, c := range a.conditions(e, here) {
			if !unpaged[c.Cause] {
				all = append(all, callOf(c))
			}
		}
		if u := state.Unread; u != nil && now.Sub(u.At) < echoes {
			all = append(all, call{name: "RollbackAgentQuarantine", summary: fmt.Sprintf("a delivery from %s could not be read at %s, and is kept: %s", u.Source, clock(u.At), u.Problem), since: u.At})
		}
		pages = append(pages, a.callsOfCutover(e, here, now)...)
		for _, c := range all {
			pages = append(pages, notify.Page{Name: c.name, Summary: c.summary, Since: c.since, Until: now.Add(pageLasts), Labels: c.labels(e)})
		}
	}
	return pages
}

// Conditions that have a page of their own, and those that have none: who reads that pages do not arrive knows that they do again, and how a
// database replicates is nothing to be woken for.
var (
	pageOf  = map[rollback.Cause]string{rollback.CauseRemote: "RollbackAgentRemoteFails", rollback.CauseStrayLock: "RollbackAgentStrayLock"}
	unpaged = map[rollback.Cause]bool{rollback.CauseAlertmanager: true, rollback.CauseReplication: true}
)

func callOf(c rollback.Condition) call {
	if name, own := pageOf[c.Cause]; own {
		return call{name, c.Text, c.Since, about{}}
	}
	return call{"RollbackAgentDegraded", c.Text, c.Since, about{"cause", string(c.Cause)}}
}

// pager is how the pages fare. Its zero value has sent none.
type pager struct {
	mu      sync.Mutex
	failing error     // why not every Alertmanager took the last ones; nil when all did
	since   time.Time // of failing
	unsaid  int       // pages that none took at the last try
}

func (p *pager) sent(pages int, err error, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil && p.failing == nil {
		p.since = now
	}
	p.failing, p.unsaid = err, 0
	if missed, ok := errors.AsType[*notify.Undelivered](err); err != nil && !(ok && missed.Reached > 0) {
		p.unsaid = pages
	}
}

func (p *pager) undelivered() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unsaid
}

// conditions say that pages do not arrive.
func (p *pager) conditions(e *environment) []rollback.Condition {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failing == nil {
		return nil
	}
	text := "some of the Alertmanagers take no pages"
	if p.unsaid > 0 {
		text = fmt.Sprintf("no Alertmanager takes the %d pages there are", p.unsaid)
	}
	return []rollback.Condition{{Cause: rollback.CauseAlertmanager, Since: p.since, Text: fmt.Sprintf("%s: %s: %s", e.name, text, strings.ReplaceAll(p.failing.Error(), "\n", "; "))}}
}
