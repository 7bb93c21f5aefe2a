package release

import "fmt"

// Act is what a person or CI asks of the agent.
type Act string

// The acts.
const (
	ActStable    Act = "stable"         // tag what production runs, push, pin: Tag or the plan's pattern
	ActBaseline  Act = "baseline"       // capture every baseline of the plan
	ActDeployed  Act = "deployed"       // T0: the branch has moved to Commit
	ActGate      Act = "gate"           // may Commit be deployed?
	ActRecord    Act = "record"         // CI reports Gate's Verdict for Commit
	ActUnlock    Act = "unlock"         // open the lock of Incident, whose cause somebody else has submitted
	ActPreflight Act = "preflight"      // run the plan's gates on Commit
	ActRelease   Act = "release"        // deploy Commit, or roll forward to it
	ActRCA       Act = "rca"            // submit Incident's root cause: Cause, Link or both
	ActBreak     Act = "break_glass"    // open the lock without an analysis, for Reason
	ActApprove   Act = "approve"        // yes to what is proposed: Incident, or an episode's key
	ActCancel    Act = "cancel"         // no to what is proposed, or stop Incident's rollback before its push, for Reason
	ActHold      Act = "hold"           // roll back nothing without a person, for as long as For says, for Reason
	ActResume    Act = "resume"         // end the hold
	ActKill      Act = "kill"           // act on nothing, decide and record only, for Reason
	ActRevive    Act = "revive"         // undo ActKill
	ActLast      Act = "last"           // which stable tag is the last before the tip? Tag is a pattern
	ActStart     Act = "cutover_start"  // begin the cutover to Commit
	ActDone      Act = "cutover_done"   // Item of the runbook is done, read or accepted; Reason is a note
	ActPause     Act = "cutover_hold"   // stop the cutover, for Reason
	ActProceed   Act = "cutover_resume" // let it go on
	ActAbort     Act = "cutover_abort"  // end it, for Reason
	ActPreview   Act = "preview"        // what would ActRollback do?
	ActTry       Act = "try"            // find out what the remote lets the agent do, for another agent of the same ledger: no person asks for it
	ActRollback  Act = "rollback"       // put Paths, or everything, back to Tag; Tip, and Commit of the tag, are what a person saw in the preview
)

// Deed is one request, with its author: the name of the token that authenticated it, never a field of a body.
type Deed struct {
	Act         Act      `json:"act"`
	Environment string   `json:"environment"` // service/environment; may be empty when only one is configured
	Author      string   `json:"-"`
	Commit      string   `json:"commit,omitempty"`
	Tag         string   `json:"tag,omitempty"`
	Gate        string   `json:"gate,omitempty"`
	Verdict     Verdict  `json:"verdict,omitempty"`
	Log         string   `json:"log,omitempty"`
	Cause       string   `json:"cause,omitempty"`
	Paths       []string `json:"paths,omitempty"`
	Tip         string   `json:"tip,omitempty"`
	Reason      string   `json:"reason,omitempty"` // why a person rolls back, cancels, holds, kills or breaks the glass
	Incident    string   `json:"incident,omitempty"`
	Item        string   `json:"item,omitempty"`      // of the runbook, as the plan numbers it
	Link        string   `json:"link,omitempty"`      // to an analysis
	For         string   `json:"for,omitempty"`       // a duration, "4h"
	Exonerate   bool     `json:"exonerate,omitempty"` // of unlock: what was rolled back was not at fault, and may be released again
	Expected    string   `json:"expected,omitempty"`  // the state's mark as the person saw it; "": done whatever has changed since
}

// Answer is what came of a deed: one sentence, and the facts in it.
type Answer struct {
	Message string            `json:"message"`
	Facts   map[string]string `json:"facts,omitempty"`
	Details []string          `json:"details,omitempty"` // one line each, e.g. a baseline
}

// Kind classifies a Problem for those who must map it to a status or an exit code.
type Kind string

// The kinds of problems.
const (
	Invalid     Kind = "invalid"     // the request cannot be understood or names nothing that exists: 400, exit 1
	Refused     Kind = "refused"     // understood, and no: 409, exit 1
	Locked      Kind = "locked"      // no, because a rollback's cause is not known yet: 423, exit 1
	Undecided   Kind = "undecided"   // could not tell, so no: 503, exit 2
	Unavailable Kind = "unavailable" // not durable, or shutting down: 503, exit 2
)

// Problem is a deed that was not done: why, and what to do instead.
type Problem struct {
	Kind          Kind
	Message, Hint string
	Cause         error // may be nil
}

// Error is the message with its hint.
func (p *Problem) Error() string {
	text := p.Message
	if p.Cause != nil {
		text += ": " + p.Cause.Error()
	}
	if p.Hint != "" {
		text += "\nhint: " + p.Hint
	}
	return text
}

// Unwrap is the cause.
func (p *Problem) Unwrap() error { return p.Cause }

// Problemf makes a Problem without cause.
func Problemf(kind Kind, hint, format string, args ...any) *Problem {
	return &Problem{Kind: kind, Hint: hint, Message: fmt.Sprintf(format, args...)}
}
