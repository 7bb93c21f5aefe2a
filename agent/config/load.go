package config

import (
	"errors"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/slo"
)

// maxFile is far above any configuration or plan.
const maxFile = 16 << 20

// Load reads a configuration with all files it names. The Config is valid only when the list is empty.
func Load(path string) (Config, diag.List) {
	r := &reader{path: path, folder: filepath.Dir(path), holder: ourselves()}
	content := r.take(diag.Text{At: diag.Position{File: path}}, wanted{path: path, hint: "name the file with --config.file", most: maxFile})
	if len(r.problems) > 0 {
		return Config{}, r.problems
	}
	r.lines = strings.Split(string(content), "\n")
	var f file
	r.problems = diag.DecodeYAML(path, content, &f)
	if f.At == (diag.Position{}) {
		return Config{}, r.problems // not even a mapping: nothing to say about its keys
	}
	c := r.config(f)
	return c, r.problems.Sorted()
}

func (r *reader) config(f file) Config {
	c := Config{Version: Version, MaxMode: r.maxMode(f.MaxMode), KillSwitchFile: r.resolve(f.KillSwitchFile.Value)}
	if r.required(f.At, f.Version, "version") && f.Version.Value != "1" {
		r.complain(f.Version, "version "+f.Version.Value+" is not known to this program", "write version: 1")
	}
	c.Storage = r.storage(f)
	c.Ledger.Retention = r.retention(f.Ledger.Retention)
	if c.Budget.PerDay = r.number(f.Budget.PerDay, perDay); c.Budget.PerDay == 0 {
		r.complain(f.Budget.PerDay, "nothing could be rolled back without a person", "write max_mode: propose if that is what you want, or at least 1")
	}
	c.Logs, c.Reports = r.beside(f.Logs, c.Storage.SQLite, "logs"), r.beside(f.Reports, c.Storage.SQLite, "reports")
	c.Web.Tokens = r.tokens(f)
	if len(f.Environments) == 0 {
		r.missing(f.At, "environments", "name at least one service with its plan, Prometheus, Alertmanager and git remote")
	}
	first := map[string]diag.Position{}
	for _, e := range f.Environments {
		environment := r.environment(e)
		r.twice(e.Service, first, "environment "+environment.Name(), environment.Name())
		c.Environments = append(c.Environments, environment)
	}
	return c
}

// maxMode defaults to observe: a new installation shows what it would do before it is allowed to.
func (r *reader) maxMode(t diag.Text) slo.Mode {
	modes := []slo.Mode{slo.ModeObserve, slo.ModePropose, slo.ModeAuto}
	if t.Value == "" {
		return slo.ModeObserve
	}
	if !slices.Contains(modes, slo.Mode(t.Value)) {
		r.complain(t, quoted(t.Value)+" is no mode", "write observe, propose or auto")
	}
	return slo.Mode(t.Value)
}

// retention is at least a week: Alertmanager may repeat itself days later, and who comes back from a weekend wants to see it.
func (r *reader) retention(t diag.Text) slo.Duration {
	if t.Value == "" {
		return 0
	}
	keep := r.duration(t, 0)
	if keep > 0 && keep < 7*day {
		r.complain(t, "entries must be kept for at least 7d", "leave it out to keep all of them")
	}
	return keep
}

// beside is a folder for what the agent writes: beside the ledger unless given, for which there is room and a backup.
func (r *reader) beside(t diag.Text, ledger, name string) string {
	if t.Value == "" && ledger != "" {
		return filepath.Join(filepath.Dir(ledger), name)
	}
	return r.resolve(t.Value)
}

func (r *reader) environment(e environmentFile) Environment {
	environment := Environment{
		Service:     r.name(e.At, e.Service, "service"),
		Environment: r.name(e.At, e.Environment, "environment"),
		Prometheus:  r.endpoint(e.At, e.Prometheus, "prometheus.url"),
		Git:         r.git(e.At, e.Git),
		Budget:      r.budget(e.Budget),
		Arm:         r.arm(e.Arm),
		Drill:       Drill{Within: r.duration(e.Drill.Within, drillWithin), Required: r.yes(e.Drill.Required)},
		Announce:    r.announce(e.Announce),
		Notify:      r.notify(e.Notify),
	}
	if len(e.Alertmanagers) == 0 {
		r.missing(e.At, "alertmanagers", "name at least one: pages are sent through it")
	}
	for _, a := range e.Alertmanagers {
		environment.Alertmanagers = append(environment.Alertmanagers, r.endpoint(e.At, a, "alertmanagers.url"))
	}
	if r.required(e.At, e.Plan, "plan") {
		environment.PlanFile = r.resolve(e.Plan.Value)
		environment.Plan = r.plan(e, environment.PlanFile)
	}
	r.checkouts(e, environment)
	return environment
}

// plan reads a plan with the diagnostics of its own file, and holds it against the environment it is meant for.
func (r *reader) plan(e environmentFile, path string) slo.Plan {
	var p slo.Plan
	content := r.take(e.Plan, wanted{path: path, hint: "promrulegen generate writes it: plan.yaml beside rules.yaml", most: maxFile})
	if content == nil {
		return p
	}
	problems := diag.DecodeYAML(path, content, &p)
	if len(problems) > 0 {
		r.problems.Add(problems...)
		return p
	}
	if err := p.Validate(); err != nil {
		for _, fault := range faults(err) {
			r.problems.Add(diag.Diagnostic{At: diag.Position{File: path}, Message: fault.Error(), Hint: "generate it again with promrulegen"})
		}
		return p
	}
	if p.Service != e.Service.Value || p.Environment != e.Environment.Value {
		r.complain(e.Plan, "the plan is for "+p.Service+"/"+p.Environment, "service and environment must be those of the plan")
	}
	return p
}

// faults takes apart what Validate joined.
func faults(err error) []error {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		return joined.Unwrap()
	}
	return []error{err}
}

// names are ASCII and without a slash: they are joined to service/environment, and shown to people who must tell them apart.
var names = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

func (r *reader) name(owner diag.Position, t diag.Text, key string) string {
	if r.required(owner, t, key) && (!names.MatchString(t.Value) || unfitForRef(t.Value)) {
		r.complain(t, quoted(t.Value)+" cannot be a name", "use letters, digits, single dots within, hyphens and underscores, at most 63; not .lock at the end")
	}
	return t.Value
}

// unfitForRef says whether git takes no such component of a ref: the lock's is refs/rollback-agent/lock/service/environment, and that must
// not be found out during an incident.
func unfitForRef(name string) bool {
	return strings.Contains(name, "..") || strings.HasSuffix(name, ".") || strings.HasSuffix(name, ".lock")
}

func (r *reader) budget(b budgetFile) Budget {
	budget := Budget{PerRelease: r.number(b.PerRelease, 1), PerDay: r.number(b.PerDay, 1), Cooldown: r.cooldown(b.Cooldown)}
	if budget.PerRelease > 1 {
		r.complain(b.PerRelease, "a release can be rolled back only once", "write 1, or 0 for never automatically")
	}
	return budget
}

// cooldown may be 0s: then the budget alone counts.
func (r *reader) cooldown(t diag.Text) slo.Duration {
	if t.Value == "0s" {
		return 0
	}
	return r.duration(t, cooldown)
}

// What a budget and a proposal are unless the file says otherwise.
const (
	perDay   = 5 // automatic rollbacks, in all environments
	cooldown = slo.Duration(30 * time.Minute)
	approval = slo.Duration(time.Hour)

	drillWithin = slo.Duration(30 * time.Second) // Prometheus to Alertmanager to here: group_wait is 0s, and each takes a second or two
)

const day = slo.Duration(24 * 60 * 60 * 1e9)

func (r *reader) arm(a armFile) Arm {
	arm := Arm{Auto: r.duration(a.Auto, day), Propose: r.duration(a.Propose, 2*day), Approval: r.duration(a.Approval, approval)}
	if arm.Approval < slo.Duration(time.Minute) {
		r.complain(a.Approval, "nobody can answer within "+arm.Approval.String(), "give persons at least a minute; 1h unless given")
	}
	if arm.Propose < arm.Auto {
		place := a.Propose
		if place.Value == "" {
			place = a.Auto
		}
		r.complain(place, "proposals would end after "+arm.Propose.String()+", before automatic rollbacks after "+arm.Auto.String(),
			"make propose at least as long as auto")
	}
	return arm
}
