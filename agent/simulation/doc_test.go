// Package simulation runs whole agents in worlds that go wrong, thousands of them, in virtual time. A seed is a script: what is deployed, what
// fails, who pushes, where the process dies. After each step the invariants of facts/faults.md §4 and facts/rollback.md §5 that can be seen
// from outside are checked; the table is at checker.
//
// The agent is the real one, with its real policy, journal and fold, its real HTTP clients and its real git protocol; only what is beyond
// the sockets and below the ledger's interface is made up: an in-memory git server, Prometheus, Alertmanager and disk. Nothing here runs
// commands (gates are package verify's tests) or signs. A crash is a cut at a point where the process has touched the outside: from then on
// nothing that it does reaches anybody, and the next one starts from what was durable.
//
// Time, faults and their order are the seed's. The order of goroutines within one virtual instant is the runtime's, so that a seed that
// fails once may need a few runs to fail again.
package simulation
