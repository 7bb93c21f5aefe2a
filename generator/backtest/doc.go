// Package backtest replays alerting rules over past data and says what they would have done: every episode of every alert, with its real
// states (inactive, pending, firing, `for`, `keep_firing_for`) at the evaluation interval of its group.
//
// It does not step: each expression is one range query in blocks, and a state machine runs over the answers. The result is that of
// Prometheus's own rule groups stepped over the same data, with every evaluation at a multiple of the interval, as a Prometheus of
// unknown age cannot be asked for its groups' phases, and every recording made before it is read. Recorded series that were not recorded
// throughout are derived: evaluated in their order into memory, where the rules that read them find them.
//
// The past is a Prometheus, asked over its HTTP API, or a TSDB directory, of which not a file is created or changed. What was not measured
// is a gap and is said to be one, never "no episodes". The package does not judge: what a rollback agent would have done with an episode
// is told to it, and shown beside the episode.
package backtest
