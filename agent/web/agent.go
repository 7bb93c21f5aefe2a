package web

import (
	"context"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/rollback"
)

// BodyLimit is the largest webhook body in bytes: 10,000 real alerts are 6.4 MB.
const BodyLimit = 16 << 20

// Agent is what stands behind the routes. Errors that a caller can do something about are *release.Problem; any other is answered with
// 500 and logged.
type Agent interface {
	// Receive stores a webhook body durably before it returns. Source is the name of the token that came with it. A body that cannot be
	// read, or that is longer than BodyLimit (then it is cut one byte after the limit), is quarantined and gives a Problem of kind
	// Invalid; what cannot be stored gives Unavailable.
	Receive(ctx context.Context, source string, body []byte) (Receipt, error)
	// Do carries out a deed of a person or of CI. The context outlives the connection: a deed half done helps nobody.
	Do(ctx context.Context, deed release.Deed) (release.Answer, error)
	// View is what there is to show, at one moment.
	View() View
}

// Receipt says where a webhook body went in the ledger and what will come of it.
type Receipt struct {
	Seq         int64  `json:"ledger_seq"`
	Disposition string `json:"disposition"` // e.g. received, duplicate
}

// View is the agent at one moment.
type View struct {
	State    rollback.State // at one moment, with every configured environment in it; not to be changed
	Ready    string         // why the agent is not ready, "" when it is
	Acting   string         // which agent acts, "" where there is only one
	Degraded []string       // what works less well than it should, a sentence each, after the name of the environment and a colon
	Entries  Entries
	Story    Story
	Rehearse Rehearse
	Kept     Kept
	Glance   Glance
	Examine  Examine
}

// Glance measures the rows of an environment's plan as they are now, or were some seconds ago; false where there is no such environment. It
// waits for no Prometheus longer than a person does for a page: a row that is not measured says why.
type Glance func(ctx context.Context, environment string) (Rows, bool)

// Rows are the rows of a plan, in its order, as measured at one moment.
type Rows struct {
	At      time.Time // zero when nothing was measured yet
	Problem string    // why none of them was measured, "" when one was
	Rows    []Row
}

// Row is one row against its bounds, in words with units.
type Row struct {
	SLO     string          `json:"slo"`
	Item    string          `json:"item,omitempty"`
	Title   string          `json:"title"`
	Verdict release.Verdict `json:"verdict"` // against the SLO; against the alert where the row has no SLO
	Value   string          `json:"value"`
	Bound   string          `json:"bound,omitempty"` // the SLO's
	Alert   string          `json:"alert"`
	Reason  string          `json:"reason,omitempty"` // of what is not PASS
	Summary string          `json:"-"`                // of the plot, or why there is none
	SVG     string          `json:"-"`                // the plot, "" when there is none
}

// Kept reads a file of the folder of reports, by its name from there; fs.ErrNotExist where there is none.
type Kept func(name string) ([]byte, error)

// Rehearse is a preflight with what is known of it beyond the ledger: which gate is in hand, since when, and the record in Markdown.
type Rehearse func(environment string, p release.Preflight) Rehearsal

// Rehearsal is the body of GET /api/v1/preflight.
type Rehearsal struct {
	Environment string               `json:"environment"`
	Preflight   release.Preflight    `json:"preflight"`
	Gates       []release.GateResult `json:"gates"`          // of the plan, in its order, as far as there are results
	Own         []release.GateResult `json:"own"`            // the agent's own
	Gate        string               `json:"gate,omitempty"` // in hand; "own" when the agent asks its own
	Since       time.Time            `json:"since,omitzero"` // when that began
	Record      string               `json:"record"`         // Markdown, in the form of the runbook's rehearsal record
}

// Story reads the entries of one incident, oldest first.
type Story func(ctx context.Context, environment, incident string) ([]rollback.Entry, error)

// Entries reads the last entries of one environment, newest first; of all of them when environment is "".
type Entries func(ctx context.Context, environment string, limit int) ([]rollback.Entry, error)
