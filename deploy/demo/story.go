package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// story is what happens, and what it has found out so far.
type story struct {
	*stage
	line *timeline

	plan     slo.Plan
	row      slo.PlanSLO // the one that goes bad
	operator operator
	observer observer
	dev      developer

	stable, bad, good string           // commits
	cutover           *release.Cutover // as it started: the first, then the second
	pin               release.Pin      // the last
	restored          rollback.Push
	forward           release.Release // of the good commit
	alert             alert
	report            string // URL of the last one
}

// step is something that must have happened within its time; 0 for one that knows its own.
type step struct {
	name   string
	within time.Duration
	happen func(*story, context.Context) error
}

// steps is the whole story in order. Times are generous: they bound a broken run, not a good one.
var steps = []step{
	{"the programs are built", 5 * time.Minute, (*story).build},
	{"the shop has a repository", time.Minute, (*story).openShop},
	{"the runbook compiles", 2 * time.Minute, (*story).compile},
	{"everything runs", time.Minute, (*story).startAll},
	{"customers are served", 2 * time.Minute, (*story).awaitCustomers},
	{"what a rollback rests on holds", 2 * time.Minute, (*story).examine},

	{"the gates pass for the new release", 2 * time.Minute, (*story).rehearse},
	{"the cutover starts", 2 * time.Minute, (*story).start},
	{"the new release is deployed", 2 * time.Minute, (*story).deploy},

	{"the value crosses its bound", time.Minute, (*story).crossBound},
	{"the alert fires", time.Minute, (*story).fire},
	{"the agent receives it", time.Minute, (*story).receive},
	{"the agent decides and locks", time.Minute, (*story).decide},
	{"the rollback is pushed and read again", time.Minute, (*story).push},
	{"production is healthy again", 2 * time.Minute, (*story).heal},
	{"the restored release is verified", 3 * time.Minute, (*story).verify},
	{"the incident is classified and locked", time.Minute, (*story).classify},

	{"the remote holds one clean rollback commit", time.Minute, (*story).inspectRemote},
	{"redeployment is refused by the remote", time.Minute, (*story).redeploy},
	{"the gate is closed", time.Minute, (*story).askGate},
	{"the first cutover has ended", 2 * time.Minute, (*story).ended},
	{"the lock is opened with a cause", time.Minute, (*story).unlock},

	{"the gates pass for the mended release", 2 * time.Minute, (*story).rehearseAgain},
	{"the second cutover starts", 2 * time.Minute, (*story).startAgain},
	{"production rolls forward", 2 * time.Minute, (*story).rollForward},
	{"every milestone is reached", 0, (*story).observe},
	{"the second cutover is closed", 2 * time.Minute, (*story).closed},
}

// tell lets the steps happen one after the other; the first that does not is the error.
func (s *story) tell(steps []step) error {
	for _, step := range steps {
		if err := s.happens(step); err != nil {
			return fmt.Errorf("step %q: %w", step.name, errors.Join(err, context.Cause(s.ctx)))
		}
	}
	return nil
}

func (s *story) happens(step step) error {
	if step.within == 0 {
		return step.happen(s, s.ctx)
	}
	ctx, cancel := context.WithTimeoutCause(s.ctx, step.within, fmt.Errorf("not within %s", step.within))
	defer cancel()
	return step.happen(s, ctx)
}

// ending says where to look around, if there will be time for it.
func (s *story) ending(once bool) {
	if once {
		s.line.chapter("All of it happened; everything is stopped and removed, the reports too.")
		return
	}
	s.line.chapter(fmt.Sprintf("All of it happened. The agent's page: %s/  Prometheus: %s/alerts  Alertmanager: %s\nThe last report: %s (all of them: %s)\n"+
		"Everything keeps running until you press Ctrl-C; then it is stopped and removed, the reports too.",
		s.ports.agent.url(), s.ports.prometheus.url(), s.ports.alertmanager.url(), s.report, s.path("reports")))
}

// percent prints a ratio.
func percent(ratio float64) string { return fmt.Sprintf("%.1f %%", 100*ratio) }

func short(commit string) string { return fmt.Sprintf("%.12s", commit) }
