package agent

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// locked is the refusal while a rollback's cause is not known, nil when it is.
func locked(state *rollback.Environment) error {
	if state.Lock == nil {
		return nil
	}
	return release.Problemf(release.Locked, "rollback-agent unlock --cause TEXT, when the cause is known",
		"%s is locked since %s by incident %s", state.Name, state.Lock.Since.Format("2006-01-02 15:04:05Z"), state.Lock.Incident)
}

// mayRelease asks whether a commit with this tree may be released at all.
func mayRelease(state *rollback.Environment, commit, tree string) error {
	if incident := state.Banned[tree]; incident != "" {
		return banned(short(commit), incident)
	}
	if state.Pin == nil {
		return release.Problemf(release.Refused, "rollback-agent stable", "no stable tag is pinned: there would be nothing to go back to")
	}
	if state.Pin.Commit == commit || state.Pin.Tree == tree {
		return release.Problemf(release.Refused, "the stable tag belongs on what ran before the release", "%s is what %s holds", short(commit), state.Pin.Name())
	}
	return nil
}

func beingPushed(p *rollback.Preparation) error {
	return release.Problemf(release.Refused, "wait for it, or look at status", "release %s is being pushed", short(p.Commit))
}

// failing asks whether a gate said anything but PASS of this commit.
func failing(state *rollback.Environment, commit string) error {
	for _, key := range slices.Sorted(maps.Keys(state.Results)) {
		if g := state.Results[key]; g.Commit == commit && g.Verdict != release.Pass {
			return release.Problemf(release.Refused, "", "gate %s is %s for this commit (reported by %s)", g.Gate, g.Verdict, g.By)
		}
	}
	return nil
}

// unproven asks whether each of the plan's gates is known to have passed for this commit, not too long ago: UNKNOWN passes no gate.
func unproven(plan slo.Plan, state *rollback.Environment, commit string, now time.Time) error {
	for _, gate := range plan.Gates {
		g, reported := state.Results[rollback.ResultKey(gate.ID, commit)]
		if !reported {
			return release.Problemf(release.Undecided, "rollback-agent gates record "+gate.ID+" PASS --commit "+commit,
				"nobody has reported gate %s for %s", gate.ID, short(commit))
		}
		if age := now.Sub(g.At); plan.GatesExpire > 0 && age > plan.GatesExpire.Std() {
			return release.Problemf(release.Undecided, "run it again", "gate %s passed for %s %s ago, longer than %s",
				gate.ID, short(commit), age.Round(time.Second), plan.GatesExpire)
		}
	}
	return nil
}

func banned(commit, incident string) error {
	return release.Problemf(release.Refused, "release a commit that differs from it", "%s is the content that incident %s rolled back", commit, incident)
}

func notStored(err error) error {
	return &release.Problem{Kind: release.Unavailable, Message: "the ledger did not store it", Cause: err}
}

// remoteKinds says which of the remote's answers are a clear no; all others leave the question open.
var remoteKinds = map[gitrepo.Kind]release.Kind{
	gitrepo.ErrExists:      release.Refused,
	gitrepo.ErrRefused:     release.Refused,
	gitrepo.ErrNoCommit:    release.Invalid,
	gitrepo.ErrNoRef:       release.Refused,
	gitrepo.ErrTagMismatch: release.Refused,
	gitrepo.ErrLocked:      release.Refused,
}

func remoteProblem(act string, err error) error {
	kind, known := remoteKinds[gitrepo.KindOf(err)]
	if !known {
		kind = release.Undecided
	}
	return &release.Problem{Kind: kind, Message: act, Cause: err}
}

func short(id string) string { return fmt.Sprintf("%.12s", id) }
