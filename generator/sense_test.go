package generator

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/coclai/cutover/generator/slo"
)

// bounds are the objective and the alert of one of the rows of rules/ with the edits, as the plan has them.
func boundsOf(t *testing.T, id string, edits ...edit) [2]slo.Bound {
	t.Helper()
	sources, problems, err := Parse(Options{Config: sourcesWith(t, edits...)})
	if err != nil {
		t.Fatal(err)
	}
	matrix, more := Resolve(sources)
	problems.Add(more...)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	for _, s := range matrix.SLIs {
		if s.ID == id {
			return [2]slo.Bound{*s.SLO, s.Alert}
		}
	}
	t.Fatalf("no SLI %s", id)
	return [2]slo.Bound{}
}

func bound(t *testing.T, op slo.Op, value, window string) slo.Bound {
	t.Helper()
	d, err := slo.ParseDuration(window)
	if err != nil {
		t.Fatal(err)
	}
	v := slo.MustDecimal(value)
	return slo.Bound{Op: op, Value: &v, Window: d}
}

// A cell may count good or bad events, and events or their rate: the rules count bad ones over a window, exactly.
func TestCellsThatSayTheSameGiveTheSameBounds(t *testing.T) {
	const artifacts, artifactRow = "artifact-conflict-ratio", "| <= 2% | > 5% (15m) |"
	want := [2]slo.Bound{bound(t, slo.AtMost, "0.02", "15m"), bound(t, slo.Greater, "0.05", "15m")}
	for _, cells := range []string{
		artifactRow, "| >= 98% | < 95% (15m) |", "| 98% | > 5% (15m) |", "| 98% availability | < 95% availability (15m) |",
		"| <= 2% errors | < 95% (15m) |",
	} {
		name := []edit{inRunbook("| Artifact conflict ratio |", "| Artifacts |"), inBindings("  Artifact conflict ratio:", "  Artifacts:")}
		if diff := cmp.Diff(want, boundsOf(t, artifacts, append(name, inRunbook(artifactRow, cells))...), exact); diff != "" {
			t.Errorf("%s (-want +got):\n%s", cells, diff)
		}
	}
	const restarts, restartRow = "runtime-restarts", "| 0 is normal | 3 consecutive restarts |"
	item := inRunbook("(3 or more in succession)", "")
	counts := [2]slo.Bound{bound(t, slo.Equal, "0", "20m"), bound(t, slo.AtLeast, "40", "20m")}
	for _, cells := range []string{"| 0 is normal | >= 40 (20m) |", "| 0 is normal | >= 2/min (20m) |", "| 0 is normal | >= 120 per hour (20m) |"} {
		if diff := cmp.Diff(counts, boundsOf(t, restarts, item, inRunbook(restartRow, cells)), exact); diff != "" {
			t.Errorf("%s (-want +got):\n%s", cells, diff)
		}
	}
	perMinute := boundsOf(t, restarts, item, inRunbook(restartRow, "| 0 is normal | >= 4/min |"))
	if diff := cmp.Diff(bound(t, slo.AtLeast, "4", "1m"), perMinute[1], exact); diff != "" {
		t.Errorf("a rate without a window (-want +got):\n%s", diff)
	}
}

// What trigger and row say in different words is the same; what they say differently is refused.
func TestATriggerMaySayItsRowsBoundTheOtherWayRound(t *testing.T) {
	bad, good := "1. API error rate > 2% over a 5-minute moving window", "1. API availability < 98% over a 5-minute moving window"
	boundsOf(t, "api-error-rate", inRunbook(bad, good))
	if got := problemsOf(t, inRunbook(bad, "1. API availability < 97% over a 5-minute moving window")); len(got) != 1 {
		t.Errorf("problems: %q", got)
	}
	rate := []edit{inRunbook("(3 or more in succession)", "(6 or more per hour)"), inRunbook("| 3 consecutive restarts |", "| >= 2 (20m) |")}
	boundsOf(t, "runtime-restarts", rate...)
	rate[1] = inRunbook("| 3 consecutive restarts |", "| >= 3 (20m) |")
	if got := problemsOf(t, rate...); len(got) != 1 {
		t.Errorf("problems: %q", got)
	}
}
