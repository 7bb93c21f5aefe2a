package web

import (
	"fmt"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// Conducted says how the last cutover stands, a sentence each; nothing when there was none.
func Conducted(e *rollback.Environment, now time.Time) []string {
	c := e.Cutover
	if c == nil {
		return nil
	}
	first := fmt.Sprintf("%s of %s, started %s by %s: %s", c.ID, short(c.Commit), Moment(c.Started), c.By, c.Phase)
	if c.Ended != nil {
		return []string{fmt.Sprintf("%s since %s (%s): %s", first, Moment(c.Ended.At), c.Ended.By, c.Ended.Why)}
	}
	lines := []string{first}
	if c.Stop != nil {
		lines = append(lines, fmt.Sprintf("DOES NOT GO ON since %s (%s): %s", Moment(c.Stop.Since), c.Stop.Reason, c.Stop.Text))
	}
	if c.Observation != nil {
		lines = append(lines, observed(c, now))
	}
	return lines
}

// observed is the observation clock in words.
func observed(c *release.Cutover, now time.Time) string {
	o := c.Observation
	text := fmt.Sprintf("T+%s by the wall clock; %s were healthy minutes with data, until %s", now.Sub(c.T0).Truncate(time.Second), o.Clock, Moment(o.At))
	if o.Gaps > 0 {
		text += fmt.Sprintf("; %s nobody watched", o.Gaps)
	}
	return text
}

// NextMilestone says what the cutover comes to next, and when at the earliest; "" when nothing is to come.
func NextMilestone(e *rollback.Environment, now time.Time) string {
	c := e.Cutover
	if !c.Open() || len(c.Reached) >= len(c.Course.Milestones) {
		return ""
	}
	m := c.Course.Milestones[len(c.Reached)]
	text := fmt.Sprintf("%s %s at T+%s", m.Item, m.Title, m.After)
	if !c.Observing() {
		return text
	}
	due := c.T0.Add(m.After.Std())
	if wait := (m.After - c.Observation.Clock).Std(); due.Before(now.Add(wait)) {
		due = now.Add(wait) // the clock has stood still
	}
	return fmt.Sprintf("%s: not before %s (%s)", text, Moment(due), away(due.Sub(now)))
}

func away(d time.Duration) string {
	if d <= 0 {
		return "now"
	}
	return "in " + max(d.Round(time.Minute), time.Minute).String()
}

// Observed is one line for each row that is observed: how often it passed, its last value and its worst.
func Observed(e *rollback.Environment) []string {
	if e.Cutover == nil || e.Cutover.Observation == nil {
		return nil
	}
	var lines []string
	for _, r := range e.Cutover.Observation.Rows {
		text := fmt.Sprintf("%s %s: %d PASS, %d FAIL, %d UNKNOWN", r.SLO, r.Last.Verdict, r.Pass, r.Fail, r.Unknown)
		if r.Worst != nil {
			text += fmt.Sprintf("; worst %s at %s", r.Worst.Value, Moment(r.Worst.At))
		}
		if r.Last.Verdict != release.Pass {
			text += "; " + r.Last.Reason
		}
		lines = append(lines, text)
	}
	return lines
}

// Asked is what the reached milestones ask of a person, a line each.
func Asked(e *rollback.Environment) []string {
	if !e.Cutover.Open() {
		return nil
	}
	var lines []string
	for _, r := range e.Cutover.Reached {
		if r.Settled != nil {
			continue
		}
		for _, ask := range r.Asks {
			lines = append(lines, "milestone "+r.Item+": "+ask)
		}
	}
	return lines
}

// ItemLine is an item of the runbook in one line.
func ItemLine(i release.Item) string {
	state := string(i.State)
	if i.State == release.ItemWaiting {
		state += " for " + i.By
	} else if i.State == release.ItemDone {
		state += " by " + i.By
	}
	return joined(fmt.Sprintf("%-5s %-24s %s", i.Item, i.What, strings.TrimSpace(state+" "+Moment(i.At))), i.Note)
}

func started(c release.Cutover) string {
	return fmt.Sprintf("cutover %s to %s, from %s, by the plan of runbook %.10s", c.ID, short(c.Commit), short(c.From), c.Course.Runbook)
}

func ticked(t release.Tick) string { return joined(t.Item+" is done", t.Note) }

func stopped(s release.Stop) string {
	return fmt.Sprintf("the cutover does not go on (%s): %s", s.Reason, s.Text)
}

func goesOn(c release.Continuation) string { return joined("the cutover goes on", c.Why) }

func watched(w release.Watched) string {
	var not []string
	for _, r := range w.Rows {
		if r.Fail+r.Unknown > 0 {
			not = append(not, fmt.Sprintf("%s %d FAIL, %d UNKNOWN", r.SLO, r.Fail, r.Unknown))
		}
	}
	all := "every row passed"
	if len(not) > 0 {
		all = strings.Join(not, ", ")
	}
	return fmt.Sprintf("observed until %s, %s count: %s", Moment(w.To), w.Counted, all)
}

func reached(r release.Result) string {
	late := ""
	if r.Late > 0 {
		late = fmt.Sprintf(", %s late", r.Late)
	}
	return joined(fmt.Sprintf("milestone %s (T+%s): %s%s", r.Item, r.After, r.Verdict, late), strings.Join(r.Asks, "; "))
}
