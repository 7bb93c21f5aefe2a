package rollback

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/generator/slo"
)

// Policy is what the agent's own configuration allows, whatever the plan says.
type Policy struct {
	MaxMode    slo.Mode      `json:"max_mode"`
	PerRelease int           `json:"per_release"`          // automatic rollbacks per release
	PerDay     int           `json:"per_day"`              // and per 24 hours
	Everywhere int           `json:"everywhere,omitempty"` // and per 24 hours in all environments together; 0: no limit
	Cooldown   time.Duration `json:"cooldown"`             // after a rollback: none of the next release without a person
	ArmAuto    time.Duration `json:"arm_auto"`             // since T0: later, no automatic rollback
	ArmPropose time.Duration `json:"arm_propose"`          // later, no proposal either
	Approval   time.Duration `json:"approval"`             // for how long a proposal stands; then it is made again, or lapses
}

// Case is one firing to be judged: the episode, what the plan says of it, and where the environment stands.
type Case struct {
	Plan        slo.Plan
	Environment *Environment
	Episode     *Episode
	Now         time.Time
	Spent       int // automatic rollbacks of all environments in the 24 hours before
}

// Onset is when the condition began, as the alert tells it: Alertmanager's startsAt is when the alert fired, which is `for` later.
func (c Case) Onset(s slo.PlanSLO) time.Time {
	return c.Episode.Firing.StartsAt.Add(-s.Alert.For.Std())
}

// From is where a condition is looked for that need hold only once: its onset as the alert tells it, but never before T0. What was true
// before is not the release's, however old the alert says that it is.
func (c Case) From(s slo.PlanSLO) time.Time {
	onset := c.Onset(s)
	if r := c.Environment.Release; r != nil && onset.Before(r.T0) {
		return r.T0
	}
	return onset
}

// ours says whether the firing is of the plan's service and environment.
func (c Case) ours() bool {
	labels := c.Episode.Firing.Labels
	return labels[slo.LabelService] == c.Plan.Service && labels[slo.LabelEnvironment] == c.Plan.Environment
}

// SLO finds the plan's entry: the labels trigger and slo must both agree with it, and service and environment with the plan.
func (c Case) SLO() (slo.PlanSLO, slo.Trigger, bool) {
	if !c.ours() {
		return slo.PlanSLO{}, slo.Trigger{}, false
	}
	labels := c.Episode.Firing.Labels
	t, ok := c.Plan.TriggerOf(labels[slo.LabelTrigger], labels[slo.LabelSLO])
	if !ok {
		return slo.PlanSLO{}, slo.Trigger{}, false
	}
	s, ok := c.Plan.SLOByID(labels[slo.LabelSLO])
	return s, t, ok
}

// Due says whether the episode waits for a decision: it fired and none was taken, or the last one may change while it fires.
func (e *Episode) Due() bool {
	if e.First.IsZero() || e.Firing.Labels["alertname"] == slo.Watchdog {
		return false // only its end was ever heard of, or it says no more than that the road is open
	}
	return e.Decision == nil || (e.Open && e.Decision.Again())
}

// Expired says whether the episode was proposed to a person who has not answered in time.
func (e *Episode) Expired(now time.Time) bool {
	d := e.Decision
	return d != nil && d.Verdict == Propose && !d.Until.IsZero() && !d.Stands(now)
}

// Triage settles the firings that need no evidence. It says false when evidence must be gathered for Decide.
func (p Policy) Triage(c Case) (Decision, bool) {
	d := Decision{Key: c.Episode.Key, At: c.Now}
	s, t, ok := c.SLO()
	if ok {
		d.SLO, d.Trigger, d.Onset = s.ID, t.Item, c.Onset(s)
	}
	switch {
	case c.Episode.Firing.Drill() && c.ours():
		return d.is(Observe, Drill, "a drill: it was heard, and calls for nothing"), true
	case !ok:
		return d.is(Ignore, Unmatched, "its labels select no trigger of the plan"), true
	}
	r := c.Environment.Release
	if r == nil {
		return d.is(Hold, NoRelease, "no release was declared deployed, so none can be at fault"), true
	}
	d.Release, d.Target = r.Commit, r.Target.Name()
	if i := c.Environment.IncidentOf(r.Commit, r.T0); i != nil && i.Phase != PhaseOpen {
		if i.Phase == PhaseClosed && i.PushedAt.IsZero() {
			return d.is(Hold, AlreadyActing, "incident %s of this release was closed, and the agent saw no rollback of it: a person decides", i.ID), true
		}
		return d.is(Ignore, AlreadyActing, "incident %s of this release is in hand (%s); a release is rolled back at most once", i.ID, i.Phase), true
	}
	if no := c.Environment.dismissed(c.Episode); no != nil {
		return d.is(Ignore, Dismissed, "%s has dismissed the same alert, heard from another source, at %s", no.By, clock(no.At)), true
	}
	if text := burnedAtT0(s.ID, r); text != "" {
		return d.is(Hold, PreExisting, "%s; the release is not its cause", text), true
	}
	if late := c.Now.Sub(r.T0); late > p.ArmPropose {
		return d.is(Hold, OutOfWindow, "%s after T0 nothing is proposed any more (limit %s)", round(late), p.ArmPropose), true
	}
	return d, false
}

// burnedAtT0 says how it is known from T0 itself that the condition held before; "" if it is not.
func burnedAtT0(id string, r *release.Release) string {
	if slices.Contains(r.Alerting, id) {
		return fmt.Sprintf("the alert of %s was pending or firing at T0 %s", id, clock(r.T0))
	}
	for _, reading := range r.AtT0 {
		if reading.SLO == id && reading.Verdict == release.Fail {
			return fmt.Sprintf("at T0 %s the condition held already: %s", clock(r.T0), reading.Reason)
		}
	}
	return ""
}

// Decide judges a firing by the evidence. Only when every question is answered, and every answer allows it, is it a rollback.
func (p Policy) Decide(c Case, e Evidence) Decision {
	d, settled := p.Triage(c)
	if settled {
		return d
	}
	_, t, _ := c.SLO()
	d.Reading, d.Tip, d.Evidence = e.Reading, e.Tip.Commit, &e
	d = p.judge(d, c, t.Mode.AtMost(p.MaxMode))
	if d.Verdict == Propose && p.Approval > 0 {
		d.Until = c.Now.Add(p.Approval)
	}
	return d
}

// judge asks one question after the other, until an answer settles it.
func (p Policy) judge(d Decision, c Case, mode slo.Mode) Decision {
	e, r := *d.Evidence, c.Environment.Release
	d, settled := d.judgeEvidence(e, mode)
	if settled {
		if e.Reading.Verdict == release.Unknown && d.Onset.Before(r.T0) {
			d.Text += fmt.Sprintf("; and the alert says that it began at %s, %s before T0", clock(d.Onset), round(r.T0.Sub(d.Onset)))
		}
		return d
	}
	if d, settled = d.judgeOnset(e, r, mode); settled {
		return d
	}
	if d, settled = d.judgeRemote(e, r, mode); settled {
		d.Locks = d.Locks && mode == slo.ModeAuto && !c.killed(e) && c.Environment.Standing(c.Now) == nil
		return d
	}
	return p.allow(d, c, mode)
}

// killed says whether either kill switch is on: the file's, or the one that persons turn.
func (c Case) killed(e Evidence) bool { return e.KillSwitch || c.Environment.Kill != nil }

// judgeEvidence asks whether the firing is true now, and whether anybody has said not to hear it.
func (d Decision) judgeEvidence(e Evidence, mode slo.Mode) (Decision, bool) {
	switch {
	case e.Reading.Verdict == release.Unknown && e.Reading.Lack == release.Traffic:
		return d.is(capped(Propose, mode), TooFewEvents, "too little traffic to tell: %s; nothing is rolled back on a webhook alone", e.Reading.Reason), true
	case e.Reading.Verdict == release.Unknown:
		return d.is(capped(Propose, mode), CannotTell, "our own query cannot tell: %s; nothing is rolled back on a webhook alone", e.Reading.Reason), true
	case e.Reading.Verdict != release.Fail:
		return d.is(Ignore, NotCorroborated, "our own query does not agree: %s", e.Reading.Reason), true
	case e.Suppressed != "":
		return d.is(Ignore, Suppressed, "%s, but the alert is %s in Alertmanager", e.Reading.Reason, e.Suppressed), true
	}
	return d, false
}

// judgeOnset asks when the condition began: our own Prometheus first, then what was measured at T0, and the alert itself last. An alert
// can be a month old and be sent again by whoever has kept it: its word alone makes no release innocent, or an old body would disarm us.
func (d Decision) judgeOnset(e Evidence, r *release.Release, mode slo.Mode) (Decision, bool) {
	told := d.Onset
	if !e.ActiveSince.IsZero() {
		d.Onset = e.ActiveSince
	}
	switch measured := measuredAtT0(e, r, d.SLO); {
	case e.AtT0.Verdict == release.Fail:
		return d.is(Hold, PreExisting, "at T0 %s the condition held already: %s; the release is not its cause", clock(r.T0), e.AtT0.Reason), true
	case !d.Onset.Before(r.T0):
		return d, false
	case !e.ActiveSince.IsZero():
		return d.is(Hold, PreExisting, "%s burned since %s by our own Prometheus, %s before T0 %s; the release is not its cause", d.SLO, clock(d.Onset),
			round(r.T0.Sub(d.Onset)), clock(r.T0)), true
	case measured == release.Pass:
		d.Onset = r.T0 // it was not true then, and is now
		return d, false
	}
	return d.is(capped(Propose, mode), CannotTell, "%s; the alert says that it began at %s, %s before T0 %s, and neither our own Prometheus nor a measurement "+
		"at T0 says so", e.Reading.Reason, clock(told), round(r.T0.Sub(told)), clock(r.T0)), true
}

// measuredAtT0 is what our own query said of an SLO at T0: then, or asked again now.
func measuredAtT0(e Evidence, r *release.Release, id string) release.Verdict {
	for _, reading := range r.AtT0 {
		if reading.SLO == id && reading.Verdict != release.Unknown {
			return reading.Verdict
		}
	}
	return e.AtT0.Verdict
}

// judgeRemote asks whether the branch still holds what was released, and whether there is something to go back to.
func (d Decision) judgeRemote(e Evidence, r *release.Release, mode slo.Mode) (Decision, bool) {
	switch {
	case e.Tip.Problem != "":
		return d.is(capped(Propose, mode), RemoteUnknown, "%s, but the git remote does not say what is deployed: %s", e.Reading.Reason, e.Tip.Problem), true
	case e.Tip.Relation == Elsewhere:
		return d.is(Hold, Rewound, "release %s is no ancestor of the tip %s: somebody put the branch back", short(r.Commit), short(e.Tip.Commit)), true
	case e.Tip.Content() == r.Target.Content():
		return d.is(Ignore, Superseded, "the tip %s holds the tree of %s already", short(e.Tip.Commit), r.Target.Name()), true
	case e.Tip.Content() != r.Content():
		return d.is(Hold, ForeignCommit, "the tip %s is not what was released (%s): somebody shipped over it", short(e.Tip.Commit), short(r.Commit)), true
	case e.Target.Reason == RemoteUnknown:
		return d.is(capped(Propose, mode), RemoteUnknown, "%s, but the git remote does not say what the stable tag is: %s", e.Reading.Reason, e.Target.Text), true
	case e.Target.Reason != "":
		d.Locks = true // if the agent may act at all
		return d.is(Hold, e.Target.Reason, "%s, but it cannot be rolled back: %s", e.Reading.Reason, e.Target.Text), true
	}
	return d, false
}

// allow asks whether the agent may: kill switch, mode, a person's hold, window, budget, cooldown.
func (p Policy) allow(d Decision, c Case, mode slo.Mode) Decision {
	e, env, r := *d.Evidence, c.Environment, c.Environment.Release
	why := fmt.Sprintf("%s; onset %s is %s after T0 %s; the tip %s is the release, %s is what was pinned",
		e.Reading.Reason, clock(d.Onset), round(d.Onset.Sub(r.T0)), clock(r.T0), short(e.Tip.Commit), r.Target.Name())
	if c.killed(e) {
		return d.is(Observe, KillSwitch, "%s; the kill switch is on%s", why, env.killedBy())
	}
	if mode != slo.ModeAuto {
		return d.is(capped(Rollback, mode), ModeIs, "%s; the mode of trigger %s is %s", why, d.Trigger, mode)
	}
	spent, last := env.automaticSince(c.Now.Add(-24*time.Hour)), c.Now.Sub(env.lastPushed())
	switch since, hold := c.Now.Sub(r.T0), env.Standing(c.Now); {
	case hold != nil:
		return d.is(Propose, OnHold, "%s; but %s holds the agent until %s: %s", why, hold.By, clock(hold.Until), hold.Why)
	case since > p.ArmAuto:
		return d.is(Propose, OutOfWindow, "%s; but %s after T0 nothing is rolled back without a person (limit %s)", why, round(since), p.ArmAuto)
	case p.PerRelease < 1:
		return d.is(Propose, BudgetSpent, "%s; but the budget allows no automatic rollback of a release", why)
	case spent >= p.PerDay:
		return d.is(Propose, BudgetSpent, "%s; but %d of %d automatic rollbacks in 24 hours are spent", why, spent, p.PerDay)
	case p.Everywhere > 0 && max(spent, c.Spent) >= p.Everywhere:
		return d.is(Propose, BudgetSpent, "%s; but %d of %d automatic rollbacks in 24 hours are spent, in all environments", why, max(spent, c.Spent), p.Everywhere)
	case last < p.Cooldown:
		return d.is(Propose, Cooldown, "%s; but the last rollback was %s ago, less than %s", why, round(last), p.Cooldown)
	}
	d.Locks = true
	return d.is(Rollback, Corroborated, "%s", why)
}

func (e *Environment) killedBy() string {
	if e.Kill == nil {
		return ""
	}
	return fmt.Sprintf(": %s turned it at %s, %s", e.Kill.By, clock(e.Kill.At), e.Kill.Why)
}

// lastPushed is when the last rollback was seen on the remote; zero if none was.
func (e *Environment) lastPushed() time.Time {
	var last time.Time
	for _, i := range e.Incidents {
		if i.PushedAt.After(last) {
			last = i.PushedAt
		}
	}
	return last
}

func (e *Environment) automaticSince(t time.Time) int {
	n := 0
	for _, at := range e.Automatic {
		if at.After(t) {
			n++
		}
	}
	return n
}

// capped is the most that a mode allows of a verdict.
func capped(v Verdict, mode slo.Mode) Verdict {
	switch mode {
	case slo.ModeAuto:
		return v
	case slo.ModePropose:
		return Propose
	}
	return Observe
}

func (d Decision) is(v Verdict, r Reason, text string, args ...any) Decision {
	d.Verdict, d.Reason, d.Text = v, r, fmt.Sprintf(text, args...)
	return d
}

// Classify names the component whose firing began first, with the evidence: one line per episode since T0 in order of onset.
func Classify(plan slo.Plan, e *Environment) Classification {
	type onset struct {
		at   time.Time
		slo  slo.PlanSLO
		item string
	}
	var all []onset
	for _, episode := range e.Episodes {
		c := Case{Plan: plan, Environment: e, Episode: episode}
		s, t, ok := c.SLO()
		if !ok || episode.First.IsZero() || episode.Firing.Drill() {
			continue
		}
		at := c.Onset(s)
		if d := episode.Decision; d != nil && !d.Onset.IsZero() {
			at = d.Onset // as our own Prometheus has it
		}
		if e.Release == nil || !at.Before(e.Release.T0) {
			all = append(all, onset{at, s, t.Item})
		}
	}
	slices.SortFunc(all, func(a, b onset) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return strings.Compare(a.slo.ID, b.slo.ID)
	})
	result := Classification{Component: "unclassified"}
	for i, o := range all {
		if i == 0 {
			result.Component = o.slo.Component
		}
		result.Evidence = append(result.Evidence, fmt.Sprintf("%s %s (%s, trigger %s)", clock(o.at), o.slo.ID, o.slo.Component, o.item))
	}
	return result
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05Z") }

func round(d time.Duration) time.Duration { return d.Round(time.Second) }

func short(id string) string {
	if len(id) > 12 {
		return id[:12]
	}
	return id
}
