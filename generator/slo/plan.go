package slo

// PlanVersion is the version of the plan's format that this program writes and reads.
const PlanVersion = 1

// Plan is all that the agent needs to corroborate, judge, capture, gate, tag, watch and report, without the runbook or the rules.
// The generator writes it as YAML, the agent reads it; unknown keys and other versions are refused by its reader.
type Plan struct {
	Version            int            `yaml:"version"`
	Service            string         `yaml:"service"`
	Environment        string         `yaml:"environment"`
	Runbook            Source         `yaml:"runbook"`
	Rules              Source         `yaml:"rules"`
	ScrapeInterval     Duration       `yaml:"scrape_interval"`
	EvaluationInterval Duration       `yaml:"evaluation_interval"`
	SLOs               []PlanSLO      `yaml:"slos"`
	Triggers           []Trigger      `yaml:"triggers"`
	Gates              []Gate         `yaml:"gates"`
	Checklist          []Step         `yaml:"checklist"`
	StableTag          StableTag      `yaml:"stable_tag"`
	Rollback           []RollbackStep `yaml:"rollback"`
	Milestones         []Milestone    `yaml:"milestones"`
	GatesExpire        Duration       `yaml:"gates_expire"`
	Live               *Live          `yaml:"live,omitempty"`
}

// PlanSLO is one SLI with the queries that observation, milestones, evidence and baselines read. Queries are instant.
type PlanSLO struct {
	ID        string        `yaml:"id"`
	Title     string        `yaml:"title"`
	Item      string        `yaml:"item"`
	Line      int           `yaml:"line,omitempty"`
	Component string        `yaml:"component"`
	Owner     string        `yaml:"owner"`
	Kind      string        `yaml:"kind"` // ratio, latency, restarts, count, state, gate, availability, expr
	Unit      Unit          `yaml:"unit"`
	Gate      string        `yaml:"gate,omitempty"`
	SLO       *Bound        `yaml:"slo,omitempty"`
	Alert     Bound         `yaml:"alert"`
	Baseline  *PlanBaseline `yaml:"baseline,omitempty"`
	MinEvents *Decimal      `yaml:"min_events,omitempty"`
	NoData    NoData        `yaml:"no_data"`
	Holds     Holds         `yaml:"holds"`
	Value     string        `yaml:"value"`            // the quantity in Unit: 0, not empty, where nothing bad was ever counted
	Events    string        `yaml:"events,omitempty"` // how many events the value rests on
	Age       string        `yaml:"age"`              // seconds since the newest sample
	AgeMax    Duration      `yaml:"age_max"`          // older: UNKNOWN
}

// PlanBaseline is how the agent captures what a relative bound is compared with.
type PlanBaseline struct {
	From      string   `yaml:"from"`
	Over      Duration `yaml:"over"`
	MinEvents Decimal  `yaml:"min_events"`
	Floor     Decimal  `yaml:"floor"`
	Value     string   `yaml:"value"`
	Events    string   `yaml:"events"`
}

// Holds says when corroboration must find the condition true.
type Holds string

// Now: ratio, latency and states. SinceOnset: counts and restarts, where one violation is enough and need not go on.
const (
	HoldsNow        Holds = "now"
	HoldsSinceOnset Holds = "since_onset"
)

// Trigger is an item of the trigger list: any of its SLIs firing may roll back, as far as Mode goes.
type Trigger struct {
	Item string   `yaml:"item"`
	Line int      `yaml:"line,omitempty"`
	Mode Mode     `yaml:"mode"`
	SLOs []string `yaml:"slos"`
}

// Pass says when a gate's command has passed.
type Pass string

// PassExit0: exit status 0. PassNoMatch: a search that finds nothing (1 PASS, 0 FAIL, anything else UNKNOWN). PassManual: nothing is run, a
// person looks and reports it (`rollback-agent gates record`).
const (
	PassExit0   Pass = "exit_0"
	PassNoMatch Pass = "no_match"
	PassManual  Pass = "manual"
)

// Gate is a precondition: a command run without a shell in a checkout of the release, or what a person sees to.
type Gate struct {
	ID      string            `yaml:"id"`
	Line    int               `yaml:"line,omitempty"`
	Title   string            `yaml:"title,omitempty"` // of a manual one: what the runbook says
	Owner   string            `yaml:"owner,omitempty"` // of a manual one: who reports it
	Argv    []string          `yaml:"argv"`            // none of a manual one
	Env     map[string]string `yaml:"env"`
	Pass    Pass              `yaml:"pass"`
	Timeout Duration          `yaml:"timeout"`
	Logs    string            `yaml:"logs,omitempty"` // folder in the checkout whose logs are kept
	Hard    bool              `yaml:"hard,omitempty"` // run again while the release is observed
	Every   Duration          `yaml:"every,omitempty"`
}

// Step is an item of the execution checklist.
type Step struct {
	Item  string   `yaml:"item"`
	Line  int      `yaml:"line,omitempty"`
	Step  string   `yaml:"step"` // tag, recheck, announce, deploy, observe
	By    string   `yaml:"by"`   // agent, person
	Until Duration `yaml:"until,omitempty"`
	SLOs  []string `yaml:"slos,omitempty"`
}

// StableTag is how the tag of the release to return to is named: {date:LAYOUT} is the day in TimeZone, in Go's layout.
type StableTag struct {
	Pattern  string `yaml:"pattern"`
	TimeZone string `yaml:"time_zone"`
}

// RollbackStep is an item of the list of rollback actions.
type RollbackStep struct {
	Item       string   `yaml:"item"`
	Line       int      `yaml:"line,omitempty"`
	Step       string   `yaml:"step"` // restore, gates, classify, lock
	Gates      []string `yaml:"gates,omitempty"`
	Components []string `yaml:"components,omitempty"`
}

// Milestone is a point after T0 at which a person or the numbers decide.
type Milestone struct {
	Item  string   `yaml:"item"`
	Line  int      `yaml:"line,omitempty"`
	After Duration `yaml:"after"`
	Title string   `yaml:"title"`
	Ends  string   `yaml:"ends,omitempty"`  // intensive, stabilisation, watch
	Draft string   `yaml:"draft,omitempty"` // release_notes, backlog
	Needs string   `yaml:"needs"`           // judgement, reading, acceptance
}

// Live says how production itself is asked which commits it runs: by a query, of which the values of Label are that; or by a command, which
// prints them. A beginning of seven digits or more is a commit.
type Live struct {
	Query string            `yaml:"query,omitempty"`
	Label string            `yaml:"label,omitempty"`
	Argv  []string          `yaml:"argv,omitempty"`
	Env   map[string]string `yaml:"env,omitempty"`
}

// SLOByID finds an entry by exact match.
func (p Plan) SLOByID(id string) (PlanSLO, bool) {
	for _, s := range p.SLOs {
		if s.ID == id {
			return s, true
		}
	}
	return PlanSLO{}, false
}

// TriggerOf finds the trigger with this item, if it names the SLO: both labels of an alert must agree with the plan.
func (p Plan) TriggerOf(item, id string) (Trigger, bool) {
	for _, t := range p.Triggers {
		if t.Item != item {
			continue
		}
		for _, s := range t.SLOs {
			if s == id {
				return t, true
			}
		}
	}
	return Trigger{}, false
}

// GateByID finds a gate by exact match.
func (p Plan) GateByID(id string) (Gate, bool) {
	for _, g := range p.Gates {
		if g.ID == id {
			return g, true
		}
	}
	return Gate{}, false
}
