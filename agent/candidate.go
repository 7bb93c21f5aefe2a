package agent

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// candidate is a commit that somebody wants to deploy, with what it would deploy.
type candidate struct {
	commit, content string
	object          gitrepo.Commit
}

func (e *environment) candidate(ctx context.Context, id gitrepo.ID) (candidate, error) {
	c, err := e.remote.Commit(ctx, id)
	if err != nil {
		return candidate{}, remoteProblem("read "+id.Short(), err)
	}
	content, err := e.contentOf(ctx, c)
	return candidate{commit: string(id), content: content, object: c}, err
}

// contentOf is what a commit deploys, to be compared with a pin's or a release's content.
func (e *environment) contentOf(ctx context.Context, c gitrepo.Commit) (string, error) {
	content, err := e.content(ctx, c.Tree)
	if err != nil {
		return "", remoteProblem("read the paths of "+c.ID.Short(), err)
	}
	if content == "" {
		return string(c.Tree), nil
	}
	return content, nil
}

// pinOf is a tag as read, with what the environment's paths hold in it. A tag in which they hold nothing is no place to go back to.
func (a *Agent) pinOf(ctx context.Context, e *environment, pin gitrepo.Pin, by string) (release.Pin, error) {
	p := release.Pin{Ref: pin.Ref, Object: string(pin.Object), Commit: string(pin.Commit), Tree: string(pin.Tree), Signer: pin.Signer, At: a.now().UTC(), By: by}
	if len(e.paths) == 0 {
		return p, nil
	}
	content, missing, err := e.remote.Content(ctx, pin.Tree, e.paths)
	if err != nil {
		return p, remoteProblem("read the paths of "+p.Name(), err)
	}
	if len(missing) == len(e.paths) {
		return p, release.Problemf(release.Refused, "git.paths in the agent's file are from the top of the repository",
			"%s has nothing at %s", p.Name(), strings.Join(missing, ", "))
	}
	p.Paths = content
	return p, nil
}

// mayPin refuses tags that are no place to go back to.
func (e *environment) mayPin(ctx context.Context, state *rollback.Environment, p release.Pin, tip gitrepo.Commit) error {
	if incident := state.BannedBy(p.Content()); incident != "" {
		return release.Problemf(release.Refused, "", "%s holds what incident %s rolled back", p.Name(), incident)
	}
	content, err := e.contentOf(ctx, tip)
	if err != nil {
		return err
	}
	if p.Content() != content {
		return release.Problemf(release.Refused, "leave the tag out to make one on the tip",
			"%s is not what production runs: the tip %s holds something else", p.Name(), short(string(tip.ID)))
	}
	return nil
}

// forwardCommit makes the commit that deploys c on the tip, if it may be deployed. In an environment with paths only they move: what
// other teams have on the branch is theirs.
func (a *Agent) forwardCommit(ctx context.Context, e *environment, state *rollback.Environment, c candidate, author string) (rollback.Preparation, error) {
	tip, err := e.remote.Tip(ctx)
	if err != nil {
		return rollback.Preparation{}, remoteProblem("read the deploy branch", err)
	}
	if err := mayRelease(state, c.commit, c.content); err != nil {
		return rollback.Preparation{}, err
	}
	if err := mayDeploy(e.plan, state, c, a.now()); err != nil {
		return rollback.Preparation{}, err
	}
	running, err := e.contentOf(ctx, tip)
	if err != nil {
		return rollback.Preparation{}, err
	}
	if running != state.Pin.Content() {
		return rollback.Preparation{}, release.Problemf(release.Refused, "declare what production runs with `rollback-agent stable` first",
			"production runs %s, which is not what %s holds", tip.ID.Short(), state.Pin.Name())
	}
	change, err := e.forwardChange(ctx, tip, c, author)
	if err != nil {
		return rollback.Preparation{}, err
	}
	change.Now = a.now()
	p, err := e.prepared(change, c.commit)
	if err != nil {
		return p, release.Problemf(release.Refused, "", "cannot make the release commit: %v", err)
	}
	if len(e.paths) > 0 {
		p.Paths, p.Content = e.paths, c.content
	}
	return p, nil
}

func (e *environment) forwardChange(ctx context.Context, tip gitrepo.Commit, c candidate, author string) (gitrepo.Change, error) {
	id := c.object.ID
	text, err := gitrepo.Message{Subject: "Release " + id.Short(), Quote: c.object.Subject,
		Trailers: [][2]string{{"Release-Of", string(id)}, {"Released-By", cmp.Or(author, "unknown")}}}.Text()
	if err != nil {
		return gitrepo.Change{}, fmt.Errorf("write message: %w", err)
	}
	change := gitrepo.Change{Parents: []gitrepo.ID{tip.ID, id}, Tree: c.object.Tree, NotBefore: tip.Committed, Message: text}
	if len(e.paths) == 0 {
		return change, nil
	}
	graft, err := e.remote.Graft(ctx, tip.Tree, c.object.Tree, e.paths)
	if err != nil {
		return gitrepo.Change{}, remoteProblem("put the release's paths on the tip", err)
	}
	change.Tree, change.Graft = graft.Tree, &graft
	return change, nil
}
