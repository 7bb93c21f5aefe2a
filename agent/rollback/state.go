package rollback

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/coclai/cutover/agent/release"
)

// State is what the ledger's entries amount to: the one truth that dedup, locks, the page and the commands read. Whoever reads one from
// Snapshot changes nothing in it.
type State struct {
	Seq          int64                   `json:"seq"`           // of the last entry folded
	Cut          int64                   `json:"cut,omitempty"` // of the last entry that the ledger no longer holds
	Environments map[string]*Environment `json:"environments"`
	Quarantined  int                     `json:"quarantined"`
	Unread       *Unread                 `json:"unread,omitempty"` // the last body that was quarantined

	own map[string]bool // environments copied since the last Snapshot; nil: not even the map is
}

// Environment is one service in one environment.
type Environment struct {
	Name       string                        `json:"name"`
	Pin        *release.Pin                  `json:"pin,omitempty"`        // the stable tag to return to, as last declared
	Captured   map[string]release.Baseline   `json:"captured,omitempty"`   // for the next release
	Pins       []release.Pin                 `json:"pins,omitempty"`       // every one declared, the last at the end
	Release    *release.Release              `json:"release,omitempty"`    // the one deployed last
	Gates      map[string]release.GateResult `json:"gates,omitempty"`      // the last of each gate, of whichever commit
	Results    map[string]release.GateResult `json:"results,omitempty"`    // by ResultKey: the last word on each commit
	Preflights []*release.Preflight          `json:"preflights,omitempty"` // the last at the end
	Lock       *Lock                         `json:"lock,omitempty"`
	Episodes   map[string]*Episode           `json:"episodes,omitempty"` // by Key
	Incidents  []*Incident                   `json:"incidents,omitempty"`
	Forward    *Preparation                  `json:"forward,omitempty"`   // a release commit whose push has no outcome yet
	Automatic  []time.Time                   `json:"automatic,omitempty"` // when rollbacks were decided: the budget
	Banned     map[string]Bans               `json:"banned,omitempty"`    // by the tree that was rolled back
	Hold       *Holding                      `json:"hold,omitempty"`      // the last one; Standing says whether it stands
	Kill       *Switch                       `json:"kill,omitempty"`      // the kill switch that persons turn; nil: off
	Rulebook   *Rulebook                     `json:"rulebook,omitempty"`  // in force
	Cutover    *release.Cutover              `json:"cutover,omitempty"`   // the last one, open or ended
	Missed     int                           `json:"missed,omitempty"`    // firings that nobody delivered, found by asking
	Outbox     *Outbox                       `json:"outbox,omitempty"`    // nil: there is no webhook to tell

	own owned
}

// Episode is one alert from its firing to its end, by source and fingerprint. Alertmanager moves startsAt and repeats itself; the
// episode keeps the earliest start while it lasts.
type Episode struct {
	Key      string    `json:"key"`
	Source   string    `json:"source"`
	Firing   Firing    `json:"firing"` // as last delivered, with the earliest StartsAt
	First    time.Time `json:"first"`  // received
	Last     time.Time `json:"last"`
	Open     bool      `json:"open"`
	Decision *Decision `json:"decision,omitempty"` // the last one about this episode
	Stale    int       `json:"stale,omitempty"`    // deliveries that came after its end
	Seq      int64     `json:"seq"`                // of the entry that changed it last
}

// Bans are the incidents that rolled one tree back, the oldest first. Each is lifted by itself.
type Bans []string

// String names them.
func (b Bans) String() string { return strings.Join(b, " and ") }

// UnmarshalJSON also reads the one incident that checkpoints held before there could be more.
func (b *Bans) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*b = Bans{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(b))
}

// BannedBy names the incidents that rolled a tree, or what the environment's paths held in it, back; "" if none did.
func (e *Environment) BannedBy(content string) string { return e.Banned[content].String() }

// Unread is a delivery that could not be read.
type Unread struct {
	At      time.Time `json:"at"`
	Source  string    `json:"source"`
	Problem string    `json:"problem"`
}

// Phase is how far an incident has come. Each is the name of the step that was finished last.
type Phase string

// The phases.
const (
	PhaseOpen       Phase = "open"       // something fires; nothing was decided that acts
	PhaseDecided    Phase = "decided"    // rollback decided and locked
	PhasePrepared   Phase = "prepared"   // the commit exists in the ledger
	PhasePushed     Phase = "pushed"     // the remote was seen to hold it
	PhaseVerified   Phase = "verified"   // the restored tree was checked
	PhaseClassified Phase = "classified" // the failed component is named; waits for the cause
	PhaseHuman      Phase = "human"      // the agent stopped; a person decides
	PhaseClosed     Phase = "closed"     // unlocked with a cause
)

// Incident is what one release's firings amount to: at most one per release, however often they are delivered.
type Incident struct {
	ID             string          `json:"id"`
	Release        string          `json:"release"` // commit, "" when nothing was released
	Opened         time.Time       `json:"opened"`
	Phase          Phase           `json:"phase"`
	Decisions      []Decision      `json:"decisions"`
	Preparation    *Preparation    `json:"preparation,omitempty"`
	Attempts       int             `json:"attempts,omitempty"` // preparations so far
	Push           *Push           `json:"push,omitempty"`
	PushedAt       time.Time       `json:"pushed_at,omitzero"`
	Verification   *Verification   `json:"verification,omitempty"`
	Classification *Classification `json:"classification,omitempty"`
	Trouble        *Trouble        `json:"trouble,omitempty"`
	Cause          string          `json:"cause,omitempty"`
	RCA            *Analysis       `json:"rca,omitempty"`
	Unlocked       *Unlock         `json:"unlocked,omitempty"`
	Remote         *Reconciliation `json:"remote,omitempty"`   // as last found, when it was not what it should be
	Attached       int             `json:"attached,omitempty"` // decisions that are not in Decisions: there are many alike in a flood
}

// Acting says whether the agent still has steps to do for i.
func (i *Incident) Acting() bool {
	switch i.Phase {
	case PhaseDecided, PhasePrepared, PhasePushed, PhaseVerified:
		return true
	}
	return false
}

// Open says whether i still waits for somebody: the agent's next step, a person, or its cause; or, when nothing was done about it, for
// the end of the release that it belongs to.
func (i *Incident) Open(e *Environment) bool {
	if i.Phase != PhaseOpen {
		return i.Phase != PhaseClosed
	}
	return e.Release != nil && i.ID == IncidentID(e.Release.Commit, e.Release.T0)
}

// IncidentByID finds an incident; nil if there is none.
func (e *Environment) IncidentByID(id string) *Incident {
	for _, i := range e.Incidents {
		if i.ID == id {
			return i
		}
	}
	return nil
}

// IncidentOf finds the incident of a release; nil if there is none.
func (e *Environment) IncidentOf(commit string, t0 time.Time) *Incident {
	return e.IncidentByID(IncidentID(commit, t0))
}

// IncidentID names the one incident a release can have, so that no race can give it two.
func IncidentID(commit string, t0 time.Time) string {
	if len(commit) > 8 {
		commit = commit[:8]
	}
	return "inc-" + t0.UTC().Format("20060102T150405Z") + "-" + commit
}

// Environment is the environment of that name as far as anything was heard of it; an empty one if nothing was.
func (s *State) Environment(name string) *Environment {
	if e := s.Environments[name]; e != nil {
		return e
	}
	return &Environment{Name: name}
}

// Key identifies an episode. startsAt and the group key move; source and fingerprint do not.
func Key(source, fingerprint string) string { return source + "/" + fingerprint }

// ResultKey names a gate's result for a commit: another commit's PASS is no answer.
func ResultKey(gate, commit string) string { return gate + " " + commit }

// AutomaticSince is how many automatic rollbacks were decided since a time, in all environments: a storm that reaches many of them is one storm.
func (s *State) AutomaticSince(t time.Time) int {
	n := 0
	for _, e := range s.Environments {
		n += e.automaticSince(t)
	}
	return n
}
