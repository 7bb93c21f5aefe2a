package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/evidence"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/generator/slo"
)

// instrument looks at Prometheus: without it nothing is corroborated.
func (x *Examination) instrument(ctx context.Context) {
	r, err := x.timed(time.Millisecond, func() (time.Time, error) { return x.Prometheus.Clock(ctx) })
	at := x.Environment.Prometheus.URL
	switch {
	case evidence.IsWarned(err):
		x.found("prometheus", release.Untold, at+": "+err.Error(), "a part of it does not answer: see its log, and the stores behind it")
	case err != nil:
		x.found("prometheus", release.Broken, at+": "+err.Error(), "correct prometheus.url, or start it: nothing is rolled back that it does not confirm")
		return
	default:
		x.found("prometheus", release.Healthy, at+" answers", "")
	}
	x.clockIs("prometheus: clock", "Prometheus's", r, x.clockLimit())
	x.rules(ctx)
	x.queries(ctx)
}

// rules looks whether the rules that Prometheus evaluates are those that the plan was compiled with, and whether they can be heard.
func (x *Examination) rules(ctx context.Context) {
	x.judged(ctx, "rules: loaded", x.RulesLoaded,
		fmt.Sprintf("let rule_files of Prometheus name %s, as `promrulegen generate` wrote it together with the agent's plan, and reload both", x.plan().Rules.File))
	x.triggerRules(ctx)
	x.ownSeries(ctx)
	x.told(ctx)
	x.judged(ctx, "rules: heard", x.WatchdogHeard, "see `alertmanager` and `rules: told` below; the Watchdog is among the compiled rules, and repeated every minute")
	verdict, reason := x.TriggersQuiet(ctx)
	health := release.HealthOf(verdict)
	if health == release.Broken {
		health = release.Weak // no cutover starts like that; a rollback does not mind
	}
	x.found("rules: quiet", health, reason, "end the silence, or the fire, before a cutover")
}

// triggerRules looks whether every trigger of the plan has its rule, and whether it can be evaluated.
func (x *Examination) triggerRules(ctx context.Context) {
	const check = "rules: triggers"
	rules, err := x.Prometheus.Triggers(ctx, x.plan().Service, x.plan().Environment)
	if err != nil {
		x.found(check, release.Untold, err.Error(), "examine again")
		return
	}
	var missing, sick, fresh []string
	total := 0
	for _, t := range x.plan().Triggers {
		for _, id := range t.SLOs {
			total++
			n := slices.IndexFunc(rules, func(r evidence.TriggerRule) bool {
				return r.Labels[slo.LabelTrigger] == t.Item && r.Labels[slo.LabelSLO] == id
			})
			switch name := t.Item + " (" + id + ")"; {
			case n < 0:
				missing = append(missing, name)
			case rules[n].Health == "unknown":
				fresh = append(fresh, name)
			case rules[n].Health != "ok":
				sick = append(sick, name)
			}
		}
	}
	fix := "load " + x.plan().Rules.File + " of the plan's own compilation; the page /rules of Prometheus shows what is wrong with each"
	switch {
	case len(missing) > 0:
		x.found(check, release.Broken, "Prometheus has no rule for trigger "+strings.Join(missing, ", "), fix)
	case len(sick) > 0:
		x.found(check, release.Broken, "Prometheus cannot evaluate the rule of trigger "+strings.Join(sick, ", "), fix)
	case len(fresh) > 0:
		x.found(check, release.Untold, "not evaluated yet: trigger "+strings.Join(fresh, ", "), "examine again after an evaluation")
	default:
		x.foundf(check, release.Healthy, "", "each of %d triggers' alerts has its rule, and it is evaluated", total)
	}
	x.namesakes(ctx, rules)
}

// namesakes looks for what would call a real alert a drill on its way: an external label, a relabelling, or a rule of somebody's.
func (x *Examination) namesakes(ctx context.Context, rules []evidence.TriggerRule) {
	var by []string
	out, err := x.Prometheus.Outgoing(ctx)
	switch {
	case err == nil && out.External[slo.LabelDrill] != "":
		by = append(by, "external_labels of Prometheus")
	case slices.Contains(out.Relabelled, slo.LabelDrill):
		by = append(by, "alert_relabel_configs of Prometheus")
	case x.State().Watchdog().Firing.Drill(): // Prometheus may not say, as Thanos and Mimir do not
		by = append(by, "whoever relays the Watchdog")
	}
	for _, r := range rules {
		if r.Labels[slo.LabelDrill] != "" {
			by = append(by, "the rule of "+r.Labels["alertname"])
		}
	}
	if len(by) > 0 {
		x.foundf("rules: no drill", release.Broken, "remove it: the label is for alerts that only try the way",
			"real alerts get the label %s, and are taken for drills until the agent finds them at Prometheus "+
				"by itself; by %s", slo.LabelDrill, strings.Join(by, ", "))
	}
}

// ownSeries looks whether Prometheus scrapes the agent: bounds relative to a baseline, and gates' results, reach the rules as its series.
func (x *Examination) ownSeries(ctx context.Context) {
	const check = "rules: agent's series"
	value, err := x.Prometheus.Ask(ctx, fmt.Sprintf("count(%s{%s=%q,%s=%q})", slo.AgentLocked, slo.LabelService, x.plan().Service,
		slo.LabelEnvironment, x.plan().Environment))
	needed := slices.ContainsFunc(x.plan().SLOs, func(s slo.PlanSLO) bool { return s.Gate != "" || s.Baseline != nil })
	switch {
	case err != nil:
		x.found(check, release.Untold, err.Error(), "examine again")
	case value != nil && *value > 1:
		x.foundf(check, release.Healthy, "", "Prometheus scrapes the agents (%v)", *value)
	case value != nil:
		x.found(check, release.Healthy, "Prometheus scrapes the agent", "")
	case needed:
		x.found(check, release.Broken, "Prometheus does not scrape the agent: bounds that are relative to a baseline, and gates' results, never reach the rules",
			"add the job rollback-agent to scrape_configs, as in deploy/sample/prometheus.yml")
	default:
		x.found(check, release.Weak, "Prometheus does not scrape the agent: nobody is told when it dies",
			"add the job rollback-agent to scrape_configs, as in deploy/sample/prometheus.yml")
	}
}

// told looks whom Prometheus sends its alerts to. It and the agent may know one Alertmanager by two names, so that only none at all is a
// failure; that alerts arrive is for the Watchdog to show.
func (x *Examination) told(ctx context.Context) {
	const check = "rules: told"
	tells, err := x.Prometheus.Tells(ctx)
	fix := "name each in `alerting: alertmanagers:` of Prometheus: members of a cluster do not pass alerts on to each other"
	if err != nil {
		x.found(check, release.Untold, err.Error(), "examine again")
		return
	}
	if len(tells) == 0 {
		x.found(check, release.Broken, "Prometheus sends its alerts to no Alertmanager", fix)
		return
	}
	var strange []string
	for _, m := range x.Alertmanagers.Members() {
		if !slices.ContainsFunc(tells, func(url string) bool { return sameServer(url, m.URL()) }) {
			strange = append(strange, m.URL())
		}
	}
	if len(strange) == 0 {
		x.found(check, release.Healthy, "Prometheus sends its alerts to "+strings.Join(tells, ", "), "")
		return
	}
	x.foundf(check, release.Weak, fix, "Prometheus sends its alerts to %s; the agent asks %s. If these are two names of one, all is well",
		strings.Join(tells, ", "), strings.Join(strange, ", "))
}

// sameServer compares two addresses, however one is written.
func sameServer(a, b string) bool {
	one, err := url.Parse(a)
	if err != nil {
		return false
	}
	other, err := url.Parse(b)
	if err != nil {
		return false
	}
	host := func(u *url.URL) string { return strings.Replace(u.Host, "localhost", "127.0.0.1", 1) }
	return host(one) == host(other) && strings.Trim(one.Path, "/") == strings.Trim(other.Path, "/")
}

// queries asks every query of the plan once.
func (x *Examination) queries(ctx context.Context) {
	for _, s := range x.plan().SLOs {
		if ctx.Err() != nil {
			return
		}
		x.row(ctx, s)
		if s.Baseline != nil {
			x.baseline(ctx, s)
		}
	}
	if l := x.plan().Live; l != nil && l.Query != "" {
		x.live(ctx, *l)
	}
}

// row asks what a decision about one row is made by. Freshness comes first: without a sample the others can say nothing.
func (x *Examination) row(ctx context.Context, s slo.PlanSLO) {
	check := "query " + s.ID
	numbers := map[string]*float64{}
	for _, q := range [][2]string{{"age", s.Age}, {"events", s.Events}, {"value", s.Value}} {
		if q[1] == "" {
			continue
		}
		value, err := x.Prometheus.Ask(ctx, q[1])
		if err != nil {
			x.found(check, queryHealth(err), q[0]+": "+err.Error(), fixOfQuery(err, q[1]))
			return
		}
		numbers[q[0]] = value
	}
	age, value, events := numbers["age"], numbers["value"], numbers["events"]
	switch {
	case age == nil && s.Kind == "gate":
		x.found(check, release.Weak, "gate "+s.Gate+" has no result yet, or Prometheus does not scrape the agent",
			"rollback-agent preflight COMMIT runs it; and see `rules: agent's series`")
	case age == nil && s.NoData == slo.NoDataOK:
		x.found(check, release.Weak, "there is no sample of its metric; the plan takes that for well",
			"nothing, if it appears with its first event; else correct the matchers in promrulegen.yaml")
	case age == nil:
		x.found(check, release.Broken, "there is no sample of its metric: nothing can ever be corroborated by it",
			"is it exported, scraped, and by these labels? "+s.Age)
	case *age > s.AgeMax.Std().Seconds() && s.Kind == "gate":
		x.foundf(check, release.Weak, "rollback-agent preflight COMMIT runs it again", "the newest result of gate %s is %s old, more than %s",
			s.Gate, seconds(*age), s.AgeMax)
	case *age > s.AgeMax.Std().Seconds():
		x.foundf(check, release.Broken, "is its target up, and what pushes it alive? "+s.Age, "its newest sample is %s old, more than %s",
			seconds(*age), s.AgeMax)
	case value == nil:
		x.foundf(check, release.Weak, "nothing, if there is no traffic; else try it in Prometheus: "+s.Value,
			"it has samples, and gives no value now: %s", eventsOf(events))
	case s.MinEvents != nil && (events == nil || *events < s.MinEvents.Float()):
		x.foundf(check, release.Weak, "nothing, if traffic is low at this time",
			"it is %s, and rests on too little to judge by: %s, fewer than %s", plainNumber(*value), eventsOf(events), s.MinEvents)
	default:
		x.foundf(check, release.Healthy, "", "it is %s%s", plainNumber(*value), ofEvents(events))
	}
}

func eventsOf(events *float64) string {
	if events == nil {
		return "no events"
	}
	return plainNumber(*events) + " events"
}

func ofEvents(events *float64) string {
	if events == nil {
		return ""
	}
	return " (" + eventsOf(events) + ")"
}

func plainNumber(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(time.Second)
}

// queryHealth: a warning is an answer in part, and who cannot be asked has said nothing of the query.
func queryHealth(err error) release.Health {
	if evidence.IsBadQuery(err) {
		return release.Broken
	}
	return release.Untold
}

func fixOfQuery(err error, query string) string {
	if queryHealth(err) == release.Untold {
		return "examine again; Prometheus's log says more"
	}
	return "try it in Prometheus, and correct what promrulegen.yaml says of it: " + query
}

func (x *Examination) baseline(ctx context.Context, s slo.PlanSLO) {
	check := "baseline " + s.ID
	b, err := x.Prometheus.Capture(ctx, s, x.Now())
	none, _ := errors.AsType[*evidence.NoBaseline](err)
	switch {
	case err == nil:
		x.foundf(check, release.Healthy, "", "it would be %s %s over %s (%s events)", b.Value, s.Unit, b.Over, b.Events)
	case none != nil && none.Cause != nil:
		x.found(check, queryHealth(err), err.Error(), fixOfQuery(err, s.Baseline.Value))
	default:
		x.found(check, release.Weak, err.Error(), "no cutover starts without it: wait until there was traffic for "+s.Baseline.Over.String())
	}
}

func (x *Examination) live(ctx context.Context, l slo.Live) {
	const check = "query live"
	running, err := x.Prometheus.Live(ctx, l, x.Now())
	switch {
	case err != nil:
		x.found(check, queryHealth(err), err.Error(), fixOfQuery(err, l.Query))
	case len(running) == 0:
		x.foundf(check, release.Broken, "let production export it, or leave `live` out of promrulegen.yaml",
			"it names nothing by the label %s: no cutover comes to its T0 by it", l.Label)
	default:
		x.found(check, release.Healthy, "production runs "+strings.Join(running, ", "), "")
	}
}
