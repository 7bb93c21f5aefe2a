package agent

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/rollback"
)

// lockAgain is the time between two tries to put a lock on the remote.
const lockAgain = 30 * time.Second

// keepLock sees to it that a lock in the ledger stands on the remote, too, where no commit carried it there: the pinned tag was gone, or the
// rollback could not be pushed. It keeps nobody waiting: what does not work now is tried again, and the ledger and the gate refuse meanwhile.
func (a *Agent) keepLock(ctx context.Context, e *environment, state *rollback.Environment) {
	if state.Lock == nil || state.Lock.Remote != "" || a.now().Before(e.lockNext) || e.stopped(state) {
		return
	}
	e.lockNext = a.now().Add(lockAgain)
	if err := a.pushLock(ctx, e); err != nil && ctx.Err() == nil {
		a.log.Warn("the lock is not on the remote yet, trying again", "environment", e.name, "in", lockAgain, "err", err)
	}
}

// pushLock puts the lock on the remote. A crash before the entry costs a look: the record of the same incident stands already.
func (a *Agent) pushLock(ctx context.Context, e *environment) error {
	e.deeds.Lock()
	defer e.deeds.Unlock()
	state := a.journal.environment(e.name)
	if state.Lock == nil || state.Lock.Remote != "" || e.stopped(state) {
		return nil // opened, or carried there, or the kill switch was turned on, while we waited for our turn
	}
	record, err := lockRecord(e.name, state)
	if err != nil {
		return err
	}
	pushed := rollback.LockPush{Outcome: rollback.LockStands, Allow: string(record.Allow)}
	standing, err := e.remote.SetLock(ctx, record)
	switch {
	case errors.Is(err, gitrepo.ErrRefused) || errors.Is(err, gitrepo.ErrLocked):
		pushed = rollback.LockPush{Outcome: rollback.LockRefused, Text: err.Error()}
	case err != nil:
		return err
	default:
		pushed.Allow = string(standing.Allow)
	}
	_, err = a.journal.append(ctx, note{environment: e.name, kind: rollback.LockPushed, author: self, incident: state.Lock.Incident, body: pushed})
	crashpoint("lock pushed")
	return err
}

// lockRecord is the record of the lock: it lets the rollback's own commit through if there is one, and else nothing.
func lockRecord(name string, state *rollback.Environment) (gitrepo.LockRecord, error) {
	l := gitrepo.LockRecord{Environment: name, Incident: state.Lock.Incident, Since: state.Lock.Since}
	i := state.IncidentByID(state.Lock.Incident)
	if i == nil || i.Preparation == nil {
		return l, nil
	}
	var p gitrepo.Prepared
	if err := json.Unmarshal(i.Preparation.Opaque, &p); err != nil {
		return l, err
	}
	l.Allow = p.Commit
	return l, nil
}
