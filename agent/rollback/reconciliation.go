package rollback

// Reconciliation is how the deploy branch was found to stand to a rollback whose cause is not known yet. Acknowledged pushes can be lost
// with a server's disk, and a lock can be pushed past by who may (facts: a remote forgot a push after a power cut).
type Reconciliation struct {
	Outcome Outcome `json:"outcome"`
	Tip     string  `json:"tip"`
	Text    string  `json:"text,omitempty"`
}

// Outcome says how a rollback was found on the remote. Stored as text.
type Outcome string

// The outcomes.
const (
	Stands   Outcome = "stands"   // the tip is the rollback
	Restored Outcome = "restored" // the remote had lost it, and has it again
	Repeated Outcome = "repeated" // the same content was pushed on top: nothing is lost by it
	Violated Outcome = "violated" // something else was pushed past the lock
	Undone   Outcome = "undone"   // the branch was put back to where the rollback is not in it
)

// Alarming says whether a person must look.
func (o Outcome) Alarming() bool { return o == Violated || o == Undone }
