package rollback

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/generator/slo"
)

// Entry is one line of the ledger. Seq is given by the ledger: 1, 2, 3, without gaps.
type Entry struct {
	Seq         int64           `json:"seq"`
	At          time.Time       `json:"at"`          // UTC
	Environment string          `json:"environment"` // service/environment, "" for what concerns none
	Kind        Kind            `json:"kind"`
	Author      string          `json:"author"` // token name, or "rollback-agent" for its own deeds
	Incident    string          `json:"incident,omitempty"`
	Once        string          `json:"once,omitempty"` // a key the ledger admits only once, ever
	Body        json.RawMessage `json:"body"`
}

// Kind says what an entry records. Stored as text: never renumbered, unknown kinds are refused.
type Kind string

// The kinds of entries, each with the type of its body.
const (
	AlertsReceived    Kind = "alerts.received"    // Delivery
	AlertsQuarantined Kind = "alerts.quarantined" // Quarantine
	StablePinned      Kind = "stable.pinned"      // release.Pin
	BaselineCaptured  Kind = "baseline.captured"  // Baselines
	ReleaseDeployed   Kind = "release.deployed"   // release.Release
	GateRecorded      Kind = "gate.recorded"      // release.GateResult
	PreflightStarted  Kind = "preflight.started"  // release.Preflight
	PreflightEnded    Kind = "preflight.ended"    // release.PreflightEnd
	Decided           Kind = "decided"            // Decision
	LockSet           Kind = "lock.set"           // Lock
	LockCleared       Kind = "lock.cleared"       // Unlock
	Prepared          Kind = "prepared"           // Preparation: the commit's bytes and id, before any push
	Pushed            Kind = "pushed"             // Push: what the remote was seen to hold afterwards
	Verified          Kind = "verified"           // Verification
	Classified        Kind = "classified"         // Classification
	NeedsHuman        Kind = "needs_human"        // Trouble
	ForwardPrepared   Kind = "forward.prepared"   // Preparation: a release commit, before its push
	ForwardFailed     Kind = "forward.failed"     // Trouble
	RulesAdopted      Kind = "rules.adopted"      // Rulebook: by which decisions are made from now on
	Held              Kind = "held"               // Holding
	Resumed           Kind = "resumed"            // Remark
	KillSwitchOn      Kind = "kill_switch.on"     // Remark
	KillSwitchOff     Kind = "kill_switch.off"    // Remark
	RollbackCancelled Kind = "rollback.cancelled" // Remark: stopped by a person before its push
	CauseSubmitted    Kind = "rca.submitted"      // Analysis
	Reconciled        Kind = "reconciled"         // Reconciliation
	LockPushed        Kind = "lock.pushed"        // LockPush: what came of a lock that no commit carried to the remote
	CutoverStarted    Kind = "cutover.started"    // release.Cutover, as it starts
	CutoverDone       Kind = "cutover.done"       // release.Tick: an item of the checklist, or a milestone settled
	CutoverStopped    Kind = "cutover.stopped"    // release.Stop
	CutoverContinued  Kind = "cutover.continued"  // release.Continuation
	CutoverEnded      Kind = "cutover.ended"      // release.End: of one that was aborted; the last milestone's settling, or a rollback's push, ends the others
	ObservationNoted  Kind = "observation.noted"  // release.Watched
	MilestoneReached  Kind = "milestone.reached"  // release.Result
	MilestoneReported Kind = "milestone.reported" // release.Report
	OutboxSwitched    Kind = "outbox.switched"    // OutboxSwitch: whether there is a webhook to tell
	MessageTold       Kind = "message.told"       // Told: a message was delivered, or given up
	ConditionNoted    Kind = "condition.noted"    // Condition: something works less well than it should, or does again
	LockReminded      Kind = "lock.reminded"      // Reminder: a lock stands for days
	Checkpointed      Kind = "ledger.checkpoint"  // Checkpoint: the ledger's beginning was cut off
)

var kinds = map[Kind]bool{AlertsReceived: true, AlertsQuarantined: true, StablePinned: true, BaselineCaptured: true, ReleaseDeployed: true,
	GateRecorded: true, PreflightStarted: true, PreflightEnded: true, Decided: true, LockSet: true, LockCleared: true, Prepared: true, Pushed: true, Verified: true, Classified: true,
	NeedsHuman: true, LockPushed: true, ForwardPrepared: true, ForwardFailed: true, Checkpointed: true, RulesAdopted: true, Held: true, Resumed: true,
	KillSwitchOn: true, KillSwitchOff: true, RollbackCancelled: true, CauseSubmitted: true, Reconciled: true,
	CutoverStarted: true, CutoverDone: true, CutoverStopped: true, CutoverContinued: true, CutoverEnded: true, ObservationNoted: true,
	MilestoneReached: true, MilestoneReported: true, OutboxSwitched: true, MessageTold: true, ConditionNoted: true, LockReminded: true}

// Validate refuses kinds this program does not know: a ledger written by a newer one must not be half understood.
func (k Kind) Validate() error {
	if !kinds[k] {
		return fmt.Errorf("unknown kind of entry %q", string(k))
	}
	return nil
}

// Delivery is one webhook body that could be read: the source is the name of the token that authenticated it.
type Delivery struct {
	Source    string   `json:"source"`
	BodySHA   string   `json:"body_sha256,omitempty"`
	Content   string   `json:"content_sha256,omitempty"` // of the firings alone: peers of one cluster send the same under other envelopes
	Truncated int      `json:"truncated,omitempty"`
	Polled    bool     `json:"polled,omitempty"` // nobody delivered it: the agent asked
	Firings   []Firing `json:"firings"`
}

// Firing is one alert as delivered. Labels select an entry of the plan by exact match; nothing else is ever taken from them.
type Firing struct {
	Status      string            `json:"status"` // firing, resolved
	Fingerprint string            `json:"fingerprint"`
	Labels      map[string]string `json:"labels"`
	Summary     string            `json:"summary,omitempty"`
	StartsAt    time.Time         `json:"starts_at"`
	EndsAt      time.Time         `json:"ends_at,omitzero"`
}

// Drill says whether f only tries the road: nothing is ever done about it.
func (f Firing) Drill() bool { return f.Labels[slo.LabelDrill] == "true" }

// Same says whether f, as whoever knows least of its labels tells of it, is the same alert as other: by its fingerprint, or by all its
// labels. Prometheus does not show the external ones that Alertmanager sees, and so has another fingerprint.
//
// A drill is the same as no real alert, else one with all of its labels would hide it from who looks for what was not delivered. So a real
// alert that is called a drill on its way, by an external label, is found at Prometheus as what it is.
func (f Firing) Same(other Firing) bool {
	if f.Fingerprint == other.Fingerprint {
		return true
	}
	if f.Drill() != other.Drill() {
		return false
	}
	for name, value := range f.Labels {
		if other.Labels[name] != value {
			return false
		}
	}
	return len(f.Labels) > 0
}

// Quarantine is a body that could not be read: kept, capped, for a person.
type Quarantine struct {
	Source  string `json:"source"`
	BodySHA string `json:"body_sha256"`
	Size    int    `json:"size"`
	Head    string `json:"head"` // first bytes, quoted
	Problem string `json:"problem"`
}

// Baselines are those captured together.
type Baselines struct {
	Baselines []release.Baseline `json:"baselines"`
	Missing   []string           `json:"missing,omitempty"` // SLO: why it has none
}

// Lock is the refusal of redeployment.
type Lock struct {
	Incident string    `json:"incident"`
	Release  string    `json:"release"` // the commit that was bad
	Tree     string    `json:"tree"`    // its content (release.Release.Content): never to be deployed again
	Since    time.Time `json:"since"`
	Reason   string    `json:"reason"`
	Remote   string    `json:"remote,omitempty"`   // set by the fold: LockStands, LockRefused; "": not known
	Reminded int       `json:"reminded,omitempty"` // likewise: how often people were reminded of it
	Last     time.Time `json:"last,omitzero"`      // likewise: when they last were
}

// What is known of a lock on the remote.
const (
	LockStands  = "stands"
	LockRefused = "refused" // the remote will not have it: only the ledger and the gate refuse then
)

// LockPush is what came of pushing a lock alone.
type LockPush struct {
	Outcome string `json:"outcome"`         // LockStands or LockRefused
	Allow   string `json:"allow,omitempty"` // the one commit that it lets through; "": none
	Text    string `json:"text,omitempty"`  // the remote's words
}

// Preparation is a commit ready to be pushed: its bytes are stored before the push, so that a repetition pushes the same id. Opaque is
// what package gitrepo needs to push it again.
type Preparation struct {
	Commit   string          `json:"commit"`
	Expected string          `json:"expected"` // the tip it replaces
	Tree     string          `json:"tree"`
	Target   string          `json:"target"`            // name of the stable tag, or the commit rolled forward to
	Back     string          `json:"back,omitempty"`    // the commit of the stable tag
	Paths    []string        `json:"paths,omitempty"`   // put back, where not everything is
	Content  string          `json:"content,omitempty"` // of a release commit: what the environment's paths hold in it
	Opaque   json.RawMessage `json:"opaque"`

	// Of a release commit only: what was measured just before it was prepared, which is its T0.
	At       time.Time         `json:"at"`
	Since    time.Time         `json:"since,omitzero"` // when it was prepared first, if it was measured again before a later try
	AtT0     []release.Reading `json:"at_t0,omitempty"`
	Alerting []string          `json:"alerting,omitempty"`
}

// Push is what the remote was seen to hold after a push.
type Push struct {
	Commit  string `json:"commit"`
	Tip     string `json:"tip"`
	Outcome string `json:"outcome"`          // done, moved, rejected
	Locked  bool   `json:"locked,omitempty"` // our lock was seen to stand there
	Text    string `json:"text,omitempty"`
}

// Verification is the result of the gates run on the restored tree, and of the value that had caused the rollback.
type Verification struct {
	Verdict  release.Verdict `json:"verdict"`
	Gates    []GateRun       `json:"gates"`
	Reading  release.Reading `json:"reading"`
	Healthy  time.Time       `json:"healthy,omitzero"`
	Restored string          `json:"restored"` // the commit that was checked
}

// GateRun is one gate run by the agent itself.
type GateRun struct {
	Gate    string          `json:"gate"`
	Verdict release.Verdict `json:"verdict"`
	Reason  string          `json:"reason"`
	Output  string          `json:"output,omitempty"` // capped
	Took    string          `json:"took"`
	Log     string          `json:"log,omitempty"`  // file with the output, where one is kept
	Kept    []string        `json:"kept,omitempty"` // files of the gate's own that were kept
}

// Classification names the component that failed first.
type Classification struct {
	Component string   `json:"component"`
	Evidence  []string `json:"evidence"` // onset and SLO of each firing, first onset first
}

// Trouble is what a person must look at.
type Trouble struct {
	Reason Reason `json:"reason"`
	Text   string `json:"text"`
}

// Checkpoint stands for the entries that retention has cut off: the chain goes on from Hash, the fold from State.
type Checkpoint struct {
	Seq   int64    `json:"seq"`            // of the last entry cut
	Hash  string   `json:"hash"`           // its hash, hexadecimal: what the entry after it is chained to
	Keys  []string `json:"keys,omitempty"` // the Once keys of all entries ever cut: they stay spent
	State State    `json:"state"`          // what the entries up to Seq amount to
}
