// Package report writes what the ledger holds as documents that a person keeps: the record of a rehearsal, the report of a milestone, the whole of
// a cutover. Rehearsals are Markdown; the others are that and a page of their own with a plot for each row, which loads nothing and runs nothing.
//
// Their words come from the plan, from the ledger and from programs, all of it escaped. The package reads nothing, asks nobody, and judges nothing:
// every verdict in a document was one before. The same matter gives the same bytes. Characters that hide are left as they are: whoever keeps a
// document makes them visible.
package report
