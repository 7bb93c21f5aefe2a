package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// git looks at the remote: does it answer, what can it do, what does it let the agent do, and what does it keep everybody from.
func (x *Examination) git(ctx context.Context) {
	can, err := x.Remote.Abilities(ctx)
	if err != nil {
		x.found("git", release.Broken, err.Error(), x.fixOfRemote(err))
		return
	}
	x.abilities(can)
	x.gitClock(ctx)
	trial, err := x.Try(ctx)
	if err != nil {
		x.found("git: own refs", release.Broken, err.Error(), fixOwnRefs)
		return
	}
	x.trial(trial)
	x.strayLock(ctx)
	x.target(ctx)
}

func (x *Examination) abilities(can gitrepo.Abilities) {
	health, seen, fix := release.Healthy, "it takes the credentials for reading and for pushing; sha1", []string{}
	for _, part := range []struct {
		has        bool
		name, lack string
		fix        string
	}{
		{can.V2, "protocol v2", "no protocol v2, so that each look costs every ref",
			"let the web server pass the header Git-Protocol on (sshd: AcceptEnv GIT_PROTOCOL)"},
		{can.Filter, "filters", "no filters, so that the server sends more than is read",
			"git config uploadpack.allowFilter true, in the repository on the server"},
		{can.Atomic, "atomic pushes", "no atomic pushes, so that the lock is pushed before the rollback",
			"git config --unset receive.advertiseAtomic, in the repository on the server"},
	} {
		if part.has {
			seen += ", " + part.name
			continue
		}
		seen += "; " + part.lack
		health, fix = release.Weak, append(fix, part.fix)
	}
	if !can.Atomic && x.Shared {
		health, seen = release.Broken, seen+"; several agents share the ledger, and without them none may push"
	}
	x.found("git", health, seen, strings.Join(fix, "; "))
}

// fixOfRemote is what to do about a remote that does not answer as it should.
func (x *Examination) fixOfRemote(err error) string {
	switch gitrepo.KindOf(err) {
	case gitrepo.ErrAuth:
		if x.Environment.Git.CredentialsFrom() == "" {
			return "name credentials that may push: git.credentials_file, or git.ssh.key_file"
		}
		return "renew the credentials in " + x.Environment.Git.CredentialsFrom() + ", which are read at every request; the account must be allowed to push"
	case gitrepo.ErrIdentity:
		return "give the authority of its certificate (git.tls.ca_file), or its host key (git.ssh.known_hosts_file)"
	case gitrepo.ErrNotFound, gitrepo.ErrRedirected, gitrepo.ErrNotGit:
		return "correct git.url; `git ls-remote URL` from the agent's machine must list refs"
	case gitrepo.ErrNoRef:
		return "create the branch " + x.Environment.Git.Branch + ", or correct git.branch"
	case gitrepo.ErrSHA256:
		return "use a repository with sha1 ids: sha256 is not spoken"
	}
	return "see from the agent's machine that the server answers: git ls-remote URL; git.proxy, if there must be one"
}

const (
	fixOwnRefs = "let the agent's account create, move and delete refs under refs/rollback-agent/; where our hook is, it must know the account: " +
		"git config rollback-agent.user NAME, in the repository on the server"
	fixForced = "git config receive.denyNonFastForwards true, in the repository on the server; on a forge protect %s from forced pushes, the agent's own among them"
	fixHook   = "install deploy/hooks/pre-receive on the server; where no hook may be, let every deploy ask `rollback-agent gate` first (deploy/ci/deploy-gate.sh)"
)

// trial tells what the server's rules are.
func (x *Examination) trial(t gitrepo.Trial) {
	if t.Left {
		x.found("git: own refs", release.Weak, t.Ref+" was there: an examination was cut off before it removed it. It is removed now", "nothing more")
	} else {
		x.found("git: own refs", release.Healthy, t.Ref+" was made, moved by compare-and-swap only, and removed", "")
	}
	switch g := t.Ordered; {
	case g.Problem != "":
		x.found("git: push", release.Untold, "no answer to a trial push to "+x.Environment.Git.Branch+": "+g.Problem, "examine again")
	case g.Refused:
		x.found("git: push", release.Broken, "the server would refuse the agent's push to "+x.Environment.Git.Branch+": "+g.Text,
			"let the agent's account push to "+x.Environment.Git.Branch+", and to nothing else that matters")
	default:
		x.found("git: push", release.Healthy, "the server's rules let the agent push to "+x.Environment.Git.Branch+", which is at "+t.Tip.Short()+" and stays there", "")
	}
	switch g := t.Forced; {
	case g.Problem != "":
		x.found("git: forced push", release.Untold, "no answer to a trial: "+g.Problem, "examine again")
	case t.Ordered.Refused && g.Refused:
		x.found("git: forced push", release.Untold, "ordinary pushes are refused as well, so that nothing can be told of forced ones",
			"see `git: push` first")
	case g.Refused:
		x.found("git: forced push", release.Healthy, "a forced push to "+x.Environment.Git.Branch+" is refused: "+g.Text, "")
	default:
		x.foundf("git: forced push", release.Broken, fmt.Sprintf(fixForced, x.Environment.Git.Branch),
			"the server has no rule against a forced push to %s: with these credentials its history could be lost. (Nothing was moved: "+
				"the trial's old id was wrong on purpose, and that alone was said no to)", x.Environment.Git.Branch)
	}
	x.lockHook(t.Locked)
}

func (x *Examination) lockHook(g gitrepo.Ruling) {
	const check = "git: lock hook"
	switch {
	case g.Problem != "":
		x.found(check, release.Untold, "no answer to a trial: "+g.Problem, "examine again")
	case g.ByHook():
		x.found(check, release.Healthy, "the server refuses a push over a lock", "")
	case g.Unsigned():
		x.found(check, release.Broken, "the hook takes the agent's own lock for a forgery: it would refuse every push, the rollback too: "+g.Text,
			"put the public key of git.signing_key_file into the file that rollback-agent.allowedSigners names on the server, or set that key; the hook wants ssh keys")
	default:
		seen := "nothing on the server refuses a push over a lock: after a rollback only `rollback-agent gate` says no"
		if g.Refused {
			seen += " (the trial was refused by something else: " + g.Text + ")"
		}
		x.found(check, release.Weak, seen, fixHook)
	}
}

// strayLock looks whether what stands on the remote is what the ledger knows of.
func (x *Examination) strayLock(ctx context.Context) {
	stray, fix, err := x.Stray(ctx)
	switch lock := x.State().Lock; {
	case err != nil:
		x.found("git: lock", release.Untold, err.Error(), "examine again")
	case stray != "":
		x.found("git: lock", release.Broken, stray, fix)
	case lock != nil:
		x.found("git: lock", release.Weak, fmt.Sprintf("%s is locked by incident %s", x.name(), lock.Incident),
			"rollback-agent rca, then somebody else: rollback-agent unlock")
	default:
		x.found("git: lock", release.Healthy, "none stands", "")
	}
}

// target looks whether there is something to go back to, and whether it is still what was pinned.
func (x *Examination) target(ctx context.Context) {
	const check = "git: target"
	state := x.State()
	pin := state.Pin
	if r := state.Release; r != nil && r.Target.Commit != "" {
		pin = &r.Target
	}
	if pin == nil {
		x.found(check, release.Weak, "no stable tag is pinned yet: there is nothing to go back to",
			"rollback-agent cutover start pins what runs before a release; rollback-agent stable does so without one")
		return
	}
	switch target := x.Target(ctx, *pin); target.Reason {
	case "":
		x.found(check, release.Healthy, pin.Name()+" is what was pinned: commit "+gitrepo.ID(pin.Commit).Short(), "")
	case rollback.RemoteUnknown:
		x.found(check, release.Untold, target.Text, "examine again")
	case rollback.TargetForbidden:
		x.foundf(check, release.Broken, fixForbidden, "%s: %s", target.Reason, target.Text)
	default:
		x.foundf(check, release.Broken, "find out who moved it; rollback-agent stable pins what runs now", "%s: %s", target.Reason, target.Text)
	}
}
