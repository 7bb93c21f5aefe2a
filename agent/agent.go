package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/ledger"
	"github.com/coclai/cutover/agent/notify"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/web"
)

// Options are what an Agent is made of. Now may be nil for the real clock.
type Options struct {
	Config config.Config
	Ledger ledger.Store
	Logger *slog.Logger
	Now    func() time.Time
	Shared *ledger.Shared // the same ledger, where several agents have it open; nil: this agent is the only one
}

// Agent conducts the releases of the configured environments. Its methods may be called at the same time.
type Agent struct {
	log                   *slog.Logger
	now                   func() time.Time
	journal               *journal
	ledger                ledger.Store
	replica               *replica // nil: this agent is the only one
	decisions, deliveries *prometheus.CounterVec
	tellings              *prometheus.CounterVec
	report                reporter // nil: milestones are judged, and nothing is written about them
	works                 works
	pager                 pager
	spending              sync.Mutex // held while a decision to act is stored: the budget of all environments is one

	mu           sync.RWMutex
	environments map[string]*environment
	notifier     *notify.Notifier
	bound        map[string][]string // environments by the names of the tokens that are bound to some
	redact       func(string) string // takes the secrets in force out of text
	retention    time.Duration       // 0: the ledger is kept whole
	config       config.Config       // in force
	started      time.Time
	reloaded     chan struct{} // closed when the configuration has been replaced
}

// New folds the ledger and makes what the configuration names. It speaks to nothing yet.
func New(o Options) (*Agent, error) {
	a := &Agent{log: o.Logger, now: o.Now, ledger: o.Ledger, reloaded: make(chan struct{}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rollback_agent_decisions_total",
			Help: "Decisions appended to the ledger since start, by verdict and reason."}, []string{"service", "environment", "verdict", "reason"}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rollback_agent_deliveries_total",
			Help: "Webhook bodies stored since start, by the name of their token and what they were to the state."}, []string{"source", "disposition"}),
		tellings: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rollback_agent_messages_total",
			Help: "Tries to deliver a message to the webhook since start, by what came of it."}, []string{"service", "environment", "outcome"})}
	if a.now == nil {
		a.now = time.Now
	}
	if o.Config.Reports != "" {
		a.report = a.reportMilestone
	}
	a.started = a.now()
	var err error
	if a.journal, err = openJournal(context.Background(), o.Ledger, a.now); err != nil {
		return nil, err
	}
	a.journal.heard = a.wake
	if o.Shared != nil {
		a.replica = &replica{ledger: o.Shared, log: o.Logger}
		a.journal.acting, a.journal.behind = a.replica.store, make(chan struct{}, 1)
	}
	return a, a.configure(o.Config)
}

// Reload replaces the configuration. When it cannot, the old one stays whole.
func (a *Agent) Reload(c config.Config) error {
	if err := a.configure(c); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	close(a.reloaded)
	a.reloaded = make(chan struct{})
	return nil
}

func (a *Agent) configure(c config.Config) error {
	environments := map[string]*environment{}
	var peers []string
	for _, env := range c.Environments {
		e, err := open(c, env)
		if err != nil {
			return err
		}
		if a.replica != nil && !planted("no token") {
			e.remote.Guard(a.guard(e))
		}
		if before := a.environment(e.name); before != nil {
			e.deeds, e.brakes, e.trial, e.sight, e.polled = before.deeds, before.brakes, before.trial, before.sight, before.polled // a deed may be in hand: who comes after the reload waits for it
		}
		environments[e.name] = e
		a.startCounting(e)
		for _, peer := range env.Alertmanagers {
			if !slices.Contains(peers, peer.URL) {
				peers = append(peers, peer.URL)
			}
		}
	}
	n, err := notify.New(peers, pageTimeout)
	if err != nil {
		return fmt.Errorf("open notifier: %w", err)
	}
	bound := map[string][]string{}
	for _, t := range c.Web.Tokens {
		bound[t.Name] = t.Environments
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.environments, a.notifier, a.retention, a.bound, a.redact, a.config = environments, n, c.Ledger.Retention.Std(), bound, c.Redact, c
	return nil
}

// Run conducts until ctx ends; what is half done then is resumed by the next Run. It fails when the ledger can no longer be trusted to
// keep what it is given: then the process must end, and start from what is on disk.
func (a *Agent) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	a.journal.onBroken(stop)
	a.works.open(ctx)
	defer a.works.close()
	if a.replica != nil {
		a.share(ctx)
	}
	for ctx.Err() == nil {
		a.conductAll(ctx)
	}
	if err := context.Cause(ctx); errors.Is(err, ledger.ErrBroken) {
		return err
	}
	return nil
}

// conductAll runs one conductor for each environment, until ctx ends or the configuration is replaced.
func (a *Agent) conductAll(ctx context.Context) {
	a.mu.RLock()
	reloaded := a.reloaded
	a.mu.RUnlock()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var conductors sync.WaitGroup
	for _, e := range a.all() {
		conductors.Go(func() { a.conduct(ctx, e) })
		conductors.Go(func() { a.poll(ctx, e) })
		conductors.Go(func() { a.attend(ctx, e) })
		conductors.Go(func() { a.keepHardGates(ctx, e) })
		conductors.Go(func() { a.watchRemote(ctx, e) })
		conductors.Go(func() { a.tell(ctx, e) })
	}
	if a.replica == nil { // else every agent does, whoever acts
		conductors.Go(func() { a.callAttention(ctx) })
	}
	conductors.Go(func() { a.keepLedger(ctx) })
	select {
	case <-ctx.Done():
	case <-reloaded:
		stop()
	}
	conductors.Wait()
}

// conduct does one step after another for e: the one owner that decides and acts in it.
func (a *Agent) conduct(ctx context.Context, e *environment) {
	for ctx.Err() == nil {
		wait := a.step(ctx, e)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-e.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// wake tells an environment's conductor, who attends to its cutover, and who tells people, that something was appended.
func (a *Agent) wake(name string) {
	e := a.environment(name)
	if e == nil {
		return
	}
	for _, told := range []chan struct{}{e.wake, e.moved, e.untold} {
		select {
		case told <- struct{}{}:
		default: // it has been told and has not looked yet
		}
	}
}

func (a *Agent) environment(name string) *environment {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.environments[name]
}

// told is the environment of that name, if it is configured and a source may tell of it.
func (a *Agent) told(source, name string) *environment {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if some := a.bound[source]; len(some) > 0 && !slices.Contains(some, name) {
		return nil
	}
	return a.environments[name]
}

// discreet takes the secrets in force out of text.
func (a *Agent) discreet() func(string) string {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.redact
}

// all are the environments in order of their names.
func (a *Agent) all() []*environment {
	a.mu.RLock()
	defer a.mu.RUnlock()
	var all []*environment
	for _, name := range slices.Sorted(maps.Keys(a.environments)) {
		all = append(all, a.environments[name])
	}
	return all
}

// View is what there is to show at this moment.
func (a *Agent) View() web.View {
	state := a.journal.snapshot()
	v := web.View{Ready: a.whyUnready(), Acting: a.actor(), Degraded: a.weaknesses(), Entries: a.entries, Story: a.story, Rehearse: a.rehearse, Kept: a.kept, Glance: a.glance, Examine: a.examine}
	for _, e := range a.all() {
		v.Degraded = append(v.Degraded, a.degraded(e, state.Environment(e.name))...)
	}
	v.State = a.withAll(*state)
	return v
}

// withAll is the state with every configured environment in it, also those of which nothing was ever heard.
func (a *Agent) withAll(state rollback.State) rollback.State {
	known := maps.Clone(state.Environments)
	if known == nil {
		known = map[string]*rollback.Environment{}
	}
	for _, e := range a.all() {
		known[e.name] = state.Environment(e.name)
	}
	state.Environments = known
	return state
}

// entries are the ledger's last ones, newest first. It reads back from the end, further each time until there are enough: a page must
// not read a year's ledger.
func (a *Agent) entries(ctx context.Context, environment string, limit int) ([]rollback.Entry, error) {
	state := a.journal.snapshot()
	for span := int64(4 * limit); ; span *= 8 {
		after := max(state.Cut, state.Seq-span)
		found, err := a.entriesAfter(ctx, environment, after)
		if err != nil || after == state.Cut || len(found) >= limit {
			slices.Reverse(found)
			return found[:min(limit, len(found))], err
		}
	}
}

// story are an incident's entries, oldest first. It reads back only until the incident had not been opened.
func (a *Agent) story(ctx context.Context, environment, incident string) ([]rollback.Entry, error) {
	state := a.journal.snapshot()
	i := state.Environment(environment).IncidentByID(incident)
	for span := int64(1000); i != nil; span *= 8 {
		after := max(state.Cut, state.Seq-span)
		found, err := a.entriesAfter(ctx, environment, after)
		if err != nil {
			return nil, err
		}
		if after == state.Cut || len(found) > 0 && found[0].At.Before(i.Opened) {
			return slices.DeleteFunc(found, func(e rollback.Entry) bool { return e.Incident != incident }), nil
		}
	}
	return nil, nil
}

func (a *Agent) entriesAfter(ctx context.Context, environment string, after int64) ([]rollback.Entry, error) {
	var found []rollback.Entry
	for entry, err := range a.ledger.Entries(ctx, after) {
		if err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
		if entry.Seq > after && (environment == "" || entry.Environment == environment) {
			found = append(found, brief(entry))
		}
	}
	return found, nil
}

// brief leaves the state out of a checkpoint: it may be as large as all the rest.
func brief(e rollback.Entry) rollback.Entry {
	if e.Kind == rollback.Checkpointed {
		e.Body = fmt.Appendf(nil, `{"seq":%d}`, cutOf(e))
	}
	return e
}
