package rollback

import (
	"cmp"
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
	Corroborated       Reason = "corroborated"        // our own query agrees; within window, budget and mode
	ModeIs             Reason = "mode"                // would have been a rollback; the mode allows less
	KillSwitch         Reason = "kill_switch"         // likewise
	Unmatched          Reason = "unmatched"           // labels select no entry of the plan
	Drill              Reason = "drill"               // a drill travels the whole road and ends here
	NoRelease          Reason = "no_release"          // nothing was deployed that could be at fault
	AlreadyActing      Reason = "already_acting"      // attached to the incident in hand
	PreExisting        Reason = "pre_existing"        // burned before T0
	OutOfWindow        Reason = "out_of_window"       // too long after T0
	CannotTell         Reason = "cannot_tell"         // Prometheus unreachable, partial, empty, stale, or too few events
	NotCorroborated    Reason = "not_corroborated"    // our own query does not find the condition true
	Suppressed         Reason = "suppressed"          // silenced or inhibited in Alertmanager
	BudgetSpent        Reason = "budget_spent"        // one per release, one per day
	ForeignCommit      Reason = "foreign_commit"      // somebody shipped over the release
	Superseded         Reason = "superseded"          // the bad tree is gone already
	Rewound            Reason = "rewound"             // the branch was put back behind the release
	RemoteUnknown      Reason = "remote_unknown"      // the git remote did not answer
	NoTarget           Reason = "no_target"           // no stable tag was pinned
	TargetMissing      Reason = "target_missing"      // the pinned tag is gone
	TargetMoved        Reason = "target_moved"        // the pinned tag points elsewhere
	TargetMismatch     Reason = "target_mismatch"     // the tag object is not what was pinned
	PushRejected       Reason = "push_rejected"       // a hook or policy said no
	TooManyAttempts    Reason = "too_many_attempts"   // the tip kept moving
	TooFewEvents       Reason = "too_few_events"      // CannotTell, since there was too little traffic
	OnHold             Reason = "on_hold"             // a person has told the agent to wait
	Cooldown           Reason = "cooldown"            // too soon after the last rollback
	ByHand             Reason = "by_hand"             // a person rolls back without any firing
	TargetUnsigned     Reason = "target_unsigned"     // signatures are asked for, and the pinned tag has none
	TargetUntrusted    Reason = "target_untrusted"    // its signature is bad, or of nobody allowed
	TargetForbidden    Reason = "target_forbidden"    // the agent's file forbids it: it has a known hole
	Unscoped           Reason = "paths_unusable"      // the paths cannot be put back
	Approved           Reason = "approved"            // a person approved what was proposed
	Dismissed          Reason = "dismissed"           // a person said no to what was proposed
	Lapsed             Reason = "lapsed"              // nobody answered what was proposed
	Cancelled          Reason = "cancelled"           // a person stopped the rollback before its push
	CredentialsRefused Reason = "credentials_refused" // the git remote does not let the agent in
	VerificationFail   Reason = "verification_failed"
	VerificationOpen   Reason = "verification_unknown"
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

	By       string    `json:"by,omitempty"`       // the person who decided; "": the agent
	Until    time.Time `json:"until,omitzero"`     // of a proposal: approve it before
	Seen     int64     `json:"seen,omitempty"`     // number of the last entry that was known when it was made
	Evidence *Evidence `json:"evidence,omitempty"` // what it was decided on; nil when none was needed
}

// Again says whether the same firing must be judged again while it lasts: the evidence may change.
func (d Decision) Again() bool {
	switch d.Reason {
	case CannotTell, TooFewEvents, NotCorroborated, Suppressed, RemoteUnknown, KillSwitch, OnHold, Cooldown:
		return true
	}
	return false
}

// Stands says whether d is a proposal that a person may still approve.
func (d Decision) Stands(now time.Time) bool {
	return d.Verdict == Propose && (d.Until.IsZero() || now.Before(d.Until))
}

// Evidence is what was found outside when a decision was due. It is stored with the decision, so that it can be made again.
type Evidence struct {
	At         time.Time       `json:"at"`
	Reading    release.Reading `json:"reading,omitzero"`     // the plan's condition: now, or the worst since onset
	AtT0       release.Reading `json:"at_t0,omitzero"`       // the condition at T0, asked again if it was UNKNOWN then; else zero
	Suppressed string          `json:"suppressed,omitempty"` // by which silences or alerts, "" if not

	// ActiveSince is since when our own Prometheus has the alert pending or firing; zero when it knows of no such alert.
	ActiveSince time.Time `json:"active_since,omitzero"`

	Tip        Tip         `json:"tip,omitzero"`
	Target     TargetState `json:"target,omitzero"`
	KillSwitch bool        `json:"kill_switch,omitempty"` // the file's; the one that persons turn is in the state
}

// Tip is the head of the deploy branch as read from the remote.
type Tip struct {
	Commit    string    `json:"commit,omitempty"`
	Tree      string    `json:"tree,omitempty"`
	Paths     string    `json:"content,omitempty"` // as of release.Pin
	Committed time.Time `json:"committed,omitzero"`
	Relation  Relation  `json:"relation,omitempty"`
	Problem   string    `json:"problem,omitempty"` // why it could not be read
}

// Content is what the tip deploys, to be compared, as of release.Pin.
func (t Tip) Content() string { return cmp.Or(t.Paths, t.Tree) }

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
	Reason Reason `json:"reason,omitempty"` // "" when it is what was pinned
	Text   string `json:"text,omitempty"`
}
