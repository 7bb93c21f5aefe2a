package rules

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/value"

	"github.com/coclai/cutover/generator/backtest/pasttest"
)

// The traffic goes to three instances, scraped a third of an interval one after another. It is known in steps of that third, and is the
// same at every run.
const (
	instances = 3
	step      = scrape / instances
)

var (
	monthBegins = time.Unix(1_767_225_600, 0) // 2026-01-01 00:00 UTC
	monthEnds   = monthBegins.Add(period + 4*24*time.Hour)
)

// pattern is a way in which requests come and fail: to one instance in a second, and what share of them, at a time of the day.
type pattern struct {
	name    string
	traffic func(day int, at time.Duration) float64
	failing func(day int, at time.Duration) float64
	gaps    bool
}

// bar is the percent by which ours may miss the truth (DESIGN §8).
const bar = 0.1

// patterns are even, diurnal, bursty and gappy traffic, and one in which nobody comes at night.
func patterns() []pattern {
	byDay := func(_ int, at time.Duration) float64 {
		return 1 + 49*max(0, math.Sin(math.Pi*(at.Hours()-6)/18))
	}
	night := func(_ int, at time.Duration) float64 {
		switch {
		case within(at, 3*time.Hour, 45*time.Minute):
			return 0.3
		case within(at, 15*time.Hour, 10*time.Minute):
			return 0.05
		}
		return 0.0002
	}
	return []pattern{
		{"even", func(int, time.Duration) float64 { return 20 }, func(day int, at time.Duration) float64 {
			if day%5 == 0 && within(at, 14*time.Hour, 20*time.Minute) {
				return 0.05
			}
			return 0.0005
		}, false},
		{"diurnal", byDay, night, false},
		{"bursty", func(day int, at time.Duration) float64 {
			if inBurst(day, at) {
				return 100
			}
			return 0.5
		}, func(day int, at time.Duration) float64 {
			if inBurst(day, at) {
				return 0.0002
			}
			return 0.02
		}, false},
		{"gappy", byDay, night, true},
		{"idle", func(day int, at time.Duration) float64 {
			if at < 5*time.Hour {
				return 0
			}
			return byDay(day, at)
		}, night, false},
	}
}

func within(at, from, length time.Duration) bool { return at >= from && at < from+length }

// inBurst is five minutes of each hour, which ones changes.
func inBurst(day int, at time.Duration) bool {
	hour := at.Truncate(time.Hour)
	return within(at, hour+time.Duration((day*7+int(hour.Hours())*17)%55)*time.Minute, 5*time.Minute)
}

// counted is what has happened up to the end of each step.
type counted struct{ bad, all []float64 }

// month is what happened, and what was seen of it.
type month struct {
	truth  counted
	each   [instances]counted
	unseen [instances][]bool // the steps in which a scrape of an instance failed
	down   []bool            // the steps in which there was no Prometheus
}

func stepOf(t time.Time) int { return int(t.Sub(monthBegins) / step) }

func (p pattern) month() month {
	n := stepOf(monthEnds) + 1
	random := rand.New(rand.NewPCG(1, 2))
	m := month{truth: counted{make([]float64, n), make([]float64, n)}, down: make([]bool, n)}
	for i := range m.each {
		m.each[i] = p.count(random, n)
		m.unseen[i] = make([]bool, n)
		for k := range n {
			m.truth.bad[k] += m.each[i].bad[k]
			m.truth.all[k] += m.each[i].all[k]
		}
	}
	if p.gaps {
		m.lose(random)
	}
	return m
}

// count draws whole events.
func (p pattern) count(random *rand.Rand, n int) counted {
	c := counted{make([]float64, n), make([]float64, n)}
	var all, bad float64
	for k := range n {
		since := time.Duration(k) * step
		day, at := int(since/(24*time.Hour)), since%(24*time.Hour)
		came := p.traffic(day, at) * step.Seconds() * (0.5 + random.Float64())
		all, bad = all+came, bad+came*p.failing(day, at)
		c.all[k], c.bad[k] = math.Floor(all), math.Floor(bad)
	}
	return c
}

// lose takes away a hundredth of the scrapes, twenty times ten minutes of each instance, and five times Prometheus itself, for 3 to 40
// minutes, once in the night's incident.
func (m *month) lose(random *rand.Rand) {
	for i := range m.unseen {
		for k := range m.unseen[i] {
			m.unseen[i][k] = random.IntN(100) == 0
		}
		for range 20 {
			lost(m.unseen[i], random.IntN(len(m.down)), 10*time.Minute)
		}
	}
	for day, length := range map[int]time.Duration{4: 6, 9: 3, 13: 8, 18: 40} {
		lost(m.down, stepOf(monthBegins.Add(time.Duration(day)*29*time.Hour)), length*time.Minute)
	}
	lost(m.down, stepOf(monthBegins.Add(24*24*time.Hour+3*time.Hour+10*time.Minute)), 20*time.Minute)
}

func lost(steps []bool, from int, length time.Duration) {
	for k := from; k < min(len(steps), from+int(length/step)); k++ {
		steps[k] = true
	}
}

// Scrapes, as they went.
type scraping int

const (
	none   scraping = iota // not due, or no Prometheus
	seen                   // the instance answered
	failed                 // the first of its scrapes to fail, which Prometheus marks
)

func (m month) scraped(i, k int) scraping {
	switch {
	case k < 0 || k%instances != i || m.down[k]:
		return none
	case !m.unseen[i][k]:
		return seen
	case m.scraped(i, k-instances) == seen:
		return failed
	}
	return none
}

// series are the counters as they were scraped.
func (m month) series() []pasttest.Series {
	var all []pasttest.Series
	for i, c := range m.each {
		add := func(code string, counted func(k int) float64) {
			set := map[string]string{"__name__": "http_requests_total", "job": "shop", "instance": fmt.Sprint(i), "code": code}
			all = append(all, pasttest.Series{Labels: set, At: func(t time.Time) float64 {
				switch k := stepOf(t); m.scraped(i, k) {
				case seen:
					return counted(k)
				case failed:
					return math.Float64frombits(value.StaleNaN)
				}
				return math.NaN()
			}})
		}
		add("500", func(k int) float64 { return c.bad[k] })
		add("200", func(k int) float64 { return c.all[k] - c.bad[k] })
	}
	return all
}

// ratio is the true error ratio of the period that ends at a time.
func (m month) ratio(at time.Time) float64 {
	end, begin := stepOf(at), stepOf(at.Add(-period))
	return (m.truth.bad[end] - m.truth.bad[begin]) / (m.truth.all[end] - m.truth.all[begin])
}

// BenchmarkAccuracy asks each contender for the error ratio over 30 days, every four hours of the days after a month, when the recordings
// that it is made of were made as Prometheus makes them. It reports by how many percent the worst answer and the one in the middle miss the
// truth, and the share of questions that were answered with a number.
func BenchmarkAccuracy(b *testing.B) {
	everyone := contenders(b)
	for _, p := range patterns() {
		b.Run(p.name, func(b *testing.B) {
			for b.Loop() {
				m := p.month()
				scraped := past{written(b, pasttest.Past{From: monthBegins, To: monthEnds, Scrape: step}, m.series())}
				for _, c := range everyone {
					errors, answered := scraped.errors(b, c, m)
					b.ReportMetric(errors[len(errors)-1], c.name+"-worst-%")
					b.ReportMetric(errors[len(errors)/2], c.name+"-median-%")
					b.ReportMetric(answered, c.name+"-answered")
					if c.name == "ours" && errors[len(errors)-1] > bar {
						b.Errorf("%s misses the truth by %v%%, more than %v%%", p.name, errors[len(errors)-1], bar)
					}
				}
			}
		})
	}
}

// errors are how far a contender's answers are from the truth, in percent and in order.
func (p past) errors(b *testing.B, c contender, m month) (errors []float64, answered float64) {
	b.Helper()
	for _, r := range c.behind(c.ratio) {
		p = p.recorded(b, r, monthBegins, monthEnds, func(t time.Time) bool { return m.down[stepOf(t)] })
	}
	ratio, _ := c.find(c.ratio)
	asked := 0.0
	for at := monthBegins.Add(period + 12*time.Hour); at.Before(monthEnds); at = at.Add(4 * time.Hour) {
		asked++
		v, _ := p.evaluate(b, ratio, at)
		if len(v) != 1 || math.IsNaN(v[0].F) {
			continue
		}
		truth := m.ratio(at.Add(-ratio.late))
		errors = append(errors, 100*math.Abs(v[0].F-truth)/truth)
	}
	slices.Sort(errors)
	answered = float64(len(errors)) / asked
	if len(errors) == 0 {
		errors = []float64{math.NaN()}
	}
	return errors, answered
}
