// Package generator turns a runbook into Prometheus rules, their tests, Alertmanager configuration and the agent's release plan.
//
// It promises that what it cannot read it refuses, with a place and every problem at once; that the same sources give the same bytes;
// and that nothing is written before all of it exists and Prometheus's and Alertmanager's own parsers have read it. It runs no
// command that the runbook names, and asks no server anything, but for Live.
package generator
