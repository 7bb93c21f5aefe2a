package rollback

import (
	"fmt"
	"slices"
	"time"
)

// Remark is why a person did something. Who and when is the entry's.
type Remark struct {
	Why string `json:"why,omitempty"`
}

// Holding is a person's wish that the agent waits: nothing is rolled back without a person until it ends. No hold is for ever.
type Holding struct {
	Until time.Time `json:"until"`
	Why   string    `json:"why,omitempty"`

	By string    `json:"by,omitempty"` // filled in by the fold
	At time.Time `json:"at,omitzero"`  // likewise
}

// Switch is the kill switch that a person has turned on: decide and record, act on nothing.
type Switch struct {
	Why string    `json:"why,omitempty"`
	By  string    `json:"by"`
	At  time.Time `json:"at"`
}

// Analysis is the root cause of an incident as its author sees it: a text, or a link to one.
type Analysis struct {
	Text string `json:"text,omitempty"`
	Link string `json:"link,omitempty"`

	By string    `json:"by,omitempty"` // filled in by the fold
	At time.Time `json:"at,omitzero"`  // likewise
}

// String is the text with its link.
func (a Analysis) String() string {
	if a.Text == "" || a.Link == "" {
		return a.Text + a.Link
	}
	return a.Text + " (" + a.Link + ")"
}

// Unlock is a lock opened: by somebody else than the author of the analysis, or by breaking the glass.
type Unlock struct {
	Incident   string `json:"incident"`
	Cause      string `json:"cause"`
	RCABy      string `json:"rca_by,omitempty"`
	Innocent   bool   `json:"innocent,omitempty"`    // what was rolled back was not at fault, and may be deployed again
	BreakGlass bool   `json:"break_glass,omitempty"` // Cause is why it could not wait

	By string    `json:"by,omitempty"` // filled in by the fold
	At time.Time `json:"at,omitzero"`  // likewise
}

// Standing says whether a person holds the agent back at this moment.
func (e *Environment) Standing(now time.Time) *Holding {
	if e.Hold == nil || !now.Before(e.Hold.Until) {
		return nil
	}
	return e.Hold
}

// applyPerson applies the entries that persons write; it says false for all others.
func (e *Environment) applyPerson(entry Entry) (bool, error) {
	switch entry.Kind {
	case Held:
		return true, with(entry, func(h Holding) { h.By, h.At = entry.Author, entry.At; e.Hold = &h })
	case Resumed:
		e.Hold = nil
		return true, nil
	case KillSwitchOn:
		return true, with(entry, func(r Remark) { e.Kill = &Switch{Why: r.Why, By: entry.Author, At: entry.At} })
	case KillSwitchOff:
		e.Kill = nil
		return true, nil
	case LockCleared:
		return true, with(entry, func(u Unlock) { u.By, u.At = entry.Author, entry.At; e.unlock(u) })
	}
	return false, nil
}

// applyAbout applies what persons say about an incident; it says false for all others.
func (i *Incident) applyAbout(entry Entry) (bool, error) {
	switch entry.Kind {
	case CauseSubmitted:
		return true, with(entry, func(a Analysis) { a.By, a.At = entry.Author, entry.At; i.RCA = &a })
	case RollbackCancelled:
		return true, with(entry, func(r Remark) {
			i.trouble(Trouble{Reason: Cancelled, Text: fmt.Sprintf("%s stopped the rollback before its push: %s", entry.Author, r.Why)})
		})
	}
	return false, nil
}

func (e *Environment) unlock(u Unlock) {
	if u.Innocent {
		e.exonerate(u.Incident)
	}
	e.Lock = nil
	i := e.changingIncident(u.Incident)
	if i == nil { // a ledger that was lost knows it only by the lock that stood on the remote
		i = &Incident{ID: u.Incident, Opened: u.At}
		e.Incidents = append(slices.Clip(e.Incidents), i)
	}
	i.Phase, i.Cause, i.Unlocked = PhaseClosed, u.Cause, &u
}

// exonerate lets what the incident rolled back be deployed again, unless another has rolled it back as well.
func (e *Environment) exonerate(incident string) {
	left := map[string]Bans{}
	for tree, by := range e.Banned {
		others := slices.DeleteFunc(slices.Clone(by), func(one string) bool { return one == incident })
		if len(others) > 0 {
			left[tree] = others
		}
	}
	e.Banned, e.own.banned = left, true
}
