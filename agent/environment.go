package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/evidence"
	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/notify"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/verify"
	"github.com/coclai/cutover/generator/slo"
)

// environment is one service in one environment with the things it speaks to.
type environment struct {
	name       string             // service/environment
	configured config.Environment // as the agent's file has it
	plan       slo.Plan
	policy     rollback.Policy
	kill       string // path of the kill switch, "" for none

	prometheus    *evidence.Prometheus
	alertmanagers *evidence.Alertmanagers
	remote        *gitrepo.Remote
	branch        string   // that is production
	paths         []string // put back by a rollback; empty: everything
	marks         bool     // a rollback's commit gets a tag
	runner        verify.Runner
	chat          *notify.Chat  // told of a cutover; nil for none
	herald        *notify.Chat  // told of what calls for a person; nil for none
	lockedAfter   time.Duration // a lock that stands for so long is said again
	logs          verify.Logs
	reports       string                 // folder, "" for none
	unwritten     atomic.Pointer[string] // why a report is not written, nil when none waits
	redact        func(string) string    // takes secrets out of text

	deeds      *sync.Mutex          // held by whoever decides or acts: one at a time, also across a reload
	trial      chan struct{}        // full while the remote is tried
	brakes     *sync.Mutex          // held while a brake or a decision to act is stored; never while anybody is asked
	wake       chan struct{}        // something was appended
	moved      chan struct{}        // likewise, for who attends to the cutover
	incomplete chan struct{}        // a delivery said that alerts were cut from it
	adopted    bool                 // the rules are on record; owned by the conductor
	confirmed  time.Time            // when an old decision was found true again; owned by the conductor
	looked     time.Time            // when a rollback was last looked for on the remote; owned by the conductor
	pending    string               // commit of a release that could not be pushed at the last try; owned by the conductor
	asked      map[string]time.Time // when an episode was last judged; owned by the conductor
	lockTried  time.Time            // when a lock was last pushed alone; owned by the conductor
	sight      *sight               // what was seen on the remote without being asked
	telling    telling              // how the messages to the herald fare
	turning    turning              // what people are to be told of soon
	untold     chan struct{}        // something was appended, for who tells
	shown      shown                // the rows as the page shows them
	polled     *polled              // when both last answered what fires
	patience   time.Duration        // until the next try after trouble; owned by the conductor

	begun   sync.Mutex             // held while a term is begun on the remote
	foreign atomic.Pointer[string] // why the remote takes no term of this ledger, nil or "" when it does
}

// killed says whether the kill switch is on. A switch that cannot be read is on.
func (e *environment) killed() bool {
	if e.kill == "" {
		return false
	}
	_, err := os.Stat(e.kill)
	return !errors.Is(err, os.ErrNotExist)
}

// stopped says whether either kill switch is on: the file's, or the one that persons turn.
func (e *environment) stopped(state *rollback.Environment) bool {
	return e.killed() || state.Kill != nil
}

// atT0 is what was measured of an SLO at T0; UNKNOWN if nothing was.
func atT0(r *release.Release, id string) release.Reading {
	for _, reading := range r.AtT0 {
		if reading.SLO == id {
			return reading
		}
	}
	return release.Reading{SLO: id, Verdict: release.Unknown}
}

func (e *environment) readSince(ctx context.Context, s slo.PlanSLO, c rollback.Case) release.Reading {
	if s.Holds != slo.HoldsSinceOnset {
		return e.read(ctx, s, c.Environment, c.Now)
	}
	return e.prometheus.ReadSince(ctx, s, baselineOf(c.Environment.ActiveBaselines(), s.ID), evidence.Since{Onset: c.From(s), At: c.Now, Step: e.plan.EvaluationInterval.Std()})
}

func (e *environment) read(ctx context.Context, s slo.PlanSLO, state *rollback.Environment, at time.Time) release.Reading {
	return e.prometheus.Read(ctx, s, baselineOf(state.ActiveBaselines(), s.ID), at)
}

func baselineOf(all []release.Baseline, id string) *release.Baseline {
	for _, b := range all {
		if b.SLO == id {
			return &b
		}
	}
	return nil
}

// look reads the head of the deploy branch, and whether the pinned tag is still what was pinned, in one go.
func (e *environment) look(ctx context.Context, r *release.Release) (rollback.Tip, rollback.TargetState) {
	if r.Target.Commit == "" {
		c, err := e.remote.Tip(ctx)
		return e.tip(ctx, r, c, err), rollback.TargetState{Reason: rollback.NoTarget, Text: "no stable tag was pinned when it was deployed"}
	}
	s, err := e.remote.Survey(ctx, pinned(r.Target))
	if err != nil {
		s.Target = err
	}
	return e.tip(ctx, r, s.Tip, err), targetState(s.Target)
}

// tip is how the head of the deploy branch, or why it could not be read, stands to the release.
func (e *environment) tip(ctx context.Context, r *release.Release, c gitrepo.Commit, err error) rollback.Tip {
	if err != nil {
		return rollback.Tip{Problem: err.Error()}
	}
	content, err := e.content(ctx, c.Tree)
	if err != nil {
		return rollback.Tip{Problem: err.Error()}
	}
	t := rollback.Tip{Commit: string(c.ID), Tree: string(c.Tree), Paths: content, Committed: c.Committed, Relation: rollback.Same}
	if t.Commit == r.Commit {
		return t
	}
	ancestor, err := e.remote.IsAncestor(ctx, gitrepo.ID(r.Commit), c.ID)
	if err != nil {
		return rollback.Tip{Problem: err.Error()}
	}
	t.Relation = rollback.Elsewhere
	if ancestor {
		t.Relation = rollback.Descendant
	}
	return t
}

// targetReasons maps what gitrepo finds wrong with a pinned tag.
var targetReasons = map[gitrepo.Kind]rollback.Reason{
	gitrepo.ErrTagMissing:  rollback.TargetMissing,
	gitrepo.ErrTagMoved:    rollback.TargetMoved,
	gitrepo.ErrTagMismatch: rollback.TargetMismatch,
	gitrepo.ErrUnsigned:    rollback.TargetUnsigned,
	gitrepo.ErrSignature:   rollback.TargetUntrusted,
	gitrepo.ErrForbidden:   rollback.TargetForbidden,
}

func targetState(err error) rollback.TargetState {
	if err == nil {
		return rollback.TargetState{}
	}
	return rollback.TargetState{Reason: cmp.Or(targetReasons[gitrepo.KindOf(err)], rollback.RemoteUnknown), Text: err.Error()}
}

// createStable makes a tag by the plan's pattern, unless the commit has one already: saying it twice changes nothing.
func (e *environment) createStable(ctx context.Context, at gitrepo.ID, now time.Time) (gitrepo.Pin, error) {
	name, existing, err := e.stableTag(ctx, at, now)
	if err != nil || existing.Ref != "" {
		return existing, err
	}
	return e.remote.CreateTag(ctx, name, at, stableMessage(e, at), now)
}

// stableTag is the first name by the plan's pattern that is free, or that the commit bears; a second tag of the same day gets a suffix, up
// to -9.
func (e *environment) stableTag(ctx context.Context, at gitrepo.ID, now time.Time) (name string, existing gitrepo.Pin, err error) {
	first, err := stableName(e.plan.StableTag, now)
	if err != nil {
		return "", gitrepo.Pin{}, err
	}
	for n := 1; ; n++ {
		name = first
		if n > 1 {
			name = fmt.Sprintf("%s-%d", first, n)
		}
		existing, err = e.remote.ReadTag(ctx, name)
		if err == nil && existing.Commit == at {
			return name, existing, nil
		}
		if errors.Is(err, gitrepo.ErrTagMissing) {
			return name, gitrepo.Pin{}, nil
		}
		if err != nil || n == 9 {
			return "", gitrepo.Pin{}, errors.Join(err, fmt.Errorf("%s and its suffixes up to %s exist: %w", first, name, gitrepo.ErrExists))
		}
	}
}

// stableName puts the date into the plan's pattern, in the plan's time zone.
func stableName(t slo.StableTag, now time.Time) (string, error) {
	zone, err := time.LoadLocation(t.TimeZone)
	if err != nil {
		return "", fmt.Errorf("time zone of the stable tag: %w", err)
	}
	before, rest, found := strings.Cut(t.Pattern, "{date:")
	layout, after, closed := strings.Cut(rest, "}")
	if !found || !closed {
		return t.Pattern, nil
	}
	return before + now.In(zone).Format(layout) + after, nil
}

func (e *environment) prepared(c gitrepo.Change, target string) (rollback.Preparation, error) {
	p, err := e.remote.Prepare(c)
	if err != nil {
		return rollback.Preparation{}, err
	}
	opaque, err := json.Marshal(p)
	return rollback.Preparation{Commit: string(p.Commit), Expected: string(p.Expected), Tree: string(p.Tree), Target: target, Opaque: opaque,
		At: c.Now.UTC()}, err
}

// restoredGates are the gates that the plan runs on a tree that was put back.
func (e *environment) restoredGates() []slo.Gate {
	var gates []slo.Gate
	for _, step := range e.plan.Rollback {
		for _, id := range step.Gates {
			if g, ok := e.plan.GateByID(id); ok {
				gates = append(gates, g)
			}
		}
	}
	return gates
}

// open makes the things an environment speaks to. It does no I/O on the network.
func open(c config.Config, env config.Environment) (*environment, error) {
	e := &environment{name: env.Name(), configured: env, plan: env.Plan, kill: c.KillSwitchFile, deeds: &sync.Mutex{}, brakes: &sync.Mutex{}, trial: make(chan struct{}, 1), sight: &sight{}, polled: &polled{}, wake: make(chan struct{}, 1), moved: make(chan struct{}, 1), incomplete: make(chan struct{}, 1), untold: make(chan struct{}, 1), turning: turning{}, asked: map[string]time.Time{},
		policy: RulesOf(c, env).Policy}
	var errs [5]error
	e.prometheus, errs[0] = evidence.NewPrometheus(evidence.Endpoint{URL: env.Prometheus.URL, Timeout: env.Prometheus.Timeout.Std()})
	var peers []evidence.Endpoint
	for _, a := range env.Alertmanagers {
		peers = append(peers, evidence.Endpoint{URL: a.URL, Timeout: a.Timeout.Std()})
	}
	e.alertmanagers, errs[1] = evidence.NewAlertmanagers(peers)
	e.paths, e.marks = env.Git.Paths, env.Git.MarkerTags
	e.redact, e.logs, e.reports = c.Redact, verify.Logs{Root: c.Logs, Redact: c.Redact}, c.Reports
	e.branch = env.Git.Branch
	e.remote, errs[2] = openRemote(env.Git, c.Redact)
	read := env.Git.Read
	e.runner = verify.Runner{URL: cmp.Or(read.URL, env.Git.URL), Redact: c.Redact, Access: verify.Access{Credentials: string(read.Credentials),
		Key: string(read.Key), KnownHosts: env.Git.Transport.SSH.KnownHostsFile, CAFile: env.Git.Transport.TLS.CAFile}}
	e.chat, errs[3] = openChat("announce", env.Announce.Webhook, env.Announce.Template)
	e.herald, errs[4] = openChat("notify", env.Notify.Webhook, env.Notify.Template)
	e.lockedAfter = env.Notify.LockedAfter.Std()
	if env.Announce.Webhook == env.Notify.Webhook {
		e.chat = nil // it is told of the cutover as of everything
	}
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("open %s: %w", e.name, err)
	}
	return e, nil
}

// openChat makes a chat of a section of the configuration, nil if there is none.
func openChat(section string, address config.Secret, template string) (*notify.Chat, error) {
	if address == "" {
		return nil, nil
	}
	c, err := notify.NewChat(string(address), cmp.Or(template, notify.ChatTemplate), pageTimeout)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", section, err)
	}
	return c, nil
}

// sleep waits, and says whether it was not interrupted.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
