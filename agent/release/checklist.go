package release

import (
	"cmp"
	"fmt"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// Item is an item of the runbook as it stands in a cutover.
type Item struct {
	Item  string    `json:"item"`
	What  string    `json:"what"`
	State ItemState `json:"state"`
	By    string    `json:"by,omitempty"` // who did it, or who must
	At    time.Time `json:"at,omitzero"`
	Note  string    `json:"note,omitempty"`
}

// ItemState is how an item stands.
type ItemState string

// The states.
const (
	ItemDone    ItemState = "done"
	ItemWaiting ItemState = "waiting" // for By
	ItemLater   ItemState = "later"   // its turn has not come
	ItemNever   ItemState = "not done"
)

// Items are the checklist and the milestones, in the runbook's order.
func (c *Cutover) Items() []Item {
	var all []Item
	for _, s := range c.Course.Checklist {
		all = append(all, c.itemOf(s))
	}
	for n, m := range c.Course.Milestones {
		all = append(all, c.milestone(n, m))
	}
	if c.Ended != nil {
		for n, i := range all {
			if i.State != ItemDone {
				all[n].State = ItemNever
			}
		}
	}
	return all
}

func (c *Cutover) itemOf(s slo.Step) Item {
	i := Item{Item: s.Item, What: s.Step, State: ItemLater, By: s.By}
	if s.Step == slo.StepObserve {
		i.What += " until T+" + s.Until.String()
	}
	if t := c.Ticked(s.Item); t != nil {
		i.State, i.By, i.At, i.Note = ItemDone, t.By, t.At, t.Note
		return i
	}
	next, _ := c.NextStep()
	switch {
	case s.Step == next, s.Step == slo.StepManual, s.Step == slo.StepDeploy && c.Phase == Waiting, s.Step == slo.StepObserve && c.Observing():
		i.State = ItemWaiting
	}
	if i.State == ItemWaiting && c.Stop != nil && s.By == slo.ByAgent {
		i.Note = c.Stop.Text
	}
	return i
}

func (c *Cutover) milestone(n int, m slo.Milestone) Item {
	i := Item{Item: m.Item, What: fmt.Sprintf("T+%s %s", m.After, cmp.Or(m.Title, m.Needs)), State: ItemLater, By: slo.ByAgent}
	if n >= len(c.Reached) {
		if n == len(c.Reached) && c.Observing() {
			i.State, i.Note = ItemWaiting, fmt.Sprintf("the clock has come to %s of %s", c.Observation.Clock, m.After)
		}
		return i
	}
	r := c.Reached[n]
	i.At, i.Note = r.At, "the numbers say "+string(r.Verdict)
	if r.Late > 0 {
		i.Note += fmt.Sprintf(", %s late", r.Late)
	}
	if r.Settled == nil {
		i.State, i.By = ItemWaiting, slo.ByPerson
		i.Note += ", and it needs " + r.Needs
		return i
	}
	i.State, i.By, i.At = ItemDone, r.Settled.By, r.Settled.At
	if r.Settled.Note != "" {
		i.Note += "; " + r.Settled.Note
	}
	return i
}
