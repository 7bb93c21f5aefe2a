package agent

import (
	"context"
	"encoding/json"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/rollback"
)

// RulesOf is by what the agent decides in an environment of its configuration.
func RulesOf(c config.Config, e config.Environment) rollback.Rulebook {
	return rollback.Rulebook{Plan: e.Plan, Policy: rollback.Policy{MaxMode: c.MaxMode, PerRelease: e.Budget.PerRelease, PerDay: e.Budget.PerDay, Everywhere: c.Budget.PerDay,
		Cooldown: e.Budget.Cooldown.Std(), ArmAuto: e.Arm.Auto.Std(), ArmPropose: e.Arm.Propose.Std(), Approval: e.Arm.Approval.Std()}}
}

// adopt records the rules that decisions are made by from now on, unless they are those on record: a decision can be made again later only
// if it is known by what it was made.
func (a *Agent) adopt(ctx context.Context, e *environment) error {
	if e.adopted {
		return nil
	}
	rules := rollback.Rulebook{Plan: e.plan, Policy: e.policy}
	if known := a.journal.environment(e.name).Rulebook; known != nil && sameText(*known, rules) {
		e.adopted = true
		return nil
	}
	_, err := a.journal.append(ctx, note{environment: e.name, kind: rollback.RulesAdopted, author: self, body: rules})
	e.adopted = err == nil
	return err
}

// sameText compares what is stored: a decimal has more than one form in memory.
func sameText(a, b rollback.Rulebook) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}
