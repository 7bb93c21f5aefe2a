package agent

import (
	"fmt"
	"maps"
	"slices"
	"strings"
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
	return release.Problemf(release.Locked, "rollback-agent rca "+state.Lock.Incident+", when the cause is known; then somebody else: rollback-agent unlock",
		"%s is locked since %s by incident %s", state.Name, state.Lock.Since.Format("2006-01-02 15:04:05Z"), state.Lock.Incident)
}

// mayRelease asks whether a commit with this content may be released at all.
func mayRelease(state *rollback.Environment, commit, content string) error {
	if incident := state.BannedBy(content); incident != "" {
		return banned(short(commit), incident)
	}
	if state.Pin == nil {
		return release.Problemf(release.Refused, "rollback-agent stable", "no stable tag is pinned: there would be nothing to go back to")
	}
	if state.Pin.Commit == commit || state.Pin.Content() == content {
		return release.Problemf(release.Refused, "the stable tag belongs on what ran before the release", "%s is what %s holds", short(commit), state.Pin.Name())
	}
	return nil
}

// mayDeploy is the one rule of gate and release: the content was not rolled back, and every gate of the plan has passed for the commit, not
// too long ago. The rollback itself needs no gate.
func mayDeploy(plan slo.Plan, state *rollback.Environment, c candidate, now time.Time) error {
	if incident := state.BannedBy(c.content); incident != "" {
		return banned(short(c.commit), incident)
	}
	if err := failing(state, c.commit); err != nil {
		return err
	}
	if allowed(state, c.commit) {
		return nil
	}
	return unproven(plan, state, c.commit, now)
}

func beingPushed(p *rollback.Preparation) error {
	return release.Problemf(release.Refused, "wait for it, or look at status", "release %s is being pushed", short(p.Commit))
}

// failing asks whether a gate said anything but PASS of this commit. Those of our own are about a moment, and asked again at a cutover's start.
func failing(state *rollback.Environment, commit string) error {
	for _, key := range slices.Sorted(maps.Keys(state.Results)) {
		if g := state.Results[key]; g.Commit == commit && g.Verdict != release.Pass && !strings.HasPrefix(g.Gate, release.OwnGate) {
			kind := release.Refused
			if g.Verdict == release.Unknown {
				kind = release.Undecided
			}
			return release.Problemf(kind, "", "gate %s is %s for this commit (reported by %s)", g.Gate, g.Verdict, g.By)
		}
	}
	return nil
}

// unproven asks whether each of the plan's gates is known to have passed for this commit, not too long ago: UNKNOWN passes no gate.
func unproven(plan slo.Plan, state *rollback.Environment, commit string, now time.Time) error {
	for _, gate := range plan.Gates {
		g, reported := state.Results[rollback.ResultKey(gate.ID, commit)]
		if !reported {
			return release.Problemf(release.Undecided, "rollback-agent preflight "+commit+", or: rollback-agent gates record "+gate.ID+" PASS --commit "+commit,
				"nobody has reported gate %s for %s", gate.ID, short(commit))
		}
		if g.Defined != "" && g.Defined != release.Definition(gate) {
			return release.Problemf(release.Undecided, "rollback-agent preflight "+commit+" runs it as it is now", "gate %s passed for %s as an earlier plan had it", gate.ID, short(commit))
		}
		if age := now.Sub(g.At); plan.GatesExpire > 0 && age > plan.GatesExpire.Std() {
			return release.Problemf(release.Undecided, "rollback-agent preflight "+commit+" runs it again", "gate %s passed for %s %s ago, longer than %s",
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
	gitrepo.ErrInvalid:     release.Invalid,
	gitrepo.ErrTagMissing:  release.Refused,
	gitrepo.ErrTagMoved:    release.Refused,
	gitrepo.ErrUnsigned:    release.Refused,
	gitrepo.ErrSignature:   release.Refused,
	gitrepo.ErrForbidden:   release.Refused,
	gitrepo.ErrBadTree:     release.Refused,
	gitrepo.ErrPath:        release.Refused,
}

func remoteProblem(act string, err error) error {
	kind, known := remoteKinds[gitrepo.KindOf(err)]
	if !known {
		kind = release.Undecided
	}
	return &release.Problem{Kind: kind, Message: act, Cause: err, Hint: remoteHints[gitrepo.KindOf(err)]}
}

// remoteHints say what to do about the answers that a person can do something about.
var remoteHints = map[gitrepo.Kind]string{
	gitrepo.ErrTagMissing: "`rollback-agent stable --last` names the last one that was declared stable",
	gitrepo.ErrTagMoved:   "find out who moved it; another stable tag can be named",
	gitrepo.ErrUnsigned:   "sign it with git tag -s, or give the agent a git.signing_key_file: git.stable_tags asks for signatures",
	gitrepo.ErrSignature:  "git.stable_tags names those whose signature counts",
	gitrepo.ErrForbidden:  "git.stable_tags in the agent's file says what must not be restored: refuse, not_before",
	gitrepo.ErrPath:       "paths are from the top of the repository, and lead through folders",
}

func short(id string) string { return fmt.Sprintf("%.12s", id) }
