package agent

import (
	"context"
	"fmt"
	"strings"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/web"
)

// examination is one look at everything that a rollback in an environment would rest on. It changes nothing that lasts: what it makes to find
// something out, a scratch ref and a drill, is taken back, and is no incident.
type examination struct {
	inquiry
	agent  *Agent
	config config.Config // of which the environment is
	q      web.Question
	tell   func(web.Progress)
}

// examine is the whole of `rollback-agent doctor`: first what concerns all, then one environment after the other.
func (a *Agent) examine(ctx context.Context, q web.Question, tell func(web.Progress)) {
	a.log.Info("an examination begins", "by", q.By, "environments", strings.Join(q.Environments, ","), "drill", q.Drill)
	listened := tell
	tell = func(p web.Progress) {
		if ctx.Err() == nil { // what could not be asked because we are to end says nothing of anything
			listened(p)
		}
	}
	if q.Whole {
		storageHealth{agent: a, config: a.configuration(), tell: tell}.examine(ctx)
	}
	for _, name := range q.Environments {
		e := a.environment(name)
		if e == nil {
			tell(web.Progress{Finding: &release.Finding{Environment: name, Check: "configuration", Health: release.Weak,
				Seen: "the ledger knows it, and the agent's file does not: nobody watches it", Fix: "add it to `environments`, or let it be history"}})
			continue
		}
		a.examination(e, q, tell).examine(ctx)
	}
}

func (a *Agent) examination(e *environment, q web.Question, tell func(web.Progress)) *examination {
	asked := inquiry{environment: e, state: a.journal.environment(e.name), now: a.now().UTC(), since: a.started}
	return &examination{inquiry: asked, agent: a, config: a.configuration(), q: q, tell: tell}
}

func (a *Agent) configuration() config.Config {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.config
}

// examine looks at the parts in the order in which an alert needs them last: what the rollback is made of, what it is decided by, what the
// alert travels.
func (x *examination) examine(ctx context.Context) {
	for _, part := range []struct {
		name string
		look func(context.Context)
	}{{"git", x.git}, {"keys", x.keys}, {"prometheus", x.instrument}, {"alertmanager", x.roads}, {"gates", x.gates}, {"people", x.people},
		{"drill", x.drills}} {
		if ctx.Err() != nil {
			return
		}
		x.doing(part.name)
		part.look(ctx)
	}
}

func (x *examination) doing(what string) { x.tell(web.Progress{Doing: x.name + ": " + what}) }

// found tells a finding. What is OK needs no fix.
func (x *examination) found(check string, health release.Health, seen, fix string) {
	if health == release.Healthy {
		fix = ""
	}
	x.tell(web.Progress{Finding: &release.Finding{Environment: x.name, Check: check, Health: health, Seen: inOneParagraph(x.redact(seen)), Fix: fix}})
}

// judged tells what one of our own gates says.
func (x *examination) judged(ctx context.Context, check string, gate func(context.Context) (release.Verdict, string), fix string) {
	verdict, reason := gate(ctx)
	x.found(check, release.HealthOf(verdict), reason, fix)
}

func (x *examination) foundf(check string, health release.Health, fix, seen string, args ...any) {
	x.found(check, health, fmt.Sprintf(seen, args...), fix)
}

// inOneParagraph joins the lines of what servers and hooks say.
func inOneParagraph(text string) string { return strings.Join(strings.Fields(text), " ") }
