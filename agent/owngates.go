package agent

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// The gates of our own: what must hold before a cutover so that the agent can do its part in it. No runbook need list them.
const (
	ownTriggers = release.OwnGate + "triggers-quiet"
	ownRules    = release.OwnGate + "rules-loaded"
	ownWatchdog = release.OwnGate + "watchdog-heard"
	ownDrill    = release.OwnGate + "drill"
	ownRehearse = release.OwnGate + "rollback-rehearsed"
	ownTarget   = release.OwnGate + "target-pinned"
)

// inquiry is what the gates of our own are asked about.
type inquiry struct {
	*environment
	state  *rollback.Environment
	commit gitrepo.ID
	now    time.Time
	since  time.Time // the agent runs
}

// ownGates asks, all at once, whether a cutover to the commit could be started now. It asks others and changes nothing, and it stores
// nothing: the caller says which run the results are of. A gate that cannot be told is UNKNOWN with the reason.
func (a *Agent) ownGates(ctx context.Context, e *environment, state *rollback.Environment, commit string) []release.GateResult {
	q := inquiry{environment: e, state: state, commit: gitrepo.ID(commit), now: a.now().UTC(), since: a.started}
	asked := []struct {
		gate string
		ask  func(context.Context) (release.Verdict, string)
	}{{ownTriggers, q.triggersQuiet}, {ownRules, q.rulesLoaded}, {ownWatchdog, q.watchdogHeard}, {ownDrill, q.drillInTime},
		{ownRehearse, a.rehearsed(q)}, {ownTarget, q.targetPinned}}
	results := make([]release.GateResult, len(asked))
	var all sync.WaitGroup
	for n, one := range asked {
		all.Go(func() {
			verdict, reason := one.ask(ctx)
			results[n] = release.GateResult{Gate: one.gate, Verdict: verdict, Reason: e.redact(reason), Commit: commit, At: a.now().UTC(), By: self}
		})
	}
	all.Wait()
	return slices.DeleteFunc(results, func(r release.GateResult) bool { return r.Verdict == "" })
}

// triggersQuiet passes when no trigger's alert is pending or fires, and no silence would keep one from being heard.
func (q inquiry) triggersQuiet(ctx context.Context) (release.Verdict, string) {
	rules, err := q.prometheus.Triggers(ctx, q.plan.Service, q.plan.Environment)
	if err != nil {
		return release.Unknown, err.Error()
	}
	if len(rules) == 0 {
		return release.Unknown, "Prometheus has no rule of a trigger of " + q.name
	}
	silences, err := q.alertmanagers.Silences(ctx)
	if err != nil {
		return release.Unknown, err.Error()
	}
	var loud, untold []string
	for _, rule := range rules {
		name := rule.Labels["alertname"]
		switch {
		case rule.State == "pending" || rule.State == "firing":
			loud = append(loud, fmt.Sprintf("%s (trigger %s) is %s", name, rule.Labels[slo.LabelTrigger], rule.State))
		case rule.Health != "ok":
			untold = append(untold, name+" was not evaluated")
		}
		for _, s := range silences {
			if s.Mutes(q.state.Delivered(rule.Labels)) {
				loud = append(loud, fmt.Sprintf("%s would be silenced by %s of %s", name, s.ID, s.CreatedBy))
			}
		}
	}
	switch {
	case len(loud) > 0:
		return release.Fail, strings.Join(loud, "; ")
	case len(untold) > 0:
		return release.Unknown, strings.Join(untold, "; ")
	}
	return release.Pass, fmt.Sprintf("none of the %d rules of triggers is pending, fires, or is silenced", len(rules))
}

// rulesLoaded passes when Prometheus evaluates the rules that the plan was compiled with, and no others of ours.
func (q inquiry) rulesLoaded(ctx context.Context) (release.Verdict, string) {
	hashes, err := q.prometheus.RulesLoaded(ctx, q.plan.Service, q.plan.Environment)
	want := q.plan.Rules.SHA256
	switch {
	case err != nil:
		return release.Unknown, err.Error()
	case len(hashes) == 0:
		return release.Fail, fmt.Sprintf("Prometheus evaluates no compiled rules of %s: load %s", q.name, q.plan.Rules.File)
	case len(hashes) > 1:
		return release.Fail, fmt.Sprintf("Prometheus evaluates %d sets of rules of %s at once", len(hashes), q.name)
	case hashes[0] != want:
		return release.Fail, fmt.Sprintf("Prometheus evaluates the rules %.10s, the plan goes with %.10s: load %s of the same run", hashes[0], want, q.plan.Rules.File)
	}
	return release.Pass, fmt.Sprintf("Prometheus evaluates the rules %.10s", want)
}

// watchdogHeard passes when the alert that always fires was delivered lately: then others would be.
func (q inquiry) watchdogHeard(context.Context) (release.Verdict, string) {
	last := q.state.Watchdog().Last
	switch age := q.now.Sub(last); {
	case !last.IsZero() && age <= rollback.WatchdogLate:
		return release.Pass, fmt.Sprintf("heard %s ago", age.Round(time.Second))
	case q.now.Sub(q.since) < rollback.WatchdogLate:
		return release.Unknown, fmt.Sprintf("not heard yet: the agent runs for %s", q.now.Sub(q.since).Round(time.Second))
	case last.IsZero():
		return release.Fail, "never heard: Prometheus or Alertmanager does not reach this agent"
	default:
		return release.Fail, fmt.Sprintf("not heard for %s: Prometheus or Alertmanager does not reach this agent", age.Round(time.Second))
	}
}

// drillInTime passes when the last alert that was only a drill was delivered fast enough. Without one there is no such gate, unless the
// agent's file asks for it: a drill needs somebody to send it (`rollback-agent doctor --drill`, or a rule of one's own with the label drill, for
// the whole road), and a gate that nobody can pass by waiting would teach people to go around it. A drill that is older than a gate's result may be is none.
func (q inquiry) drillInTime(context.Context) (release.Verdict, string) {
	var last *rollback.Episode
	for _, episode := range q.state.Episodes {
		if episode.Firing.Drill() && (last == nil || episode.First.After(last.First)) {
			last = episode
		}
	}
	expires := q.plan.GatesExpire.Std()
	if last == nil || expires > 0 && q.now.Sub(last.First) > expires {
		if q.configured.Drill.Required {
			return release.Unknown, fmt.Sprintf("no drill was heard within %s: rollback-agent doctor --drill sends one", q.plan.GatesExpire)
		}
		return "", ""
	}
	took, within := last.First.Sub(last.Firing.StartsAt), q.configured.Drill.Within.Std()
	text := fmt.Sprintf("%s arrived %s after it fired", last.Firing.Labels["alertname"], took.Round(time.Millisecond))
	switch {
	case strings.HasPrefix(last.Source, "poll:"):
		return release.Fail, last.Firing.Labels["alertname"] + " was found by asking, and not delivered"
	case took < -time.Second:
		return release.Unknown, text + ": the clocks of Prometheus and the agent differ"
	case took > within:
		return release.Fail, text + ", later than " + within.String()
	}
	return release.Pass, text
}

// rehearsed passes when the remote would take a rollback of the commit, and the rollback's own commit can be made. Nothing is pushed.
func (a *Agent) rehearsed(q inquiry) func(context.Context) (release.Verdict, string) {
	return func(ctx context.Context) (release.Verdict, string) {
		if err := q.remote.Probe(ctx); err != nil {
			return untellable(err)
		}
		tip, err := q.remote.Tip(ctx)
		if err != nil {
			return untellable(err)
		}
		c, err := q.remote.Commit(ctx, q.commit)
		if err != nil {
			return untellable(err)
		}
		target, err := a.pinOf(ctx, q.environment, gitrepo.Pin{Ref: "refs/tags/rehearsal", Object: tip.ID, Commit: tip.ID, Tree: tip.Tree}, self)
		if err != nil {
			return untellable(err)
		}
		p, err := q.rollbackCommit(ctx, order{target: target, paths: q.paths, of: string(c.ID), incident: "rehearsal", now: q.now, decision: rollback.Decision{At: q.now},
			tip: rollback.Tip{Commit: string(c.ID), Tree: string(c.Tree), Committed: c.Committed}})
		if err != nil {
			return untellable(err)
		}
		return release.Pass, fmt.Sprintf("the remote takes pushes; tree %s would go on top of %s%s", short(p.Tree), c.ID.Short(), q.afterwards())
	}
}

// afterwards names the gates that would run on the restored tree.
func (q inquiry) afterwards() string {
	var ids []string
	for _, g := range q.restoredGates() {
		ids = append(ids, g.ID)
	}
	if len(ids) == 0 {
		return ""
	}
	return ", and gate " + strings.Join(ids, ", ") + " would run on it"
}

// targetPinned passes when what production runs is pinned as the place to go back to, or can be; and is not what would be released.
func (q inquiry) targetPinned(ctx context.Context) (release.Verdict, string) {
	tip, err := q.remote.Tip(ctx)
	if err != nil {
		return untellable(err)
	}
	running, err := q.contentOf(ctx, tip)
	if err != nil {
		return untellable(err)
	}
	c, err := q.candidate(ctx, q.commit)
	if err != nil {
		return untellable(err)
	}
	if c.content == running {
		return release.Fail, fmt.Sprintf("%s is what production runs already", q.commit.Short())
	}
	if pin := q.state.Pin; pin != nil && pin.Content() == running {
		_, target := q.look(ctx, &release.Release{Commit: string(tip.ID), Target: *pin})
		switch target.Reason {
		case "":
			return release.Pass, fmt.Sprintf("%s is pinned, and is what production runs", pin.Name())
		case rollback.RemoteUnknown:
			return release.Unknown, target.Text
		}
		return release.Fail, fmt.Sprintf("%s: %s", target.Reason, target.Text)
	}
	name, existing, err := q.stableTag(ctx, tip.ID, q.now)
	if err != nil {
		return untellable(err)
	}
	if existing.Ref != "" {
		return release.Pass, fmt.Sprintf("%s is on %s, and can be pinned", name, tip.ID.Short())
	}
	return release.Pass, fmt.Sprintf("%s is free for %s, which production runs", name, tip.ID.Short())
}

// plainNos are the remote's answers that neither time nor another try mends, beside those that a deed is refused for.
var plainNos = []gitrepo.Kind{gitrepo.ErrAuth, gitrepo.ErrIdentity, gitrepo.ErrNotFound, gitrepo.ErrRedirected, gitrepo.ErrNoAtomic}

// untellable is a clear no of the remote's, or else a question left open.
func untellable(err error) (release.Verdict, string) {
	kind := gitrepo.KindOf(err)
	if no := remoteKinds[kind]; no == release.Refused || no == release.Invalid || slices.Contains(plainNos, kind) {
		return release.Fail, err.Error()
	}
	return release.Unknown, err.Error()
}
