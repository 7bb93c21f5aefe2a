package pasttest

import (
	"maps"
	"math"
	"time"
)

// Incident is a stretch in which something is wrong.
type Incident struct {
	Kind     Kind
	From, To time.Time
}

func (i Incident) holds(t time.Time) bool { return !t.Before(i.From) && t.Before(i.To) }

// Kind is what is wrong.
type Kind string

// The kinds: a tenth of all requests fails; most requests are slow; the runtime restarts every three minutes; a tenth of all approvals
// times out; a tenant sees another's; nothing is scraped.
const (
	Errors    Kind = "errors"
	Slow      Kind = "slow"
	Restarts  Kind = "restarts"
	Timeouts  Kind = "timeouts"
	Violation Kind = "violation"
	Unscraped Kind = "unscraped"
)

// shop is the service of the reference runbook with its incidents.
type shop struct {
	incidents []Incident
	scrape    time.Duration
}

// Shop are the series that the reference runbook's bindings name, from two instances, with traffic that follows the day.
func Shop(scrape time.Duration, incidents ...Incident) []Series {
	s := shop{incidents, scrape}
	all := s.requests("a")
	all = append(all, s.requests("b")...)
	all = append(all, s.latency()...)
	all = append(all, s.counter("approvals_total", Timeouts, 2, map[string]string{"outcome": "timeout"}, map[string]string{"outcome": "ok"})...)
	all = append(all, s.counter("artifact_writes_total", "", 3, map[string]string{"result": "conflict"}, map[string]string{"result": "ok"})...)
	return append(all, s.states()...)
}

func (s shop) is(kind Kind, t time.Time) bool {
	for _, i := range s.incidents {
		if i.Kind == kind && i.holds(t) {
			return true
		}
	}
	return false
}

// traffic is the number of events since the last scrape: by day four times what it is by night.
func (s shop) traffic(perSecond float64, t time.Time) float64 {
	day := float64(t.Unix()%86400) / 86400
	return math.Floor(perSecond * s.scrape.Seconds() * (1 + 0.6*math.Sin(2*math.Pi*day)))
}

func (s shop) series(name string, extra map[string]string, at func(time.Time) float64) Series {
	set := map[string]string{"__name__": name, "job": "checkout", "instance": "a"}
	maps.Copy(set, extra)
	return Series{set, func(t time.Time) float64 {
		v := at(t)
		if s.is(Unscraped, t) {
			return math.NaN()
		}
		return v
	}}
}

// counter is a pair of counters, of what went wrong and what went well: one in a thousand goes wrong, and one in ten in an incident.
func (s shop) counter(name string, kind Kind, perSecond float64, bad, good map[string]string) []Series {
	wrong := func(t time.Time) float64 {
		share := 0.001
		if s.is(kind, t) {
			share = 0.1
		}
		return s.traffic(perSecond, t) * share
	}
	sum := func(of func(time.Time) float64) func(time.Time) float64 {
		total := 0.0
		return func(t time.Time) float64 { total += of(t); return math.Floor(total) }
	}
	return []Series{
		s.series(name, bad, sum(wrong)),
		s.series(name, good, sum(func(t time.Time) float64 { return s.traffic(perSecond, t) - wrong(t) })),
	}
}

func (s shop) requests(instance string) []Series {
	return s.counter("http_requests_total", Errors, 10, map[string]string{"code": "500", "instance": instance}, map[string]string{"code": "200", "instance": instance})
}

// latency is a histogram: nine in ten requests within 100 ms, or within 500 ms while it is slow.
func (s shop) latency() []Series {
	var all []Series
	for _, bucket := range []struct {
		le          string
		usual, slow float64
	}{{"0.05", 0.5, 0.05}, {"0.1", 0.9, 0.1}, {"0.2", 0.98, 0.2}, {"0.5", 0.995, 0.9}, {"1", 1, 1}, {"+Inf", 1, 1}} {
		total := 0.0
		all = append(all, s.series("http_request_duration_seconds_bucket", map[string]string{"le": bucket.le}, func(t time.Time) float64 {
			share := bucket.usual
			if s.is(Slow, t) {
				share = bucket.slow
			}
			total += s.traffic(20, t) * share
			return math.Floor(total)
		}))
	}
	total := 0.0
	return append(all, s.series("http_request_duration_seconds_count", nil, func(t time.Time) float64 { total += s.traffic(20, t); return total }))
}

// states are the gauges, and the counters of what must never happen.
func (s shop) states() []Series {
	started, violations := 0.0, 0.0
	return []Series{
		s.series("up", nil, func(time.Time) float64 { return 1 }),
		s.series("process_start_time_seconds", map[string]string{"job": "checkout-runtime"}, func(t time.Time) float64 {
			if started == 0 || s.is(Restarts, t) && t.Unix()%180 == 0 {
				started = float64(t.Unix())
			}
			return started
		}),
		s.series("process_start_time_seconds", nil, func(time.Time) float64 { return 1 }),
		s.series("doc_contract_mismatches", map[string]string{"job": "release-gates"}, func(time.Time) float64 { return 0 }),
		s.series("push_time_seconds", map[string]string{"job": "release-gates"}, func(t time.Time) float64 { return float64(t.Unix()) }),
		s.series("isolation_violations_total", map[string]string{"scope": "tenant"}, func(t time.Time) float64 {
			if s.is(Violation, t) {
				violations++
			}
			return violations
		}),
		s.series("approval_ownership_violations_total", nil, func(time.Time) float64 { return 0 }),
	}
}
