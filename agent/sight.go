package agent

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/rollback"
)

// How often the remote is looked at though nobody asks, and from when on what is wrong there is paged. Credentials that have expired, and a
// lock that nobody here knows of, must not be found out at 3 a.m.
const (
	sightEvery = time.Minute
	pushEvery  = 10 * time.Minute // would it let us push? Over ssh that costs its advertisement of every ref
	blindFor   = 2 * time.Minute
)

// sight is what was seen on an environment's remote at the last looks.
type sight struct {
	mu    sync.Mutex
	blind error     // why nothing was seen; nil when something was
	since time.Time // of blind
	stray string    // what is wrong about the lock that stands, "" if nothing is
	twice bool      // so at two looks: it is not just being opened
	at    time.Time // of stray
	tried time.Time // when a push was last asked about
}

// watchRemote looks at the remote until ctx ends, while there is something that could be rolled back, or is locked. It holds no turn, and
// changes nothing.
func (a *Agent) watchRemote(ctx context.Context, e *environment) {
	for sleep(ctx, sightEvery) {
		if state := a.journal.environment(e.name); state.Pin == nil && state.Lock == nil {
			continue
		}
		stray, err := a.strange(ctx, e)
		if ctx.Err() == nil {
			e.sight.saw(stray, err, a.now())
		}
	}
}

// strange says what is wrong about the lock on the remote, "" if nothing is. The error says why the remote is of no use: also for pushing.
func (a *Agent) strange(ctx context.Context, e *environment) (string, error) {
	standing, stands, err := e.remote.ReadLock(ctx, e.name)
	lock := a.journal.environment(e.name).Lock // read later: a lock is in the ledger before it is on the remote
	switch {
	case damaged(stands, err):
		return fmt.Sprintf("a lock stands on the git remote whose record cannot be read, and refuses every push to the branch: %v; %s; rollback-agent rollback replaces it", err, hintStray), nil
	case err != nil:
		return "", err
	case stands && lock == nil:
		return fmt.Sprintf("a lock of incident %s stands on the git remote since %s, and the ledger knows nothing of it: nothing can be released; %s", standing.Incident,
			clock(standing.Since), hintStray), nil
	case stands && standing.Incident != lock.Incident:
		return fmt.Sprintf("the lock on the git remote is of incident %s, and the ledger's of %s: the hook lets another commit through", standing.Incident, lock.Incident), nil
	}
	if !e.sight.mayAsk(a.now()) {
		return "", nil
	}
	return "", e.remote.CheckPush(ctx)
}

// mayAsk says whether it is time to ask about a push: at each look as long as the answer is no.
func (s *sight) mayAsk(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blind == nil && recent(s.tried, now, pushEvery) {
		return false
	}
	s.tried = now
	return true
}

func (s *sight) saw(stray string, err error, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && s.blind == nil {
		s.since = now
	}
	if s.blind = err; err != nil {
		return // of the lock nothing is known
	}
	if s.twice = stray != "" && stray == s.stray; !s.twice {
		s.stray, s.at = stray, now
	}
}

// conditions are what of it a person must know.
func (s *sight) conditions(e *environment, now time.Time) []rollback.Condition {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []rollback.Condition
	if s.blind != nil && now.Sub(s.since) >= blindFor {
		text := fmt.Sprintf("%s: nothing could be rolled back: the git remote is of no use since %s: %v", e.name, clock(s.since), s.blind)
		if gitrepo.KindOf(s.blind) == gitrepo.ErrAuth {
			text = fmt.Sprintf("%s: nothing could be rolled back since %s: %s", e.name, clock(s.since), e.refusedUs(s.blind))
		}
		all = append(all, rollback.Condition{Cause: rollback.CauseRemote, Text: text, Since: s.since})
	}
	if s.twice {
		all = append(all, rollback.Condition{Cause: rollback.CauseStrayLock, Text: e.name + ": " + s.stray, Since: s.at})
	}
	return all
}

// refusedUs names the credentials that the remote refuses.
func (e *environment) refusedUs(cause error) string {
	from := e.configured.Git.CredentialsFrom()
	if from == "" {
		return fmt.Sprintf("the git remote refuses the agent, which has no credentials: name them with git.credentials_file (%v)", cause)
	}
	return fmt.Sprintf("the git remote refuses the agent's credentials in %s: renew them, they are read at every request (%v)", from, cause)
}

// damaged says whether a lock stands whose record is none, or cannot be had: not that the remote could not be asked.
func damaged(stands bool, err error) bool {
	kind := gitrepo.KindOf(err)
	return stands && err != nil && kind != gitrepo.ErrUnavailable && kind != gitrepo.ErrAuth
}
