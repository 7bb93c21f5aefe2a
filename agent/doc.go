// Package agent conducts a release: it hears firings, decides by evidence, puts the deploy branch back, and refuses redeployment until
// the cause is known. It tells two stories, one a file: incident (receive, decide, act) and cutover (stable, baseline, T0, gate,
// release). A cutover is begun (start, preflight, owngates), attended to (conduct, deployment, announce, hardgates), watched (observe, milestone,
// reports) and ticked off (checklist). What persons do stands beside them: approval, brake (hold, kill switch), byhand, unlock. What persons must know is paged while it holds
// (attention, call, condition), and told by a webhook as it happens (tell, noting); nothing waits for either. Whoever
// asks whether all of it would work has it examined (examination, package doctor). What it knows
// is a fold of the ledger; what it did is read back from the remote before it is believed.
//
// Several agents may share a ledger (replica). All receive, answer and follow it; one at a time acts, for a term, under the ledger's lease.
// A term begins by reading all that was done before it, and nothing that it began goes on in the next. What an agent sends after its term is
// refused by the ledger, for its token, and by the git remote, for the term's record that every push names. A person's deed is done by the
// agent that acts, whichever was asked (errands).
package agent
