package slo

import "strings"

// Labels of every alert and recorded series.
const (
	LabelService     = "service"
	LabelEnvironment = "environment"
	LabelSLO         = "slo"
	LabelComponent   = "component"
	LabelOwner       = "owner"
	LabelSeverity    = "severity"
	LabelRollback    = "rollback" // a Mode
	LabelTrigger     = "trigger"  // the runbook item
	LabelGate        = "gate"
	LabelDrill       = "drill" // "true" on an alert that only tries the road
)

// Severities.
const (
	SeverityPage   = "page"
	SeverityTicket = "ticket"
	SeverityNone   = "none" // the Watchdog
)

// An SLI's other alerts are named by its AlertName and one of these.
const (
	SuffixSLO             = "SLO"             // the objective is missed, the alert bound is not necessarily passed
	SuffixNoData          = "NoData"          // nothing is being measured
	SuffixBaselineMissing = "BaselineMissing" // a release is out, and there is nothing to compare it with
	SuffixBurn            = "Burn"            // the error budget is being spent too fast; the longer window follows: Burn1h
)

// Watchdog is the alert that always fires: its absence means that nothing can be heard.
const Watchdog = "Watchdog"

// RulesInfo is the series by which a compiled set of rules says its hash, in labels sha256 and version.
const RulesInfo = "promrulegen_rules_info"

// The agent's series that rules join on.
const (
	AgentT0            = "rollback_agent_release_timestamp_seconds" // absent without a release
	AgentBaseline      = "rollback_agent_baseline"                  // {slo}, in the SLO's unit
	AgentGateResult    = "rollback_agent_gate_result"               // {gate}: 1 PASS, 0 FAIL, absent while UNKNOWN
	AgentGateTimestamp = "rollback_agent_gate_timestamp_seconds"    // {gate}
	AgentLocked        = "rollback_agent_locked"
)

// Labels of RulesInfo, and the version of the set's format.
const (
	LabelSHA256  = "sha256"
	LabelVersion = "version"
	RulesVersion = "1"
)

// BaselineSeries is the recorded baseline of an SLI, as the agent exports it: above 0, or absent.
const BaselineSeries = "slo:baseline"

// BaselineEvents and BaselineBad are what a ratio's baseline of last week is divided from.
const (
	BaselineEvents = "slo:baseline_events"
	BaselineBad    = "slo:baseline_bad"
)

// ValueSeries is the recorded value of an SLI over a window: slo:value:5m, or slo:value for one that has none. Recorded series carry
// the labels service, environment and slo.
func ValueSeries(window Duration) string {
	if window == 0 {
		return "slo:value"
	}
	return "slo:value:" + window.String()
}

// EventsSeries is the recorded number of events in a window: slo:events:increase5m. For a count it is the value itself.
func EventsSeries(window Duration) string { return "slo:events:increase" + window.String() }

// BadSeries is the recorded number of bad events in a window.
func BadSeries(window Duration) string { return "slo:bad:increase" + window.String() }

// BudgetStrip is the name of a recorded number of events, or of bad ones, of which the shorter windows of a budget are summed; strips
// overlap by all but one scrape interval and the evaluation interval. BudgetTile is that of the longer windows: tiles do not overlap.
func BudgetStrip(what string, length Duration) string {
	return "slo:budget_" + what + ":increase" + length.String()
}

// BudgetTile is the name of what is recorded of one tile.
func BudgetTile(what string, length Duration) string {
	return "slo:budget_" + what + ":tile" + length.String()
}

// What BudgetStrip and BudgetTile count.
const (
	BudgetEvents = "events"
	BudgetBad    = "bad"
)

// BudgetEventsSeries is the recorded number of events in one of a budget's windows: what a burn alert's guard reads.
func BudgetEventsSeries(window Duration) string { return "slo:budget_events:" + window.String() }

// ErrorRatioSeries is the recorded share of bad events in one of a budget's windows.
func ErrorRatioSeries(window Duration) string { return "slo:error_ratio:" + window.String() }

// BurnRateSeries is the error ratio in parts of the budget: 1 spends it exactly in the period.
func BurnRateSeries(window Duration) string { return "slo:burn_rate:" + window.String() }

// BudgetRemainingSeries is the share of the budget that is left at the end of the period; below 0, more was spent than there was.
func BudgetRemainingSeries(period Duration) string {
	return "slo:error_budget_remaining:" + period.String()
}

// BudgetCoverageSeries is the share of the period about which something was recorded: what the remaining budget rests on.
func BudgetCoverageSeries(period Duration) string {
	return "slo:error_budget_coverage:" + period.String()
}

// AlertName is the name of an SLI's alert: checkout, api-error-rate → CheckoutApiErrorRate.
func AlertName(service, id string) string { return camel(service) + camel(id) }

func camel(words string) string {
	var b strings.Builder
	for _, w := range strings.FieldsFunc(words, func(r rune) bool { return r == '-' || r == '_' || r == '.' }) {
		b.WriteString(strings.ToUpper(w[:1]) + w[1:])
	}
	return b.String()
}
