package release

import (
	"cmp"
	"time"
)

// Pin is a stable tag as it was when it was declared stable: object ids as 40 hexadecimal digits. A tag that is something else later
// is no rollback target.
type Pin struct {
	Ref    string    `json:"ref"`    // refs/tags/…
	Object string    `json:"object"` // the tag object; the commit itself for a lightweight tag
	Commit string    `json:"commit"`
	Tree   string    `json:"tree"`
	Paths  string    `json:"content,omitempty"` // what the environment's paths hold in the tree; "" for an environment without
	Signer string    `json:"signer,omitempty"`  // whose signature the tag bears, "" where none is asked for
	At     time.Time `json:"at"`
	By     string    `json:"by"`
}

// Content is what is deployed from the pinned tree, to be compared: the tree itself, or what the environment's paths hold in it.
func (p Pin) Content() string { return cmp.Or(p.Paths, p.Tree) }

// Name is the tag's short name.
func (p Pin) Name() string {
	const prefix = "refs/tags/"
	if len(p.Ref) > len(prefix) {
		return p.Ref[len(prefix):]
	}
	return p.Ref
}

// Release is what was deployed, since when, and what it goes back to.
type Release struct {
	Commit    string     `json:"commit"` // the commit the deploy branch moved to
	Tree      string     `json:"tree"`
	Paths     string     `json:"content,omitempty"` // as of Pin
	T0        time.Time  `json:"t0"`
	Target    Pin        `json:"target"`
	AtT0      []Reading  `json:"at_t0"`              // every SLO's alert condition as it was at T0
	Alerting  []string   `json:"alerting,omitempty"` // SLO ids whose alert was pending or firing at T0
	Baselines []Baseline `json:"baselines,omitempty"`
	By        string     `json:"by"`
	Of        string     `json:"of,omitempty"` // the commit that was asked for, where the agent made one with its content
}

// Content is what the release deployed, to be compared, as of Pin.
func (r Release) Content() string { return cmp.Or(r.Paths, r.Tree) }

// Baseline is what an SLO's value was before T0: decimals as strings, in the SLO's unit.
type Baseline struct {
	SLO    string    `json:"slo"`
	Value  string    `json:"value"`
	Events string    `json:"events"`
	Over   string    `json:"over"` // the window that ends at At
	Query  string    `json:"query"`
	At     time.Time `json:"at"`
}

// GateResult is what is known of a gate on a commit: as CI or a person reported it, or as the agent found it when it ran it.
type GateResult struct {
	Gate    string    `json:"gate"`
	Verdict Verdict   `json:"verdict"`
	Commit  string    `json:"commit,omitempty"`
	Log     string    `json:"log,omitempty"` // where its log is, as reported
	At      time.Time `json:"at"`
	By      string    `json:"by"`

	Defined string   `json:"defined,omitempty"` // Definition of the gate, "" for one that is not of the plan
	Reason  string   `json:"reason,omitempty"`  // why the verdict is what it is
	Took    string   `json:"took,omitempty"`
	Excerpt string   `json:"excerpt,omitempty"` // of its output, unless it passed: what a search found, or the end; capped, without secrets
	Kept    []string `json:"kept,omitempty"`    // files of the gate's own that were kept beside Log
	Run     string   `json:"run,omitempty"`     // the preflight that ran it
}
