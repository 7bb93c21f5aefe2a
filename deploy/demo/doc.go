// Demo tells the product's whole story on one machine, with real parts: it compiles a runbook, starts Prometheus, Alertmanager, a git
// server, a small shop and the rollback agent, and conducts two cutovers. The first ships a release that makes a fifth of the requests fail,
// and shows what happens until production is well again, locked, and unlocked by two persons; the second ships the mended release on top, and is
// observed to its last milestone, with a report of each.
//
// It is a user of the two programs: it runs their commands and reads their API, and nothing in it knows how they work. Every line of
// the timeline was seen outside, never assumed; a step that does not come within its deadline ends the story with exit status 1.
//
// It listens on loopback only, keeps everything in one temporary folder, and leaves no process behind.
package main
