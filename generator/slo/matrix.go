package slo

import "slices"

// Matrix is a runbook that has been read, bound to metrics and checked: what Compile turns into files.
type Matrix struct {
	Service, Environment string
	Runbook              Source
	ScrapeInterval       Duration
	EvaluationInterval   Duration
	SLIs                 []SLI // rows of the table first, in its order, then those of trigger items
	Triggers             []Trigger
	Gates                []Gate
	Checklist            []Step
	StableTag            StableTag
	Rollback             []RollbackStep
	Milestones           []Milestone
	GatesExpire          Duration
	Live                 *Live
	Owners               []Owner
	Agent                AgentReceiver
	Outputs              []Output // files that are asked for
	Names                Names    // of budgets' series, besides ours
}

// Output is a file that can be asked for, or several of one kind.
type Output string

// The usual outputs, all of which are written unless some of them are named.
const (
	OutputRules        Output = "rules"
	OutputTests        Output = "tests"
	OutputAlertmanager Output = "alertmanager"
	OutputDashboard    Output = "dashboard"
	OutputPlan         Output = "plan"
)

// Forms of the rules for other rulers than Prometheus itself, written where they are named.
const (
	OutputPrometheusRule Output = "prometheusrule" // the Prometheus operator's object
	OutputMimir          Output = "mimir"          // a namespace of Mimir's ruler
	OutputThanos         Output = "thanos"         // a file of Thanos's ruler
)

// UsualOutputs are the outputs that are written where none of them is named.
var UsualOutputs = []Output{OutputRules, OutputTests, OutputAlertmanager, OutputDashboard, OutputPlan}

// Writes says whether an output is to be written.
func (m Matrix) Writes(o Output) bool {
	chosen := slices.ContainsFunc(m.Outputs, func(named Output) bool { return slices.Contains(UsualOutputs, named) })
	return slices.Contains(m.Outputs, o) || !chosen && slices.Contains(UsualOutputs, o)
}

// Source names a file and the hash of its bytes.
type Source struct {
	File   string `yaml:"file" json:"file"`
	SHA256 string `yaml:"sha256" json:"sha256"`
}

// NoData says what the absence of measurements means for an SLI.
type NoData string

// The meanings of no data.
const (
	NoDataOK    NoData = "ok"    // nothing to say: idle is healthy
	NoDataAlert NoData = "alert" // absence is itself an alert (a page)
	NoDataHold  NoData = "hold"  // UNKNOWN: neither healthy nor a reason to act; a ticket says so
)

// SLI is one quantity with its bounds: a row of the table, or what a trigger item names where the table has no row.
type SLI struct {
	ID        string // lower-case words with hyphens
	Title     string
	Item      string // "5.1": row of the table; "4.1.4": the trigger item that names it
	Line      int    // in the runbook
	Component string
	Owner     string
	Measure   Measure
	SLO       *Bound // the good condition; nil when only a trigger names the SLI
	Alert     Bound  // the bad condition; zero where an error budget's alerts are all there are: see Bounded
	MinEvents Decimal
	NoData    NoData
	By        []string  // labels the SLI is told apart by (per tenant, per region); empty: one value for all
	Baseline  *Baseline // what relative bounds are compared with; nil for absolute ones
	Budget    *Budget   // an objective over a period, with burn-rate alerts; nil for none
	Trigger   string    // item of the trigger list that it serves, "" if none
	Mode      Mode      // of that trigger, ModeNone if none
}

// Bounded says whether the SLI has an alert bound. Without one it is watched by the alerts of its error budget alone: no trigger can name
// it, and the agent does not judge by it.
func (s SLI) Bounded() bool { return s.Alert.Op != "" }

// Measure is how an SLI is measured: exactly one field is set.
type Measure struct {
	Ratio        *RatioMeasure
	Latency      *LatencyMeasure
	Restarts     *RestartsMeasure
	Count        *CountMeasure
	State        *StateMeasure
	Gate         *GateMeasure
	Availability *AvailabilityMeasure
	Expr         *ExprMeasure
}

// RatioMeasure is bad events over all events. Selectors are instant vector selectors of counters, validated PromQL. Exactly one of Bad
// and Good is set; where Good is, bad is total − good.
type RatioMeasure struct{ Bad, Good, Total string }

// AvailabilityMeasure is the share of time that probes failed or targets were down: of a gauge that is 1 when well and 0 when not, as
// probe_success or up. Its value is the bad share: a cell that states the good one is complemented before it comes here.
type AvailabilityMeasure struct{ Up string }

// ExprMeasure is raw PromQL that yields the quantity, in Unit. The window is in the expression; bounds have none.
type ExprMeasure struct {
	Expr    string
	Unit    Unit
	Percent bool // the expression yields percent: bounds were shifted by two places to meet it
}

// Budget is an error budget: the share of bad events that the objective leaves over a period, with an alert for each pair of windows.
type Budget struct {
	Objective Decimal // good share: 0.999
	Period    Duration
	Raw       bool // windows read raw series, not recorded tiles: exact for rulers that were down, and dear
}

// Share is the budget itself, the share of events that may be bad: 1 − objective, exactly.
func (b Budget) Share() Decimal {
	negative := b.Objective
	negative.unscaled = -negative.unscaled
	return negative.PlusOne()
}

// LatencyMeasure is a quantile of a classic histogram, given by its base name with matchers: h{job="x"} stands for h_bucket, h_count.
type LatencyMeasure struct {
	Quantile  Decimal // 0.95
	Histogram Selector
	Native    bool // a native histogram: the base name itself, no _bucket
}

// RestartsMeasure counts process starts seen in a gauge of start times (seconds since the epoch), as process_start_time_seconds.
type RestartsMeasure struct{ StartedAt string }

// CountMeasure counts events of a counter in the bound's window; the first increment counts, also of a series born with it.
type CountMeasure struct {
	Counter string
	Job     string // matchers of the target's `up` series, e.g. {job="checkout"}
}

// StateMeasure is a gauge that must hold a value; PushedAt, if set, is the time of its last push (Pushgateway never goes stale).
type StateMeasure struct {
	Gauge, PushedAt string
	StaleAfter      Duration
}

// GateMeasure is a gate's last result as the agent exports it: 1 PASS, 0 FAIL, absent while UNKNOWN.
type GateMeasure struct {
	Gate       string
	StaleAfter Duration
}

// Selector is a metric name with its matchers, kept apart so that suffixes can be put on the name.
type Selector struct{ Name, Matchers string } // Matchers with braces: {job="x"}, or ""

// With is the selector with suffix on its metric name.
func (s Selector) With(suffix string) string { return s.Name + suffix + s.Matchers }

// Baseline is what a relative bound is compared with: captured before T0 by the agent, or exported by it.
type Baseline struct {
	From      string  // BaselineFromRelease, BaselineFromFixed or BaselineFromLastWeek
	Value     Decimal // of a fixed one, in the SLI's unit
	Over      Duration
	MinEvents Decimal
	Floor     Decimal // least absolute excess, in the SLI's unit
}

// Mode is how far a trigger may go by itself.
type Mode string

// The modes, from least to most.
const (
	ModeNone    Mode = "none"
	ModeObserve Mode = "observe"
	ModePropose Mode = "propose"
	ModeAuto    Mode = "auto"
)

// AtMost is the lesser of two modes.
func (m Mode) AtMost(limit Mode) Mode {
	if m.rank() > limit.rank() {
		return limit
	}
	return m
}

func (m Mode) rank() int {
	switch m {
	case ModeObserve:
		return 1
	case ModePropose:
		return 2
	case ModeAuto:
		return 3
	}
	return 0
}

// Valid says whether m is one of the modes.
func (m Mode) Valid() bool { return m == ModeNone || m.rank() > 0 }

// Owner is who is called for a row, and where Alertmanager finds them: a receiver of the user's own file, or a webhook.
// With a webhook, Receiver is the name of the receiver that is written for it.
type Owner struct{ Name, Receiver, Webhook string }

// AgentReceiver is where Alertmanager sends the firings that may roll back, and the file from which it reads the token for it.
type AgentReceiver struct{ URL, CredentialsFile string }
