// Package evidence asks the agent's own Prometheus and Alertmanagers whether what a webhook says is true: values, events and freshness
// of a plan's SLO, baselines, alerts in flight, silences. What cannot be told comes back as UNKNOWN with its reason, or as an error.
//
// It follows no redirect, reads no more than a limit, waits no longer than a timeout, and takes an answer with warnings for no answer.
// Queries and addresses come from the plan and the configuration; nothing of a webhook is put into either. It decides nothing: comparing
// is package release's, acting the driver's.
package evidence
