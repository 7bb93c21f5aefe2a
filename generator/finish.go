package generator

import (
	"fmt"

	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// finish settles what an SLI has besides its bounds.
func (r *resolver) finish(s *slo.SLI, b runbook.SLIBinding, q quantity) {
	s.By = r.groups(b, q)
	if s.Measure.Expr == nil || !s.Measure.Expr.Percent {
		return
	}
	s.Alert = shifted(s.Alert, 2)
	if s.SLO != nil {
		target := shifted(*s.SLO, 2)
		s.SLO = &target
	}
}

// shifted is an absolute bound × 10^places: 2 for a query that yields percent.
func shifted(b slo.Bound, places int) slo.Bound {
	value := b.Value.Shift(places)
	b.Value = &value
	return b
}

// alone refuses whatever else is given beside a gate, whose result is all there is to know.
func (r *resolver) alone(b runbook.AnyBinding) bool {
	if len(r.ways(b.SLIBinding)) > 0 {
		r.blame(b.Gate, "a gate's result is not measured in another way as well", "give `gate` alone")
		return false
	}
	before := len(r.problems)
	for _, key := range []struct {
		given bool
		name  string
	}{{b.Window.Value != "", "window"}, {b.Baseline != nil, "baseline"}, {b.Budget != nil, "budget"}, {len(b.By) > 0, "by"}} {
		if key.given {
			r.blame(b.Gate, fmt.Sprintf("a gate's result has no `%s`", key.name), fmt.Sprintf("drop `%s`", key.name))
		}
	}
	return len(r.problems) == before
}
