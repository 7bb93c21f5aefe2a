package agent

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/coclai/cutover/agent/notify"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/web"
)

// How people are told by the webhook.
const (
	tellEvery   = 10 * time.Second // how often it is looked whether there is anything new to say
	gatherFor   = time.Second      // a message waits for others of its subject: a flood of alerts comes in many appends
	tellPatient = 5 * time.Minute  // between two tries, at most
	tellFor     = 24 * time.Hour   // after that a message is given up: nobody wants yesterday's at once
	unfitTries  = 3                // of a message that the webhook refuses for what it is
	failsAfter  = time.Minute      // a webhook that takes nothing for so long is said
)

// telling is how the messages of one environment fare. What was delivered is in the ledger; this is what may be forgotten.
type telling struct {
	mu      sync.Mutex
	tries   int       // that failed, since one did not
	unfit   int       // of them, how often the last message was refused for what it is
	last    int64     // the message that was tried last
	next    time.Time // no try before
	failing error     // why the last try failed, nil when it did not
	since   time.Time // of failing

	settled int64  // message that arrived or is lost, and whose entry may be missing; 0 for none
	lost    string // why it is lost, "" when it arrived
}

// tell delivers the messages of an environment to its webhook, one after the other, until ctx ends. It holds no turn: whoever acts never waits
// for it. A crash between a message and its entry costs the message a second time.
func (a *Agent) tell(ctx context.Context, e *environment) {
	for ctx.Err() == nil {
		wait, err := a.tellNext(ctx, e)
		if err != nil && ctx.Err() == nil {
			a.log.Warn("what people are told was not recorded, trying again", "environment", e.name, "err", err)
			wait = tellEvery
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-e.untold:
			sleep(ctx, min(wait, gatherFor/2)) // appends come in bursts
		case <-timer.C:
		}
		timer.Stop()
	}
}

// tellNext does the next thing there is to do about it, and says when to look again.
func (a *Agent) tellNext(ctx context.Context, e *environment) (time.Duration, error) {
	state := a.journal.environment(e.name)
	if on := e.herald != nil; on != (state.Outbox != nil) {
		_, err := a.journal.append(ctx, note{environment: e.name, kind: rollback.OutboxSwitched, author: self, body: rollback.OutboxSwitch{On: on}})
		return 0, err
	}
	if state.Outbox == nil {
		return time.Hour, nil // a reload begins anew
	}
	if notes := append(a.noteConditions(e, state), a.remind(e, state)...); len(notes) > 0 {
		_, err := a.journal.append(ctx, notes...)
		return 0, err
	}
	if len(state.Outbox.Messages) == 0 {
		return tellEvery, nil
	}
	m := state.Outbox.Messages[0]
	if wait := e.telling.wait(m, a.now()); wait > 0 {
		return min(wait, tellEvery), nil
	}
	return 0, a.tellOne(ctx, e, m)
}

// tellOne delivers one message, or gives it up, and records that.
func (a *Agent) tellOne(ctx context.Context, e *environment, m rollback.Message) error {
	t := &e.telling
	lost, settled := t.outcome(m)
	if !settled {
		err := e.herald.Post(ctx, messageFor(e, m))
		if ctx.Err() != nil {
			return nil // whether it arrived nobody knows: it is sent again
		}
		if refused, ok := errors.AsType[*notify.Refused](err); ok {
			refused.Text = e.redact(refused.Text) // it may have answered with its address, which is a secret
		}
		crashpoint("delivered")
		if lost, settled = a.came(e, m, err); !settled {
			return nil // tried again when its time has come
		}
		t.settle(m, lost)
	}
	_, err := a.journal.append(ctx, note{environment: e.name, kind: rollback.MessageTold, author: self, body: rollback.Told{Seq: m.Seq, Lost: lost}})
	crashpoint("told")
	return err
}

// came logs and counts what came of a try. The message is settled when it arrived, or is lost.
func (a *Agent) came(e *environment, m rollback.Message, err error) (lost string, settled bool) {
	lost = e.telling.came(m, err, a.now())
	outcome := "delivered"
	if err != nil {
		outcome = "failed"
		a.log.Warn("a message was not delivered", "environment", e.name, "entry", m.Seq, "subject", m.Subject, "given_up", lost != "", "err", err)
	}
	a.tellings.WithLabelValues(e.plan.Service, e.plan.Environment, outcome).Inc()
	return lost, err == nil || lost != ""
}

// messageFor is a message as the webhook's template sees it. Its text is somebody else's: what hides in it is shown.
func messageFor(e *environment, m rollback.Message) notify.Message {
	text := e.name + ": " + m.Text
	if m.More > 0 {
		text += fmt.Sprintf(" (and %d before it)", m.More)
	}
	return notify.Message{ID: fmt.Sprintf("%s/%d", e.name, m.Seq), At: m.At.UTC().Format(time.RFC3339), Service: e.plan.Service, Environment: e.plan.Environment,
		Subject: string(m.Subject), Severity: m.Severity, Incident: web.Plain(m.Incident), About: web.Plain(m.About), Title: e.name + ": " + strings.ReplaceAll(string(m.Subject), "_", " "),
		Text: web.Plain(text)}
}

// wait is for how long a message is not to be tried yet. What is settled is only to be recorded.
func (t *telling) wait(m rollback.Message, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.settled == m.Seq {
		return 0
	}
	wait := time.Until(t.next)
	if age := now.Sub(m.At); age >= 0 { // else the clock was put back
		wait = max(wait, gatherFor-age)
	}
	return wait
}

func (t *telling) settle(m rollback.Message, lost string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.settled, t.lost = m.Seq, lost
}

// outcome is what became of a message that is settled; false if it is not.
func (t *telling) outcome(m rollback.Message) (lost string, settled bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lost, t.settled == m.Seq
}

// came keeps what came of a try, and says why the message is not tried any more, "" if it arrived or is.
func (t *telling) came(m rollback.Message, err error, now time.Time) (lost string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last != m.Seq {
		t.last, t.unfit = m.Seq, 0
	}
	if unfilled, ok := errors.AsType[*notify.Unfilled](err); ok {
		return "not sent: " + inOneLine(unfilled) // which says nothing of the webhook
	}
	if err != nil && t.failing == nil {
		t.since = now
	}
	if t.failing = err; err == nil {
		t.tries, t.next = 0, time.Time{}
		return ""
	}
	t.tries++
	wait := min(time.Second<<min(t.tries-1, 10), tellPatient)
	wait += time.Duration(rand.Int64N(int64(wait)/4 + 1)) // not all environments at the same moment
	if refused, ok := errors.AsType[*notify.Refused](err); ok {
		wait = max(wait, min(refused.After, tellPatient))
		if refused.Unfit() {
			t.unfit++
		}
	}
	t.next = time.Now().Add(wait)
	switch {
	case t.unfit == unfitTries:
		t.tries, t.next = 0, time.Time{} // it answers: the next may be taken
		return "refused: " + inOneLine(err)
	case now.Sub(m.News()) > tellFor: // what it has taken up may be older
		return fmt.Sprintf("tried for %s: %s", tellFor, inOneLine(err))
	}
	return ""
}

// conditions say that messages do not arrive, or did not.
func (t *telling) conditions(e *environment, o *rollback.Outbox, now time.Time) []rollback.Condition {
	if o == nil || e.herald == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.failing != nil && now.Sub(t.since) >= failsAfter && len(o.Messages) > 0:
		return []rollback.Condition{{Cause: rollback.CauseWebhook, Since: t.since, Text: fmt.Sprintf("%s: the webhook of `notify` takes no messages since %s: %d wait, the oldest since %s: %s", e.name,
			clock(t.since), len(o.Messages), clock(o.Oldest()), inOneLine(t.failing))}}
	case o.Lost > 0 && now.Sub(o.LostAt) < echoes:
		return []rollback.Condition{{Cause: rollback.CauseWebhook, Since: o.LostAt, Text: fmt.Sprintf("%s: a message was given up at %s, %d so far: %s", e.name, clock(o.LostAt), o.Lost, o.LostWhy)}}
	}
	return nil
}
