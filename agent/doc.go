// Package agent conducts a release: it hears firings, decides by evidence, puts the deploy branch back, and refuses redeployment until
// the cause is known. It tells two stories, one a file: incident (receive, decide, act) and cutover (stable, baseline, T0, gate,
// release). What persons do stands beside them: approval, brake (hold, kill switch), byhand, unlock. What it knows is a fold of the
// ledger; what it did is read back from the remote before it is believed.
package agent
