package agent

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// maxText is what is kept of a person's text. A longer analysis belongs behind a link.
const maxText = 4096

// analyse records the root cause as its author sees it. It opens nothing: somebody else must.
func (a *Agent) analyse(ctx context.Context, e *environment, state *rollback.Environment, d release.Deed) (release.Answer, error) {
	i, err := incidentOf(state, d.Incident)
	if err != nil {
		return release.Answer{}, err
	}
	if i.Phase == rollback.PhaseClosed {
		return release.Answer{}, release.Problemf(release.Refused, "", "incident %s is closed", i.ID)
	}
	rca := rollback.Analysis{Text: capped(strings.TrimSpace(d.Cause), maxText), Link: strings.TrimSpace(d.Link)}
	if rca.Text == "" && rca.Link == "" {
		return release.Answer{}, release.Problemf(release.Invalid, "give --text, --link or both", "an analysis says what it was, or where that is written")
	}
	if rca.Link != "" && !linked(rca.Link) {
		return release.Answer{}, release.Problemf(release.Invalid, "an http or https address", "%.200q is no link", rca.Link)
	}
	if _, err := a.journal.append(ctx, note{environment: e.name, kind: rollback.CauseSubmitted, author: d.Author, incident: i.ID, body: rca}); err != nil {
		return release.Answer{}, notStored(err)
	}
	return release.Answer{Message: fmt.Sprintf("the cause of incident %s is submitted by %s; now somebody else opens the lock: rollback-agent unlock %s", i.ID, d.Author, i.ID),
		Facts: map[string]string{"incident": i.ID}}, nil
}

func linked(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") && len(text) <= maxText
}

// incidentOf finds the incident that is named; none need be when the lock has one.
func incidentOf(state *rollback.Environment, id string) (*rollback.Incident, error) {
	if id == "" && state.Lock != nil {
		id = state.Lock.Incident
	}
	if i := state.IncidentByID(id); i != nil {
		return i, nil
	}
	return nil, release.Problemf(release.Invalid, "`rollback-agent status` lists them", "%s has no incident %q", state.Name, id)
}

// unlock opens the lock when the cause is submitted and a second person, who is not its author, agrees.
func (a *Agent) unlock(ctx context.Context, e *environment, state *rollback.Environment, d release.Deed) (release.Answer, error) {
	if state.Lock == nil {
		if err := e.lockedOnRemote(ctx, ""); err != nil {
			return release.Answer{}, err // it stands on the remote alone: that takes a broken glass
		}
	}
	i, err := mayUnlock(state, d)
	if err != nil {
		return release.Answer{}, err
	}
	if i.RCA == nil {
		return release.Answer{}, release.Problemf(release.Refused, "rollback-agent rca "+i.ID+" --text '…' or --link https://…, by whoever found it",
			"nobody has submitted the cause of incident %s", i.ID)
	}
	if i.RCA.By == d.Author {
		return release.Answer{}, release.Problemf(release.Refused, "somebody else opens it: `rollback-agent unlock "+i.ID+"` with another token",
			"%s wrote the analysis of incident %s, and a second person must agree", d.Author, i.ID)
	}
	return a.openLock(ctx, e, d, rollback.Unlock{Incident: i.ID, Cause: i.RCA.String(), RCABy: i.RCA.By})
}

// breakGlass opens the lock at once and alone. It is recorded as what it is.
func (a *Agent) breakGlass(ctx context.Context, e *environment, state *rollback.Environment, d release.Deed) (release.Answer, error) {
	incident, err := e.glass(ctx, state, d)
	if err != nil {
		return release.Answer{}, err
	}
	if d.Exonerate {
		return release.Answer{}, release.Problemf(release.Refused, "break the glass without --exonerate, and release something else than what was rolled back",
			"whoever opens the lock alone does not let what was rolled back be deployed again: that takes an analysis and a second person")
	}
	reason := strings.TrimSpace(d.Reason)
	if reason == "" {
		return release.Answer{}, release.Problemf(release.Invalid, "--break-glass 'why it cannot wait'", "the glass is broken for a reason")
	}
	return a.openLock(ctx, e, d, rollback.Unlock{Incident: incident, Cause: capped(reason, maxText), BreakGlass: true})
}

// glass is the incident whose lock is to be opened alone: the ledger's, or else one that only the remote knows.
func (e *environment) glass(ctx context.Context, state *rollback.Environment, d release.Deed) (string, error) {
	if state.Lock == nil {
		return e.strayLock(ctx, d.Incident)
	}
	i, err := mayUnlock(state, d)
	if err != nil {
		return "", err
	}
	return i.ID, nil
}

// mayUnlock finds the lock's incident, which must be the one that is meant and must not be in hand.
func mayUnlock(state *rollback.Environment, d release.Deed) (*rollback.Incident, error) {
	if state.Lock == nil {
		return nil, release.Problemf(release.Refused, "", "%s is not locked", state.Name)
	}
	if name := cmp.Or(d.Incident, state.Lock.Incident); name != state.Lock.Incident {
		return nil, release.Problemf(release.Refused, "rollback-agent unlock "+state.Lock.Incident, "%s is locked by incident %s, not by %s",
			state.Name, state.Lock.Incident, name)
	}
	i, err := incidentOf(state, "")
	if err != nil {
		return nil, err
	}
	if i.Acting() {
		return nil, release.Problemf(release.Refused, "wait until it is classified", "incident %s is still in hand (%s)", i.ID, i.Phase)
	}
	return i, nil
}

// openLock opens it, on the remote first, so that the ledger never says open while the hook refuses.
func (a *Agent) openLock(ctx context.Context, e *environment, d release.Deed, u rollback.Unlock) (release.Answer, error) {
	if err := e.remote.ClearLock(ctx, e.name); err != nil {
		return release.Answer{}, remoteProblem("open the lock on the remote", err)
	}
	u.Innocent = d.Exonerate
	crashpoint("unlocking")
	if _, err := a.journal.append(ctx, note{environment: e.name, kind: rollback.LockCleared, author: d.Author, incident: u.Incident, body: u}); err != nil {
		return release.Answer{}, notStored(err)
	}
	return release.Answer{Message: fmt.Sprintf("%s is open again; incident %s is closed by %s", e.name, u.Incident, d.Author),
		Facts: map[string]string{"incident": u.Incident}}, nil
}
