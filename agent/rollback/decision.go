package rollback

import (
	"time"

	"github.com/coclai/cutover/agent/release"
)

// Verdict is what a firing calls for.
type Verdict string

// The verdicts.
const (
	Rollback Verdict = "rollback" // put the branch back, now
	Propose  Verdict = "propose"  // a person decides; paged
	Hold     Verdict = "hold"     // nothing is done, and a person is paged
	Observe  Verdict = "observe"  // recorded: the mode allows no more
	Ignore   Verdict = "ignore"   // nothing to do with this release
)

// Reason says why; it is the metric's label as well as the text's key. Stored: never renamed.
type Reason string

// The reasons.
const (
	Corroborated     Reason = "corroborated"      // our own query agrees; within window, budget and mode
	ModeIs           Reason = "mode"              // would have been a rollback; the mode allows less
	KillSwitch       Reason = "kill_switch"       // likewise
	Unmatched        Reason = "unmatched"         // labels select no entry of the plan
	Drill            Reason = "drill"             // a drill travels the whole road and ends here
	NoRelease        Reason = "no_release"        // nothing was deployed that could be at fault
	AlreadyActing    Reason = "already_acting"    // attached to the incident in hand
	PreExisting      Reason = "pre_existing"      // burned before T0
	OutOfWindow      Reason = "out_of_window"     // too long after T0
	CannotTell       Reason = "cannot_tell"       // Prometheus unreachable, partial, empty, stale, or too few events
	NotCorroborated  Reason = "not_corroborated"  // our own query does not find the condition true
	Suppressed       Reason = "suppressed"        // silenced or inhibited in Alertmanager
	BudgetSpent      Reason = "budget_spent"      // one per release, one per day
	ForeignCommit    Reason = "foreign_commit"    // somebody shipped over the release
	Superseded       Reason = "superseded"        // the bad tree is gone already
	Rewound          Reason = "rewound"           // the branch was put back behind the release
	RemoteUnknown    Reason = "remote_unknown"    // the git remote did not answer
	NoTarget         Reason = "no_target"         // no stable tag was pinned
	TargetMissing    Reason = "target_missing"    // the pinned tag is gone
	TargetMoved      Reason = "target_moved"      // the pinned tag points elsewhere
	TargetMismatch   Reason = "target_mismatch"   // the tag object is not what was pinned
	PushRejected     Reason = "push_rejected"     // a hook or policy said no
	TooManyAttempts  Reason = "too_many_attempts" // the tip kept moving
	VerificationFail Reason = "verification_failed"
	VerificationOpen Reason = "verification_unknown"
)

// Decision is a verdict about one firing, with what it rests on.
type Decision struct {
	Verdict Verdict         `json:"verdict"`
	Reason  Reason          `json:"reason"`
	Text    string          `json:"text"` // the arithmetic in words
	Key     string          `json:"key"`  // episode
	SLO     string          `json:"slo,omitempty"`
	Trigger string          `json:"trigger,omitempty"`
	Onset   time.Time       `json:"onset,omitzero"`
	Reading release.Reading `json:"reading,omitzero"`
	Tip     string          `json:"tip,omitempty"`
	Release string          `json:"release,omitempty"`
	Target  string          `json:"target,omitempty"`
	Locks   bool            `json:"locks,omitempty"` // the same append holds the lock
	At      time.Time       `json:"at"`
}

// Again says whether the same firing must be judged again while it lasts: the evidence may change.
func (d Decision) Again() bool {
	switch d.Reason {
	case CannotTell, NotCorroborated, Suppressed, RemoteUnknown, KillSwitch:
		return true
	}
	return false
}

// Evidence is what was found outside when a decision was due.
type Evidence struct {
	At         time.Time
	Reading    release.Reading // the plan's condition: now, or the worst since onset
	AtT0       release.Reading // the condition at T0, asked again if it was UNKNOWN then; else zero
	Suppressed string          // by which silences or alerts, "" if not
	Tip        Tip
	Target     TargetState
	KillSwitch bool
}

// Tip is the head of the deploy branch as read from the remote.
type Tip struct {
	Commit, Tree string
	Committed    time.Time
	Relation     Relation
	Problem      string // why it could not be read
}

// Relation is how the tip stands to the release commit.
type Relation string

// The relations.
const (
	Same       Relation = "same"       // the tip is the release
	Descendant Relation = "descendant" // somebody pushed on top of it
	Elsewhere  Relation = "elsewhere"  // the release is no ancestor of the tip: rewound
)

// TargetState is what became of the pinned tag.
type TargetState struct {
	Reason Reason // "" when it is what was pinned
	Text   string
}
