package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// openRemote makes the remote of an environment, with the key that signs and those whose signature counts.
func openRemote(g config.Git, redact func(string) string) (*gitrepo.Remote, error) {
	c := gitrepo.Config{URL: g.URL, Branch: g.Branch, CredentialsFile: g.CredentialsFile, Redact: redact,
		Bearer: g.Transport.Auth == "bearer", Timeout: g.Transport.Timeout.Std(), Proxy: g.Transport.Proxy,
		TLS: gitrepo.TLS(g.Transport.TLS), SSH: gitrepo.SSH(g.Transport.SSH),
		Author: gitrepo.Identity{Name: g.Author.Name, Email: g.Author.Email}}
	c.Floor = gitrepo.Floor{Refused: g.StableTags.Refuse, NotBefore: g.StableTags.Floor}
	if err := gitrepo.CheckPaths(g.Paths); err != nil {
		return nil, fmt.Errorf("git.paths: %w", err)
	}
	var err error
	if g.SigningKey != "" {
		if c.Key, err = gitrepo.ReadKey([]byte(g.SigningKey)); err != nil {
			return nil, fmt.Errorf("git.signing_key_file: %w", err)
		}
	}
	if len(g.StableTags.Signers)+len(g.StableTags.Keyring) > 0 {
		if c.Signers, err = gitrepo.ReadSigners(g.StableTags.Signers, g.StableTags.Keyring); err != nil {
			return nil, fmt.Errorf("git.stable_tags: %w", err)
		}
	}
	return gitrepo.Open(c)
}

// pinned is a pin as package gitrepo has it.
func pinned(p release.Pin) gitrepo.Pin {
	return gitrepo.Pin{Ref: p.Ref, Object: gitrepo.ID(p.Object), Commit: gitrepo.ID(p.Commit), Tree: gitrepo.ID(p.Tree), Signer: p.Signer}
}

// stands says whether a pin is still on the remote as it was pinned.
func (e *environment) stands(ctx context.Context, p release.Pin) rollback.TargetState {
	seen, err := e.remote.Survey(ctx, pinned(p))
	if err != nil {
		seen.Target = err
	}
	return targetState(seen.Target)
}

// forbidden says why what was prepared must not be pushed any more: the agent's file may have changed since. The error is why that is not known.
func (e *environment) forbidden(ctx context.Context, p *rollback.Preparation) (text string, err error) {
	if p.Back == "" { // prepared by an agent that did not say
		return "", nil
	}
	err = e.remote.Admits(ctx, p.Target, gitrepo.ID(p.Back))
	if target := targetState(err); target.Reason == rollback.TargetForbidden {
		return target.Text, nil
	}
	return "", err
}

// content is what the environment's paths hold in a tree; "" for an environment without paths, which a tree is compared by itself.
func (e *environment) content(ctx context.Context, tree gitrepo.ID) (string, error) {
	if len(e.paths) == 0 {
		return "", nil
	}
	content, _, err := e.remote.Content(ctx, tree, e.paths)
	return content, err
}

// order is a rollback to be made into a commit.
type order struct {
	target   release.Pin
	paths    []string // empty: everything
	of       string   // the commit that is rolled back
	tip      rollback.Tip
	decision rollback.Decision
	incident string
	why      string     // a person's words, "" where the agent decides
	attempt  int        // preparations of the incident so far
	replaces gitrepo.ID // the lock that stands on the remote, "" if none does
	now      time.Time
}

// rollbackCommit makes the commit that puts the target's tree, or the paths in it, on top of the tip, and the lock that travels with it. No
// text of a label is in it: the reading is our own, the item and the SLO are the plan's, and a person's words are in quotation marks.
func (e *environment) rollbackCommit(ctx context.Context, o order) (rollback.Preparation, error) {
	text, err := o.message().Text()
	if err != nil {
		return rollback.Preparation{}, err
	}
	c := gitrepo.Change{Parents: []gitrepo.ID{gitrepo.ID(o.tip.Commit)}, Tree: gitrepo.ID(o.target.Tree), Message: text, Now: o.now, NotBefore: o.tip.Committed,
		Lock: &gitrepo.LockRecord{Environment: e.name, Incident: o.incident, Since: o.decision.At}, Replaces: o.replaces}
	if len(o.paths) > 0 {
		graft, err := e.remote.Graft(ctx, gitrepo.ID(o.tip.Tree), c.Tree, o.paths)
		if err != nil {
			return rollback.Preparation{}, err
		}
		c.Tree, c.Graft = graft.Tree, &graft
	}
	if e.marks {
		c.Marker = "rollback-agent/" + o.incident
		if o.attempt > 0 { // further back, or on a tip that had moved: the name may be taken
			c.Marker += fmt.Sprintf("-%d", o.attempt+1)
		}
	}
	p, err := e.prepared(c, o.target.Name())
	p.Paths, p.Back = o.paths, o.target.Commit
	return p, err
}

func (o order) message() gitrepo.Message {
	what := ""
	m := gitrepo.Message{Body: o.decision.Reading.Reason, Quote: o.why,
		Trailers: [][2]string{{"Rollback-Of", o.of}, {"Rollback-To", o.target.Name() + " " + o.target.Commit}}}
	if len(o.paths) > 0 {
		what = o.paths[0] + " "
		if len(o.paths) > 1 {
			what = fmt.Sprintf("%d paths ", len(o.paths))
		}
		m.Trailers = append(m.Trailers, [2]string{"Rollback-Paths", strings.Join(o.paths, ", ")})
	}
	m.Subject = "Roll back " + what + "to " + o.target.Name()
	trigger := strings.TrimSpace(o.decision.Trigger + " " + o.decision.SLO)
	if by := o.decision.By; by != "" {
		trigger = strings.TrimSpace(trigger + " by hand of " + by)
	}
	m.Trailers = append(m.Trailers, [2]string{"Incident", o.incident}, [2]string{"Trigger", cmp.Or(trigger, "unknown")})
	return m
}

// unusable says for which reason a commit can never be made, if that is why it was not.
func unusable(err error) (rollback.Reason, bool) {
	switch kind := gitrepo.KindOf(err); {
	case err == nil:
		return "", false
	case kind == gitrepo.ErrPath || kind == gitrepo.ErrBadTree || kind == gitrepo.ErrInvalid || kind == gitrepo.ErrTooLarge:
		return rollback.Unscoped, true
	case kind == "": // no remote was asked: the message, a date, the key
		return rollback.PushRejected, !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
	}
	return "", false
}
