package doctor

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

	"github.com/coclai/cutover/agent/config"
	"github.com/coclai/cutover/agent/evidence"
	"github.com/coclai/cutover/agent/notify"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

const (
	drillName = notify.Prefix + "Drill"
	labelID   = "drill_id" // tells a drill from every other, so that Alertmanager has never sent it before, and no other answers for it

	sendTimeout = 10 * time.Second
	peerTimeout = 15 * time.Second // each Alertmanager of a cluster waits that long for each before it (--cluster.peer-timeout)
	drillLasts  = 2 * time.Minute  // beyond the deadline: an agent that ends meanwhile leaves nothing firing
	drillLook   = 50 * time.Millisecond
)

// drill is one alert that only tries the road, from an Alertmanager's own API to a decision in the ledger.
type drill struct {
	*Examination
	member evidence.Member
	check  string
	id     string
	wait   time.Duration // group_wait of its route
	limit  time.Duration // until it must be here
	until  time.Time     // it ends by itself
}

// Drills send one drill through each Alertmanager, all at once; and say what a real alert of each trigger would come to now.
func (x *Examination) Drills(ctx context.Context) {
	if !x.Drill {
		return
	}
	members := x.Alertmanagers.Members()
	outcomes := make([]*release.Finding, len(members))
	var all sync.WaitGroup
	for n, m := range members {
		d := &drill{Examination: x, member: m, check: "drill " + m.Name(), id: strings.ToLower(rand.Text())}
		d.limit = x.Environment.Drill.Within.Std() + time.Duration(len(members)-1)*peerTimeout
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
	refused, sent := d.Refused(), d.Now()
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
		seen, fix := d.likely(after.Since(before), d.Refused()-refused, err)
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
	routes, err := readRouting(c.Config)
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
	n, err := notify.New([]string{d.member.URL()}, sendTimeout)
	if err != nil {
		return err
	}
	return n.Send(ctx, []notify.Page{{Name: drillName, Labels: labels, Severity: slo.SeverityNone, Until: until,
		Summary: "A drill by " + d.By + ": it tries the way to the agent, and calls for nothing"}})
}

// end lets it fire no longer, also when whoever asked has gone.
func (d *drill) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	if err := d.send(ctx, time.Now()); err != nil {
		d.Log.Warn("a drill fires until it ends by itself", "environment", d.name(), "id", d.id, "until", d.until, "err", err)
	}
}

// await waits until the drill is decided about, or its time is up.
func (d *drill) await(ctx context.Context, until time.Time) *rollback.Episode {
	for {
		var found *rollback.Episode
		for _, episode := range d.State().Episodes {
			if episode.Firing.Labels[labelID] == d.id && episode.Decision != nil {
				found = episode
			}
		}
		if found != nil || time.Now().After(until) {
			return found
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(drillLook):
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
func (x *Examination) deliverers() string {
	var names []string
	for _, t := range x.tokensThatMay("alerts") {
		names = append(names, t.Name+whereIs(t))
	}
	if len(names) == 0 {
		return "there is none for this environment"
	}
	return strings.Join(names, ", ")
}

// whereIs says where a token's secret is, or what stands for it.
func whereIs(t config.Token) string {
	if t.Certificate != "" {
		return " by a certificate of " + t.Certificate
	}
	if t.File != "" {
		return " in " + t.File
	}
	return " in " + strings.Join(t.Files, " or ")
}

// rehearseDecisions says what a real alert of each trigger would come to at this moment. Nothing of it is stored. What is the same of several
// is told once.
func (x *Examination) rehearseDecisions(ctx context.Context) {
	order, same := []string{}, map[string][]string{}
	health, fix := map[string]release.Health{}, map[string]string{}
	for _, alert := range x.alerts()[1:] {
		d, err := x.rehearseDecision(ctx, alert)
		if err != nil {
			return
		}
		text := fmt.Sprintf("%s (%s): %s", d.Verdict, d.Reason, d.Text)
		if same[text] == nil {
			order = append(order, text)
		}
		same[text], health[text], fix[text] = append(same[text], alert.name), healthOfDecision(d), fixOfDecision(d)
	}
	for n, text := range order {
		check := "decision"
		if len(order) > 1 {
			check = fmt.Sprintf("decision %d", n+1)
		}
		x.found(check, health[text], "were "+strings.Join(same[text], ", ")+" to fire now: "+text, fix[text])
	}
}

func (x *Examination) rehearseDecision(ctx context.Context, alert alertOfPlan) (rollback.Decision, error) {
	delete(alert.labels, slo.LabelDrill)
	return x.Foretell(ctx, rollback.Firing{Status: "firing", Fingerprint: "0", Labels: alert.labels, StartsAt: x.Now().UTC()})
}

// healthOfDecision: that nothing is rolled back while all is well, or nothing is released, is as it should be; that nobody could tell is not.
func healthOfDecision(d rollback.Decision) release.Health {
	switch d.Reason {
	case rollback.CannotTell, rollback.RemoteUnknown, rollback.TargetMissing, rollback.TargetMoved, rollback.TargetMismatch,
		rollback.TargetUnsigned, rollback.TargetUntrusted, rollback.TargetForbidden, rollback.NoTarget:
		return release.Weak
	}
	return release.Healthy
}

// fixForbidden is for a target that nobody moved: the agent's own file says no to it.
const fixForbidden = "git.stable_tags in the agent's file forbids it (refuse, not_before): correct that, or pin another tag with rollback-agent stable"

func fixOfDecision(d rollback.Decision) string {
	if d.Reason == rollback.TargetForbidden {
		return fixForbidden
	}
	return "see what was found of the part that it names"
}
