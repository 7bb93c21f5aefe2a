package generator

import (
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/prom"
	"github.com/coclai/cutover/generator/slo"
)

// scraping asks how often targets are scraped.
func (c *liveCheck) scraping() {
	if c.failure == nil {
		c.scrapes, c.failure = c.server.ScrapeIntervals(c.ctx)
	}
}

// scrapedFor compares how often the targets of an SLI are scraped with its windows, and with what the bindings say. Series that came
// another way, as by federation, have no target here.
func (c *liveCheck) scrapedFor(s slo.SLI) {
	series := c.seriesOf(s)
	if len(series) == 0 {
		return
	}
	jobs := c.values(fmt.Sprintf("group by (%s) (last_over_time(%s[%s]))", model.JobLabel, series[0].selector, recently), model.JobLabel)
	for _, job := range jobs {
		interval, known := c.scrapes[job]
		if !known {
			continue
		}
		if shortest := shortestWindow(s); shortest > 0 && shortest < 4*interval {
			c.problem(s, fmt.Sprintf("a window of %s is shorter than four scrapes of job %s, which is scraped every %s", shortest, job, interval),
				fmt.Sprintf("use at least %s", 4*interval))
			continue
		}
		if interval > c.matrix.ScrapeInterval {
			c.warning(s, fmt.Sprintf("job %s is scraped every %s, and prometheus.scrape_interval says %s", job, interval, c.matrix.ScrapeInterval),
				"make both say the same")
		}
	}
}

// shortestWindow is the shortest look-back of an SLI's alerts; 0 if none looks back.
func shortestWindow(s slo.SLI) slo.Duration {
	windows := []slo.Duration{s.Alert.Window}
	if s.SLO != nil {
		windows = append(windows, s.SLO.Window)
	}
	if s.Budget != nil {
		for _, w := range prom.BurnWindows(s.Budget.Period) {
			windows = append(windows, w.Short)
		}
	}
	windows = slices.DeleteFunc(windows, func(w slo.Duration) bool { return w == 0 })
	if len(windows) == 0 {
		return 0
	}
	return slices.Min(windows)
}

const (
	week = slo.Duration(7 * 24 * time.Hour)

	// memory is for how long a count's last value before its window, and a baseline of which the agents no longer speak, are remembered.
	memory = slo.Duration(24 * time.Hour)
)

// reach is how far back the rules of an SLI look.
func reach(s slo.SLI) slo.Duration {
	back := s.Alert.Window
	if s.SLO != nil {
		back = max(back, s.SLO.Window)
	}
	if s.Measure.Count != nil {
		back += memory
	}
	if s.Budget != nil {
		back = max(back, s.Budget.Period)
	}
	if b := s.Baseline; b != nil && b.From == slo.BaselineFromLastWeek {
		back = max(back, week+b.Over)
	}
	return back
}

// retention compares how far back the server remembers with how far back the rules look.
func (c *liveCheck) retention() {
	if c.failure != nil {
		return
	}
	kept, said, err := c.server.Retention(c.ctx)
	if c.failure = err; err != nil || said == "" {
		return
	}
	if kept == 0 {
		c.report.Warnings.Add(diag.Diagnostic{Message: fmt.Sprintf("the server keeps %s of samples: for how long that lasts cannot be told", said)})
		return
	}
	for _, s := range c.matrix.SLIs {
		if back := reach(s); back > kept {
			c.problem(s, fmt.Sprintf("its rules look back %s, and the server keeps samples for %s", back, kept),
				"raise --storage.tsdb.retention.time, or look back less far")
		}
	}
}
