package agent

import (
	"fmt"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
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
