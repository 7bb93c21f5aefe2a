package simulation

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestAReportThatCannotBeIllustratedOrWrittenFailsNoMilestone: a report is about a milestone, and never a condition of it.
func TestAReportThatCannotBeIllustratedOrWrittenFailsNoMilestone(t *testing.T) {
	const lasts = 35 * time.Minute
	mute := &twoDays{kept: t.TempDir(), mute: true}
	simulate(t, mute, lasts, func() {
		if c := mute.cutover(); len(c.Reached) != 1 || c.Reached[0].Report == nil {
			t.Errorf("without range queries: %+v", c.Reached)
		}
	})
	for name, text := range documents(t, mute.kept) {
		if !strings.Contains(text, "No plot: query value of errors from ") || strings.Contains(text, "<svg") {
			t.Errorf("%s does not say that there is no plot:\n%s", name, text)
		}
	}
	full := filepath.Join(t.TempDir(), "reports")
	if err := os.WriteFile(full, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	blocked := &twoDays{kept: full}
	simulate(t, blocked, lasts, func() {
		c, clock := blocked.cutover(), 30*time.Minute
		if len(c.Reached) != 1 || c.Reached[0].Report != nil || c.Observation.Clock.Std() <= clock || c.Stop != nil {
			t.Errorf("a folder that cannot be written to: %d milestones, clock %s, %+v", len(c.Reached), c.Observation.Clock, c.Stop)
		}
		if degraded := strings.Join(blocked.world.agent.View().Degraded, "\n"); !strings.Contains(degraded, "a report is not written, and is tried again: report milestone 6.1: write") {
			t.Errorf("nobody is told: %q", degraded)
		}
		if err := os.Remove(full); err != nil {
			t.Error(err)
		}
		blocked.pass(time.Minute)
		if c := blocked.cutover(); c.Reached[0].Report == nil || len(blocked.world.agent.View().Degraded) > 0 {
			t.Errorf("it is not written when it can be: %+v, %q", c.Reached[0].Report, blocked.world.agent.View().Degraded)
		}
	})
}
