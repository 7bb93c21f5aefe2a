package release_test

import (
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/release"
)

func TestABaselineOfLastWeekJudgesNoRelease(t *testing.T) {
	t0 := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	all := []release.Baseline{{SLO: "p95", At: t0.Add(-4 * time.Hour)}, {SLO: "p99", At: t0.Add(-4*time.Hour - time.Second)}}
	fresh, stale := release.Fresh(all, t0, 4*time.Hour)
	if len(fresh) != 1 || fresh[0].SLO != "p95" || len(stale) != 1 || !strings.Contains(stale[0], "p99: the baseline of 2026-02-28T21:59:59Z is 4h0m0s old") {
		t.Errorf("fresh %+v, stale %q", fresh, stale)
	}
	if fresh, stale = release.Fresh(all, t0, 0); len(fresh) != 2 || stale != nil {
		t.Errorf("without expiry: fresh %+v, stale %q", fresh, stale)
	}
}
