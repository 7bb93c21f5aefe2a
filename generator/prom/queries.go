package prom

import "github.com/coclai/cutover/generator/slo"

// Queries are the instant queries by which the agent corroborates, observes and captures one SLI. They read raw series, so that they
// answer without our rules being loaded; only the value of a count is a recorded series, its expression being too long to send around.
type Queries struct {
	Value          string // the quantity, in the SLI's unit, over the alert's window
	Events         string // how many events the value rests on; "" for kinds that count none
	Age            string // seconds since the newest sample
	BaselineValue  string // the quantity over the baseline's window; "" without a baseline
	BaselineEvents string
}

// QueriesOf gives the queries of one SLI of the matrix.
func QueriesOf(m slo.Matrix, s slo.SLI) Queries {
	r := read(m, s)
	q := Queries{Value: canonical(r.value(s.Alert.Window)), Age: canonical(r.age)}
	if r.events != nil {
		q.Events = canonical(r.events(s.Alert.Window))
	}
	if b := baseline(s); b != nil {
		// The NaN of an idle hour is kept: the agent must see it and refuse, not find nothing.
		q.BaselineValue = canonical(quantile(*s.Measure.Latency, b.Over))
		q.BaselineEvents = canonical(r.events(b.Over))
	}
	return q
}

func baseline(s slo.SLI) *slo.Baseline {
	if s.Measure.Latency == nil {
		return nil
	}
	return s.Measure.Latency.Baseline
}
