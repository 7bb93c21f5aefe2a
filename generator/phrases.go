package generator

import (
	"strings"

	"github.com/coclai/cutover/generator/condition"
	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// phrases remembers what cells say, by their text: a table of thousands of rows says few different things. Without one, nothing is
// remembered.
type phrases map[string]phrase

// phrase is what a cell says by itself.
type phrase struct {
	condition slo.Condition
	err       error     // why it cannot be read
	share     slo.Share // which events its words count
}

func (p phrases) read(cell runbook.Cell) phrase {
	if known, found := p[cell.Text]; found {
		return known
	}
	s := phrase{share: condition.ShareOf(cell.Text)}
	s.condition, s.err = condition.Parse(cell.Text)
	if p != nil {
		p[cell.Text] = s
	}
	return s
}

// target is what a row's target says. A quantity without a comparison, "300 ms", "3", is the limit that the row's alert is beyond: where that
// is on more, or on a fall, nothing else can be meant.
func (p phrases) target(row runbook.Row) phrase {
	said := p.read(row.Target)
	alert := p.read(row.Alert)
	if said.err == nil || row.Target.Text == "" || alert.err != nil {
		return said
	}
	for _, s := range []struct {
		sign string
		op   slo.Op
		high bool
	}{{"<= ", slo.AtMost, true}, {">= ", slo.AtLeast, false}} {
		limit, err := condition.Parse(s.sign + row.Target.Text)
		if err == nil && limit.Op == s.op && rises(alert.condition.Op) == s.high && beyond(alert.condition, limit) {
			said.condition, said.err = limit, nil
			return said
		}
	}
	if nothing[strings.ToLower(strings.TrimSpace(row.Target.Text))] && countsMore(alert.condition) {
		said.condition, said.err = slo.Condition{Op: slo.Equal, Unit: slo.Count}, nil
	}
	return said
}

// nothing are words for no event at all.
var nothing = map[string]bool{"none": true, "없음": true}

func rises(op slo.Op) bool { return op == slo.Greater || op == slo.AtLeast }

// countsMore says whether an alert is on too many events.
func countsMore(alert slo.Condition) bool {
	return (alert.Unit == slo.Count || alert.Unit == "") && !alert.Relative && rises(alert.Op)
}

// beyond says whether an alert begins behind a limit: both are of one quantity, and what the limit allows does not alert.
func beyond(alert, limit slo.Condition) bool {
	unit := func(c slo.Condition) slo.Unit {
		if c.Unit == "" {
			return slo.Count
		}
		return c.Unit
	}
	if unit(alert) != unit(limit) || alert.Relative != limit.Relative || alert.Per != limit.Per || alert.Op == slo.Equal || alert.Op == slo.Different {
		return false
	}
	return !contradict(slo.Bound{Op: limit.Op, Value: &limit.Value}, slo.Bound{Op: alert.Op, Value: &alert.Value}, false)
}
