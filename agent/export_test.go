package agent

import (
	"context"
	"fmt"

	"github.com/coclai/cutover/agent/doctor"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/web"
)

// AdvanceFrom does an incident's next step as a conductor does that looked before something else had its turn.
func (a *Agent) AdvanceFrom(ctx context.Context, seen *rollback.Environment, incident string) error {
	return a.advance(ctx, a.environment(seen.Name), seen, seen.IncidentByID(incident))
}

// OwnGates asks the agent's own gates about a commit, as a cutover's start does.
func (a *Agent) OwnGates(ctx context.Context, environment, commit string) []release.GateResult {
	return a.ownGates(ctx, a.environment(environment), a.journal.environment(environment), commit)
}

// ReportAgain writes the report of a milestone of the last cutover once more, as after a crash.
func (a *Agent) ReportAgain(ctx context.Context, environment, item string) error {
	e, c := a.environment(environment), a.journal.environment(environment).Cutover
	for _, r := range c.Reached {
		if r.Item == item {
			_, err := a.reportMilestone(ctx, e, c, r)
			return err
		}
	}
	return fmt.Errorf("milestone %s is not reached", item)
}

// DueGates are the ids of the hard gates that are to be run now.
func (a *Agent) DueGates(environment string) []string {
	e := a.environment(environment)
	var ids []string
	for _, g := range e.dueGates(e.hardGates(), a.journal.environment(environment), a.now()) {
		ids = append(ids, g.ID)
	}
	return ids
}

// Excerpt is what is kept in the ledger of a gate's output.
var Excerpt = excerpt

// Strange is what is wrong about the lock on an environment's remote.
func (a *Agent) Strange(ctx context.Context, name string) (string, error) {
	return a.strange(ctx, a.environment(name))
}

// Drills sends a drill through every Alertmanager of an environment, and looks at nothing else.
func (a *Agent) Drills(ctx context.Context, environment string, q web.Question, tell func(web.Progress)) {
	x := doctor.Examination{Subject: a.subject(a.environment(environment)), Listener: a.listener(ctx, tell), By: q.By, Drill: true, Refused: q.Refused}
	x.Drills(ctx)
}
