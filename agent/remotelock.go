package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// mayPassLock asks the ledger and, when that knows of no lock, the remote: a ledger that was lost, or restored from before an incident, says
// nothing of a lock that stands, and the one in git wins (facts/rollback.md I17). The rollback's own commit is let through when it is asked for.
func (e *environment) mayPassLock(ctx context.Context, state *rollback.Environment, commit gitrepo.ID) error {
	switch {
	case state.Lock == nil:
		return e.lockedOnRemote(ctx, commit)
	case allowed(state, string(commit)):
		return nil
	}
	return locked(state)
}

// hintStray is how a lock is opened that the ledger does not hold: nobody can submit a cause for it.
const hintStray = "find out what it is about; then whoever may breaks the glass: rollback-agent unlock --break-glass 'why'"

// lockedOnRemote is the refusal while a lock stands on the remote that does not let this commit through. What cannot be read is no yes.
func (e *environment) lockedOnRemote(ctx context.Context, commit gitrepo.ID) error {
	standing, stands, err := e.remote.ReadLock(ctx, e.name)
	switch {
	case err != nil:
		p := &release.Problem{Kind: release.Undecided, Message: "read the lock on the remote", Cause: err}
		if stands {
			p.Hint = hintStray
		}
		return p
	case !stands || commit != "" && standing.Allow == commit:
		return nil
	}
	return release.Problemf(release.Locked, hintStray, "%s is locked on the remote since %s by incident %s, and the ledger knows nothing of that lock: was it lost, or restored?",
		e.name, standing.Since.UTC().Format("2006-01-02 15:04:05Z"), standing.Incident)
}

// strayLock is the incident of a lock that stands on the remote alone. A record that cannot be read names none, and can be opened all the same.
func (e *environment) strayLock(ctx context.Context, meant string) (string, error) {
	standing, stands, err := e.remote.ReadLock(ctx, e.name)
	switch {
	case damaged(stands, err):
		return cmp.Or(meant, "unreadable"), nil
	case err != nil:
		return "", remoteProblem("read the lock on the remote", err)
	case !stands:
		return "", release.Problemf(release.Refused, "", "%s is not locked", e.name)
	case cmp.Or(meant, standing.Incident) != standing.Incident:
		return "", release.Problemf(release.Refused, "rollback-agent unlock "+standing.Incident+" --break-glass 'why'", "%s is locked by incident %s, not by %s",
			e.name, standing.Incident, meant)
	}
	return standing.Incident, nil
}

// ownLock is the incident's own lock record that a push before has left on a remote without atomic pushes, "" if there is none: the branch had
// moved between the two, and what is prepared now replaces it.
func (e *environment) ownLock(ctx context.Context, i *rollback.Incident) (gitrepo.ID, error) {
	if i.Attempts == 0 {
		return "", nil
	}
	standing, stands, err := e.remote.ReadLock(ctx, e.name)
	if err != nil || !stands || standing.Incident != i.ID {
		return "", err
	}
	return standing.ID(), nil
}

// lockAgain is the time between two tries to put a lock on the remote.
const lockAgain = 30 * time.Second

// keepLock sees to it that a lock in the ledger stands on the remote, too, where no commit carried it there: the pinned tag was gone, or the
// rollback could not be pushed. It keeps nobody waiting: what does not work now is tried again, and the ledger and the gate refuse meanwhile.
func (a *Agent) keepLock(ctx context.Context, e *environment, state *rollback.Environment) {
	if state.Lock == nil || state.Lock.Remote != "" || recent(e.lockTried, a.now(), lockAgain) || e.stopped(state) {
		return
	}
	e.lockTried = a.now()
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
