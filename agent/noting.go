package agent

import (
	"strings"
	"time"

	"github.com/coclai/cutover/agent/rollback"
)

// When people are told of a condition: one that flaps is told once.
const (
	noteAfter = time.Minute     // when it has stood for so long
	noteOver  = 5 * time.Minute // that it is over, when it was gone for so long
)

// turning are the causes that are not as people were told, and since when. Its zero value knows of none; owned by who tells.
type turning map[rollback.Cause]time.Time

// noteConditions are the entries about what has come to work less well, and what works again. That messages do not arrive is not told by one.
func (a *Agent) noteConditions(e *environment, state *rollback.Environment) []note {
	current, now := map[rollback.Cause]rollback.Condition{}, a.now().UTC()
	for _, c := range a.conditions(e, state) {
		c.Text = strings.TrimPrefix(c.Text, e.name+": ") // as the entry's environment says, and the message
		current[c.Cause] = c
	}
	delete(current, rollback.CauseWebhook)
	var notes []note
	for _, cause := range rollback.Causes() {
		c, stands := current[cause]
		noted, told := state.Outbox.Noted[cause]
		since := e.turning.since(cause, stands != told, now)
		switch {
		case stands && !told && now.Sub(since) >= noteAfter:
			c.Since = since
		case told && !stands && now.Sub(since) >= noteOver:
			c = noted
			c.Over = true
		default:
			continue
		}
		notes = append(notes, note{environment: e.name, kind: rollback.ConditionNoted, author: self, body: c})
	}
	return notes
}

// since is when a cause was first found to be another than people were told; now, if it is not.
func (t turning) since(cause rollback.Cause, other bool, now time.Time) time.Time {
	first, known := t[cause]
	switch {
	case !other:
		delete(t, cause)
	case !known || now.Before(first): // a clock that was put back
		t[cause] = now
	default:
		return first
	}
	return now
}

// remind is the entry that reminds people of a lock, when it has stood for so long again since they last were: how often they were says
// nothing once `locked_after` is another.
func (a *Agent) remind(e *environment, state *rollback.Environment) []note {
	l := state.Lock
	if l == nil || e.lockedAfter <= 0 {
		return nil
	}
	last := l.Since
	if !l.Last.IsZero() {
		last = l.Last
	}
	if a.now().Sub(last) < e.lockedAfter {
		return nil
	}
	return []note{{environment: e.name, kind: rollback.LockReminded, author: self, incident: l.Incident,
		body: rollback.Reminder{Incident: l.Incident, Times: l.Reminded + 1, Text: lockText(state, a.now())}}}
}
