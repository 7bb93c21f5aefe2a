// Package rollback decides what a firing calls for. State is a fold of the ledger's entries, and Decide a function of that state and of
// evidence: the same inputs give the same verdict, with its reason. The package does no I/O and reads no clock.
package rollback
