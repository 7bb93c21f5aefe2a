package web

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// Step is one line of an incident's story.
type Step struct {
	At     time.Time // zero when the state does not say
	What   string    // e.g. rollback, pushed, verified: PASS
	Text   string
	Output string // of a gate, "" for other steps
}

// Timeline tells an incident in order, for the page and for the terminal.
func Timeline(i *rollback.Incident) []Step {
	var steps []Step
	for _, d := range i.Decisions {
		steps = append(steps, decided(d))
	}
	if p := i.Preparation; p != nil {
		steps = append(steps, Step{At: p.At, What: "prepared", Text: prepared(*p) + attempts(i.Attempts)})
	}
	if p := i.Push; p != nil {
		steps = append(steps, Step{At: i.PushedAt, What: "pushed: " + p.Outcome, Text: pushed(*p)})
	}
	if v := i.Verification; v != nil {
		steps = append(steps, verified(*v)...)
	}
	if c := i.Classification; c != nil {
		steps = append(steps, Step{What: "classified: " + c.Component, Text: strings.Join(c.Evidence, "; ")})
	}
	if t := i.Trouble; t != nil {
		steps = append(steps, Step{What: "a person must look", Text: troubled(*t)})
	}
	if r := i.Remote; r != nil {
		steps = append(steps, Step{What: "on the remote: " + string(r.Outcome), Text: joined("the tip is "+short(r.Tip), r.Text)})
	}
	if a := i.RCA; a != nil {
		steps = append(steps, Step{At: a.At, What: "cause submitted", Text: joined("by "+a.By, a.String())})
	}
	if i.Cause != "" {
		steps = append(steps, unlockedStep(i))
	}
	return steps
}

func unlockedStep(i *rollback.Incident) Step {
	u := i.Unlocked
	if u == nil {
		return Step{What: "unlocked", Text: "cause: " + i.Cause} // by a version that asked for no analysis
	}
	if u.BreakGlass {
		return Step{At: u.At, What: "the glass was broken", Text: joined("by "+u.By, u.Cause)}
	}
	return Step{At: u.At, What: "unlocked", Text: "by " + u.By}
}

func decided(d rollback.Decision) Step {
	where := "trigger " + d.Trigger
	if d.Trigger == "" {
		where = d.Key
	}
	return Step{At: d.At, What: string(d.Verdict), Text: fmt.Sprintf("%s: %s (%s)", where, d.Text, d.Reason)}
}

func prepared(p rollback.Preparation) string {
	return fmt.Sprintf("commit %s with the tree of %s, on top of %s", short(p.Commit), p.Target, short(p.Expected))
}

func pushed(p rollback.Push) string {
	return joined(fmt.Sprintf("commit %s; the remote was seen to hold %s", short(p.Commit), short(p.Tip)), p.Text)
}

func verified(v rollback.Verification) []Step {
	steps := []Step{{At: v.Healthy, What: "verified: " + string(v.Verdict), Text: joined("commit "+short(v.Restored), v.Reading.Reason)}}
	for _, g := range v.Gates {
		steps = append(steps, Step{What: "gate " + g.Gate + ": " + string(g.Verdict), Text: joined(g.Reason, "took "+g.Took), Output: g.Output})
	}
	return steps
}

func troubled(t rollback.Trouble) string { return fmt.Sprintf("%s (%s)", t.Text, t.Reason) }

func attempts(n int) string {
	if n < 2 {
		return ""
	}
	return fmt.Sprintf(" (attempt %d)", n)
}

// joined puts the parts that are not empty on one line.
func joined(parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, "; ")
}

// short is enough of an object id for a person.
func short(id string) string {
	if len(id) > 10 {
		return id[:10]
	}
	return id
}

// Deployed says what is released and since when.
func Deployed(r *release.Release) string {
	if r == nil {
		return "nothing was deployed yet"
	}
	return fmt.Sprintf("%s since %s (told by %s)", short(r.Commit), Moment(r.T0), r.By)
}

// Target says what a rollback returns to: the release's own stable tag, or the one declared for the next.
func Target(e *rollback.Environment) string {
	pin := e.Pin
	if e.Release != nil {
		pin = &e.Release.Target
	}
	if pin == nil || pin.Ref == "" {
		return "no stable tag is pinned: declare one with `rollback-agent stable`"
	}
	return fmt.Sprintf("%s (commit %s, pinned %s by %s)", pin.Name(), short(pin.Commit), Moment(pin.At), pin.By)
}

// Forward says what is being pushed as the next release, "" when nothing is.
func Forward(e *rollback.Environment) string {
	if e.Forward == nil {
		return ""
	}
	return prepared(*e.Forward) + "; its push has no outcome yet"
}

// Locked says why and for how long redeployment is refused, and what opens it; "" when it is not.
func Locked(e *rollback.Environment, now time.Time) (why, how string) {
	if e.Lock == nil {
		return "", ""
	}
	why = fmt.Sprintf("%s since %s (%s): %s", e.Lock.Incident, Moment(e.Lock.Since), age(now.Sub(e.Lock.Since)), e.Lock.Reason)
	if i := e.IncidentByID(e.Lock.Incident); i != nil && i.RCA != nil {
		return why, fmt.Sprintf("%s has submitted the cause; somebody else opens it: rollback-agent unlock %s --environment %s", i.RCA.By, i.ID, e.Name)
	}
	return why, fmt.Sprintf("find the cause, then: rollback-agent rca %s --environment %s --text '…', and somebody else: rollback-agent unlock", e.Lock.Incident, e.Name)
}

// age is a time as persons say it.
func age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 2*time.Hour:
		return fmt.Sprintf("for %d minutes", int(d.Minutes()))
	case d < 2*day:
		return fmt.Sprintf("for %d hours", int(d.Hours()))
	}
	return fmt.Sprintf("for %d days", int(d/day))
}

// Brakes says what keeps the agent from acting by itself, a sentence each.
func Brakes(e *rollback.Environment, now time.Time) []string {
	var all []string
	if k := e.Kill; k != nil {
		all = append(all, fmt.Sprintf("the kill switch is on since %s, by %s: %s; nothing is done", Moment(k.At), k.By, k.Why))
	}
	if h := e.Standing(now); h != nil {
		all = append(all, fmt.Sprintf("held by %s until %s: %s; nothing is rolled back without a person", h.By, Moment(h.Until), h.Why))
	}
	return all
}

// Untold says how many messages wait for the webhook, and since when; "" when none does.
func Untold(e *rollback.Environment) string {
	if e.Outbox == nil || len(e.Outbox.Messages) == 0 {
		return ""
	}
	return fmt.Sprintf("%d for the webhook, the oldest since %s", len(e.Outbox.Messages), Moment(e.Outbox.Oldest()))
}

// Proposals says what waits for a person's answer, and how to give it.
func Proposals(e *rollback.Environment, now time.Time) []string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(e.Episodes)) {
		if d := e.Episodes[key].Decision; d != nil && d.Stands(now) {
			until := ""
			if !d.Until.IsZero() {
				until = "until " + Moment(d.Until) + " "
			}
			all = append(all, fmt.Sprintf("%srollback-agent approve %s (or cancel): %s (%s)", until, key, d.Text, d.Reason))
		}
	}
	return limited(all, "proposals")
}

// Alerts are the ones that fire, in order of their keys, as many as fit on a page, and the number of the others. The Watchdog is none: it
// fires while all is well.
func Alerts(e *rollback.Environment) (shown []rollback.Firing, others int) {
	for _, key := range slices.Sorted(maps.Keys(e.Episodes)) {
		switch episode := e.Episodes[key]; {
		case !episode.Open, episode.Firing.Labels["alertname"] == slo.Watchdog:
		case len(shown) < most:
			shown = append(shown, episode.Firing)
		default:
			others++
		}
	}
	return shown, others
}

// Moment is a time as persons read it, in UTC.
func Moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}
