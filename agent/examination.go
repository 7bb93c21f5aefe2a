package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/doctor"
	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/web"
	"github.com/coclai/cutover/generator/slo"
)

// examine is the whole of `rollback-agent doctor`: first what concerns all, then one environment after the other.
func (a *Agent) examine(ctx context.Context, q web.Question, tell func(web.Progress)) {
	a.log.Info("an examination begins", "by", q.By, "environments", strings.Join(q.Environments, ","), "drill", q.Drill)
	listener := a.listener(ctx, tell)
	if q.Whole {
		a.storage(listener).Examine(ctx)
	}
	for _, name := range q.Environments {
		e := a.environment(name)
		if e == nil {
			listener.Found(release.Finding{Environment: name, Check: "configuration", Health: release.Weak,
				Seen: "the ledger knows it, and the agent's file does not: nobody watches it", Fix: "add it to `environments`, or let it be history"})
			continue
		}
		x := doctor.Examination{Subject: a.subject(e), Listener: listener, By: q.By, Drill: q.Drill, Refused: q.Refused}
		x.Examine(ctx)
	}
}

// listener passes on what the doctor says until ctx ends: what could not be asked because we are to end says nothing of anything.
func (a *Agent) listener(ctx context.Context, tell func(web.Progress)) doctor.Listener {
	until := func(p web.Progress) {
		if ctx.Err() == nil {
			tell(p)
		}
	}
	return doctor.Listener{Redact: a.discreet(), Doing: func(what string) { until(web.Progress{Doing: what}) },
		Found: func(f release.Finding) { until(web.Progress{Finding: &f}) }}
}

// storage is what there is to examine of the ledger.
func (a *Agent) storage(l doctor.Listener) *doctor.Storage {
	s := &doctor.Storage{Listener: l, Config: a.configuration(), Append: func(ctx context.Context) error {
		_, err := a.ledger.Append(ctx)
		return err
	}}
	if checked, ok := a.ledger.(interface{ Verify(context.Context) error }); ok {
		s.Verify = func(ctx context.Context) (int64, error) {
			err := checked.Verify(ctx)
			return a.journal.snapshot().Seq, err
		}
	}
	if a.replica != nil {
		s.Replica = func() doctor.Replica {
			return doctor.Replica{Acting: a.actor(), Unready: a.replica.unready(), Weak: a.weaknesses()}
		}
	}
	return s
}

func (a *Agent) configuration() config.Config {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.config
}

// subject is what there is to examine of an environment.
func (a *Agent) subject(e *environment) doctor.Subject {
	state := func() *rollback.Environment { return a.journal.environment(e.name) }
	q, asked := inquiry{environment: e, state: state(), now: a.now().UTC(), since: a.started}, &answers{}
	return doctor.Subject{Config: a.configuration(), Environment: e.configured, Shared: a.replica != nil,
		Prometheus: e.prometheus, Alertmanagers: e.alertmanagers, Remote: e.remote, Runner: e.runner, Log: a.log, Now: a.now,
		State: state, Killed: e.killed, RulesLoaded: q.rulesLoaded, WatchdogHeard: q.watchdogHeard, TriggersQuiet: q.triggersQuiet, Target: e.stands,
		Try: func(ctx context.Context) (gitrepo.Trial, error) { return a.tryRemote(ctx, e) },
		Stray: func(ctx context.Context) (string, string, error) {
			stray, err := a.strange(ctx, e)
			return stray, hintStray, err
		},
		Foretell: func(ctx context.Context, f rollback.Firing) (rollback.Decision, error) {
			return a.foretell(ctx, e, f, asked)
		}}
}

// foretell decides about a firing as if it were heard at its start, and stores nothing.
func (a *Agent) foretell(ctx context.Context, e *environment, f rollback.Firing, asked *answers) (rollback.Decision, error) {
	episode := &rollback.Episode{Key: "doctor/" + f.Labels[slo.LabelSLO], Source: "doctor", Firing: f, First: f.StartsAt, Open: true}
	seen := a.journal.snapshot()
	return a.judgeOne(ctx, e, rollback.Case{Plan: e.plan, Environment: seen.Environment(e.name), Now: f.StartsAt, Episode: episode,
		Spent: seen.AutomaticSince(f.StartsAt.Add(-day))}, asked)
}

// trialTime bounds a trial: the end of a term waits for it.
const trialTime = 45 * time.Second

// tryRemote tries the remote, or has the agent do it that acts: nobody else may push. Trials of one environment come one after the other.
func (a *Agent) tryRemote(ctx context.Context, e *environment) (gitrepo.Trial, error) {
	found, acts, err := a.tryHere(ctx, e)
	if acts || err != nil {
		return found, err
	}
	answer, err := a.send(ctx, release.Deed{Act: release.ActTry, Environment: e.name, Author: self})
	if err != nil {
		return found, fmt.Errorf("have the agent that acts try the remote: %w", err)
	}
	return found, json.Unmarshal([]byte(answer.Facts["trial"]), &found)
}

// tryHere tries the remote if this agent acts. It waits for another trial before it enters the term, which could not end meanwhile.
func (a *Agent) tryHere(ctx context.Context, e *environment) (found gitrepo.Trial, acts bool, err error) {
	done, err := e.turnToTry(ctx)
	if err != nil {
		return found, false, err
	}
	defer done()
	if a.replica != nil {
		leave, acts := a.replica.enter()
		if !acts {
			return found, false, nil
		}
		defer leave()
	}
	found, err = a.tryNow(ctx, e)
	return found, true, err
}

// turnToTry waits until nobody else tries the remote; done ends the turn.
func (e *environment) turnToTry(ctx context.Context) (done func(), err error) {
	select {
	case e.trial <- struct{}{}:
		return func() { <-e.trial }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for another trial of %s: %w", e.name, ctx.Err())
	}
}

func (a *Agent) tryNow(ctx context.Context, e *environment) (gitrepo.Trial, error) {
	ctx, cancel := context.WithTimeout(ctx, trialTime)
	defer cancel()
	return e.remote.Try(ctx, e.name, a.now())
}

// try is tryRemote for another agent, whose errand has the turn to try.
func (a *Agent) try(ctx context.Context, e *environment, _ *rollback.Environment, _ release.Deed) (release.Answer, error) {
	trial, err := a.tryNow(ctx, e)
	if err != nil {
		return release.Answer{}, err
	}
	text, err := json.Marshal(trial)
	return release.Answer{Message: "tried", Facts: map[string]string{"trial": string(text)}}, err
}
