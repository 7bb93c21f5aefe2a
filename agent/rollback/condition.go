package rollback

import "time"

// Cause is what works less well than it should. It is the metric's label as well; stored, never renamed.
type Cause string

// The causes.
const (
	CauseKillFile     Cause = "kill_switch_file" // the file is there: the agent acts on nothing
	CauseReport       Cause = "report"           // a report cannot be written
	CauseWatchdog     Cause = "watchdog"         // Prometheus or Alertmanager does not reach the agent
	CauseRemote       Cause = "git_remote"       // nothing could be rolled back: no answer, or no right to push
	CauseStrayLock    Cause = "stray_lock"       // the lock on the remote is not the ledger's
	CauseDatabase     Cause = "database"         // the ledger's database has gone back, or is another one
	CauseReplication  Cause = "replication"      // a failover would lose what was acknowledged
	CauseAlertmanager Cause = "alertmanager"     // pages do not arrive
	CauseWebhook      Cause = "webhook"          // messages do not arrive
)

// Causes are all causes, in the order of the documentation.
func Causes() []Cause {
	return []Cause{CauseKillFile, CauseReport, CauseWatchdog, CauseRemote, CauseStrayLock, CauseDatabase, CauseReplication, CauseAlertmanager, CauseWebhook}
}

// Condition is one thing that works less well than it should, or, with Over, does so no longer.
type Condition struct {
	Cause Cause     `json:"cause"`
	Text  string    `json:"text"`
	Since time.Time `json:"since"`
	Over  bool      `json:"over,omitempty"`
}
