package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/web"
)

// How long and how often the agent tries.
const (
	maxAttempts  = 5               // preparations, when the tip keeps moving
	pushDeadline = 5 * time.Minute // after that a person decides

	credentialsPatience = time.Minute // credentials that are being rotated are read anew at each try
)

// Receive makes a delivery durable, and only that: no git, no command and no query runs before Alertmanager has its answer.
func (a *Agent) Receive(ctx context.Context, source string, body []byte) (web.Receipt, error) {
	d, unreadable := parseDelivery(source, body)
	if len(body) > web.BodyLimit {
		unreadable = fmt.Errorf("it is larger than %d MiB", web.BodyLimit>>20)
	}
	notes, disposition := a.split(d), a.disposition(d)
	if unreadable != nil {
		notes = []note{{kind: rollback.AlertsQuarantined, author: source, body: quarantine(source, body, unreadable, a.discreet())}}
	}
	seq, err := a.journal.receive(ctx, notes...)
	crashpoint("received")
	if err != nil {
		a.log.Error("a delivery was not stored, and not acknowledged", "source", source, "err", err)
		return web.Receipt{}, &release.Problem{Kind: release.Unavailable, Message: "not stored", Cause: err, Hint: "it is safe to send it again"}
	}
	if unreadable != nil {
		return web.Receipt{}, release.Problemf(release.Invalid, "the body is kept in quarantine", "%s", a.discreet()(unreadable.Error()))
	}
	if d.Truncated > 0 {
		a.log.Warn("a delivery was cut: asking Alertmanager for the whole", "source", source, "cut", d.Truncated)
		a.askForTheWhole()
	}
	a.deliveries.WithLabelValues(source, string(disposition)).Inc()
	return web.Receipt{Seq: seq, Disposition: string(disposition)}, nil
}

// askForTheWhole lets every poller look at once: what was cut from a group says not even which environment it is of.
func (a *Agent) askForTheWhole() {
	for _, e := range a.all() {
		select {
		case e.incomplete <- struct{}{}:
		default: // it has been told and has not looked yet
		}
	}
}

// split sorts a delivery's alerts by the environment they speak of: one entry each, in one append. What speaks of none that is
// configured, or that the source is not bound to, is kept under no name, and has no effect.
func (a *Agent) split(d rollback.Delivery) []note {
	parts, order := map[string]rollback.Delivery{}, []string{}
	for _, f := range d.Firings {
		name := environmentOf(f)
		if a.told(d.Source, name) == nil {
			name = ""
		}
		part, known := parts[name]
		if !known {
			order = append(order, name)
			part = rollback.Delivery{Source: d.Source, BodySHA: d.BodySHA, Content: d.Content, Truncated: d.Truncated}
		}
		part.Firings = append(part.Firings, f)
		parts[name] = part
	}
	notes := make([]note, len(order))
	for i, name := range order {
		notes[i] = note{environment: name, kind: rollback.AlertsReceived, author: d.Source, body: parts[name]}
	}
	return notes
}

// disposition is what a delivery is to the state as it stands: that of the most consequential of its alerts.
func (a *Agent) disposition(d rollback.Delivery) rollback.Disposition {
	all := rollback.Nobodys
	a.journal.peek(func(s *rollback.State) {
		for _, f := range d.Firings {
			switch e := s.Environments[environmentOf(f)]; {
			case a.told(d.Source, environmentOf(f)) == nil:
			case e == nil:
				all = all.Worse(rollback.New)
			default:
				all = all.Worse(e.Dispose(d.Source, f))
			}
		}
	})
	return all
}

// step does the next thing that is to be done for e, and says when to look again. Whatever it did is in the ledger when it returns; a
// crash anywhere in it costs a repetition, never a second commit.
func (a *Agent) step(ctx context.Context, e *environment) time.Duration {
	state := a.journal.environment(e.name)
	a.beginTerm(ctx, e, state)
	if state.Forward == nil {
		return a.watch(ctx, e, state)
	}
	wait := a.retry(ctx, e, "roll forward", a.resumeForward(ctx, e, state))
	if wait == 0 {
		return 0
	}
	e.pending = state.Forward.Commit
	return min(wait, a.watch(ctx, e, a.journal.environment(e.name)))
}

// watch is step for what runs. A release that cannot be pushed changes nothing of that.
func (a *Agent) watch(ctx context.Context, e *environment, state *rollback.Environment) time.Duration {
	for _, i := range state.Incidents {
		if i.Acting() {
			return a.retry(ctx, e, "incident "+i.ID, a.advance(ctx, e, state, i))
		}
	}
	a.keepLock(ctx, e, state)
	if err := a.keepPreflight(ctx, e, state); err != nil {
		return a.retry(ctx, e, "end preflight", err)
	}
	if err := a.adopt(ctx, e); err != nil {
		return a.retry(ctx, e, "adopt rules", err)
	}
	if i := unaccounted(state); i != nil && !recent(e.looked, a.now(), reconcileEvery) {
		e.looked = a.now()
		if err := a.reconcile(ctx, e, i); err != nil {
			a.log.Warn("a rollback was not looked for on the remote", "environment", e.name, "incident", i.ID, "err", err)
		}
	}
	return a.decideDue(ctx, e, state)
}

// retry turns a step's end into the time of the next: at once after progress, with growing patience after trouble.
func (a *Agent) retry(ctx context.Context, e *environment, what string, err error) time.Duration {
	if err == nil {
		e.patience = 0
		return 0
	}
	if ctx.Err() != nil {
		return askAgain
	}
	e.patience = min(max(2*e.patience, time.Second), 30*time.Second)
	a.log.Warn("step not done, trying again", "environment", e.name, "what", what, "in", e.patience, "err", err)
	return e.patience
}

// decisionNotes are a decision, the lock if it locks, and what a person must know if it ends in one.
func decisionNotes(environment string, state *rollback.Environment, d rollback.Decision) []note {
	incident, once := "", ""
	if r := state.Release; r != nil && d.Release != "" {
		incident = rollback.IncidentID(r.Commit, r.T0)
	}
	if d.Verdict == rollback.Rollback {
		once = "rollback " + environment + " " + incident
	}
	var notes []note
	if once != "" && state.Forward != nil {
		notes = append(notes, note{environment: environment, kind: rollback.ForwardFailed, author: self, body: rollback.Trouble{Reason: rollback.Superseded,
			Text: "what runs is rolled back before it could be pushed: release it again when the lock is open"}})
	}
	notes = append(notes, note{environment: environment, kind: rollback.Decided, author: cmp.Or(d.By, self), incident: incident, once: once, body: d})
	if !d.Locks {
		return notes
	}
	notes = append(notes, note{environment: environment, kind: rollback.LockSet, author: cmp.Or(d.By, self), incident: incident, body: rollback.Lock{
		Incident: incident, Release: d.Release, Tree: state.Release.Content(), Since: d.At, Reason: string(d.Reason)}})
	if d.Verdict != rollback.Rollback {
		notes = append(notes, trouble(environment, incident, d.Reason, d.Text))
	}
	return notes
}

func trouble(environment, incident string, reason rollback.Reason, text string) note {
	return note{environment: environment, kind: rollback.NeedsHuman, author: self, incident: incident, body: rollback.Trouble{Reason: reason, Text: text}}
}

// advance does the next step of an incident: prepare, push, verify, classify.
func (a *Agent) advance(ctx context.Context, e *environment, state *rollback.Environment, i *rollback.Incident) error {
	if e.mustNotPush(state, i) {
		_, err := a.journal.append(ctx, trouble(e.name, i.ID, rollback.KillSwitch, "the kill switch was turned on after the decision: the agent pushes no more"))
		return err
	}
	if stopped, err := a.doubted(ctx, e, state, i); stopped || err != nil {
		return err
	}
	switch i.Phase {
	case rollback.PhaseDecided:
		return a.prepare(ctx, e, i.ID)
	case rollback.PhasePrepared:
		return a.push(ctx, e, i.ID)
	case rollback.PhasePushed:
		return a.verify(ctx, e, i)
	}
	c := rollback.Classify(e.plan, state)
	_, err := a.journal.append(ctx, note{environment: e.name, kind: rollback.Classified, author: self, incident: i.ID, body: c})
	crashpoint("classified")
	return err
}

// mustNotPush says whether a kill switch was turned on between the decision and the push. It bounds what the agent does by itself.
func (e *environment) mustNotPush(state *rollback.Environment, i *rollback.Incident) bool {
	return (i.Phase == rollback.PhaseDecided || i.Phase == rollback.PhasePrepared) && e.stopped(state) && !byHand(i)
}

// prepare makes the commit on the tip as it is now, and stores its bytes. A crash after this point pushes these bytes and no others.
func (a *Agent) prepare(ctx context.Context, e *environment, id string) error {
	e.deeds.Lock()
	defer e.deeds.Unlock()
	state := a.journal.environment(e.name)
	i := state.IncidentByID(id)
	if i.Phase != rollback.PhaseDecided || e.mustNotPush(state, i) {
		return nil // a person cancelled it, or turned the kill switch on, while we waited for our turn
	}
	r, d := state.Release, lastRollback(i)
	if byHand(i) { // a person looked at the tip as it was, and must look again
		_, err := a.journal.append(ctx, trouble(e.name, i.ID, rollback.ForeignCommit, "somebody moved the branch before the rollback by hand was pushed; roll back again"))
		return err
	}
	tip, target := e.look(ctx, r)
	reason, text := mayPrepare(tip, r, i.Attempts)
	if reason == "" {
		reason, text = target.Reason, target.Text
	}
	switch {
	case tip.Problem != "" || reason == rollback.RemoteUnknown:
		return a.orGiveUp(ctx, e, i, d.At, fmt.Errorf("%s%s", tip.Problem, text))
	case reason != "":
		_, err := a.journal.append(ctx, trouble(e.name, i.ID, reason, text))
		return err
	}
	own, err := e.ownLock(ctx, i)
	if err != nil {
		return a.orGiveUp(ctx, e, i, d.At, err)
	}
	p, err := e.rollbackCommit(ctx, order{target: r.Target, paths: e.paths, of: r.Commit, tip: tip, decision: d, incident: i.ID, attempt: i.Attempts, replaces: own, now: a.now()})
	switch reason, lasting := unusable(err); {
	case lasting:
		_, err = a.journal.append(ctx, trouble(e.name, i.ID, reason, err.Error()))
		return err
	case err != nil:
		return a.orGiveUp(ctx, e, i, d.At, err)
	}
	crashpoint("preparing")
	_, err = a.journal.append(ctx, note{environment: e.name, kind: rollback.Prepared, author: self, incident: i.ID, body: p})
	crashpoint("prepared")
	return err
}

// mayPrepare holds the tip against what was decided on: the release's own content, wherever the branch has moved meanwhile.
func mayPrepare(tip rollback.Tip, r *release.Release, attempts int) (rollback.Reason, string) {
	switch {
	case tip.Problem != "":
		return "", ""
	case attempts >= maxAttempts:
		return rollback.TooManyAttempts, fmt.Sprintf("the tip moved %d times while the rollback was pushed", attempts)
	case tip.Relation == rollback.Elsewhere:
		return rollback.Rewound, "the branch was put back behind the release; nothing was pushed"
	case tip.Content() == r.Target.Content():
		return rollback.Superseded, fmt.Sprintf("the tip %.12s holds the tree of %s already; nothing was pushed", tip.Commit, r.Target.Name())
	case tip.Content() != r.Content():
		return rollback.ForeignCommit, fmt.Sprintf("somebody shipped %.12s over the release; nothing was pushed", tip.Commit)
	}
	return "", ""
}

// push sends the prepared commit, and believes what the remote shows afterwards. A crash before the entry costs a look at the remote:
// the commit is there already, or it is pushed again with the same id.
func (a *Agent) push(ctx context.Context, e *environment, id string) error {
	e.deeds.Lock()
	defer e.deeds.Unlock()
	state := a.journal.environment(e.name)
	i := state.IncidentByID(id)
	if i.Phase != rollback.PhasePrepared || e.mustNotPush(state, i) {
		return nil // the deed that prepared it has pushed it meanwhile; or a person cancelled it, or turned the kill switch on
	}
	return a.pushPrepared(ctx, e, i)
}

// pushPrepared is push for who has the turn.
func (a *Agent) pushPrepared(ctx context.Context, e *environment, i *rollback.Incident) error {
	var p gitrepo.Prepared
	if err := json.Unmarshal(i.Preparation.Opaque, &p); err != nil {
		return fmt.Errorf("read preparation: %w", err)
	}
	if stopped, err := a.forbidden(ctx, e, i); stopped || err != nil {
		return err
	}
	crashpoint("pushing")
	seen, err := e.remote.Push(ctx, p)
	crashpoint("push answered")
	refused := gitrepo.KindOf(err) == gitrepo.ErrAuth
	if seen.Outcome == gitrepo.Retry || seen.Outcome == gitrepo.Unknown || refused && a.now().Sub(i.Preparation.At) < credentialsPatience {
		return a.orGiveUp(ctx, e, i, i.Preparation.At, err)
	}
	pushed := rollback.Push{Commit: string(p.Commit), Tip: string(seen.Tip), Outcome: string(seen.Outcome), Locked: seen.LockStands, Text: seen.Text}
	notes := []note{{environment: e.name, kind: rollback.Pushed, author: self, incident: i.ID, body: pushed}}
	switch {
	case refused:
		notes = []note{trouble(e.name, i.ID, rollback.CredentialsRefused, e.refusedUs(err))}
	case seen.Outcome == gitrepo.Rejected:
		notes = []note{trouble(e.name, i.ID, rollback.PushRejected, "the remote refused the rollback: "+words(seen.Text, err))}
	}
	_, err = a.journal.append(ctx, notes...)
	crashpoint("pushed")
	return err
}

// forbidden stops a rollback whose target the agent's file forbids since it was prepared. What is on the remote already is left to the push to
// find, which pushes nothing then.
func (a *Agent) forbidden(ctx context.Context, e *environment, i *rollback.Incident) (stopped bool, err error) {
	text, err := e.forbidden(ctx, i.Preparation)
	holds := false
	if text != "" {
		_, holds, err = e.holds(ctx, i.Preparation)
	}
	switch {
	case err != nil:
		return true, a.orGiveUp(ctx, e, i, i.Preparation.At, err)
	case text == "" || holds:
		return false, nil
	}
	_, err = a.journal.append(ctx, trouble(e.name, i.ID, rollback.TargetForbidden, "prepared, and not pushed: "+text))
	return true, err
}

// orGiveUp lets a step be tried again until the deadline; then a person decides, and the lock stays.
func (a *Agent) orGiveUp(ctx context.Context, e *environment, i *rollback.Incident, since time.Time, cause error) error {
	if cause == nil {
		cause = errors.New("the remote did not say what became of the push")
	}
	if a.started.After(since) {
		since = a.started // who was down has not tried
	}
	if a.now().Sub(since) < pushDeadline || ctx.Err() != nil {
		return cause
	}
	if gitrepo.KindOf(cause) == gitrepo.ErrAuth {
		_, err := a.journal.append(ctx, trouble(e.name, i.ID, rollback.CredentialsRefused, e.refusedUs(cause)))
		return err
	}
	_, err := a.journal.append(ctx, trouble(e.name, i.ID, rollback.RemoteUnknown,
		fmt.Sprintf("the git remote could not be used for %s: %v", pushDeadline, cause)))
	return err
}

// byHand says whether the rollback in hand is one that a person asked for without a firing.
func byHand(i *rollback.Incident) bool { return lastRollback(i).Reason == rollback.ByHand }

func lastRollback(i *rollback.Incident) rollback.Decision {
	for n := len(i.Decisions) - 1; n >= 0; n-- {
		if i.Decisions[n].Verdict == rollback.Rollback {
			return i.Decisions[n]
		}
	}
	return rollback.Decision{}
}

// words are what is known of a push that was refused: what the remote said, and what went wrong, if anything did.
func words(said string, err error) string {
	if err == nil {
		return said
	}
	return strings.TrimSpace(said + " " + err.Error())
}
