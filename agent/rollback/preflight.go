package rollback

import (
	"slices"
	"time"

	"github.com/coclai/cutover/agent/release"
)

// maxPreflights is how many are remembered with all their results; the results for a commit are kept beside them.
const maxPreflights = 20

func (e *Environment) startPreflight(p release.Preflight) {
	all := append(slices.Clip(e.Preflights), &p)
	e.Preflights = all[max(0, len(all)-maxPreflights):]
}

// addToPreflight gives a result to the run it came from. A gate has one result in a run: the first.
func (e *Environment) addToPreflight(g release.GateResult) {
	p := e.changingPreflight(g.Run)
	if p == nil {
		return
	}
	if _, known := p.Result(g.Gate); !known {
		p.Results = append(slices.Clip(p.Results), g)
	}
}

func (e *Environment) endPreflight(end release.PreflightEnd, at time.Time) {
	if p := e.changingPreflight(end.ID); p != nil && p.InHand() {
		p.Ended, p.Verdict, p.Reason = at, end.Verdict, end.Reason
	}
}

// changingPreflight is a preflight to be changed, in a list that is this snapshot's own; nil if there is none.
func (e *Environment) changingPreflight(id string) *release.Preflight {
	n := slices.IndexFunc(e.Preflights, func(p *release.Preflight) bool { return p.ID == id })
	if id == "" || n < 0 {
		return nil
	}
	p := *e.Preflights[n]
	e.Preflights = slices.Clone(e.Preflights)
	e.Preflights[n] = &p
	return &p
}

// Preflight is the last one of which the id is this and the commit begins with that, "" being any; nil if there is none.
func (e *Environment) Preflight(id, commit string) *release.Preflight {
	for _, p := range slices.Backward(e.Preflights) {
		if (id == "" || p.ID == id) && len(commit) <= len(p.Commit) && p.Commit[:len(commit)] == commit {
			return p
		}
	}
	return nil
}

// PreflightInHand is the preflight that has no end yet; nil if none is in hand.
func (e *Environment) PreflightInHand() *release.Preflight {
	if p := e.Preflight("", ""); p != nil && p.InHand() {
		return p
	}
	return nil
}

// Outcomes are the results of a preflight's gates in the plan's order, and then those of the agent's own. A manual gate's is what its owner
// reported for the commit, unless it has expired; what has no result yet is left out.
func (e *Environment) Outcomes(p *release.Preflight, now time.Time) (plan, own []release.GateResult) {
	for _, g := range p.Gates {
		r, known := p.Result(g.ID)
		if g.Manual {
			r, known = e.Results[ResultKey(g.ID, p.Commit)]
			known = known && p.Fresh(r, now)
		}
		if known {
			plan = append(plan, r)
		}
	}
	for _, r := range p.Results {
		if !slices.ContainsFunc(p.Gates, func(g release.PlannedGate) bool { return g.ID == r.Gate }) {
			own = append(own, r)
		}
	}
	return plan, own
}
