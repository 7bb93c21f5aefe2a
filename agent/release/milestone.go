package release

import (
	"fmt"
	"strconv"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// Result is a milestone that was reached: evaluated once, over the stretch since the one before (since T0 for the first). It carries what a
// report needs; the plots come from Prometheus.
type Result struct {
	Item    string       `json:"item"`
	Title   string       `json:"title"`
	Needs   string       `json:"needs"` // judgement, reading, acceptance
	Ends    string       `json:"ends,omitempty"`
	Draft   string       `json:"draft,omitempty"`
	At      time.Time    `json:"at"`   // the moment that was judged last
	From    time.Time    `json:"from"` // of the stretch: the milestone before, or T0
	Due     time.Time    `json:"due"`  // T0 + After by the wall clock
	After   slo.Duration `json:"after"`
	Late    slo.Duration `json:"late,omitempty"` // behind Due: what the clock stood still for
	Clock   slo.Duration `json:"clock"`
	Gaps    slo.Duration `json:"gaps,omitempty"`
	Verdict Verdict      `json:"verdict"`
	Rows    []Judged     `json:"rows"`
	Total   []Row        `json:"total"`            // since T0
	Alerts  []Alarm      `json:"alerts,omitempty"` // that fired in the stretch
	Asks    []string     `json:"asks,omitempty"`   // what a person must decide or do

	Settled *Tick   `json:"settled,omitempty"` // filled in by the fold: who judged, read or accepted it
	Report  *Report `json:"report,omitempty"`  // likewise: what was written about it
}

// Judged is a row of the matrix at a milestone.
type Judged struct {
	Row
	Verdict Verdict `json:"verdict"`
	Near    bool    `json:"near,omitempty"` // a near miss: the alert did not fire, and was nearly reached
}

// Alarm is an alert that fired while the release was observed.
type Alarm struct {
	Name     string    `json:"name"`
	SLO      string    `json:"slo,omitempty"`
	Trigger  string    `json:"trigger,omitempty"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to,omitzero"`        // zero while it fires
	Decision string    `json:"decision,omitempty"` // verdict and reason
}

// Report is what was written about a milestone, or with Whole as its item about a cutover that has ended. Files are named from the folder of
// reports.
type Report struct {
	Item  string   `json:"item"`
	Files []string `json:"files,omitempty"`
}

// Whole is the item of the report that a cutover's end calls for.
const Whole = "end"

// Due is the milestone that is to be evaluated at a moment that was just judged; false if none is. It is never before T0 + After by the
// wall clock, and never before the observation's clock has come so far.
func (c *Cutover) Due() (slo.Milestone, bool) {
	if !c.Observing() || len(c.Reached) >= len(c.Course.Milestones) {
		return slo.Milestone{}, false
	}
	m := c.Course.Milestones[len(c.Reached)]
	return m, !c.Observation.At.Before(c.origin().Add(m.After.Std())) && c.Observation.Clock >= m.After
}

// Evaluate is the result of the milestone that is due.
func (c *Cutover) Evaluate(m slo.Milestone, alarms []Alarm) Result {
	o := c.Observation
	r := Result{Item: m.Item, Title: m.Title, Needs: m.Needs, Ends: m.Ends, Draft: m.Draft, At: o.At, From: c.StretchFrom(), Due: c.origin().Add(m.After.Std()), After: m.After,
		Clock: o.Clock, Gaps: o.Gaps, Verdict: Pass, Total: o.Rows, Alerts: alarms}
	if late := o.At.Sub(r.Due); late > c.Interval() { // less is the grid's doing
		r.Late = slo.Duration(late)
	}
	for _, row := range o.Stretch {
		j := judged(row)
		r.Rows = append(r.Rows, j)
		r.Verdict = Worse(r.Verdict, j.Verdict)
	}
	if len(r.Rows) == 0 {
		r.Verdict = Unknown
	}
	r.Asks = asks(r)
	return r
}

// StretchFrom is where the stretch begins that the next milestone ends: the milestone before, or T0.
func (c *Cutover) StretchFrom() time.Time {
	if n := len(c.Reached); n > 0 {
		return c.Reached[n-1].At
	}
	return c.origin()
}

// Worse is FAIL if one of the two is, else UNKNOWN if one of them is.
func Worse(a, b Verdict) Verdict {
	for _, v := range []Verdict{Fail, Unknown} {
		if a == v || b == v {
			return v
		}
	}
	return Pass
}

// nearMiss is the share of an alert's bound from which on a value is a near miss.
const nearMiss = 0.8

// judged is a row's verdict: FAIL if it failed at any moment, PASS if it passed at one and is known at the last.
func judged(row Row) Judged {
	j := Judged{Row: row, Verdict: Pass}
	switch {
	case row.Fail > 0:
		j.Verdict = Fail
	case row.Pass == 0 || row.Last.Verdict == Unknown && !row.Last.Tolerated:
		j.Verdict = Unknown
	}
	if row.Worst != nil {
		share, err := strconv.ParseFloat(row.Worst.Share, 64)
		j.Near = err == nil && share >= nearMiss && share <= 1
	}
	return j
}

// asks are what a person must decide or do about a milestone.
func asks(r Result) []string {
	var all []string
	for _, row := range r.Rows {
		switch row.Verdict {
		case Fail:
			all = append(all, fmt.Sprintf("%s was beyond its SLO at %d of %d moments: is the release good all the same?", row.SLO, row.Fail, row.Pass+row.Fail+row.Unknown))
		case Unknown:
			all = append(all, fmt.Sprintf("%s could not be judged: %s", row.SLO, row.Last.Reason))
		}
	}
	switch {
	case r.Needs == slo.NeedsJudgement && r.Verdict == Pass:
		return nil
	case r.Needs == slo.NeedsJudgement:
		all = append(all, fmt.Sprintf("judge it: rollback-agent cutover done %s --note '…', or roll back", r.Item))
	case r.Needs == slo.NeedsReading:
		all = append(all, "read it: rollback-agent cutover done "+r.Item)
	default:
		all = append(all, "accept it: rollback-agent cutover done "+r.Item)
	}
	return all
}

// Reach is c with a milestone reached. One that passes and needs no more than a judgement settles itself.
func (c Cutover) Reach(r Result, at time.Time, by string) *Cutover {
	if r.Needs == slo.NeedsJudgement && r.Verdict == Pass {
		r.Settled = &Tick{Item: r.Item, Note: "every row passed", By: by, At: at}
	}
	c.Reached = append(append([]Result{}, c.Reached...), r)
	if c.Observation != nil {
		c.Observation = c.Observation.Next()
	}
	for _, step := range c.Course.Checklist {
		if step.Step == slo.StepObserve && step.Until <= r.After && c.Ticked(step.Item) == nil {
			c.Ticks = append(append([]Tick{}, c.Ticks...), Tick{Item: step.Item, Note: "until " + r.Item, By: by, At: at})
		}
	}
	return c.moved(at, by)
}

// Write is c with a report written.
func (c Cutover) Write(w Report) *Cutover {
	if w.Item == Whole && c.Ended != nil {
		end := *c.Ended
		end.Report, c.Ended = &w, &end
		return &c
	}
	c.Reached = append([]Result{}, c.Reached...)
	for n := range c.Reached {
		if c.Reached[n].Item == w.Item {
			c.Reached[n].Report = &w
		}
	}
	return &c
}

// Unwritten is the first milestone about which no report was written; nil if there is none.
func (c *Cutover) Unwritten() *Result {
	if c == nil {
		return nil
	}
	for n, r := range c.Reached {
		if r.Report == nil {
			return &c.Reached[n]
		}
	}
	return nil
}

// Interval is how far apart moments are judged: the rules' own interval while it is intensive, then a minute, then five. A course of few
// minutes is judged more often, so that each milestone rests on twenty moments at least.
func (c *Cutover) Interval() time.Duration {
	every, shortest := c.Course.Every.Std(), c.Course.Every.Std()
	switch c.Phase {
	case Stabilisation:
		every = time.Minute
	case Watch:
		every = 5 * time.Minute
	}
	last := time.Duration(0)
	if n := len(c.Reached); n > 0 {
		last = c.Reached[n-1].After.Std()
	}
	if n := len(c.Reached); n < len(c.Course.Milestones) {
		every = min(every, (c.Course.Milestones[n].After.Std()-last)/20)
	}
	return max(every, shortest).Truncate(time.Millisecond) // what a duration in the ledger can say
}

// NextMoment is when the rows are judged next, given what was seen: an interval after the last moment, or earlier when a milestone is due.
// A moment that is long past is made up for, unless it is longer past than makeUp: then nobody watched, and the next one is now.
func (c *Cutover) NextMoment(seen Observation, now time.Time, makeUp time.Duration) Moment {
	last, every := seen.At, c.Interval()
	at := last.Add(every)
	if n := len(c.Reached); n < len(c.Course.Milestones) {
		after := c.Course.Milestones[n].After
		for _, due := range []time.Time{c.origin().Add(after.Std()), last.Add((after - seen.Clock).Std())} {
			if due.After(last) && due.Before(at) {
				at = due
			}
		}
	}
	if now.Sub(at) > max(makeUp, every) {
		return Moment{At: now.Truncate(time.Millisecond), Since: last, Gap: true}
	}
	return Moment{At: at, Since: last}
}

// Dark says that some row is UNKNOWN, and has been for so long at least; nil if none is.
func (c *Cutover) Dark(lasts time.Duration) *Stop {
	for _, row := range c.Observation.Rows {
		if row.Last.Verdict != Unknown || row.Last.Tolerated || len(row.Spells) == 0 {
			continue
		}
		spell := row.Spells[len(row.Spells)-1]
		if dark := row.Last.At.Sub(spell.From); dark >= lasts {
			return &Stop{Reason: Unmeasured, Text: fmt.Sprintf("%s is UNKNOWN since %s: %s", row.SLO, spell.From.UTC().Format(time.RFC3339), row.Last.Reason)}
		}
	}
	return nil
}

// News says whether a moment shows a row otherwise than the last one did, or is the first.
func (w Watched) News(m Moment, before *Observation) bool {
	for _, r := range m.Readings {
		last, known := rowOf(w.Rows, r.SLO)
		if !known {
			last, known = rowOf(before.Rows, r.SLO)
		}
		if !known || last.Last.Verdict != r.Verdict {
			return true
		}
	}
	return m.Gap
}
