// Package prom turns an SLO matrix into Prometheus rules, the unit tests that prove them under `promtool test rules`, and the queries
// that the release plan carries.
//
// It promises: the same matrix gives the same bytes; every expression is one line and prints as it parses; bounds stand in it as the
// runbook writes them; an SLI that measures nothing neither pages nor rolls back, except by an alert of its own that says so; nothing
// taken from a cell of the runbook is ever executed as a template.
//
// It does no I/O, asks no Prometheus, and does not check the matrix again: what Resolve let through is valid. Series without a sample
// before the first error are not extrapolated to what they may have missed, except for counts, which never miss a first increment, for good
// events, whose first ones would pass for bad, and for the tiles of a budget.
package prom
