package backtest

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// Answer is what is shown of a replay: that of our rules, and of others beside it.
type Answer struct {
	Report
	Other    *Report   // of the rules compared with; nil if none were
	Releases []Release // that the episodes were judged by
}

// Release is what was deployed at a time.
type Release struct {
	At   time.Time
	Name string
}

// Totals count a report.
type Totals struct {
	Alerts, Unjudged int // alerts, and those of which nothing can be said
	Pending, Fired   int // episodes that never fired, and those that did
	Acting           int // those of Fired that were of triggers
	Firing           time.Duration
	Verdicts         map[string]int // of episodes that somebody judged
}

// Totals are those of all alerts.
func (r Report) Totals() Totals {
	t := Totals{Alerts: len(r.Alerts), Verdicts: map[string]int{}}
	for _, a := range r.Alerts {
		if !a.Judged() {
			t.Unjudged++
		}
		for _, e := range a.Episodes {
			if e.Fired.IsZero() {
				t.Pending++
				continue
			}
			t.Fired++
			if a.Acts() {
				t.Acting++
			}
			t.Firing += e.FiringFor(r.Span)
			if e.Verdict != "" {
				t.Verdicts[e.Verdict]++
			}
		}
	}
	return t
}

// Untold are the alerts of triggers, or all alerts of a file without triggers, of which nothing can be said though they do not wait for an
// agent: a replay with such is no answer.
func (r Report) Untold() []Alert {
	var untold []Alert
	judged := 0
	for _, a := range r.Alerts {
		if a.Judged() {
			judged++
		}
		if !a.Judged() && !a.NeedsAgent && a.Acts() {
			untold = append(untold, a)
		}
	}
	if judged == 0 {
		return r.Alerts
	}
	return untold
}

// Match is an episode of one file and the first of another that fired while it did.
type Match struct {
	Alert string
	Episode
	By    string        // the other's alert, "" if none fired
	Later time.Duration // than this one; negative is sooner
}

// Matches hold every firing episode of r against those of another file.
func (r Report) Matches(other Report) []Match {
	var all []Match
	for _, a := range r.Alerts {
		for _, e := range a.Fired() {
			m := Match{Alert: a.Name, Episode: e}
			for _, b := range other.Alerts {
				for _, f := range b.Fired() {
					overlap := f.Fired.Before(e.End(r.Span)) && e.Fired.Before(f.End(other.Span))
					later := f.Fired.Sub(e.Fired)
					if overlap && (m.By == "" || later < m.Later) {
						m.By, m.Later = b.Name, later
					}
				}
			}
			all = append(all, m)
		}
	}
	return all
}

// number writes a measurement in its unit.
func number(v float64, unit slo.Unit) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case unit == slo.Ratio:
		return strconv.FormatFloat(v*100, 'g', 3, 64) + "%"
	case unit == slo.Seconds && math.Abs(v) < 1:
		return strconv.FormatFloat(v*1000, 'g', 3, 64) + " ms"
	case unit == slo.Seconds:
		return strconv.FormatFloat(v, 'g', 3, 64) + " s"
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// measured writes a share, never rounding a gap away.
func measured(share float64) string {
	switch {
	case share < 0:
		return "always"
	case share == 1:
		return "100%"
	}
	return strconv.FormatFloat(math.Floor(share*1000)/10, 'f', 1, 64) + "%"
}

// long writes a length of time to the second, without what is nought: 25m, 1h30m, 2d.
func long(d time.Duration) string { return slo.Duration(d.Round(time.Second)).String() }

// comparison is an episode's value against its bound, in words.
func (a Alert) comparison(e Episode) string {
	if a.Op == "" {
		return "the condition held"
	}
	return fmt.Sprintf("%s %s %s, at worst %s", number(e.Value, a.Unit), a.Op, number(e.Bound, a.Unit), number(e.Peak, a.Unit))
}
