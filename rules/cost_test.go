package rules

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/coclai/cutover/generator/backtest/pasttest"
)

// lookedBack is how far the longest window of raw series goes, of those that read no month of them, and somewhat more.
const lookedBack = 3*24*time.Hour + time.Hour

// shop is a TSDB with n series that were scraped, a fifth of them, at least one, with errors, and with all that the contenders would have
// recorded in a month: what stands in it does not matter to what it costs to read.
func shop(b *testing.B, n int, everyone []contender, to time.Time, back time.Duration) past {
	b.Helper()
	from := to.Add(-period - time.Hour).Truncate(time.Hour)
	var all []pasttest.Series
	for i := range n {
		code := "200"
		if i%5 == 0 {
			code = "500"
		}
		set := map[string]string{"__name__": "http_requests_total", "job": "shop", "instance": fmt.Sprint(i), "code": code}
		all = append(all, pasttest.Series{Labels: set, At: func(t time.Time) float64 {
			if to.Sub(t) > back {
				return math.NaN()
			}
			return math.Floor(t.Sub(from).Seconds() * (1 + float64(i%7)))
		}})
	}
	seen := map[uint64]bool{}
	for _, c := range everyone {
		for _, r := range c.rules {
			if h := r.labels.Hash(); r.record != "" && !seen[h] {
				seen[h] = true
				all = append(all, constant(r))
			}
		}
	}
	return past{written(b, pasttest.Past{From: from, To: to, Scrape: scrape}, all)}
}

// constant is what a rule recorded, at the times at which it is evaluated.
func constant(r rule) pasttest.Series {
	return pasttest.Series{Labels: r.labels.Map(), At: func(t time.Time) float64 {
		if t.Add(r.late).UnixMilli()%r.every.Milliseconds() != 0 {
			return math.NaN()
		}
		return 0.001
	}}
}

// BenchmarkCost evaluates the rules of each contender on one TSDB, and reports what they read and how long they take in a minute, each group
// as often as it is evaluated: of ours that is every 30 s, 2 and 4 minutes, of sloth's every 30 s. Reading all windows from raw series is
// measured up to a hundred series: a month of a thousand would take longer to write than all else.
func BenchmarkCost(b *testing.B) {
	everyone := contenders(b)
	to := time.Unix(1_769_904_000, 0)
	for _, n := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprintf("series=%d", n), func(b *testing.B) {
			back, here := period+time.Hour, everyone
			if n > 100 {
				back, here = lookedBack, []contender{everyone[0], everyone[2]}
			}
			p := shop(b, n, here, to, back)
			sums := make([]usage, len(here))
			for b.Loop() {
				for i, c := range here {
					u := p.minute(b, c, to)
					sums[i].samples, sums[i].wall = sums[i].samples+u.samples, sums[i].wall+u.wall
				}
			}
			report(b, here, sums)
		})
	}
}

func report(b *testing.B, everyone []contender, sums []usage) {
	for i, c := range everyone {
		b.ReportMetric(sums[i].samples/float64(b.N), c.name+"-samples/min")
		b.ReportMetric(float64(sums[i].wall.Microseconds())/1000/float64(b.N), c.name+"-ms/min")
		if i == 0 {
			continue
		}
		b.ReportMetric(sums[i].samples/sums[0].samples, c.name+"-times-samples")
		b.ReportMetric(float64(sums[i].wall)/float64(sums[0].wall), c.name+"-times-wall")
	}
}
