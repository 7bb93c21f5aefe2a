// Package doctor looks at everything that a rollback would rest on: the git remote and what its rules allow, the keys, the clocks, Prometheus
// with the rules that it evaluates and every query of the plan, each Alertmanager with its routes, the people's tokens, the user that gates
// run as, and where the ledger lives. Whatever it looks at becomes a release.Finding: what was seen, and what to type unless it is OK. Asked
// for a drill, it also sends an alert down the whole road, and says what a real one of each trigger would come to.
//
// It changes nothing that lasts, and rings nobody: a drill that could reach a person is not sent. It stores nothing and decides nothing. Much
// can be seen only by the agent, which must do it under its own locks and as its own replica; that comes as funcs of Subject and Storage.
// Who may ask, and in which form the findings travel, is the caller's.
package doctor
