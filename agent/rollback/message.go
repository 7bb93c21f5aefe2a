package rollback

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/generator/slo"
)

// Message is one thing that people are to be told.
type Message struct {
	Seq      int64     `json:"seq"` // of the entry that calls for it
	At       time.Time `json:"at"`  // of the first entry that called for it
	Subject  Subject   `json:"subject"`
	Severity string    `json:"severity"`        // slo.SeverityPage, slo.SeverityTicket, or info
	About    string    `json:"about,omitempty"` // which of its kind: an SLO, a cause, a milestone's item, hold or kill_switch
	Incident string    `json:"incident,omitempty"`
	Text     string    `json:"text"`
	More     int       `json:"more,omitempty"` // others of the same subject that it stands for
	Last     time.Time `json:"last,omitzero"`  // of the last entry that called for it, where there are others
}

// News is when the last thing happened that the message tells of.
func (m Message) News() time.Time {
	if m.Last.IsZero() {
		return m.At
	}
	return m.Last
}

// Subject is what a message is about. Stored, and what templates choose by: never renamed.
type Subject string

// The subjects.
const (
	SubjectLocked     Subject = "locked"      // a rollback is decided, and redeployment refused; or still is, after days
	SubjectRolledBack Subject = "rolled_back" // the branch was put back
	SubjectFailed     Subject = "failed"      // a rollback could not be done, or did not help
	SubjectProposal   Subject = "proposal"    // a person approves or cancels
	SubjectHuman      Subject = "needs_human" // the agent stopped; a person decides
	SubjectUnlocked   Subject = "unlocked"
	SubjectViolated   Subject = "lock_violated" // something was pushed past the lock
	SubjectBrake      Subject = "brake"         // a person has told the agent to wait, or to go on
	SubjectDegraded   Subject = "degraded"
	SubjectCutover    Subject = "cutover"   // announced, stopped, ended
	SubjectMilestone  Subject = "milestone" // reached, and waits for a person
)

// SeverityInfo is the severity of what nobody need be woken for.
const SeverityInfo = "info"

// about says whether another message is about the same: the later one tells it all.
func (m Message) about(other Message) bool {
	return m.Subject == other.Subject && m.About == other.About && m.Incident == other.Incident
}

// messages words the entries that people are told of, by the environment as it is after them. An empty text is no message.
var messages = map[Kind]func(*Environment, Entry) (Message, error){
	Decided:          saying(decision),
	LockSet:          saying(lockSet),
	LockReminded:     saying(reminded),
	LockCleared:      saying(cleared),
	Pushed:           saying(putBack),
	NeedsHuman:       saying(stuck),
	Reconciled:       saying(found),
	Held:             saying(heldBack),
	Resumed:          saying(resumed),
	KillSwitchOn:     saying(switched("the kill switch is on: the agent decides and records, and acts on nothing")),
	KillSwitchOff:    saying(switched("the kill switch is off")),
	ConditionNoted:   saying(condition),
	CutoverDone:      saying(announced),
	CutoverStopped:   saying(halted),
	CutoverEnded:     saying(ended),
	MilestoneReached: saying(milestone),
}

// called is an environment as it is after an entry that calls for people.
type called struct {
	*Environment
	entry Entry
}

func saying[T any](say func(called, T) Message) func(*Environment, Entry) (Message, error) {
	return func(e *Environment, entry Entry) (m Message, err error) {
		err = with(entry, func(body T) { m = say(called{e, entry}, body) })
		m.Severity = cmp.Or(m.Severity, slo.SeverityPage)
		return m, err
	}
}

func decision(_ called, d Decision) Message {
	m := Message{About: d.SLO, Text: d.Text}
	switch {
	case d.Verdict == Propose:
		m.Subject = SubjectProposal
		m.Text = fmt.Sprintf("a rollback is proposed, a person decides until %s: rollback-agent approve %s, or cancel; %s", moment(d.Until), d.Key, d.Text)
		if d.Until.IsZero() {
			m.Text = fmt.Sprintf("a rollback is proposed: rollback-agent approve %s, or cancel; %s", d.Key, d.Text)
		}
	case d.Verdict == Hold && d.By == "":
		m.Subject = SubjectHuman
	default:
		m.Text = ""
	}
	return m
}

func lockSet(c called, l Lock) Message {
	why := l.Reason
	if i := c.IncidentByID(l.Incident); i != nil && len(i.Decisions) > 0 {
		why = i.Decisions[len(i.Decisions)-1].Text
	}
	return Message{Subject: SubjectLocked, Text: fmt.Sprintf("redeployment is refused, incident %s of commit %s: %s", l.Incident, short(l.Release), why)}
}

func reminded(_ called, r Reminder) Message { return Message{Subject: SubjectLocked, Text: r.Text} }

func cleared(c called, u Unlock) Message {
	m := Message{Subject: SubjectUnlocked, Severity: SeverityInfo, Text: fmt.Sprintf("%s has opened the lock of incident %s: %s", c.entry.Author, u.Incident, u.Cause)}
	if u.BreakGlass {
		m.Severity, m.Text = slo.SeverityPage, fmt.Sprintf("%s has opened the lock of incident %s alone, without an analysis: %s", c.entry.Author, u.Incident, u.Cause)
	}
	return m
}

func putBack(c called, p Push) Message {
	i := c.IncidentByID(c.entry.Incident)
	if i == nil || i.Phase != PhasePushed {
		return Message{}
	}
	target := ""
	if i.Preparation != nil {
		target = " to " + i.Preparation.Target
	}
	return Message{Subject: SubjectRolledBack, Text: fmt.Sprintf("the deploy branch was put back%s by commit %s, incident %s: %s", target, short(p.Commit), i.ID, causeOf(i))}
}

// causeOf is the decision that an incident's rollback rests on, in words.
func causeOf(i *Incident) string {
	for n := len(i.Decisions) - 1; n >= 0; n-- {
		if i.Decisions[n].Verdict == Rollback {
			return i.Decisions[n].Text
		}
	}
	return ""
}

// failures are the troubles of a rollback that was to be done, as opposed to one that was not begun.
var failures = map[Reason]bool{VerificationFail: true, VerificationOpen: true, PushRejected: true, CredentialsRefused: true, RemoteUnknown: true, TooManyAttempts: true}

func stuck(c called, t Trouble) Message {
	m := Message{Subject: SubjectHuman, Text: fmt.Sprintf("incident %s: %s", c.entry.Incident, t.Text)}
	if failures[t.Reason] {
		m.Subject = SubjectFailed
	}
	return m
}

func found(c called, r Reconciliation) Message {
	if !r.Outcome.Alarming() {
		return Message{}
	}
	return Message{Subject: SubjectViolated, Text: fmt.Sprintf("incident %s: %s", c.entry.Incident, r.Text)}
}

func heldBack(c called, h Holding) Message {
	return Message{Subject: SubjectBrake, About: "hold", Severity: SeverityInfo, Text: fmt.Sprintf("nothing is rolled back without a person until %s, says %s: %s", moment(h.Until), c.entry.Author, h.Why)}
}

func resumed(c called, r Remark) Message {
	return Message{Subject: SubjectBrake, About: "hold", Severity: SeverityInfo, Text: fmt.Sprintf("the hold is over, says %s: %s", c.entry.Author, r.Why)}
}

func switched(what string) func(called, Remark) Message {
	return func(c called, r Remark) Message {
		return Message{Subject: SubjectBrake, About: "kill_switch", Text: fmt.Sprintf("%s, by %s: %s", what, c.entry.Author, r.Why)}
	}
}

func condition(_ called, n Condition) Message {
	m := Message{Subject: SubjectDegraded, About: string(n.Cause), Text: fmt.Sprintf("since %s: %s", moment(n.Since), n.Text)}
	if n.Over {
		m.Severity, m.Text = SeverityInfo, "no longer: "+n.Text
	}
	return m
}

func announced(c called, t release.Tick) Message {
	o := c.Cutover
	if o == nil || !o.Is(t.Item, slo.StepAnnounce) {
		return Message{}
	}
	back := ""
	if c.Pin != nil {
		back = "; it can go back to " + c.Pin.Name()
	}
	return Message{Subject: SubjectCutover, Severity: SeverityInfo, Text: fmt.Sprintf("cutover %s to %s, by %s%s", o.ID, short(o.Commit), o.By, back)}
}

func halted(c called, s release.Stop) Message {
	if c.Cutover == nil {
		return Message{}
	}
	return Message{Subject: SubjectCutover, Text: fmt.Sprintf("cutover %s does not go on (%s): %s", c.Cutover.ID, s.Reason, s.Text)}
}

func ended(c called, e release.End) Message {
	if c.Cutover == nil {
		return Message{}
	}
	return Message{Subject: SubjectCutover, Severity: SeverityInfo, Text: fmt.Sprintf("cutover %s is %s: %s", c.Cutover.ID, e.Phase, e.Why)}
}

func milestone(c called, r release.Result) Message {
	if c.Cutover == nil || len(r.Asks) == 0 {
		return Message{}
	}
	m := Message{Subject: SubjectMilestone, About: r.Item, Text: fmt.Sprintf("cutover %s, milestone %s (T+%s) is %s: %s", c.Cutover.ID, r.Item, r.After, r.Verdict, strings.Join(r.Asks, "; "))}
	if r.Verdict == release.Pass && r.Needs != slo.NeedsJudgement {
		m.Severity = slo.SeverityTicket
	}
	return m
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }
