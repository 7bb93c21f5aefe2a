package rollback

// Disposition says what a delivered alert is to the state. It is the metric's label and part of Alertmanager's answer.
type Disposition string

// The dispositions, the most consequential first.
const (
	New       Disposition = "new"       // an episode begins
	Ended     Disposition = "resolved"  // an episode ends
	Duplicate Disposition = "duplicate" // of an episode that goes on: a repetition, or a peer's
	Stale     Disposition = "stale"     // of an episode that is over
	Nobodys   Disposition = "unmatched" // of no environment that is configured
)

// Dispose says what a firing is to the state as it stands, before it is stored.
func (e *Environment) Dispose(source string, f Firing) Disposition {
	episode := e.Episodes[Key(source, f.Fingerprint)]
	switch {
	case episode == nil && f.Status != "resolved":
		return New
	case episode == nil:
		return Ended
	case f.Status == "resolved" && !episode.Open:
		return Duplicate
	}
	after := *episode
	after.receive(f, episode.Last)
	switch {
	case after.Stale > episode.Stale:
		return Stale
	case after.Open && !episode.Open:
		return New
	case episode.Open && !after.Open:
		return Ended
	}
	return Duplicate
}

// rank orders dispositions by consequence.
var rank = map[Disposition]int{New: 4, Ended: 3, Duplicate: 2, Stale: 1, Nobodys: 0}

// Worse is the more consequential of the two: a group is what the most important of its alerts is.
func (d Disposition) Worse(other Disposition) Disposition {
	if rank[other] > rank[d] {
		return other
	}
	return d
}
