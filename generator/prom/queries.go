package prom

import (
	"fmt"

	"github.com/coclai/cutover/generator/slo"
)

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
	value, events := r.value(s.Alert.Window), ""
	if r.events != nil {
		events = r.events(s.Alert.Window)
	}
	if len(s.By) > 0 {
		value, events = worstGroup(s, value, events)
	}
	q := Queries{Value: canonical(value), Age: canonical(r.age)}
	if events != "" {
		q.Events = canonical(events)
	}
	if baseline(s) != nil {
		value, events := baselineQueries(m, s)
		q.BaselineValue, q.BaselineEvents = canonical(value), canonical(events)
	}
	return q
}

// worstGroup makes one number of many: the agent judges an SLI, not each of its groups. A group of too few events counts only where there
// is no other, and the number of events then says that it proves nothing.
func worstGroup(s slo.SLI, value, events string) (worst, most string) {
	worst = fmt.Sprintf("%s(%s)", extreme(s.Alert.Op), value)
	if events == "" {
		return worst, ""
	}
	if s.MinEvents.Sign() > 0 {
		worst = fmt.Sprintf("%s((%s) and (%s) >= %s) or %s", extreme(s.Alert.Op), value, events, s.MinEvents, worst)
	}
	return worst, fmt.Sprintf("max(%s)", events)
}
