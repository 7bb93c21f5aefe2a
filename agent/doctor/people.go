package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/generator/slo"
)

// tokensThatMay are the tokens of the file with a scope that are good for this environment.
func (x *Examination) tokensThatMay(scope config.Scope) []config.Token {
	var some []config.Token
	for _, t := range x.Config.Web.Tokens {
		if slices.Contains(t.May, scope) && (len(t.Environments) == 0 || slices.Contains(t.Environments, x.name())) {
			some = append(some, t)
		}
	}
	return some
}

// people looks whether everybody who must be able to do something has a token for it, and whether something keeps the agent from acting.
func (x *Examination) people(context.Context) {
	x.tokens()
	x.restraints()
	if g := x.Environment.Announce; g.WebhookFile != "" {
		x.found("people: chat", release.Healthy, "cutovers are announced to the chat whose webhook is in "+g.WebhookFile+"; nothing was sent there now", "")
	}
	if n := x.Environment.Notify; n.WebhookFile != "" {
		x.found("people: messages", release.Healthy, "what calls for a person is said to the webhook in "+n.WebhookFile+"; nothing was sent there now", "")
	}
}

func (x *Examination) tokens() {
	const check = "people: tokens"
	opens := x.tokensThatMay(config.Unlock)
	switch {
	case len(x.tokensThatMay(config.Alerts)) == 0:
		x.found(check, release.Broken, "no token may deliver alerts of "+x.name(), "bind one of `may: [alerts]` to it in the agent's file")
	case len(x.tokensThatMay(config.Approve)) == 0:
		x.found(check, release.Weak, "nobody may approve a rollback that is proposed", "give the persons on call `approve` in the agent's file")
	case len(opens) == 0 || !x.twoOpen(opens):
		x.found(check, release.Weak,
			"a lock takes two persons: one who submits the cause (operate), and another who opens it (unlock); the file has no such two", "give a second person a token with `operate` or `unlock`")
	case len(x.tokensThatMay(config.Gate)) == 0:
		x.found(check, release.Weak, "no token may ask the gate: no deploy job can know that the branch is locked",
			"a token with `may: [gate, deployed, record]` for CI")
	default:
		x.found(check, release.Healthy, fmt.Sprintf("alerts, gate, approval, and two persons for a lock; delivers: %s", x.deliverers()), "")
	}
}

// twoOpen says whether somebody other than one of those who open a lock can submit its cause.
func (x *Examination) twoOpen(opens []config.Token) bool {
	return slices.ContainsFunc(x.tokensThatMay(config.Operate), func(t config.Token) bool {
		return slices.ContainsFunc(opens, func(o config.Token) bool { return o.Name != t.Name })
	})
}

// restraints say what keeps the agent from acting by itself.
func (x *Examination) restraints() {
	const check = "brakes"
	var auto []string
	for _, t := range x.plan().Triggers {
		if t.Mode.AtMost(x.Config.MaxMode) == slo.ModeAuto {
			auto = append(auto, t.Item)
		}
	}
	state := x.State()
	switch hold := state.Standing(x.Now()); {
	case x.Killed():
		x.found(check, release.Weak, "the kill switch "+x.Config.KillSwitchFile+" is there: the agent decides and records, and acts on nothing",
			"remove the file when it may act again")
	case state.Kill != nil:
		x.foundf(check, release.Weak, "rollback-agent kill-switch off", "the kill switch is on since %s, by %s: %s", moment(state.Kill.At),
			state.Kill.By, state.Kill.Why)
	case hold != nil:
		x.foundf(check, release.Weak, "rollback-agent resume", "held by %s until %s: %s", hold.By, moment(hold.Until), hold.Why)
	case len(auto) == 0:
		x.foundf(check, release.Healthy, "", "none is on; max_mode is %s, so that no trigger rolls back by itself", x.Config.MaxMode)
	default:
		x.foundf(check, release.Healthy, "", "none is on; trigger %s may roll back by itself", strings.Join(auto, ", "))
	}
}

// liveCommand asks production as a cutover will, also when Prometheus does not answer.
func (x *Examination) liveCommand(ctx context.Context) {
	const check = "live"
	l := x.plan().Live
	if l == nil || len(l.Argv) == 0 {
		return
	}
	running, err := x.Runner.Commits(ctx, *l)
	switch fix := "mend `live:` in promrulegen.yaml, or what its command needs: no cutover starts without it"; {
	case err != nil:
		x.found(check, release.Broken, err.Error(), fix)
	case len(running) == 0:
		x.found(check, release.Broken, "the command prints no commit: no cutover comes to its T0 by it", fix)
	default:
		x.found(check, release.Healthy, "production runs "+strings.Join(running, ", "), "")
	}
}

// gates looks how the plan's gates run: they are other people's commands.
func (x *Examination) gates(ctx context.Context) {
	x.liveCommand(ctx)
	const check = "gates"
	if !slices.ContainsFunc(x.plan().Gates, func(g slo.Gate) bool { return g.Pass != slo.PassManual }) {
		return
	}
	c, err := x.Runner.Confinement(ctx)
	fixUser := "run them as nobody: deploy/systemd/gates-as-nobody.conf; or let CI run them: rollback-agent gates record"
	switch {
	case err != nil:
		x.found(check, release.Weak, "the plan's gates cannot be run here: "+err.Error(),
			"install git and a shell beside the agent, or let CI run them and report: rollback-agent gates record")
	case c.Own:
		x.foundf(check, release.Weak, fixUser, "gates run as the agent's own user (%s), who may read its tokens and the deploy key; %s", c.User, c)
	case !c.NoNewPrivileges || !c.Cgroup:
		x.foundf(check, release.Weak, "a cgroup of its own for the agent (Delegate=yes in its unit), on Linux with cgroup v2",
			"gates run as %s; %s", c.User, c)
	default:
		x.foundf(check, release.Healthy, "", "gates run as %s; %s", c.User, c)
	}
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }
