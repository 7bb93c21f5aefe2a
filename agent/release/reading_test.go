package release_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/generator/slo"
)

func decimal(text string) *slo.Decimal { d := slo.MustDecimal(text); return &d }

func f(v float64) *float64 { return &v }

func TestJudgeIsNeverSureWithoutMeasurements(t *testing.T) {
	ratio := slo.PlanSLO{ID: "errors", Alert: slo.Bound{Op: slo.Greater, Value: decimal("0.02")}, MinEvents: decimal("50"), AgeMax: slo.Duration(time.Minute)}
	latency := slo.PlanSLO{ID: "p95", Alert: slo.Bound{Op: slo.Greater, Relative: decimal("0.35")}, AgeMax: slo.Duration(time.Minute),
		Baseline: &slo.PlanBaseline{Floor: slo.MustDecimal("0.02")}}
	gate := slo.PlanSLO{ID: "gate", Alert: slo.Bound{Op: slo.Less, Value: decimal("1")}, AgeMax: slo.Duration(time.Minute)}
	base := func(v string) *release.Baseline { return &release.Baseline{Value: v} }
	for _, test := range []struct {
		name     string
		slo      slo.PlanSLO
		sample   release.Sample
		baseline *release.Baseline
		want     release.Verdict
		reason   string
	}{
		{"above", ratio, release.Sample{Value: f(0.021), Events: f(50), Age: f(1)}, nil, release.Fail, "errors is 0.021, > 0.02 (50 events)"},
		{"exactly at the bound", ratio, release.Sample{Value: f(0.02), Events: f(1000), Age: f(1)}, nil, release.Pass, "not > 0.02"},
		{"below", ratio, release.Sample{Value: f(0), Events: f(1000), Age: f(1)}, nil, release.Pass, ""},
		{"too few events", ratio, release.Sample{Value: f(1), Events: f(49), Age: f(1)}, nil, release.Unknown, "only 49 events"},
		{"no events counted", ratio, release.Sample{Value: f(1), Age: f(1)}, nil, release.Unknown, "no events"},
		{"no metric", ratio, release.Sample{Value: f(1), Events: f(100)}, nil, release.Unknown, "no sample"},
		{"stale", ratio, release.Sample{Value: f(1), Events: f(100), Age: f(61)}, nil, release.Unknown, "61 s old"},
		{"empty", ratio, release.Sample{Events: f(100), Age: f(1)}, nil, release.Unknown, "returned nothing"},
		{"not a number", ratio, release.Sample{Value: f(math.NaN()), Events: f(100), Age: f(1)}, nil, release.Unknown, "not a number"},
		{"above the baseline", latency, release.Sample{Value: f(0.28), Age: f(1)}, base("0.2"), release.Fail, "> 0.27"},
		{"at the baseline's bound", latency, release.Sample{Value: f(0.27), Age: f(1)}, base("0.2"), release.Pass, ""},
		{"above, but within the floor", latency, release.Sample{Value: f(0.021), Age: f(1)}, base("0.002"), release.Pass, ""},
		{"above, and above the floor", latency, release.Sample{Value: f(0.0221), Age: f(1)}, base("0.002"), release.Fail, ""},
		{"no baseline", latency, release.Sample{Value: f(9), Age: f(1)}, nil, release.Unknown, "no baseline"},
		{"a baseline of zero", latency, release.Sample{Value: f(9), Age: f(1)}, base("0"), release.Unknown, "no positive number"},
		{"a baseline that is no number", latency, release.Sample{Value: f(9), Age: f(1)}, base("NaN"), release.Unknown, "no positive number"},
		{"a failed gate", gate, release.Sample{Value: f(0), Age: f(1)}, nil, release.Fail, ""},
		{"a passed gate", gate, release.Sample{Value: f(1), Age: f(1)}, nil, release.Pass, ""},
	} {
		got := release.Judge(test.slo, test.sample, test.baseline)
		if got.Verdict != test.want || !strings.Contains(got.Reason, test.reason) {
			t.Errorf("%s: got %s (%s), want %s (…%s…)", test.name, got.Verdict, got.Reason, test.want, test.reason)
		}
	}
}
