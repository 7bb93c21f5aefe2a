package rollback

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Outbox is what people are still to be told by the webhook. It is part of the fold: a message is there from the append that calls for it,
// and goes with the entry that says it was delivered. So neither a crash nor another agent's turn loses one, and each is delivered at least
// once. Without a webhook there is none, and nothing is kept.
type Outbox struct {
	Messages []Message           `json:"messages,omitempty"` // in the order of their last entries
	Noted    map[Cause]Condition `json:"noted,omitempty"`    // what people were told of as working less well
	Lost     int                 `json:"lost,omitempty"`     // messages that were never delivered: too old, refused, or one too many
	LostAt   time.Time           `json:"lost_at,omitzero"`   // when the last of them was
	LostWhy  string              `json:"lost_why,omitempty"` // why
}

// Oldest is since when something waits to be told, which need not be in the first message: a later one may have taken it up. Something waits.
func (o *Outbox) Oldest() time.Time {
	return slices.MinFunc(o.Messages, func(a, b Message) int { return a.At.Compare(b.At) }).At
}

// maxMessages is how many may wait in one environment: nobody reads more of them at once, and the ledger has all.
const maxMessages = 100

// OutboxSwitch says whether there is a webhook to tell.
type OutboxSwitch struct {
	On bool `json:"on"`
}

// Told is what became of the message that an entry called for.
type Told struct {
	Seq  int64  `json:"seq"`
	Lost string `json:"lost,omitempty"` // why it was given up; "" when it was delivered
}

// Reminder is that a lock stands, once more.
type Reminder struct {
	Incident string `json:"incident"`
	Times    int    `json:"times"` // so far, this one with them
	Text     string `json:"text"`
}

// applyOutbox applies the entries about telling people; it says false for all others.
func (e *Environment) applyOutbox(entry Entry) (bool, error) {
	switch entry.Kind {
	case OutboxSwitched:
		return true, with(entry, func(s OutboxSwitch) { e.switchOutbox(s.On) })
	case MessageTold:
		return true, with(entry, func(t Told) { e.told(t, entry.At) })
	case ConditionNoted:
		return true, with(entry, e.note)
	case LockReminded:
		return true, with(entry, func(r Reminder) { e.remind(r, entry.At) })
	}
	return false, nil
}

func (e *Environment) switchOutbox(on bool) {
	switch {
	case !on:
		e.Outbox = nil
	case e.Outbox == nil:
		e.Outbox = &Outbox{}
	}
}

// told takes a message out. One that is not there any more was merged into a later one meanwhile, and that is still to be told.
func (e *Environment) told(t Told, at time.Time) {
	if e.Outbox == nil {
		return
	}
	o := *e.Outbox
	o.Messages = slices.DeleteFunc(slices.Clone(o.Messages), func(m Message) bool { return m.Seq == t.Seq })
	if t.Lost != "" && len(o.Messages) < len(e.Outbox.Messages) {
		o.Lost, o.LostAt, o.LostWhy = o.Lost+1, at, t.Lost
	}
	e.Outbox = &o
}

func (e *Environment) note(c Condition) {
	if e.Outbox == nil {
		return
	}
	o := *e.Outbox
	o.Noted = maps.Clone(o.Noted)
	switch {
	case c.Over:
		delete(o.Noted, c.Cause)
	case o.Noted == nil:
		o.Noted = map[Cause]Condition{c.Cause: c}
	default:
		o.Noted[c.Cause] = c
	}
	e.Outbox = &o
}

func (e *Environment) remind(r Reminder, at time.Time) {
	if e.Lock == nil || e.Lock.Incident != r.Incident {
		return
	}
	l := *e.Lock
	l.Reminded, l.Last = r.Times, at
	e.Lock = &l
}

// tell leaves the message that an entry calls for, if there is somebody to tell. One of the same subject that still waits is taken up in it:
// a flood of alerts is no flood of messages, and what is told late is what holds by then.
func (e *Environment) tell(entry Entry) error {
	say, calls := messages[entry.Kind]
	if e.Outbox == nil || !calls {
		return nil
	}
	m, err := say(e, entry)
	if err != nil || m.Text == "" {
		return err
	}
	m.Seq, m.At, m.Incident, m.Text = entry.Seq, entry.At, entry.Incident, clipped(m.Text)
	o := *e.Outbox
	o.Messages = slices.Clone(o.Messages)
	if n := slices.IndexFunc(o.Messages, m.about); n >= 0 {
		m.At, m.Last, m.More = o.Messages[n].At, entry.At, o.Messages[n].More+1
		o.Messages = slices.Delete(o.Messages, n, n+1)
	}
	o.Messages = append(o.Messages, m)
	if over := len(o.Messages) - maxMessages; over > 0 {
		o.Messages = slices.Clone(o.Messages[over:])
		o.Lost, o.LostAt, o.LostWhy = o.Lost+over, entry.At, "more than a hundred waited"
	}
	e.Outbox = &o
	return nil
}

// maxMessage is what a message may hold in bytes: it is read on a telephone, and the ledger has the rest.
const maxMessage = 1500

func clipped(text string) string {
	if len(text) <= maxMessage {
		return text
	}
	return strings.ToValidUTF8(text[:maxMessage], "") + "…"
}
