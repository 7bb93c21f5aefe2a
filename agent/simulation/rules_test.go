package simulation

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

const home = "checkout/production"

// checker holds the world against the rules, by its own fold of what is durable. F is facts/faults.md §4, R is facts/rollback.md §5.
//
//	F I1, R I5      one rollback commit per release, ever accepted by the remote           moved
//	F I2, R I6      prepared, and in the ledger, before the remote sees it                 moved
//	F I3, R I1      what was answered 2xx is in the ledger, after any crash                atEnd, restarted
//	F I4, R I2      gapless, chained, and the agent's state is the fold                    look, restarted, atEnd
//	F I5, R I8      only by compare-and-swap from the tip prepared for; nobody's commit is lost   moved
//	F I6, R I7      the tree is the pinned tag's, the one parent is the tip it replaces    moved
//	F I7, R I21     a decision to roll back was true, for this release, authenticated, not silenced, allowed   written
//	F I8, R I17     from the decision to the RCA the gate says no                          look, unlocked
//	F I9, R I22     nothing comes of resolved, stale, month-old, malformed or foreign bodies, and what was cut is asked for   written, tell
//	F I12           healthy only with a fresh sample after the push                        written
//	F I13           11 minutes after the last fault nothing is in hand, and who must know was paged  unsettled
//	F I14, R I24    the budget                                                             written
//	F I18           all bodies again, into an empty ledger: no ref moves                   atEnd
//	R I9, I11       a moved tag is no target; the agent's own tags stay                    moved
//	R I10           nothing of a release that was put back without an RCA                  look
//	R I18           an RCA, a second person, and never the same tree again                 unlocked
//	R I19           the lock is in the ledger before the push, in the decision's append    written, moved
//	R I20           same inputs, same decision: the whole ledger is decided again          atEnd
//	R I23           no effect in observe mode, in propose mode without a person, under the kill switch   written, moved
type checker struct {
	w        *world
	found    []string
	state    rollback.State
	bodies   map[string]bool            // in the ledger, by hash
	commits  map[string]map[string]bool // incident → its commits on the remote
	compared int64                      // state number that the agent's was last held against
	asked    int64                      // state number at which the gate was last asked
}

func newChecker(w *world) *checker {
	return &checker{w: w, bodies: map[string]bool{}, commits: map[string]map[string]bool{}}
}

// say records a violation.
func (c *checker) say(rule, format string, args ...any) {
	c.found = append(c.found, fmt.Sprintf("%s at %s: %s", rule, time.Since(c.w.began).Round(time.Millisecond), fmt.Sprintf(format, args...)))
}

// home is the one environment by our own fold.
func (c *checker) home() *rollback.Environment {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	return c.state.Snapshot().Environment(home)
}

// written sees what has become durable.
func (c *checker) written(entries []rollback.Entry) {
	for _, e := range entries {
		switch e.Kind {
		case rollback.Pushed:
			c.pushed(e)
		case rollback.Prepared:
			c.w.git.prepared()
		}
	}
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	for _, e := range entries {
		before := c.state.Snapshot().Environment(home)
		if err := c.state.Apply(e); err != nil {
			c.say("F I4", "entry %d: %v", e.Seq, err)
			return
		}
		switch e.Kind {
		case rollback.AlertsReceived:
			c.received(e)
		case rollback.Decided:
			c.decided(e, before, entries)
		case rollback.Verified:
			c.verified(e, before)
		case rollback.Pushed:
			if b := c.w.blinding; b.f != "" {
				c.w.fail("prometheus", b.f, b.lasts)
				c.w.blinding = event{}
			}
		}
	}
}

// pushed holds the agent's word against the remote.
func (c *checker) pushed(e rollback.Entry) {
	var p rollback.Push
	_ = json.Unmarshal(e.Body, &p)
	g := c.w.git
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.Outcome == "done" && !g.isAncestor(p.Commit, g.refs[branch]) {
		c.say("F I2", "recorded as pushed, and the branch at %.12s does not hold %.12s", g.refs[branch], p.Commit)
	}
}

func (c *checker) received(e rollback.Entry) {
	var d rollback.Delivery
	_ = json.Unmarshal(e.Body, &d)
	c.bodies[d.BodySHA] = true
	if d.Source != "alertmanager" && !d.Polled {
		c.say("F I7", "a delivery from %q is in the ledger", d.Source)
	}
}

// decided checks a decision to roll back; before is the state without it.
func (c *checker) decided(e rollback.Entry, before *rollback.Environment, together []rollback.Entry) {
	var d rollback.Decision
	_ = json.Unmarshal(e.Body, &d)
	if d.Locks && !slices.ContainsFunc(together, func(o rollback.Entry) bool { return o.Kind == rollback.LockSet && o.Incident == e.Incident }) {
		c.say("R I19", "decided without a lock in the same append: %s", d.Text)
	}
	if d.Verdict != rollback.Rollback {
		return
	}
	w, now := c.w, time.Now()
	r, episode := before.Release, before.Episodes[d.Key]
	if r == nil || d.Release != r.Commit {
		c.say("F I7", "rolled back without a release: %+v", d)
		return
	}
	if i := before.IncidentOf(r.Commit, r.T0); i != nil && i.Phase != rollback.PhaseOpen {
		c.say("F I14", "a second rollback of %s", d.Release)
	}
	if episode == nil || episode.First.IsZero() {
		c.say("F I9", "rolled back for what never fired: %+v", episode)
	}
	if d.By != "" {
		return // a person has looked
	}
	from := now.Add(-6 * time.Second) // one answer serves for five seconds
	if d.SLO == violationsSLO {
		from = w.began
	}
	s := w.signals[d.SLO]
	if s == nil || !s.during(from, now) {
		c.say("F I7", "rolled back, and %s was not true", d.SLO)
		return
	}
	if began := s.began(); !c.jumps() && began.Before(r.T0) {
		c.say("F I9", "rolled back for what burned since %s, T0 is %s", began, r.T0)
	}
	if f := c.blind(d.SLO); f != "" {
		c.say("F I7", "rolled back while Prometheus is %s", f)
	}
	switch {
	case w.script.mode != slo.ModeAuto || d.SLO == latencySLO:
		c.say("R I23", "rolled back without a person; max_mode is %s, the trigger is that of %s", w.script.mode, d.SLO)
	case w.killed && c.faultSince("kill") > 0 || before.Kill != nil:
		c.say("R I23", "rolled back under the kill switch")
	case w.silenced && c.faultSince("silence") > 6*time.Second:
		c.say("F I7", "rolled back while silenced")
	case before.Standing(d.At) != nil:
		c.say("F I7", "rolled back while a person holds the agent")
	case automatic(before, d.At) >= w.script.perDay:
		c.say("F I14", "more than %d automatic rollbacks in a day", w.script.perDay)
	}
}

func automatic(e *rollback.Environment, now time.Time) int {
	n := 0
	for _, at := range e.Automatic {
		if at.After(now.Add(-24 * time.Hour)) {
			n++
		}
	}
	return n
}

// faultSince is for how long a fault has been there.
func (c *checker) faultSince(name string) time.Duration { return time.Since(c.w.begun[name]) }

// blind is the fault that keeps Prometheus from telling of an SLO since more than one answer's age, "" if none does.
func (c *checker) blind(id string) fault {
	f := c.w.faults["prometheus"]
	if f == hang || f == idle && id == violationsSLO || c.faultSince("prometheus") < 6*time.Second {
		return ""
	}
	return f
}

func (c *checker) verified(e rollback.Entry, before *rollback.Environment) {
	var v rollback.Verification
	_ = json.Unmarshal(e.Body, &v)
	i := before.IncidentByID(e.Incident)
	if v.Verdict != release.Pass {
		return
	}
	w, d := c.w, i.Decisions[len(i.Decisions)-1]
	for _, one := range i.Decisions {
		if one.Verdict == rollback.Rollback {
			d = one
		}
	}
	if age, _ := time.ParseDuration(v.Reading.Age + "s"); !v.Healthy.Add(-age).After(i.PushedAt) && !c.jumps() {
		c.say("F I12", "healthy by a sample of %s before %s, pushed at %s", age, v.Healthy, i.PushedAt)
	}
	if d.SLO != violationsSLO && w.signals[d.SLO] != nil && w.signals[d.SLO].at(time.Now().Add(-time.Millisecond)) {
		c.say("F I12", "healthy while %s burns", d.SLO)
	}
	if f := c.blind(d.SLO); f != "" {
		c.say("F I12", "healthy while Prometheus is %s", f)
	}
}

// jumps says whether the clock jumps in this world, so that times cannot be compared.
func (c *checker) jumps() bool {
	return slices.ContainsFunc(c.w.script.events, func(e event) bool { return e.do == "clock" })
}

// moved sees each change of a ref on the remote. The repository is locked.
func (c *checker) moved(m move) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	g, w := c.w.git, c.w
	if m.ref == branch {
		content, _ := strings.CutPrefix(g.content(m.new), "bad ")
		if content != w.liveBad {
			w.liveBad, w.liveSince = content, time.Now()
		}
	}
	if m.who != "agent" {
		return
	}
	state := c.state.Environment(home)
	switch {
	case m.ref == branch:
		c.movedBranch(m, state)
	case m.ref == lockRef:
		if m.new != "" && state.Lock == nil {
			c.say("R I19", "a lock on the remote that is not in the ledger")
		}
	case m.old != "":
		c.say("R I11", "the agent moved %s", m.ref)
	}
}

func (c *checker) movedBranch(m move, state *rollback.Environment) {
	g, o := c.w.git, c.w.git.objects[m.new]
	if m.old == "" || !g.isAncestor(m.old, m.new) {
		c.say("F I5", "the agent's push has thrown %.12s away", m.old)
	}
	if f := state.Forward; f != nil && f.Commit == m.new {
		return // a person's release
	}
	var i *rollback.Incident
	for _, one := range state.Incidents {
		if one.Preparation != nil && one.Preparation.Commit == m.new {
			i = one
		}
	}
	if i == nil {
		c.say("F I2", "the remote got %.12s, and the ledger knows nothing of it", m.new)
		return
	}
	parents := o.headers("parent")
	if len(parents) != 1 || parents[0] != m.old || i.Preparation.Expected != m.old {
		c.say("F I5", "prepared for %.12s with parents %.12s, pushed over %.12s", i.Preparation.Expected, parents, m.old)
	}
	r := state.Release
	if o.header("tree") != r.Target.Tree || g.objects[r.Target.Object].kind == "tag" && o.header("tree") != g.objects[g.objects[r.Target.Object].header("object")].header("tree") {
		c.say("F I6", "the tree is %.12s, pinned is %.12s", o.header("tree"), r.Target.Tree)
	}
	if state.Lock == nil || state.Lock.Incident != i.ID {
		c.say("R I19", "pushed before the lock was in the ledger")
	}
	if !g.isAncestor(r.Commit, m.old) {
		c.say("F I5", "pushed on a branch that had been put back")
	}
	if c.w.killed || state.Kill != nil {
		c.say("R I23", "pushed under the kill switch")
	}
	if c.commits[i.ID] == nil {
		c.commits[i.ID] = map[string]bool{}
	}
	if c.commits[i.ID][m.new] = true; len(c.commits[i.ID]) > 1 {
		c.say("F I1", "%d rollback commits of incident %s", len(c.commits[i.ID]), i.ID)
	}
}
