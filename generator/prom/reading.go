package prom

import "github.com/coclai/cutover/generator/slo"

// reading is how one SLI is read from Prometheus. Expressions are over raw series, except where a field says otherwise.
type reading struct {
	unit    slo.Unit
	value   func(w slo.Duration) string // the quantity over a window; absent when nothing can be said
	events  func(w slo.Duration) string // how many events the value rests on; nil for kinds that count none
	age     string                      // seconds since the newest sample
	missing string                      // true while nothing is measured; may read recorded series
	current func(w slo.Duration) string // name of the recorded series that holds the value
	records func(w slo.Duration) []Rule // the recording rules of a window, in the order in which they must run
}

// read chooses by kind, once; everything after it is the same for all kinds.
func read(m slo.Matrix, s slo.SLI) reading {
	id := identity{m.Service, m.Environment, s.ID}
	switch measure := s.Measure; {
	case measure.Ratio != nil:
		return readRatio(id, *measure.Ratio, s.By)
	case measure.Availability != nil:
		return downShare(*measure.Availability, s.By).reading(id)
	case measure.Expr != nil:
		return readExpr(id, *measure.Expr)
	case measure.Latency != nil:
		return readLatency(id, *measure.Latency, s.By)
	case measure.Restarts != nil:
		return readRestarts(id, *measure.Restarts, m.ScrapeInterval)
	case measure.Count != nil:
		return readCount(id, *measure.Count, s.NoData, s.By)
	case measure.State != nil:
		return readState(id, *measure.State, s.Alert)
	}
	return readGate(id, *s.Measure.Gate)
}

// record is a recording rule of this SLI.
func (id identity) record(series, expr string) Rule {
	return Rule{Record: series, Expr: canonical(expr), Labels: id.labels()}
}

// recordValue is the one recording rule of a kind that needs no more.
func (id identity) recordValue(value func(slo.Duration) string) func(slo.Duration) []Rule {
	return func(w slo.Duration) []Rule { return []Rule{id.record(slo.ValueSeries(w), value(w))} }
}
