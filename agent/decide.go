package agent

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

const (
	askAgain = 10 * time.Second // how often a firing that cannot be corroborated is looked at
	batch    = 200              // decisions in one append: a flood of 10,000 must not take 10,000 of them
	pass     = 5 * batch        // decisions before looking at what has come meanwhile
	day      = 24 * time.Hour   // that budgets are for
)

// decideDue judges every episode that waits for it: those that need no evidence in one append, so that a flood of alerts that are none of
// ours delays nothing, then the others, the oldest first.
func (a *Agent) decideDue(ctx context.Context, e *environment, state *rollback.Environment) time.Duration {
	next := askAgain
	var due []string
	for _, key := range e.due(state, a.now()) {
		if len(due) == pass {
			break
		}
		now := a.now()
		if state.Episodes[key].Decision != nil && recent(e.asked[key], now, askAgain) {
			next = min(next, e.asked[key].Add(askAgain).Sub(now))
			continue
		}
		e.asked[key] = now
		due = append(due, key)
	}
	if len(due) == 0 {
		e.forget(state)
		return next
	}
	rest, err := a.settle(ctx, e, due)
	if err != nil {
		return a.retry(ctx, e, "decide", err)
	}
	asked := &answers{}
	for some := range slices.Chunk(rest, batch) {
		acts, err := a.judge(ctx, e, some, asked)
		if err != nil {
			return a.retry(ctx, e, "decide", err)
		}
		if acts {
			return 0 // the others are attached to what is done now
		}
	}
	if len(due) == pass {
		return 0
	}
	return next
}

// recent says whether something was less than d ago. By a clock that was put back since it may have been long ago: then it is not.
func recent(at, now time.Time, d time.Duration) bool {
	age := now.Sub(at)
	return age >= 0 && age < d
}

// due are the episodes that wait for a decision, in the order in which they began; but first those about which there is none yet, and of
// each SLO the first, so that a flood about one delays nothing that another has to say.
func (e *environment) due(state *rollback.Environment, now time.Time) []string {
	waits := func(key string) bool { return state.Episodes[key].Due() || state.Episodes[key].Expired(now) }
	keys := slices.DeleteFunc(slices.Sorted(maps.Keys(state.Episodes)), func(key string) bool { return !waits(key) })
	slices.SortStableFunc(keys, func(a, b string) int { return state.Episodes[a].First.Compare(state.Episodes[b].First) })
	before, place := map[string]int{}, map[string]int{}
	for _, key := range keys {
		about := state.Episodes[key].Firing.Labels[slo.LabelSLO]
		place[key], before[about] = before[about], before[about]+1
	}
	slices.SortStableFunc(keys, func(a, b string) int { return place[a] - place[b] })
	var again []string
	first := slices.DeleteFunc(keys, func(key string) bool {
		if state.Episodes[key].Decision != nil {
			again = append(again, key)
		}
		return state.Episodes[key].Decision != nil
	})
	return append(first, again...)
}

// forget drops what is remembered of episodes that are over.
func (e *environment) forget(state *rollback.Environment) {
	maps.DeleteFunc(e.asked, func(key string, _ time.Time) bool {
		episode := state.Episodes[key]
		return episode == nil || !episode.Open
	})
}

// settle decides all that needs no evidence, and returns what is left.
func (a *Agent) settle(ctx context.Context, e *environment, due []string) (rest []string, err error) {
	e.deeds.Lock()
	defer e.deeds.Unlock()
	seen := a.journal.snapshot()
	state := seen.Environment(e.name)
	var settled []rollback.Decision
	for _, key := range due {
		c := rollback.Case{Plan: e.plan, Environment: state, Episode: state.Episodes[key], Now: a.now().UTC()}
		if c.Episode == nil {
			continue
		}
		d, done := e.triage(c)
		if !done {
			rest = append(rest, key)
			continue
		}
		if d.Seen = seen.Seq; says(d, c.Episode.Decision) {
			settled = append(settled, d)
		}
	}
	for some := range slices.Chunk(settled, batch) {
		if err := a.decided(ctx, e, state, some...); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// triage is a decision without evidence; false if there is none.
func (e *environment) triage(c rollback.Case) (rollback.Decision, bool) {
	if c.Episode.Expired(c.Now) && !c.Episode.Open {
		return rollback.Lapse(c), true
	}
	return e.policy.Triage(c)
}

// says whether a decision says anything that the last one does not. What was proposed and has not been answered is proposed again.
func says(d rollback.Decision, last *rollback.Decision) bool {
	if last == nil || last.Verdict != d.Verdict || last.Reason != d.Reason {
		return true
	}
	return last.Verdict == rollback.Propose && !last.Until.IsZero() && !last.Stands(d.At)
}

// errLanded says that a release was pushed after all: it is declared first.
var errLanded = errors.New("the release that was being pushed is on the branch, and not declared yet")

// judge decides about some episodes, and appends what says something new. The first rollback ends it: it is decided and locked in the same
// append, whoever sees the one sees the other, and what else fires is attached to it.
func (a *Agent) judge(ctx context.Context, e *environment, keys []string, asked *answers) (acts bool, err error) {
	e.deeds.Lock()
	defer e.deeds.Unlock()
	seen := a.journal.snapshot()
	state := seen.Environment(e.name)
	if f := state.Forward; f != nil && f.Commit != e.pending {
		return true, nil // a release was prepared while we waited for our turn: its push comes first, or we would judge the one before it
	}
	var fresh []rollback.Decision
	for _, key := range slices.DeleteFunc(keys, func(key string) bool { return state.Episodes[key] == nil }) {
		now := a.now().UTC()
		c := rollback.Case{Plan: e.plan, Environment: state, Episode: state.Episodes[key], Now: now, Spent: seen.AutomaticSince(now.Add(-day))}
		d, err := a.judgeOne(ctx, e, c, asked)
		if err != nil {
			return false, err
		}
		if f := state.Forward; f != nil && d.Tip == f.Commit {
			return false, errLanded
		}
		if d.Seen = seen.Seq; says(d, state.Episodes[key].Decision) {
			fresh = append(fresh, d)
		}
		if acts = d.Locks; acts {
			break
		}
	}
	if n := len(fresh) - 1; acts && n > 0 { // what acts is appended alone: the ledger may refuse it
		if err := a.decided(ctx, e, state, fresh[:n]...); err != nil {
			return false, err
		}
		fresh = fresh[n:]
	}
	crashpoint("deciding")
	err = a.decided(ctx, e, state, fresh...)
	crashpoint("decided")
	switch {
	case errors.Is(err, errBraked):
		a.log.Warn("not decided: deciding again", "environment", e.name, "err", err)
		return true, nil
	case errors.Is(err, ledger.ErrTwice):
		a.log.Error("the ledger refused a second rollback of one release", "environment", e.name)
		return false, nil
	}
	return err == nil && acts, err
}

func (a *Agent) judgeOne(ctx context.Context, e *environment, c rollback.Case, asked *answers) (rollback.Decision, error) {
	d, settled := e.triage(c)
	if !settled {
		d = e.policy.Decide(c, a.gather(ctx, e, c, asked))
	}
	return d, ctx.Err() // what could not be asked because we are stopping is no evidence
}

// decided appends decisions with what follows from them at once, and counts them. What would act is not stored when somebody has turned a
// brake since the state was read.
func (a *Agent) decided(ctx context.Context, e *environment, state *rollback.Environment, all ...rollback.Decision) error {
	e.brakes.Lock()
	defer e.brakes.Unlock()
	if slices.ContainsFunc(all, func(d rollback.Decision) bool { return d.Locks }) {
		a.spending.Lock() // until it is stored: who decides in another environment meanwhile counts it
		defer a.spending.Unlock()
		if err := errors.Join(a.unbraked(e, state), a.affordable(e, all)); err != nil {
			return err
		}
	}
	var notes []note
	for _, d := range all {
		a.log.Info("decided", "environment", e.name, "verdict", d.Verdict, "reason", d.Reason, "slo", d.SLO, "by", d.By, "text", d.Text)
		notes = append(notes, decisionNotes(e.name, state, d)...)
	}
	if len(notes) == 0 {
		return nil
	}
	if _, err := a.journal.append(ctx, notes...); err != nil {
		return err
	}
	for _, d := range all {
		a.decisions.WithLabelValues(e.plan.Service, e.plan.Environment, string(d.Verdict), string(d.Reason)).Inc()
	}
	return nil
}
