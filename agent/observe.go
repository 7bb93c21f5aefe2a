package agent

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

const (
	noteEvery    = 5 * time.Minute  // at least so often the ledger is told what was seen, and whenever it changes
	makeUpFor    = 5 * time.Minute  // moments missed for so long are judged late, by Prometheus's memory; longer, nobody watched
	unknownLasts = 5 * time.Minute  // a row is UNKNOWN: then the cutover stops, and a person is paged
	stoppedLook  = 10 * time.Second // at a cutover that does not go on
	tipEvery     = time.Minute      // the branch, for a foreign commit; and whether anything else stands in the way
	jumpSlack    = time.Minute      // by which wall clock and running time may differ between two looks
	rowsAtOnce   = 8                // queries for so many rows at the same time
)

// attendant attends to one environment's cutover, in a goroutine of its own: a Prometheus that hangs must not delay a rollback.
type attendant struct {
	agent   *Agent
	e       *environment
	pending release.Watched // judged, and not in the ledger yet; zero: nothing is
	of      string          // the cutover that pending is about
	wall    time.Time       // of the last look, by the wall clock
	ran     time.Time       // likewise, by the running time
	tipNext time.Time       // the branch is not looked at before
	foreign string          // what was found on the branch, "" for nothing foreign
	writing time.Time       // no report is tried before
}

// attend does what the cutover calls for, until ctx ends. Everything it knows is in the ledger and in Prometheus: after a crash it goes on
// from the last moment noted, and judges again what it had judged since.
func (a *Agent) attend(ctx context.Context, e *environment) {
	t := &attendant{agent: a, e: e}
	for ctx.Err() == nil {
		before := a.journal.environment(e.name).Cutover
		timer := time.NewTimer(t.turn(ctx))
		for due := false; !due && ctx.Err() == nil; {
			select {
			case <-ctx.Done():
			case <-timer.C:
				due = true
			case <-e.moved:
				due = a.journal.environment(e.name).Cutover != before
			}
		}
		timer.Stop()
	}
}

// turn does the next thing, and says when to look again.
func (t *attendant) turn(ctx context.Context) time.Duration {
	a, e := t.agent, t.e
	c := a.journal.environment(e.name).Cutover
	t.reported(ctx, c)
	var err error
	wait := branchEvery
	switch {
	case !c.Open():
		t.pending = release.Watched{}
		if t.owes(c) {
			return proceedEvery
		}
		return noteEvery // or when a cutover starts
	case c.Phase == release.Preparing:
		e.deeds.Lock()
		err = a.proceed(ctx, e)
		e.deeds.Unlock()
		wait = 0
	case c.Phase == release.Waiting:
		e.deeds.Lock()
		err = a.awaitDeploy(ctx, e)
		e.deeds.Unlock()
	case c.Observing():
		wait, err = t.observe(ctx, c)
	}
	if err != nil && ctx.Err() == nil {
		a.log.Warn("the cutover is not carried on, trying again", "environment", e.name, "cutover", c.ID, "in", proceedEvery, "err", err)
		return proceedEvery
	}
	if wait == 0 && c.Stop.Sticky() {
		return stoppedLook
	}
	return wait
}

// observe judges the next moment if it has come, and says when the one after is due.
func (t *attendant) observe(ctx context.Context, c *release.Cutover) (time.Duration, error) {
	now := t.agent.now().UTC()
	if stop := t.jumped(c, now); stop != nil {
		return stoppedLook, t.stop(ctx, c, *stop)
	}
	if !c.Stop.Measuring() {
		if wait, err := t.untilStopped(ctx, c, now); wait == 0 || err != nil || c.Stop.Sticky() {
			return wait, err
		}
	}
	stop := t.stands(ctx, t.agent.journal.environment(t.e.name), now)
	switch {
	case stop != nil:
		return stoppedLook, t.stop(ctx, c, *stop)
	case !c.Stop.Measuring():
		_, err := t.agent.journal.append(ctx, continued(t.e, release.Continuation{Why: "its cause is gone", From: now.Truncate(time.Millisecond)}))
		return 0, err
	}
	m, err := t.next(ctx, c, now)
	if wait := m.At.Sub(now); err != nil || wait > 0 || m.Since.IsZero() {
		return min(wait, tipEvery), err
	}
	return 0, t.judge(ctx, c, m)
}

// untilStopped judges what lay before the stop, and notes it: 0 when there was more to judge. Nothing is judged after it.
func (t *attendant) untilStopped(ctx context.Context, c *release.Cutover, now time.Time) (time.Duration, error) {
	m, err := t.next(ctx, c, now)
	switch {
	case err != nil || m.Since.IsZero():
		return 0, err
	case m.Gap || m.At.After(c.Stop.Since):
		return stoppedLook, t.flush(ctx, c)
	}
	return 0, t.judge(ctx, c, m)
}

// next is the next moment to be judged. What was judged before the cutover began anew is noted first: then there is none, and one looks again.
func (t *attendant) next(ctx context.Context, c *release.Cutover, now time.Time) (release.Moment, error) {
	if t.of != c.ID {
		t.pending, t.of = release.Watched{}, c.ID
	}
	seen := c.Observation
	if !t.pending.To.IsZero() {
		if t.pending.To.Before(seen.At) {
			return release.Moment{At: now}, t.flush(ctx, c) // without a Since
		}
		seen = seen.Add(t.pending)
	}
	return c.NextMoment(*seen, now, makeUpFor), nil
}

// jumped says whether the wall clock has moved by another time than has gone by, or stands before what it said when the last moment was noted.
func (t *attendant) jumped(c *release.Cutover, now time.Time) *release.Stop {
	ran := time.Now()
	before, went := t.wall, ran.Sub(t.ran)
	t.wall, t.ran = now.Round(0), ran
	if back := c.Observation.At.Sub(now); back > jumpSlack {
		return &release.Stop{Reason: release.ClockJumped, Text: fmt.Sprintf("the clock says %s, and the last moment noted was %s: T0 can no longer be compared with it", clock(now), clock(c.Observation.At))}
	}
	if before.IsZero() {
		return nil
	}
	if by := t.wall.Sub(before) - went; by.Abs() > jumpSlack {
		return &release.Stop{Reason: release.ClockJumped, Text: fmt.Sprintf("the clock was set by %s at %s, or the machine slept", by.Round(time.Second), clock(now))}
	}
	return nil
}

// stop records that the cutover does not go on, with what was judged before.
func (t *attendant) stop(ctx context.Context, c *release.Cutover, s release.Stop) error {
	if c.Stop != nil && (c.Stop.Reason == s.Reason || c.Stop.Sticky()) {
		return nil
	}
	if err := t.flush(ctx, c); err != nil {
		return err
	}
	return t.agent.stopCutover(ctx, t.e, c, s)
}

// stands says why the clock must stand still whatever the rows say; nil if nothing makes it.
func (t *attendant) stands(ctx context.Context, state *rollback.Environment, now time.Time) *release.Stop {
	if s := otherPlan(t.e, state.Cutover); s != nil {
		return s
	}
	if h := state.Standing(now); h != nil {
		return &release.Stop{Reason: release.AgentHeld, Text: fmt.Sprintf("%s holds the agent until %s: %s", h.By, clock(h.Until), h.Why)}
	}
	if late := now.Sub(t.agent.watchdogSeen(state)); late > rollback.WatchdogLate {
		return &release.Stop{Reason: release.NoWatchdog, Text: fmt.Sprintf("the Watchdog alert was not heard for %s: Prometheus or Alertmanager does not reach this agent", late.Round(time.Second))}
	}
	if found := t.shippedOver(ctx, state, now); found != "" {
		return &release.Stop{Reason: release.Foreign, Text: found}
	}
	return nil
}

// shippedOver looks whether the branch still holds the release. A remote that does not answer says nothing; while a rollback is in hand the
// branch is the rollback's.
func (t *attendant) shippedOver(ctx context.Context, state *rollback.Environment, now time.Time) string {
	if now.Before(t.tipNext) || slices.ContainsFunc(state.Incidents, (*rollback.Incident).Acting) {
		return t.foreign
	}
	t.tipNext = now.Add(tipEvery)
	tip, err := t.e.remote.Tip(ctx)
	if err != nil {
		return t.foreign
	}
	there, err := t.e.contentOf(ctx, tip)
	if err != nil {
		return t.foreign
	}
	t.foreign = ""
	if string(tip.ID) != state.Cutover.Released && there != state.Cutover.Content {
		t.foreign = fmt.Sprintf("somebody shipped %s over the release %s: what is measured is not the release any more", tip.ID.Short(), short(state.Cutover.Released))
	}
	return t.foreign
}

// judge judges every row at a moment, and tells the ledger when there is news, a milestone is reached, or it is time.
func (t *attendant) judge(ctx context.Context, c *release.Cutover, m release.Moment) error {
	m.Readings = t.readings(ctx, m.At)
	if ctx.Err() != nil {
		return nil // what could not be asked because we are stopping is no reading
	}
	news := t.pending.News(m, c.Observation)
	t.pending.Cutover = c.ID
	t.pending = t.pending.Add(m, c.Observation)
	seen := c.Note(t.pending)
	if due, reached := seen.Due(); reached {
		return t.reach(ctx, seen, due)
	}
	var stop *release.Stop
	if c.Stop.Measuring() {
		stop = seen.Dark(unknownLasts)
	}
	over := c.Stop != nil && c.Stop.Measuring() && seen.Dark(0) == nil
	if !news && stop == nil && !over && m.At.Sub(t.pending.From) < noteEvery {
		return nil
	}
	if err := t.flush(ctx, c); err != nil || !over && stop == nil {
		return err
	}
	if over {
		_, err := t.agent.journal.append(ctx, continued(t.e, release.Continuation{Why: "every row is measured again"}))
		return err
	}
	return t.stop(ctx, c, *stop)
}

// flush tells the ledger what was judged. A crash before it costs judging it again.
func (t *attendant) flush(ctx context.Context, c *release.Cutover) error {
	if t.pending.To.IsZero() || t.of != c.ID {
		return nil
	}
	_, err := t.agent.journal.append(ctx, t.noted())
	crashpoint("cutover noted")
	if err == nil {
		t.pending = release.Watched{}
	}
	return err
}

func (t *attendant) noted() note {
	return note{environment: t.e.name, kind: rollback.ObservationNoted, author: self, body: t.pending}
}

// readings are all rows at one moment, in the plan's order.
func (t *attendant) readings(ctx context.Context, at time.Time) []release.Reading {
	baselines := t.agent.journal.environment(t.e.name).ActiveBaselines()
	all := make([]release.Reading, len(t.e.plan.SLOs))
	var asked sync.WaitGroup
	free := make(chan struct{}, rowsAtOnce)
	for n, s := range t.e.plan.SLOs {
		free <- struct{}{}
		asked.Go(func() {
			defer func() { <-free }()
			all[n] = t.observed(ctx, s, baselineOf(baselines, s.ID), at)
		})
	}
	asked.Wait()
	return all
}

func (t *attendant) observed(ctx context.Context, s slo.PlanSLO, b *release.Baseline, at time.Time) release.Reading {
	r := t.e.prometheus.Observe(ctx, s, b, at)
	r.Reason = capped(r.Reason, maxSummary)
	return r
}
