package agent

import (
	"context"

	"github.com/coclai/cutover/agent/rollback"
)

// AdvanceFrom does an incident's next step as a conductor does that looked before something else had its turn.
func (a *Agent) AdvanceFrom(ctx context.Context, seen *rollback.Environment, incident string) error {
	return a.advance(ctx, a.environment(seen.Name), seen, seen.IncidentByID(incident))
}
