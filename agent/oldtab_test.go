package agent_test

import (
	"testing"

	"github.com/coclai/cutover/agent/release"
)

// TestAnOldTabDoesNothing: what a person saw beside a button must still be so when the button's deed is done.
func TestAnOldTabDoesNothing(t *testing.T) {
	_, r, id := unanswered(t)
	seen := func(d release.Deed) release.Deed {
		d.Expected = r.state().Mark(d)
		if d.Expected == "" {
			t.Fatalf("%s has no mark", d.Act)
		}
		return d
	}
	const changed = "what you saw has changed since"
	approve := seen(release.Deed{Act: release.ActApprove, Author: "kim", Incident: "am/4f6a9e0c2b7d1835"})
	hold := seen(release.Deed{Act: release.ActHold, Author: "kim", Reason: "load test"})
	made := approve
	made.Expected = "00000000000000000000000000000000"
	r.refused(made, release.Refused, changed)
	if lock := r.state().Lock; lock != nil {
		t.Errorf("a refused deed has locked: %+v", lock)
	}
	r.do(hold)
	r.refused(hold, release.Refused, changed) // sent twice
	r.do(seen(release.Deed{Act: release.ActResume}))
	r.do(approve)
	r.refused(approve, release.Refused, changed)
	r.phase("pushed")

	unlock := seen(release.Deed{Act: release.ActUnlock, Author: "lee", Incident: id})
	r.do(release.Deed{Act: release.ActRCA, Incident: id, Cause: "an index"})
	r.refused(unlock, release.Refused, changed) // lee has read no cause, or another one
	read := seen(unlock)
	r.do(release.Deed{Act: release.ActRCA, Incident: id, Cause: "no, the network"})
	r.refused(read, release.Refused, changed)
}
