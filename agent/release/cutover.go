package release

import (
	"slices"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// Phase is how far a cutover has come. Stored as text.
type Phase string

// The phases. The middle ones are named by what ends them in the plan.
const (
	Preparing     Phase = "preparing"     // the tag, the recheck and the announcement are being made
	Waiting       Phase = "waiting"       // for the one release to be deployed
	Intensive     Phase = "intensive"     // observed at every evaluation
	Stabilisation Phase = "stabilisation" // observed every minute
	Watch         Phase = "watch"         // observed every five minutes
	Closing       Phase = "closing"       // every milestone is reached; a person has yet to settle one
	Closed        Phase = "closed"
	Aborted       Phase = "aborted"
	RolledBack    Phase = "rolled_back"
)

// Course is what the plan says of a cutover. It is copied when one starts: a plan that changes meanwhile moves no milestone.
type Course struct {
	Runbook    string             `json:"runbook"` // sha256 of the plan's runbook
	Rules      string             `json:"rules"`   // sha256 of the plan's rules
	Gates      []string           `json:"gates,omitempty"`
	Checklist  []slo.Step         `json:"checklist,omitempty"`
	Rollback   []slo.RollbackStep `json:"rollback,omitempty"`
	Milestones []slo.Milestone    `json:"milestones,omitempty"`
	Every      slo.Duration       `json:"every"` // the rules' evaluation interval
}

// CourseOf is the part of a plan that a cutover follows.
func CourseOf(p slo.Plan) Course {
	c := Course{Runbook: p.Runbook.SHA256, Rules: p.Rules.SHA256, Checklist: p.Checklist, Rollback: p.Rollback, Milestones: p.Milestones, Every: p.EvaluationInterval}
	for _, g := range p.Gates {
		c.Gates = append(c.Gates, g.ID)
	}
	return c
}

// Cutover is one release's way through the runbook, from its start to its end. It is the body of the entry that starts it; everything
// below Phase is what later entries made of it. Whoever holds one changes it only through its methods, which copy what they change.
type Cutover struct {
	ID      string       `json:"id"`
	Commit  string       `json:"commit"`  // the one commit that may be deployed
	Content string       `json:"content"` // what it deploys, as of Pin
	From    string       `json:"from"`    // the commit that production ran at the start
	Running string       `json:"running"` // what that one deploys
	Course  Course       `json:"course"`
	Started time.Time    `json:"started"`
	By      string       `json:"by"`
	Own     []GateResult `json:"own,omitempty"` // what the agent's own gates said at the start

	Phase       Phase        `json:"phase"`
	Ticks       []Tick       `json:"ticks,omitempty"` // in the order in which they were made
	Stop        *Stop        `json:"stop,omitempty"`  // why it does not go on, nil when it does
	T0          time.Time    `json:"t0,omitzero"`
	Released    string       `json:"released,omitempty"` // the commit that the branch moved to: Commit, or one made with its content
	Observation *Observation `json:"observation,omitempty"`
	Reached     []Result     `json:"reached,omitempty"` // milestones, in order
	Ended       *End         `json:"ended,omitempty"`
}

// End is how and why a cutover ended. Phase is one of the last three.
type End struct {
	Phase Phase     `json:"phase"`
	Why   string    `json:"why,omitempty"`
	By    string    `json:"by,omitempty"` // filled in by the fold
	At    time.Time `json:"at,omitzero"`  // likewise

	Report *Report `json:"report,omitempty"` // likewise: what was written about the whole of it
}

// Tick is one item of the runbook done: by the agent, or said by a person.
type Tick struct {
	Item string    `json:"item"`
	Note string    `json:"note,omitempty"`
	By   string    `json:"by,omitempty"` // filled in by the fold
	At   time.Time `json:"at,omitzero"`  // likewise
}

// StopReason says why a cutover does not go on. Stored: never renamed.
type StopReason string

// The reasons. The first two wait for a person's resume; the others are over when their cause is.
const (
	HeldByPerson StopReason = "held"
	ClockJumped  StopReason = "clock_jump"     // wall clock and running time disagree: T0 can no longer be compared with
	NotReady     StopReason = "not_ready"      // a step before T0 cannot be done: the text says which, and why
	Unmeasured   StopReason = "unknown"        // a row was UNKNOWN for too long
	Foreign      StopReason = "foreign_commit" // the branch holds neither what ran before nor the release
	AgentHeld    StopReason = "agent_held"     // a person holds the agent itself
	NoWatchdog   StopReason = "no_watchdog"    // alerts do not reach the agent
	PlanChanged  StopReason = "plan_changed"   // another runbook or other rules are in force
)

// Stop is why and since when a cutover does not go on. The observation clock stands still meanwhile.
type Stop struct {
	Reason StopReason `json:"reason"`
	Text   string     `json:"text"`
	By     string     `json:"by,omitempty"`   // filled in by the fold
	Since  time.Time  `json:"since,omitzero"` // likewise
}

// Sticky says whether only a person's resume ends the stop.
func (s *Stop) Sticky() bool {
	return s != nil && (s.Reason == HeldByPerson || s.Reason == ClockJumped)
}

// Measuring says whether rows are judged all the same: when nothing stops the cutover, and when it is missing data that does.
func (s *Stop) Measuring() bool { return s == nil || s.Reason == Unmeasured }

// Continuation is the end of a Stop. With Runbook and Rules a person has accepted another plan; with From the observation begins again
// there, and what lay between is not counted.
type Continuation struct {
	Why     string    `json:"why,omitempty"`
	Runbook string    `json:"runbook,omitempty"`
	Rules   string    `json:"rules,omitempty"`
	From    time.Time `json:"from,omitzero"`
}

// CutoverID names a cutover.
func CutoverID(commit string, at time.Time) string {
	return "cut-" + at.UTC().Format("20060102T150405Z") + "-" + commit[:min(8, len(commit))]
}

// Open says whether c goes on; false for none.
func (c *Cutover) Open() bool { return c != nil && c.Ended == nil }

// BeforeT0 says whether c is open and its release not deployed yet.
func (c *Cutover) BeforeT0() bool { return c.Open() && c.T0.IsZero() }

// Awaits says whether a commit is the one that may be deployed, or was made for it.
func (c *Cutover) Awaits(commit, of string) bool { return commit == c.Commit || of == c.Commit }

// Observing says whether the rows of the matrix are judged: from T0 until the last milestone is reached.
func (c *Cutover) Observing() bool {
	return c.Open() && !c.T0.IsZero() && (c.Phase == Intensive || c.Phase == Stabilisation || c.Phase == Watch)
}

// Start is c as it is when its first entry is made.
func (c Cutover) Start() *Cutover {
	c.Phase = Preparing
	return c.moved(c.Started, c.By)
}

// Deploy is c from the moment its release is out. A person's hold stays.
func (c Cutover) Deploy(r Release, at time.Time) *Cutover {
	c.T0, c.Released = r.T0, r.Commit
	c.Observation = &Observation{At: c.origin()}
	if !c.Stop.Sticky() {
		c.Stop = nil
	}
	for _, step := range c.Course.Checklist {
		if step.Step == slo.StepDeploy && c.Ticked(step.Item) == nil {
			c.Ticks = append(slices.Clip(c.Ticks), Tick{Item: step.Item, Note: "T0 " + r.T0.UTC().Format(time.RFC3339), By: r.By, At: at})
		}
	}
	return c.moved(at, r.By)
}

// origin is T0 as the moments are counted from: whole milliseconds, as durations in the ledger are, and never before T0.
func (c *Cutover) origin() time.Time {
	return c.T0.Add(time.Millisecond - time.Nanosecond).Truncate(time.Millisecond)
}

// Done is c with an item ticked; a milestone is settled by it.
func (c Cutover) Done(t Tick) *Cutover {
	c.Ticks = append(slices.Clip(c.Ticks), t)
	for n, r := range c.Reached {
		if r.Item == t.Item && r.Settled == nil {
			c.Reached = slices.Clone(c.Reached)
			c.Reached[n].Settled = &t
		}
	}
	return c.moved(t.At, t.By)
}

// Halt is c that does not go on.
func (c Cutover) Halt(s Stop) *Cutover {
	c.Stop = &s
	return &c
}

// Continue is c that goes on.
func (c Cutover) Continue(on Continuation) *Cutover {
	c.Stop = nil
	if on.Runbook != "" {
		c.Course.Runbook, c.Course.Rules = on.Runbook, on.Rules
	}
	if !on.From.IsZero() && c.Observation != nil {
		o := *c.Observation
		o.At = on.From
		c.Observation = &o
	}
	return &c
}

// Note is c with moments that were judged.
func (c Cutover) Note(w Watched) *Cutover {
	if c.Observation == nil {
		return &c // of a cutover that has ended in between
	}
	c.Observation = c.Observation.Add(w)
	return &c
}

// End is c that has ended.
func (c Cutover) End(e End) *Cutover {
	c.Ended, c.Phase, c.Stop = &e, e.Phase, nil
	return &c
}

// moved is c in the phase that its entries amount to. The last milestone's settling closes it.
func (c Cutover) moved(at time.Time, by string) *Cutover {
	if c.Ended != nil {
		return &c
	}
	c.Phase = c.phase()
	if c.Phase == Closed {
		return c.End(End{Phase: Closed, Why: "every milestone is reached and settled", By: by, At: at})
	}
	return &c
}

func (c *Cutover) phase() Phase {
	if c.T0.IsZero() {
		if step, _ := c.NextStep(); step != "" {
			return Preparing
		}
		return Waiting
	}
	for n, m := range c.Course.Milestones {
		passed := n < len(c.Reached) && (m.Needs != slo.NeedsJudgement || c.Reached[n].Settled != nil)
		if !passed && m.Ends != "" {
			return Phase(m.Ends)
		}
	}
	switch {
	case len(c.Reached) < len(c.Course.Milestones):
		return Watch
	case slices.ContainsFunc(c.Reached, func(r Result) bool { return r.Settled == nil }):
		return Closing
	}
	return Closed
}

// Ticked finds the last tick of an item; nil if it is not done.
func (c *Cutover) Ticked(item string) *Tick {
	for _, t := range slices.Backward(c.Ticks) {
		if t.Item == item {
			return &t
		}
	}
	return nil
}

// NextStep is the step before T0 that comes next, with its item; "" when there is none. What a checklist does not name is done all the same,
// under the step's own name: there must be something to go back to.
func (c *Cutover) NextStep() (step, item string) {
	for _, step := range []string{slo.StepTag, slo.StepRecheck, slo.StepAnnounce} {
		if item := c.Awaited(step); item != "" {
			return step, item
		}
	}
	return "", ""
}

// Is says whether an item is of a kind of step.
func (c *Cutover) Is(item, step string) bool {
	return item == step || slices.ContainsFunc(c.Course.Checklist, func(s slo.Step) bool { return s.Item == item && s.Step == step })
}

// Awaited is the first item of a kind of step that is not done, "" when all are.
func (c *Cutover) Awaited(step string) string {
	items := []string{}
	for _, s := range c.Course.Checklist {
		if s.Step == step {
			items = append(items, s.Item)
		}
	}
	if len(items) == 0 {
		items = []string{step}
	}
	for _, item := range items {
		if c.Ticked(item) == nil {
			return item
		}
	}
	return ""
}
