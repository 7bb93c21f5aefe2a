package rollback

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// Approve is what comes of a person's yes to a proposal. A person overrides what cannot be known, and what policy does not allow the agent
// by itself; not the kill switch, not the state of the branch, and not a target that is no longer what was pinned. Any verdict but
// Rollback is a no, with its reason.
func (p Policy) Approve(c Case, e Evidence, by string) Decision {
	proposed := c.Episode.Decision
	d := Decision{Key: c.Episode.Key, SLO: proposed.SLO, Trigger: proposed.Trigger, Onset: proposed.Onset, At: c.Now, By: by,
		Reading: e.Reading, Tip: e.Tip.Commit, Evidence: &e}
	r := c.Environment.Release
	if r == nil || r.Commit != proposed.Release {
		return d.is(Hold, NoRelease, "the release it was proposed for, %s, is not the one that is out", short(proposed.Release))
	}
	d.Release, d.Target = r.Commit, r.Target.Name()
	if i := c.Environment.IncidentOf(r.Commit, r.T0); i != nil && i.Phase != PhaseOpen {
		return d.is(Ignore, AlreadyActing, "incident %s of this release is in hand (%s); a release is rolled back at most once", i.ID, i.Phase)
	}
	if c.killed(e) {
		return d.is(Observe, KillSwitch, "the kill switch is on%s", c.Environment.killedBy())
	}
	if mode := slo.ModeAuto.AtMost(p.MaxMode); mode == slo.ModeObserve {
		return d.is(Observe, ModeIs, "the agent may only observe (max_mode)")
	}
	if refused, settled := d.judgeRemote(e, r, slo.ModeAuto); settled {
		refused.Locks = false
		return refused
	}
	d.Locks = true
	return d.is(Rollback, Approved, "%s approved what was proposed at %s (%s); our own query says now: %s", by, clock(proposed.At), proposed.Reason, e.Reading.Reason)
}

// Dismiss is a person's no to a proposal: while this alert goes on, it is not proposed again.
func Dismiss(c Case, by, why string) Decision {
	d := *c.Episode.Decision
	d.At, d.By, d.Until, d.Evidence = c.Now, by, time.Time{}, nil
	return d.is(Ignore, Dismissed, "%s dismissed what was proposed at %s: %s", by, clock(c.Episode.Decision.At), why)
}

// Lapse is the end of a proposal that nobody answered, and whose alert is over.
func Lapse(c Case) Decision {
	d := *c.Episode.Decision
	d.At, d.Until, d.Evidence = c.Now, time.Time{}, nil
	return d.is(Hold, Lapsed, "what was proposed at %s was not answered until %s, and the alert is over; nothing was done", clock(c.Episode.Decision.At),
		clock(c.Episode.Decision.Until))
}

// Proposal finds what a person speaks of: the episode of that key, or the latest that is proposed for that incident. The error says what
// else could be meant.
func (e *Environment) Proposal(name string, now time.Time) (*Episode, error) {
	var standing []*Episode
	for _, episode := range e.Episodes {
		d := episode.Decision
		if d == nil || !d.Stands(now) {
			continue
		}
		if episode.Key == name {
			return episode, nil
		}
		standing = append(standing, episode)
	}
	slices.SortFunc(standing, func(a, b *Episode) int { return b.Decision.At.Compare(a.Decision.At) })
	for _, episode := range standing {
		if r := e.Release; r != nil && name == IncidentID(r.Commit, r.T0) && episode.Decision.Release == r.Commit {
			return episode, nil
		}
	}
	return nil, &NoProposal{Name: name, Standing: standing}
}

// Proposed are the episodes of the same alert as episode about which something is proposed: it may have been heard from more than one source,
// and found by asking as well.
func (e *Environment) Proposed(episode *Episode, now time.Time) []*Episode {
	var all []*Episode
	for _, other := range e.Episodes {
		if d := other.Decision; d != nil && d.Stands(now) && other.twin(episode) {
			all = append(all, other)
		}
	}
	slices.SortFunc(all, func(a, b *Episode) int { return strings.Compare(a.Key, b.Key) })
	return all
}

// twin says whether both are of the same alert, whoever told of it. One source tells its alerts apart by their fingerprints.
func (e *Episode) twin(other *Episode) bool {
	if e.Source == other.Source {
		return e.Key == other.Key
	}
	return e.Firing.Same(other.Firing) || other.Firing.Same(e.Firing)
}

// dismissed is a person's no to another episode of the same alert that goes on, of whichever source; nil if there is none.
func (e *Environment) dismissed(episode *Episode) *Decision {
	for _, other := range e.Episodes {
		if d := other.Decision; d != nil && d.Reason == Dismissed && other.Open && e.Release != nil && d.Release == e.Release.Commit && other.twin(episode) {
			return d
		}
	}
	return nil
}

// NoProposal says that nothing by that name waits for an answer.
type NoProposal struct {
	Name     string
	Standing []*Episode // what does, the latest first
}

// Error names what waits instead.
func (n *NoProposal) Error() string {
	if len(n.Standing) == 0 {
		return fmt.Sprintf("nothing is proposed that waits for an answer, %q neither", n.Name)
	}
	return fmt.Sprintf("%q is not what waits for an answer: that is %s", n.Name, n.Standing[0].Key)
}
