// Package proof runs Prometheus rules in this process: their unit tests, mutants of them, and what they cost.
//
// It promises the verdicts of `promtool test rules` on the same files, from the same engine, many times faster: a rule is evaluated for the
// whole of a test at once where no rule reads what itself or a later one writes, and step by step where one does. Two things differ:
// promtool's limit of 10,000 samples for one query is not applied, and groups that group_eval_order does not name run in the order of the
// file, where promtool takes them at random. It reads the files that it is given, writes none and asks no server. It does not know how
// rules come about: what it knows of their templates is the table of Equivalents, and that is checked, since an entry that a test kills is
// reported.
//
// promtool evaluates all groups of a file at one interval, whatever theirs is. Rules with several intervals therefore have a test file for
// each (generator/prom, Tests), which looks only at what its interval leaves as it is in production.
//
// What the generated tests play, kind by kind, and which mutants each is there to kill, is generator/prom/SCENARIOS.md. It is written by
// running them, and a test compares.
package proof
