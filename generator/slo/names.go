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

// AlertName is the name of an SLI's alert: checkout, api-error-rate → CheckoutApiErrorRate.
func AlertName(service, id string) string { return camel(service) + camel(id) }

func camel(words string) string {
	var b strings.Builder
	for _, w := range strings.FieldsFunc(words, func(r rune) bool { return r == '-' || r == '_' || r == '.' }) {
		b.WriteString(strings.ToUpper(w[:1]) + w[1:])
	}
	return b.String()
}
