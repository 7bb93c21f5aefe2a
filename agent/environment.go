package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/evidence"
	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/verify"
	"github.com/coclai/cutover/generator/slo"
)

// environment is one service in one environment with the things it speaks to.
type environment struct {
	name   string // service/environment
	plan   slo.Plan
	policy rollback.Policy
	kill   string // path of the kill switch, "" for none

	prometheus    *evidence.Prometheus
	alertmanagers *evidence.Alertmanagers
	remote        *gitrepo.Remote
	runner        verify.Runner

	deeds    *sync.Mutex          // held by whoever decides or acts: one at a time, also across a reload
	wake     chan struct{}        // something was appended
	asked    map[string]time.Time // when an episode was last judged; owned by the conductor
	patience time.Duration        // until the next try after trouble; owned by the conductor
}

// killed says whether the kill switch is on. A switch that cannot be read is on.
func (e *environment) killed() bool {
	if e.kill == "" {
		return false
	}
	_, err := os.Stat(e.kill)
	return !errors.Is(err, os.ErrNotExist)
}

// gather asks all that Decide wants to know.
func (a *Agent) gather(ctx context.Context, e *environment, c rollback.Case) rollback.Evidence {
	s, _, _ := c.SLO()
	r := c.Environment.Release
	found := rollback.Evidence{At: c.Now, KillSwitch: e.killed()}
	found.Reading = e.readSince(ctx, s, c)
	if found.Reading.Verdict != release.Fail {
		return found // nothing can come of it: the remote need not be asked
	}
	if atT0(r, s.ID).Verdict == release.Unknown {
		found.AtT0 = e.read(ctx, s, c.Environment, r.T0) // it could not be told then; Prometheus may know now
	}
	by, err := e.alertmanagers.Suppressed(ctx, c.Episode.Firing)
	if err != nil {
		found.Reading.Verdict = release.Unknown
		found.Reading.Reason += fmt.Sprintf("; but no Alertmanager says whether the alert is silenced: %v", err)
		return found
	}
	found.Suppressed = by
	found.Tip = e.tip(ctx, r)
	found.Target = e.checkTarget(ctx, r.Target)
	return found
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
	return e.prometheus.ReadSince(ctx, s, baselineOf(c.Environment.ActiveBaselines(), s.ID), evidence.Since{Onset: c.Onset(s), At: c.Now, Step: e.plan.EvaluationInterval.Std()})
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

// tip reads the head of the deploy branch and how it stands to the release.
func (e *environment) tip(ctx context.Context, r *release.Release) rollback.Tip {
	c, err := e.remote.Tip(ctx)
	if err != nil {
		return rollback.Tip{Problem: err.Error()}
	}
	t := rollback.Tip{Commit: string(c.ID), Tree: string(c.Tree), Committed: c.Committed, Relation: rollback.Same}
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
}

// checkTarget asks whether the pinned tag is still what was pinned.
func (e *environment) checkTarget(ctx context.Context, p release.Pin) rollback.TargetState {
	if p.Commit == "" {
		return rollback.TargetState{Reason: rollback.NoTarget, Text: "no stable tag was pinned when it was deployed"}
	}
	err := e.remote.CheckPin(ctx, gitrepo.Pin{Ref: p.Ref, Object: gitrepo.ID(p.Object), Commit: gitrepo.ID(p.Commit), Tree: gitrepo.ID(p.Tree)})
	if err == nil {
		return rollback.TargetState{}
	}
	return rollback.TargetState{Reason: cmp.Or(targetReasons[gitrepo.KindOf(err)], rollback.RemoteUnknown), Text: err.Error()}
}

// createStable makes a tag by the plan's pattern; a second one of the same day gets a suffix, up to -9.
func (e *environment) createStable(ctx context.Context, at gitrepo.ID, now time.Time) (gitrepo.Pin, error) {
	name, err := stableName(e.plan.StableTag, now)
	if err != nil {
		return gitrepo.Pin{}, err
	}
	for n := 1; ; n++ {
		tag := name
		if n > 1 {
			tag = fmt.Sprintf("%s-%d", name, n)
		}
		existing, err := e.remote.ReadTag(ctx, tag)
		if err == nil && existing.Commit == at {
			return existing, nil // declared before: saying it twice changes nothing
		}
		if errors.Is(err, gitrepo.ErrTagMissing) {
			return e.remote.CreateTag(ctx, tag, at, stableMessage(e, at), now)
		}
		if err != nil || n == 9 {
			return gitrepo.Pin{}, errors.Join(err, fmt.Errorf("%s and its suffixes up to %s exist: %w", name, tag, gitrepo.ErrExists))
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

// rollbackCommit makes the commit that puts the target's tree on top of the tip, and the lock that travels with it. No text of a label
// is in it: the reading is our own, the item and the SLO are the plan's.
func (e *environment) rollbackCommit(r *release.Release, d rollback.Decision, incident string, tip rollback.Tip, now time.Time) (rollback.Preparation, error) {
	message := fmt.Sprintf("Roll back to %s\n\n%s\n\nRollback-Of: %s\nRollback-To: %s %s\nIncident: %s\nTrigger: %s %s\n",
		r.Target.Name(), d.Reading.Reason, r.Commit, r.Target.Name(), r.Target.Commit, incident, d.Trigger, d.SLO)
	return e.prepared(gitrepo.Change{
		Parents: []gitrepo.ID{gitrepo.ID(tip.Commit)}, Tree: gitrepo.ID(r.Target.Tree), Message: message, Now: now, NotBefore: tip.Committed,
		Lock: &gitrepo.LockRecord{Environment: e.name, Incident: incident, Since: d.At},
	}, r.Target.Name())
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
	e := &environment{name: env.Name(), plan: env.Plan, kill: c.KillSwitchFile, deeds: &sync.Mutex{}, wake: make(chan struct{}, 1), asked: map[string]time.Time{},
		policy: rollback.Policy{MaxMode: c.MaxMode, PerRelease: env.Budget.PerRelease, PerDay: env.Budget.PerDay,
			ArmAuto: env.Arm.Auto.Std(), ArmPropose: env.Arm.Propose.Std()}}
	var errs [3]error
	e.prometheus, errs[0] = evidence.NewPrometheus(evidence.Endpoint{URL: env.Prometheus.URL, Timeout: env.Prometheus.Timeout.Std()})
	var peers []evidence.Endpoint
	for _, a := range env.Alertmanagers {
		peers = append(peers, evidence.Endpoint{URL: a.URL, Timeout: a.Timeout.Std()})
	}
	e.alertmanagers, errs[1] = evidence.NewAlertmanagers(peers)
	e.remote, errs[2] = gitrepo.Open(gitrepo.Config{URL: env.Git.URL, Branch: env.Git.Branch, CredentialsFile: env.Git.CredentialsFile,
		Author: gitrepo.Identity{Name: env.Git.Author.Name, Email: env.Git.Author.Email}})
	e.runner = verify.Runner{URL: env.Git.URL, Redact: c.Redact}
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("open %s: %w", e.name, err)
	}
	return e, nil
}

func dueKeys(state *rollback.Environment) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(state.Episodes)), func(key string) bool { return !state.Episodes[key].Due() })
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
