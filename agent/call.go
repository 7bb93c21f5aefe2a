package agent

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// call is a reason to page.
type call struct {
	name, summary string
	since         time.Time
	about         about
}

// about tells a page from others of its name, as a label; zero where there is only one. Pages of the same name and labels are one alert.
type about struct{ label, value string }

// labels are those of the page.
func (c call) labels(e *environment) map[string]string {
	labels := placeOf(e)
	if c.about.value != "" {
		labels[c.about.label] = c.about.value
	}
	return labels
}

// echoes is for how long a page tells of what is over at once: a hold that has ended, a body that could not be read.
const echoes = 30 * time.Minute

// calls are the reasons to page in one environment at one moment.
func calls(e *rollback.Environment, now time.Time) []call {
	all := slices.Concat(callsOfLock(e, now), callsOfBrakes(e, now), callsOfForward(e, now))
	for _, i := range e.Incidents {
		if u := i.Unlocked; u != nil && u.BreakGlass && now.Sub(u.At) < echoes {
			all = append(all, call{"RollbackAgentGlassBroken", fmt.Sprintf("%s: %s opened the lock of incident %s alone, without an analysis: %s", e.Name, u.By, i.ID, u.Cause), u.At, about{}})
		}
		if i.Phase == rollback.PhaseClosed {
			continue
		}
		if i.Trouble != nil {
			all = append(all, call{"RollbackAgentNeedsHuman", fmt.Sprintf("incident %s: %s", i.ID, i.Trouble.Text), i.Opened, about{}})
		}
		if i.Remote != nil && i.Remote.Outcome.Alarming() {
			all = append(all, call{"RollbackAgentLockViolated", fmt.Sprintf("incident %s: %s", i.ID, i.Remote.Text), i.PushedAt, about{}})
		}
	}
	for _, episode := range e.Episodes {
		if episode.Decision != nil {
			all = append(all, callsOfDecision(*episode.Decision, episode, now)...)
		}
	}
	return merged(all)
}

// merged leaves one of those that would be the same page, the latest, with the number of the others: a flood of alerts is no flood of pages.
func merged(all []call) []call {
	type page struct {
		name  string
		about about
	}
	slices.SortStableFunc(all, func(a, b call) int { return b.since.Compare(a.since) })
	first, more := map[page]int{}, map[int]int{}
	var kept []call
	for _, c := range all {
		n, known := first[page{c.name, c.about}]
		if known {
			more[n]++
			continue
		}
		first[page{c.name, c.about}] = len(kept)
		kept = append(kept, c)
	}
	for n, others := range more {
		kept[n].summary += fmt.Sprintf(" (and %d more like it)", others)
	}
	return kept
}

func callsOfLock(e *rollback.Environment, now time.Time) []call {
	if e.Lock == nil {
		return nil
	}
	return []call{{"RollbackAgentLocked", lockText(e, now), e.Lock.Since, about{}}}
}

// lockText says since when redeployment is refused, and what opens it.
func lockText(e *rollback.Environment, now time.Time) string {
	next := "its cause is not known: rollback-agent rca " + e.Lock.Incident
	if i := e.IncidentByID(e.Lock.Incident); i != nil && i.RCA != nil {
		next = fmt.Sprintf("%s has submitted the cause, somebody else opens it: rollback-agent unlock %s", i.RCA.By, i.ID)
	}
	if e.Lock.Remote == rollback.LockRefused {
		next += "; the git remote refused the lock, so only the gate says no"
	}
	return fmt.Sprintf("redeployment of %s is refused since %s (%s): incident %s; %s", e.Name,
		e.Lock.Since.Format(time.RFC3339), age(now.Sub(e.Lock.Since)), e.Lock.Incident, next)
}

// callsOfLongLock page anew each time that a lock has stood for as long again: an alert that just goes on firing is soon nobody's.
func callsOfLongLock(e *rollback.Environment, after time.Duration, now time.Time) []call {
	times := remindable(e, after, now)
	if times == 0 {
		return nil
	}
	return []call{{"RollbackAgentStillLocked", lockText(e, now), e.Lock.Since.Add(time.Duration(times) * after), about{"reminder", strconv.Itoa(times)}}}
}

// remindable is how often people should have been reminded of a lock by now.
func remindable(e *rollback.Environment, after time.Duration, now time.Time) int {
	if e.Lock == nil || after <= 0 {
		return 0
	}
	return max(int(now.Sub(e.Lock.Since)/after), 0)
}

// callsOfBrakes tell of what keeps the agent from acting, so that nobody forgets it.
func callsOfBrakes(e *rollback.Environment, now time.Time) []call {
	var all []call
	if e.Kill != nil {
		all = append(all, call{"RollbackAgentKilled", fmt.Sprintf("%s: the kill switch is on since %s (%s), by %s: %s; the agent acts on nothing", e.Name,
			e.Kill.At.Format(time.RFC3339), age(now.Sub(e.Kill.At)), e.Kill.By, e.Kill.Why), e.Kill.At, about{}})
	}
	switch h := e.Hold; {
	case h == nil:
	case now.Before(h.Until):
		all = append(all, call{"RollbackAgentHeld", fmt.Sprintf("%s: held by %s until %s: %s; nothing is rolled back without a person", e.Name, h.By,
			h.Until.Format(time.RFC3339), h.Why), h.At, about{}})
	case now.Sub(h.Until) < echoes:
		all = append(all, call{"RollbackAgentHoldExpired", fmt.Sprintf("%s: the hold by %s has expired at %s: the agent acts by itself again", e.Name, h.By,
			h.Until.Format(time.RFC3339)), h.Until, about{}})
	}
	return all
}

// pendingLate is for how long a release may wait for its push before somebody is told.
const pendingLate = time.Minute

// callsOfForward tell of a release that its author believes to be out, and that the remote has not taken.
func callsOfForward(e *rollback.Environment, now time.Time) []call {
	f := e.Forward
	if f == nil {
		return nil
	}
	since := f.At
	if !f.Since.IsZero() {
		since = f.Since
	}
	if now.Sub(since) < pendingLate {
		return nil
	}
	return []call{{"RollbackAgentReleasePending", fmt.Sprintf("%s: release %s could not be pushed since %s: the git remote does not take it; what runs is watched on", e.Name,
		short(f.Target), clock(since)), since, about{}}}
}

func callsOfDecision(d rollback.Decision, episode *rollback.Episode, now time.Time) []call {
	switch {
	case d.Stands(now) && (episode.Open || !d.Until.IsZero()):
		text := fmt.Sprintf("a rollback is proposed, a person decides until %s: rollback-agent approve %s, or cancel; %s", clock(d.Until), episode.Key, d.Text)
		return []call{{"RollbackAgentProposes", text, d.At, about{slo.LabelSLO, d.SLO}}}
	case d.Reason == rollback.Lapsed && now.Sub(d.At) < echoes:
		return []call{{"RollbackAgentProposalLapsed", d.Text, d.At, about{slo.LabelSLO, d.SLO}}}
	case d.Verdict == rollback.Hold && episode.Open:
		return []call{{"RollbackAgentHolds", d.Text, d.At, about{slo.LabelSLO, d.SLO}}}
	}
	return nil
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// age is a time as persons say it: "3 days" is what a lock's page must say.
func age(d time.Duration) string {
	switch {
	case d < time.Hour:
		return d.Truncate(time.Minute).String()
	case d < 2*day:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d/day))
}
