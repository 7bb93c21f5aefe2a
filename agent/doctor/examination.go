package doctor

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/evidence"
	"github.com/coclai/cutover/agent/gitrepo"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/agent/verify"
	"github.com/coclai/cutover/generator/slo"
)

// Subject is an environment that is examined: what it is configured to be, whom it speaks to, and what only the agent can say of it.
type Subject struct {
	Config      config.Config
	Environment config.Environment // one of Config's
	Shared      bool               // several agents share the ledger

	Prometheus    *evidence.Prometheus
	Alertmanagers *evidence.Alertmanagers
	Remote        *gitrepo.Remote
	Runner        verify.Runner
	Log           *slog.Logger
	Now           func() time.Time

	State  func() *rollback.Environment // at this moment; it never changes
	Killed func() bool                  // the kill switch's file is there

	// The gates that the agent asks before a cutover as well.
	RulesLoaded, WatchdogHeard, TriggersQuiet Gate

	// Try tries the remote's rules, one trial at a time, by the agent that may push.
	Try func(context.Context) (gitrepo.Trial, error)
	// Stray is what is wrong about the lock on the remote, with what to do about it; "" if nothing is.
	Stray func(context.Context) (seen, fix string, err error)
	// Target says whether a pin is still on the remote as it was pinned.
	Target func(context.Context, release.Pin) rollback.TargetState
	// Foretell is what a firing would come to if it were heard at its start. Nothing of it is stored; it fails when the context has ended.
	Foretell func(context.Context, rollback.Firing) (rollback.Decision, error)
}

// Gate is a gate of the agent's own, with the reason for what it says.
type Gate func(context.Context) (release.Verdict, string)

// Listener hears of an examination as it goes on, one call at a time.
type Listener struct {
	Doing  func(what string) // is looked at now
	Found  func(release.Finding)
	Redact func(text string) string // takes secrets out of what servers say
}

// found tells a finding, in one paragraph whatever servers and hooks say. What is OK needs no fix.
func (l Listener) found(f release.Finding) {
	if f.Health == release.Healthy {
		f.Fix = ""
	}
	f.Seen = strings.Join(strings.Fields(l.Redact(f.Seen)), " ")
	l.Found(f)
}

// Examination is one look at an environment.
type Examination struct {
	Subject
	Listener
	By      string       // whoever asks
	Drill   bool         // send a drill through each Alertmanager
	Refused func() int64 // webhooks that were sent away since the start for their token
}

// Examine looks at the parts in the order in which an alert needs them last: what the rollback is made of, what it is decided by, what the
// alert travels. It ends early with ctx.
func (x *Examination) Examine(ctx context.Context) {
	for _, part := range []struct {
		name string
		look func(context.Context)
	}{{"git", x.git}, {"keys", x.keys}, {"prometheus", x.instrument}, {"alertmanager", x.roads}, {"gates", x.gates}, {"people", x.people},
		{"drill", x.Drills}} {
		if ctx.Err() != nil {
			return
		}
		x.Doing(x.name() + ": " + part.name)
		part.look(ctx)
	}
}

func (x *Examination) name() string    { return x.Environment.Name() }
func (x *Examination) plan() *slo.Plan { return &x.Environment.Plan }

func (x *Examination) found(check string, health release.Health, seen, fix string) {
	x.Listener.found(release.Finding{Environment: x.name(), Check: check, Health: health, Seen: seen, Fix: fix})
}

func (x *Examination) foundf(check string, health release.Health, fix, seen string, args ...any) {
	x.found(check, health, fmt.Sprintf(seen, args...), fix)
}

// judged tells what one of the agent's own gates says.
func (x *Examination) judged(ctx context.Context, check string, gate Gate, fix string) {
	verdict, reason := gate(ctx)
	x.found(check, release.HealthOf(verdict), reason, fix)
}
