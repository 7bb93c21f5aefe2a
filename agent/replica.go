package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/rollback"
)

// lookEvery is how often the shared ledger is looked at: one question, of one row.
const lookEvery = 200 * time.Millisecond

// blindAfter is for how long that may fail before the agent is not ready.
const blindAfter = 2 * time.Second

// errWaits is an act of an agent that does not act.
var errWaits = errors.New("another agent acts")

// replica is this agent as one of several that share a ledger: all receive and answer, one acts at a time, for its term.
type replica struct {
	ledger *ledger.Shared
	log    *slog.Logger

	acts sync.RWMutex // held for reading by whoever acts: nothing that one term began goes on in the next

	mu        sync.Mutex
	lease     *ledger.Lease // of the term, nil while another agent acts
	sight     ledger.Sight
	seen      time.Time // when that was
	blind     error     // why the last look failed, nil when it did not
	weak      []string  // what a failover would lose
	weakAsked time.Time
}

// enter lets a deed act in this term until leave is called; false when another agent acts.
func (r *replica) enter() (leave func(), acts bool) {
	r.acts.RLock()
	if r.term() == nil {
		r.acts.RUnlock()
		return nil, false
	}
	return r.acts.RUnlock, true
}

// term is the lease that this agent acts under, nil while it does not.
func (r *replica) term() *ledger.Lease {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lease
}

// store is where acts are appended.
func (r *replica) store() (ledger.Store, error) {
	l := r.term()
	switch {
	case l == nil:
		return nil, errWaits
	case planted("no token"):
		return r.ledger, nil
	}
	return l, nil
}

func (r *replica) begin(l *ledger.Lease) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lease = l
}

// end returns when nothing of the term goes on any more.
func (r *replica) end() {
	r.acts.Lock()
	defer r.acts.Unlock()
	r.begin(nil)
}

// look keeps what the ledger shows at this moment.
func (r *replica) look(ctx context.Context) (ledger.Sight, error) {
	sight, err := r.ledger.Look(ctx)
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.blind = err; err == nil {
		r.sight, r.seen = sight, now
	}
	return sight, err
}

// follow keeps the state at the end of the ledger, whoever appends to it.
func (a *Agent) follow(ctx context.Context) {
	var mended time.Time
	for ctx.Err() == nil {
		sight, err := a.replica.look(ctx)
		if err == nil && sight.Last > a.journal.seq() {
			if err := a.journal.catchUp(ctx); err != nil && ctx.Err() == nil {
				a.log.Warn("cannot follow the ledger", "err", err)
			}
		}
		if now := time.Now(); now.Sub(mended) > mendEvery {
			mended = now
			a.journal.mend(ctx)
			a.replica.askWeaknesses(ctx)
		}
		timer := time.NewTimer(lookEvery)
		select {
		case <-ctx.Done():
		case <-a.journal.behind:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// share conducts as one of several, until ctx ends.
func (a *Agent) share(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { a.follow(ctx) })
	all.Go(func() { a.callAttention(ctx) })
	a.conductTerms(ctx)
	all.Wait()
}

// askWeaknesses says what a failover would lose, when that changes.
func (r *replica) askWeaknesses(ctx context.Context) {
	if time.Since(r.weakAsked) < time.Minute {
		return
	}
	r.weakAsked = time.Now()
	weak, err := r.ledger.Weaknesses(ctx)
	if err != nil {
		return // the look says so, too
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if fmt.Sprint(weak) != fmt.Sprint(r.weak) {
		for _, w := range weak {
			r.log.Warn("the ledger's database could lose what it acknowledged", "why", w)
		}
	}
	r.weak = weak
}

// conductTerms waits for the lease and conducts under it, again and again.
func (a *Agent) conductTerms(ctx context.Context) {
	for ctx.Err() == nil {
		lease, err := a.replica.ledger.Take(ctx)
		if err == nil && lease != nil {
			a.conductTerm(ctx, lease)
			continue
		}
		if err != nil && ctx.Err() == nil {
			a.log.Warn("cannot ask for the lease", "err", err)
		}
		sleep(ctx, max(lookEvery, min(a.replica.left(), time.Second)))
	}
}

// left is for how long the lease seen last still holds.
func (r *replica) left() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sight.Left - time.Since(r.seen)
}

// conductTerm is one term: read all that was done before it, then act until the lease is lost or ctx ends. Whatever another agent was about
// to append is refused from the moment the lease was taken, so that nothing comes after that reading but what is no act.
func (a *Agent) conductTerm(ctx context.Context, lease *ledger.Lease) {
	term, stop := context.WithCancel(ctx)
	var beside sync.WaitGroup
	defer func() {
		stop()
		a.replica.end()
		beside.Wait()
		for _, e := range a.all() {
			e.polled.watch(false, a.now()) // another agent asks from now on
		}
		release, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = lease.Release(release) // else its time runs out
		a.log.Info("another agent may act now", "term", lease.Token())
	}()
	beside.Go(func() { a.keep(term, lease); stop() })
	if err := a.journal.catchUp(term); err != nil {
		a.log.Warn("cannot begin a term", "term", lease.Token(), "err", err)
		sleep(term, time.Second)
		return
	}
	a.replica.begin(lease)
	a.log.Info("this agent acts now", "term", lease.Token())
	beside.Go(func() { a.errands(term, lease) })
	for term.Err() == nil {
		a.conductAll(term)
	}
}

// keep renews the lease until it is lost. A database that does not answer loses it when its time is up by this machine's clock.
func (a *Agent) keep(ctx context.Context, lease *ledger.Lease) {
	for {
		if !sleep(ctx, max(lease.Left()/2, lookEvery/4)) {
			return
		}
		asking, cancel := context.WithTimeout(ctx, lease.Left())
		err := lease.Keep(asking)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			a.log.Warn("the lease was not renewed", "term", lease.Token(), "left", lease.Left(), "err", err)
		}
		if _, lost := errors.AsType[*ledger.Refusal](err); lost || errors.Is(err, ledger.ErrStale) || lease.Left() <= 0 {
			return
		}
	}
}

// guard is mayPush for the remote of an environment. A process that stops right behind it and goes on after the term is what the term on the
// remote is for.
func (a *Agent) guard(e *environment) func(context.Context) error {
	return func(ctx context.Context) error {
		err := a.mayPush(ctx, e)
		crashpoint("sending")
		return err
	}
}

// mayPush is asked before anything is sent to the remote that moves a ref: whoever pushes must hold the lease now, and must have begun its
// term on the remote. From then on the remote refuses what any earlier term sends.
func (a *Agent) mayPush(ctx context.Context, e *environment) error {
	if a.replica == nil || planted("no token") {
		return nil
	}
	lease := a.replica.term()
	if lease == nil {
		return errWaits
	}
	if err := lease.Keep(ctx); err != nil {
		return err
	}
	e.begun.Lock()
	defer e.begun.Unlock()
	if e.remote.Term() == lease.Token() {
		return nil
	}
	err := a.begin(ctx, e, lease)
	e.refuses(err)
	return err
}

// refuses keeps why the remote takes no term of this ledger.
func (e *environment) refuses(err error) {
	var why string
	if errors.Is(err, gitrepo.ErrFenced) {
		why = err.Error()
	}
	e.foreign.Store(&why)
}

// begin puts the term on the remote. What stands there tells of the last one: a later term, or an entry that is gone, is a database that
// has gone back, or another one.
func (a *Agent) begin(ctx context.Context, e *environment, lease *ledger.Lease) error {
	last, hash, err := a.replica.ledger.End(ctx)
	if err != nil {
		return err
	}
	return e.remote.Begin(ctx, gitrepo.Term{Environment: e.name, Number: lease.Token(), By: a.replica.ledger.Name(), Entry: last, Hash: hash},
		func(standing gitrepo.Term) error { return a.admit(ctx, e, lease, standing) })
}

const hintTerm = "if this is the right database: git push REMOTE :refs/rollback-agent/term/"

func (a *Agent) admit(ctx context.Context, e *environment, lease *ledger.Lease, standing gitrepo.Term) error {
	if standing.Number >= lease.Token() {
		return fmt.Errorf("%w: term %d by %s stands there, and this ledger has come to term %d only: has its database gone back, or is it another one? %s%s",
			gitrepo.ErrFenced, standing.Number, standing.By, lease.Token(), hintTerm, e.name)
	}
	holds, err := a.replica.ledger.Holds(ctx, standing.Entry, standing.Hash)
	if err != nil || holds {
		return err
	}
	return fmt.Errorf("%w: when term %d began, the ledger had entry %d with sha256 %.12s…, and now it has not: has its database gone back, or is it another one? %s%s",
		gitrepo.ErrFenced, standing.Number, standing.Entry, standing.Hash, hintTerm, e.name)
}

// beginTerm begins the term on the remote before a step of what is in hand: an agent that acted before may be about to push just that. What
// does not work is tried again with the next step, and before each push.
func (a *Agent) beginTerm(ctx context.Context, e *environment, state *rollback.Environment) {
	if a.replica == nil || state.Forward == nil && !slices.ContainsFunc(state.Incidents, (*rollback.Incident).Acting) {
		return
	}
	if err := a.mayPush(ctx, e); err != nil && ctx.Err() == nil {
		a.log.Warn("the term has not begun on the remote yet", "environment", e.name, "err", err)
	}
}
