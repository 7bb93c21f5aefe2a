package agent

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coclai/cutover/agent/evidence"
	"github.com/coclai/cutover/agent/notify"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

const (
	drillName = notify.Prefix + "Drill"
	labelID   = "drill_id" // tells a drill from every other, so that Alertmanager has never sent it before, and no other answers for it

	peerTimeout = 15 * time.Second // each Alertmanager of a cluster waits that long for each before it (--cluster.peer-timeout)
	drillLasts  = 2 * time.Minute  // beyond the deadline: an agent that ends meanwhile leaves nothing firing
	drillLook   = 50 * time.Millisecond
)

// drill is one alert that only tries the road, from an Alertmanager's own API to a decision in the ledger.
type drill struct {
	*examination
	member evidence.Member
	check  string
	id     string
	wait   time.Duration // group_wait of its route
	limit  time.Duration // until it must be here
	until  time.Time     // it ends by itself
}

// drills send one drill through each Alertmanager, all at once; and say what a real alert of each trigger would come to now.
func (x *examination) drills(ctx context.Context) {
	if !x.q.Drill {
		return
	}
	members := x.alertmanagers.Members()
	outcomes := make([]*release.Finding, len(members))
	var all sync.WaitGroup
	for n, m := range members {
		d := &drill{examination: x, member: m, check: "drill " + m.Name(), id: strings.ToLower(rand.Text())}
		d.limit = x.environment.drill.Within.Std() + time.Duration(len(members)-1)*peerTimeout
		d.until = time.Now().Add(d.limit + drillLasts)
		all.Go(func() { outcomes[n] = d.run(ctx) })
	}
	all.Wait()
	for _, f := range outcomes {
		if f != nil {
			x.found(f.Check, f.Health, f.Seen, f.Fix)
		}
	}
	x.rehearseDecisions(ctx)
}

// run sends it, waits for it, ends it, and says how it went; nil when ctx has ended first.
func (d *drill) run(ctx context.Context) *release.Finding {
	if f := d.mayNot(ctx); f != nil {
		return f
	}
	before, _ := d.member.Deliveries(ctx) // what cannot be counted is not deduced from
	refused, sent := d.q.Refused(), d.agent.now()
	if err := d.send(ctx, d.until); err != nil {
		return d.finding(release.Broken, err.Error(), "see `alertmanager "+d.member.Name()+"`")
	}
	defer d.end(ctx)
	episode := d.await(ctx, time.Now().Add(d.limit))
	switch {
	case episode == nil && ctx.Err() != nil:
		return nil
	case episode == nil:
		after, err := d.member.Deliveries(context.WithoutCancel(ctx))
		seen, fix := d.likely(after.Since(before), d.q.Refused()-refused, err)
		return d.finding(release.Broken, fmt.Sprintf("drill %s was sent, and had not come within %s: %s", d.id, d.limit, seen), fix)
	}
	return d.arrived(episode, sent)
}

func (d *drill) finding(health release.Health, seen, fix string) *release.Finding {
	return &release.Finding{Check: d.check, Health: health, Seen: seen, Fix: fix}
}

// mayNot says why none is sent: people must not hear of a drill.
func (d *drill) mayNot(ctx context.Context) *release.Finding {
	c, err := d.member.Condition(ctx)
	if err != nil {
		return d.finding(release.Broken, "not sent: "+err.Error(), "see `alertmanager "+d.member.Name()+"`")
	}
	routes, err := readRoutes(c.Config)
	if err != nil {
		return d.finding(release.Untold, "not sent, since it might reach people: "+err.Error(), "see `alertmanager "+d.member.Name()+": routes`")
	}
	if name, why := d.agentsReceiver(routes); name == "" {
		return d.finding(release.Broken, "not sent: "+why, d.fixRoutes())
	}
	d.wait = routes.take(d.drillLabels())[0].waits()
	return nil
}

// send tells the one Alertmanager that the drill fires until then.
func (d *drill) send(ctx context.Context, until time.Time) error {
	labels := d.drillLabels()
	labels[labelID] = d.id
	n, err := notify.New([]string{d.member.URL()}, pageTimeout)
	if err != nil {
		return err
	}
	return n.Send(ctx, []notify.Page{{Name: drillName, Labels: labels, Severity: slo.SeverityNone, Until: until,
		Summary: "A drill by " + d.q.By + ": it tries the way to the agent, and calls for nothing"}})
}

// end lets it fire no longer, also when whoever asked has gone.
func (d *drill) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pageTimeout)
	defer cancel()
	if err := d.send(ctx, time.Now()); err != nil {
		d.agent.log.Warn("a drill fires until it ends by itself", "environment", d.name, "id", d.id, "until", d.until, "err", err)
	}
}

// await waits until the drill is decided about, or its time is up.
func (d *drill) await(ctx context.Context, until time.Time) *rollback.Episode {
	for {
		var found *rollback.Episode
		for _, episode := range d.agent.journal.environment(d.name).Episodes {
			if episode.Firing.Labels[labelID] == d.id && episode.Decision != nil {
				found = episode
			}
		}
		if found != nil || time.Now().After(until) || !sleep(ctx, drillLook) {
			return found
		}
	}
}

// arrived says how long it took, and whether it was known for what it is.
func (d *drill) arrived(episode *rollback.Episode, sent time.Time) *release.Finding {
	took, decided := episode.First.Sub(sent).Round(time.Millisecond), episode.Decision.At.Sub(episode.First).Round(time.Millisecond)
	seen := fmt.Sprintf("drill %s came %s after it was sent, by token %s; %s later it was decided: %s (%s), ledger entry %d", d.id, took,
		episode.Source, decided,
		episode.Decision.Verdict, episode.Decision.Reason, episode.Seq)
	if episode.Decision.Verdict != rollback.Observe || episode.Decision.Reason != rollback.Drill {
		return d.finding(release.Broken, seen+"; it was not taken for a drill", "see what changes the label "+slo.LabelDrill+" on its way")
	}
	return d.finding(release.Healthy, seen, "")
}

// likely is why it has not come, as far as Alertmanager's metrics and our own counters tell.
func (d *drill) likely(since evidence.Deliveries, refused int64, uncounted error) (seen, fix string) {
	log := "; the log of Alertmanager says more: component=dispatcher"
	switch {
	case refused > 0:
		return fmt.Sprintf("this agent has sent %d webhooks away meanwhile, for a token that it does not know, or that may not deliver alerts", refused),
			"let http_config.authorization.credentials_file of the agent's receiver hold the token that may `alerts`: " + d.deliverers()
	case uncounted != nil:
		return "what became of it, Alertmanager does not say: " + uncounted.Error(), "see its log: component=dispatcher"
	case len(since.GivenUp) > 0:
		return "Alertmanager has given up on webhooks meanwhile: " + strings.Join(reasons(since), ", "),
			"correct the url and the credentials of the agent's receiver" + log
	case since.Failed > 0:
		return fmt.Sprintf("Alertmanager has tried, and %v of %v webhooks failed meanwhile, none of them at this agent: it is sent elsewhere, or it cannot be sent", since.Failed, since.Tried),
			"correct the url of the agent's receiver, and let Alertmanager read its credentials_file" + log
	case since.Kept > 0:
		return "Alertmanager has held notifications back meanwhile: a silence, an inhibition or a time interval",
			"see its page of silences, for one that matches drill=\"true\" or the service"
	case since.Tried > 0:
		return "Alertmanager has sent webhooks, and they were taken, by somebody else than this agent",
			"correct the url of the agent's receiver: it is another's, or another agent's"
	case d.wait > 0:
		return fmt.Sprintf("Alertmanager has sent nothing: its route waits %s for others", d.wait), "group_wait 0s on the agent's routes"
	}
	return "Alertmanager has sent nothing meanwhile", "is it waiting for other members of its cluster (--cluster.peer-timeout), or has its route a time interval?" + log
}

// reasons are Alertmanager's, in words (notify/util.go).
func reasons(since evidence.Deliveries) []string {
	words := map[string]string{"clientError": "they were refused (4xx)", "authError": "their token was refused",
		"serverError":             "they were answered 5xx",
		"contextDeadlineExceeded": "there was no answer in time", "other": "there was no connection, or its own file could not be read"}
	var all []string
	for _, reason := range slices.Sorted(maps.Keys(since.GivenUp)) {
		all = append(all, cmp.Or(words[reason], reason))
	}
	return all
}

// deliverers are the tokens that Alertmanager may have for this environment.
func (x *examination) deliverers() string {
	var names []string
	for _, t := range x.tokensThatMay("alerts") {
		names = append(names, t.Name+" in "+t.File)
	}
	if len(names) == 0 {
		return "there is none for this environment"
	}
	return strings.Join(names, ", ")
}

// rehearseDecisions says what a real alert of each trigger would come to at this moment. Nothing of it is stored. What is the same of several
// is told once.
func (x *examination) rehearseDecisions(ctx context.Context) {
	asked, order, same := &answers{}, []string{}, map[string][]string{}
	health := map[string]release.Health{}
	for _, alert := range x.alerts()[1:] {
		d, err := x.rehearseDecision(ctx, alert, asked)
		if err != nil {
			return
		}
		text := fmt.Sprintf("%s (%s): %s", d.Verdict, d.Reason, d.Text)
		if same[text] == nil {
			order = append(order, text)
		}
		same[text], health[text] = append(same[text], alert.name), healthOfDecision(d)
	}
	for n, text := range order {
		check := "decision"
		if len(order) > 1 {
			check = fmt.Sprintf("decision %d", n+1)
		}
		x.found(check, health[text], "were "+strings.Join(same[text], ", ")+" to fire now: "+text, "see what was found of the part that it names")
	}
}

func (x *examination) rehearseDecision(ctx context.Context, alert alertOfPlan, asked *answers) (rollback.Decision, error) {
	now := x.agent.now().UTC()
	delete(alert.labels, slo.LabelDrill)
	f := rollback.Firing{Status: "firing", Fingerprint: "0", Labels: alert.labels, StartsAt: now}
	episode := &rollback.Episode{Key: "doctor/" + alert.labels[slo.LabelSLO], Source: "doctor", Firing: f, First: now, Open: true}
	return x.agent.judgeOne(ctx, x.environment, rollback.Case{Plan: x.plan, Environment: x.agent.journal.environment(x.name), Now: now,
		Episode: episode}, asked)
}

// healthOfDecision: that nothing is rolled back while all is well, or nothing is released, is as it should be; that nobody could tell is not.
func healthOfDecision(d rollback.Decision) release.Health {
	switch d.Reason {
	case rollback.CannotTell, rollback.RemoteUnknown, rollback.TargetMissing, rollback.TargetMoved, rollback.TargetMismatch,
		rollback.TargetUnsigned, rollback.TargetUntrusted, rollback.NoTarget:
		return release.Weak
	}
	return release.Healthy
}
