package doctor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/evidence"
	"github.com/coclai/cutover/agent/notify"
	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
	"github.com/coclai/cutover/generator/slo"
)

// leastAlertmanager is the oldest release that the project is tried with; the generated routes use nothing newer.
const leastAlertmanager = "0.31"

// roads looks at each Alertmanager: does it answer, does Prometheus tell it, and whom does it tell.
func (x *Examination) roads(ctx context.Context) {
	for _, m := range x.Alertmanagers.Members() {
		if ctx.Err() != nil {
			return
		}
		x.member(ctx, m)
	}
}

func (x *Examination) member(ctx context.Context, m evidence.Member) {
	check := "alertmanager " + m.Name()
	var c evidence.Condition
	r, err := x.timed(time.Second, func() (said time.Time, err error) {
		c, err = m.Condition(ctx)
		return c.Clock, err
	})
	if err != nil {
		x.found(check, release.Broken, err.Error(), "correct its url in the agent's file, or start it: "+
			"what it does not say to be silenced cannot be acted upon, and pages go through it")
		return
	}
	x.cluster(check, c)
	x.clockIs(check+": clock", "its", r, x.clockLimit())
	x.memberTold(ctx, m, check+": told")
	routes, err := readRouting(c.Config)
	if err != nil {
		x.found(check+": routes", release.Untold, err.Error(), "compare its routes with the generated alertmanager.yaml: amtool config routes test")
		return
	}
	x.routes(check+": routes", routes)
	x.pagesGo(check+": pages", routes)
}

func (x *Examination) cluster(check string, c evidence.Condition) {
	members := len(x.Alertmanagers.Members())
	version := "of a version that it does not say"
	if c.Version != "" {
		version = "version " + c.Version
	}
	seen := "it answers, " + version
	switch {
	case c.Version != "" && older(c.Version, leastAlertmanager):
		x.found(check, release.Weak, seen+", older than "+leastAlertmanager,
			"take a newer one: older ones are not tried, and some lose alerts or scripts in labels (CVE-2023-40577 below 0.25.1)")
	case c.Cluster == "disabled" && members > 1:
		x.foundf(check, release.Weak, "--cluster.peer on each of them; else every page rings once for each",
			"%s; it is in no cluster, and the agent's file names %d", seen, members)
	case c.Cluster == "settling":
		x.found(check, release.Weak, seen+"; its cluster is settling still", "examine again in a minute")
	case c.Cluster == "ready" && c.Peers < members:
		x.foundf(check, release.Weak, "see why they do not find each other: --cluster.peer, the ports between them",
			"%s; its cluster has %d members, and the agent's file names %d", seen, c.Peers, members)
	case c.Cluster == "ready" && c.Peers > members:
		x.foundf(check, release.Weak, "name every member in `alertmanagers`: alerts and pages of those that are not named are not seen",
			"%s; its cluster has %d members, and the agent's file names %d", seen, c.Peers, members)
	default:
		x.found(check, release.Healthy, seen, "")
	}
}

// older compares the first two numbers of versions; what is no number is not older.
func older(version, least string) bool {
	a, b := strings.SplitN(version, ".", 3), strings.SplitN(least, ".", 3)
	for n := range 2 {
		if n >= len(a) {
			return false
		}
		had, err := strconv.Atoi(a[n])
		want, _ := strconv.Atoi(b[n])
		if err != nil || had != want {
			return err == nil && had < want
		}
	}
	return false
}

// memberTold looks whether a Prometheus tells this very member of the Watchdog: members pass no alerts on to each other.
func (x *Examination) memberTold(ctx context.Context, m evidence.Member, check string) {
	last, err := m.Watchdog(ctx, x.plan().Service, x.plan().Environment)
	fix := "load " + x.plan().Rules.File + " in Prometheus, and name " + m.Name() + " in its `alerting: alertmanagers:`"
	switch age := x.Now().Sub(last.At).Round(time.Second); {
	case err != nil:
		x.found(check, release.Untold, err.Error(), "examine again")
	case last.At.IsZero():
		x.found(check, release.Broken, "no Prometheus tells it of the Watchdog of "+x.name()+": nothing would be heard through it", fix)
	case age > rollback.WatchdogLate:
		x.foundf(check, release.Broken, fix, "it was told of the Watchdog of %s %s ago for the last time", x.name(), age)
	default:
		x.foundf(check, release.Healthy, "", "%s told it of the Watchdog of %s %s ago", cmp.Or(last.By, "Prometheus"), x.name(), max(age, 0))
	}
}

// drillLabels are those of the doctor's drill, but for its id. They select no trigger of any plan: it can be nothing but a drill.
func (x *Examination) drillLabels() map[string]string {
	return map[string]string{"alertname": drillName, slo.LabelService: x.plan().Service, slo.LabelEnvironment: x.plan().Environment,
		slo.LabelDrill:    "true",
		slo.LabelSeverity: slo.SeverityNone, slo.LabelRollback: string(slo.ModeNone)}
}

// agentsReceiver is the receiver that a drill goes to, or why none may be sent: it must be one, of webhooks alone, and the way of the Watchdog
// and of every trigger's alert; else a drill would ring a person, or show nothing.
func (x *Examination) agentsReceiver(routes routing) (name, why string) {
	heard := routes.receivers(x.drillLabels())
	if len(heard) != 1 {
		return "", "a drill would reach " + strings.Join(heard, ", ") + ", and not the agent alone"
	}
	switch kinds := routes.kinds[heard[0]]; {
	case len(kinds) == 0:
		return "", "a drill would reach " + heard[0] + ", which tells nobody: there is no route to the agent"
	case slices.ContainsFunc(kinds, func(kind string) bool { return kind != "webhook" }):
		return "", fmt.Sprintf("a drill would reach %s, which tells people (%s): it is not the agent's receiver, or not its alone", heard[0],
			strings.Join(kinds, ", "))
	}
	var deaf []string
	for _, alert := range x.alerts() {
		if to := routes.receivers(alert.labels); !slices.Contains(to, heard[0]) {
			deaf = append(deaf, alert.name+" goes to "+strings.Join(to, ", "))
		}
	}
	if len(deaf) > 0 {
		return "", fmt.Sprintf("a drill would reach %s; but %s", heard[0], strings.Join(deaf, "; "))
	}
	return heard[0], ""
}

func (x *Examination) fixRoutes() string {
	return "run the alertmanager.yaml that promrulegen writes: its first routes send to rollback-agent what has " + slo.LabelService + "=" +
		strconv.Quote(x.plan().Service) + " and drill=\"true\", or alertname=\"" + slo.Watchdog + "\", or rollback=~\"auto|propose|observe\"; group_by ['...'], group_wait 0s"
}

// routes asks the routes themselves who hears of each alert of the plan, and when.
func (x *Examination) routes(check string, routes routing) {
	agents, why := x.agentsReceiver(routes)
	if agents == "" {
		x.found(check, release.Broken, why, x.fixRoutes())
		return
	}
	var late []string
	alerts := x.alerts()
	for _, alert := range alerts {
		taken := routes.take(alert.labels)
		way := taken[slices.IndexFunc(taken, func(r *route) bool { return r.Receiver == agents })]
		switch {
		case len(way.Mute)+len(way.Active) > 0:
			late = append(late, alert.name+" is muted at times")
		case !slices.Equal(way.GroupBy, []string{"..."}):
			late = append(late, alert.name+" is grouped with others")
		case way.waits() > 0:
			late = append(late, fmt.Sprintf("%s waits %s for others", alert.name, way.waits()))
		}
	}
	if len(late) > 0 {
		x.foundf(check, release.Weak, x.fixRoutes(), "all go to %s; but %s", agents, strings.Join(late, ", "))
		return
	}
	x.foundf(check, release.Healthy, "", "a drill, the Watchdog and the alerts of all triggers (%d) go to %s, at once and each alone",
		len(alerts)-1, agents)
}

// alertOfPlan is an alert as it comes to Alertmanager.
type alertOfPlan struct {
	name   string
	labels map[string]string
}

// alerts are the Watchdog and those of every trigger, with the labels that the compiled rules give them, and with Prometheus's external ones.
func (x *Examination) alerts() []alertOfPlan {
	state := x.State()
	base := map[string]string{slo.LabelService: x.plan().Service, slo.LabelEnvironment: x.plan().Environment}
	with := func(more map[string]string) map[string]string {
		all := state.Delivered(base)
		for name, value := range more {
			all[name] = value
		}
		return all
	}
	all := []alertOfPlan{{slo.Watchdog, with(map[string]string{"alertname": slo.Watchdog, slo.LabelSeverity: slo.SeverityNone,
		slo.LabelRollback: string(slo.ModeNone)})}}
	for _, t := range x.plan().Triggers {
		for _, id := range t.SLOs {
			s, _ := x.plan().SLOByID(id)
			all = append(all, alertOfPlan{"trigger " + t.Item + " (" + id + ")", with(map[string]string{"alertname": slo.AlertName(x.plan().Service,
				id), slo.LabelSLO: id,
				slo.LabelTrigger: t.Item, slo.LabelRollback: string(t.Mode), slo.LabelSeverity: slo.SeverityPage, slo.LabelOwner: s.Owner,
				slo.LabelComponent: s.Component})})
		}
	}
	return all
}

// pagesGo looks who hears of the agent's own pages.
func (x *Examination) pagesGo(check string, routes routing) {
	page := map[string]string{"alertname": notify.Prefix + "NeedsHuman", slo.LabelService: x.plan().Service, slo.LabelEnvironment: x.plan().Environment,
		slo.LabelSeverity: slo.SeverityPage, slo.LabelRollback: string(slo.ModeNone)}
	agents := routes.receivers(x.alerts()[0].labels) // whoever hears of the Watchdog is no person
	var people []string
	for _, name := range routes.receivers(page) {
		if len(routes.kinds[name]) > 0 && !slices.Contains(agents, name) {
			people = append(people, name)
		}
	}
	if len(people) == 0 {
		x.foundf(check, release.Weak, "a route for alertname=~\""+notify.Prefix+".+\" to whoever is on call",
			"the agent's own pages (a person must decide, a rollback was made) reach nobody: they go to %s", strings.Join(routes.receivers(page), ", "))
		return
	}
	x.found(check, release.Healthy, "the agent's own pages go to "+strings.Join(people, ", "), "")
}
