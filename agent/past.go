package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/report"
	"github.com/coclai/cutover/agent/rollback"
)

// past is one environment as the ledger tells that it was, with what the state alone does not keep.
type past struct {
	here     *rollback.Environment
	at       time.Time     // of the last entry told
	interval time.Duration // between two moments of the last stretch
	pauses   []report.Pause
	about    map[string][]rollback.Entry // by incident, since the cutover's start
}

// asOf folds the ledger up to the first entry of the environment after which `until` holds; to its end if there is none. Where retention has cut
// the ledger, its checkpoint is where the telling begins.
func (a *Agent) asOf(ctx context.Context, e *environment, until func(rollback.Entry, *rollback.Environment) bool) (past, error) {
	p := past{about: map[string][]rollback.Entry{}}
	var state rollback.State
	for entry, err := range a.ledger.Entries(ctx, 0) {
		if err != nil {
			return past{}, fmt.Errorf("read ledger: %w", err)
		}
		before := state.Environment(e.name).Cutover
		if err := state.Apply(entry); err != nil {
			return past{}, fmt.Errorf("fold ledger: %w", err)
		}
		if entry.Environment != e.name {
			continue
		}
		p.tell(entry, before, state.Environment(e.name))
		if until(entry, p.here) {
			break
		}
	}
	if p.here == nil {
		p.here = state.Environment(e.name)
	}
	if p.here.Cutover == nil {
		return past{}, fmt.Errorf("no cutover of %s is in the ledger any more", e.name)
	}
	return p, nil
}

// tell adds an entry.
func (p *past) tell(entry rollback.Entry, before *release.Cutover, here *rollback.Environment) {
	p.here, p.at = here, entry.At
	now := here.Cutover
	if entry.Kind == rollback.CutoverStarted {
		p.pauses, before, p.about = nil, nil, map[string][]rollback.Entry{}
	}
	if entry.Kind == rollback.MilestoneReached && before != nil {
		p.interval = before.Interval()
	}
	if entry.Incident != "" {
		p.about[entry.Incident] = append(p.about[entry.Incident], brief(entry))
	}
	if before == nil || now == nil || before.Stop == now.Stop {
		return
	}
	if before.Stop != nil && len(p.pauses) > 0 {
		last := &p.pauses[len(p.pauses)-1]
		last.Until, last.By, last.Why = entry.At, entry.Author, whyOn(entry)
	}
	if now.Stop != nil {
		p.pauses = append(p.pauses, report.Pause{Stop: *now.Stop})
	}
}

// whyOn is what an entry says about a cutover that goes on by it.
func whyOn(entry rollback.Entry) string {
	if entry.Kind == rollback.CutoverContinued {
		var on release.Continuation
		if err := json.Unmarshal(entry.Body, &on); err == nil {
			return on.Why
		}
	}
	return string(entry.Kind)
}

// story is the matter of a report so far.
func (p past) story(r release.Result) report.Story {
	interval := p.interval
	if interval == 0 {
		interval = p.here.Cutover.Interval()
	}
	return report.Story{State: p.here, Result: r, Interval: interval, Pauses: p.pauses}
}
