package backtest

import (
	"math"
	"testing"
	"time"

	"github.com/coclai/cutover/generator/backtest/pasttest"
)

// stepped is how much of the range Prometheus's own groups are stepped over in the benchmark: the time of a step does not depend on how
// many there were, and all of a month would take minutes.
const stepped = 12 * time.Hour

// recordedMonth is a month in which what the error rate's alerts read was recorded, and which has nothing else.
func recordedMonth(b *testing.B) *Past {
	b.Helper()
	set := map[string]string{"service": "checkout", "environment": "production", "slo": "api-error-rate"}
	dir := b.TempDir()
	past := pasttest.Past{From: monthBegins, To: month.To, Scrape: 30 * time.Second, Blocks: true}
	err := past.Write(dir, []pasttest.Series{
		recordedSeries("slo:events:increase5m", set, always(3000)),
		recordedSeries("slo:value:5m", set, func(at time.Time) float64 {
			if at.After(outage.From) && at.Before(outage.To) {
				return 0.1
			}
			return 0.001 + 0.0005*math.Sin(float64(at.Unix())/7000)
		}),
	})
	if err != nil {
		b.Fatal(err)
	}
	p, err := OpenDirectory(dir)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { p.Close() })
	return p
}

// BenchmarkBacktest replays the error rate's alerts over four weeks at 30 s, and steps Prometheus's own groups over the same data. It reports
// how many evaluations of the group each does in a second, and the ratio of the two.
func BenchmarkBacktest(b *testing.B) {
	alerts := groupsIn(b, "api-error-rate")
	recorded := alerts
	recorded.records = nil // as they stand in the past
	for _, bench := range []struct {
		name  string
		past  func(*testing.B) *Past
		rules Rules
	}{{"recorded", recordedMonth, recorded}, {"raw", func(b *testing.B) *Past { return openMonth(b) }, alerts}} {
		b.Run(bench.name, func(b *testing.B) {
			past := bench.past(b)
			evaluations := float64(gridOf(month, 30*time.Second, 0).count())
			var replayed time.Duration
			for b.Loop() {
				began := time.Now()
				r, err := Run(b.Context(), past, bench.rules, Options{Span: month})
				if err != nil {
					b.Fatal(err)
				}
				replayed += time.Since(began)
				if fired := len(r.Alerts[0].Fired()); fired != 1 {
					b.Fatalf("%d episodes, want that of the outage", fired)
				}
			}
			replay := evaluations / (replayed.Seconds() / float64(b.N))
			s := newStepper(b, past, bench.rules)
			part := Span{outage.From.Add(-stepped / 2), outage.From.Add(stepped / 2)}
			began := time.Now()
			if seen := s.run(b.Context(), part); len(seen) == 0 {
				b.Fatal("stepping saw nothing")
			}
			step := float64(gridOf(part, s.step, 0).count()) / time.Since(began).Seconds()
			b.ReportMetric(replay, "replayed/s")
			b.ReportMetric(step, "stepped/s")
			b.ReportMetric(replay/step, "times-faster")
		})
	}
}
