// Package report writes what the ledger holds as documents that a person keeps: Markdown whose words come from the plan, from the ledger and
// from programs, the latter two escaped. It reads nothing, asks nobody, and judges nothing: every verdict in a document was one before.
package report
