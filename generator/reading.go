package generator

import (
	"errors"
	"fmt"
	"slices"

	"github.com/coclai/cutover/generator/condition"
	"github.com/coclai/cutover/generator/diag"
	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// Verdict is whether a text was understood completely.
type Verdict string

// The verdicts.
const (
	VerdictOK      Verdict = "ok"
	VerdictRefused Verdict = "refused"
)

// Reading is what a cell of the table, or an item of the trigger list, states. Numbers are decimal strings in plain units: a percentage
// is a ratio of 0 to 1, a time is seconds; durations are Prometheus's. What the text does not state is "".
type Reading struct {
	File     string    `json:"file"`
	Line     int       `json:"line"`
	Name     string    `json:"name"` // the row's first cell, or the item's text
	Op       slo.Op    `json:"op"`
	Value    string    `json:"value"`
	Unit     slo.Unit  `json:"unit"`
	Sense    slo.Sense `json:"sense"` // target: what is good; alert: what is bad
	Quantile string    `json:"quantile"`
	Window   string    `json:"window"` // or the period of an objective
	For      string    `json:"for"`
	Verdict  Verdict   `json:"verdict"`
	Reason   string    `json:"reason"` // why it is refused; of what is ok, what the other fields cannot say
}

// Readings are two for each row of the table, its target and its alert, then one for each trigger item that states a number.
func (x Examination) Readings() []Reading {
	readings := []Reading{}
	said := phrases{}
	for _, row := range x.Sources.Document.Rows {
		about := subjectOf(row, said)
		for _, c := range columnsOf(row) {
			readings = append(readings, x.reading(about, c.cell, c.states))
		}
	}
	for _, item := range x.Sources.Document.Triggers {
		c, err := mention(item.Text)
		if err == nil && c.Op == "" {
			continue
		}
		readings = append(readings, x.reading(subjectOfItem(item), item.Text, alarm))
	}
	return readings
}

// column is a cell that states a bound.
type column struct {
	cell   runbook.Cell
	states slo.Sense
}

// columnsOf are the row's two, or what there is of them.
func columnsOf(row runbook.Row) []column {
	both := []column{{row.Target, objective}, {row.Alert, alarm}}
	return slices.DeleteFunc(both, func(c column) bool { return c.cell.At.Line == 0 })
}

func (x Examination) reading(about subject, cell runbook.Cell, s slo.Sense) Reading {
	out := Reading{File: x.Sources.Document.File, Line: cell.At.Line, Name: about.name, Sense: s, Verdict: VerdictOK}
	if _, c, err := about.read(cell, s); err == nil && about.doubt == "" {
		out.state(c)
	}
	if s == alarm && dash(cell) {
		out.Reason = "left to the error budget"
	}
	if d, found := x.problemIn(cell); found {
		out.Verdict, out.Reason = VerdictRefused, d.Message
	}
	return out
}

// state fills in what the condition says.
func (r *Reading) state(c slo.Condition) {
	r.Op, r.Value, r.Unit = c.Op, c.Value.String(), c.Unit
	if r.Unit == "" {
		r.Unit = slo.Count
	}
	if c.Quantile.Sign() != 0 {
		r.Quantile = c.Quantile.String()
	}
	for _, d := range []slo.Duration{c.Window, c.Period} {
		if d != 0 {
			r.Window = d.String()
		}
	}
	if c.For != 0 {
		r.For = c.For.String()
	}
	switch {
	case c.Relative:
		r.Reason = "over the baseline"
	case c.Consecutive:
		r.Reason = "in succession"
	case c.Period != 0:
		r.Reason = "over a period"
	case c.Share != "":
		r.Reason = fmt.Sprintf("of %s events", c.Share)
	}
}

// mention reads a trigger's item, and a cell as well.
func mention(cell runbook.Cell) (slo.Condition, error) { return condition.Mention(cell.Text) }

// numbers reads every bound of the document for its own sake, and blames what cannot be read.
func (r *resolver) numbers() {
	for _, row := range r.doc.Rows {
		about := subjectOf(row, r.said)
		var read []slo.Condition
		for _, c := range columnsOf(row) {
			if c.states == alarm && len(read) == 1 && read[0].Period != 0 && dash(c.cell) {
				continue
			}
			if number, ok := r.number(about, c.cell, c.states); ok {
				read = append(read, number)
			}
		}
		if len(read) == 2 {
			r.agreeable(row, read[0], read[1])
		}
	}
	for _, item := range r.doc.Triggers {
		if c, err := mention(item.Text); err != nil || c.Op != "" {
			r.number(subjectOfItem(item), item.Text, alarm)
		}
	}
}

// number blames a cell that states nothing certain.
func (r *resolver) number(about subject, cell runbook.Cell, s slo.Sense) (slo.Condition, bool) {
	if about.doubt != "" {
		r.blameCell(cell, about.doubt, "")
		return slo.Condition{}, false
	}
	written, c, err := about.read(cell, s)
	if e, ok := errors.AsType[*condition.Error](err); ok {
		r.unreadable(cell, e)
		return c, false
	}
	if m, ok := errors.AsType[misnomer](err); ok {
		r.blameCell(cell, m.message, m.hint)
		return c, false
	}
	if err != nil {
		r.blameCell(cell, err.Error(), "")
		return c, false
	}
	if s == objective && c.For != 0 {
		r.blameCell(cell, fmt.Sprintf("an objective is met or missed over its window: it does not last for %s", c.For), "")
		return c, false
	}
	if message, hint := unlikely(written, c, ratioQuantity); message != "" {
		r.blameCell(cell, message, hint)
		return c, false
	}
	return c, true
}

// agreeable compares the two bounds of a row without knowing what they are of.
func (r *resolver) agreeable(row runbook.Row, good, bad slo.Condition) {
	if message, hint := incomparable(good, bad); message != "" {
		r.blameCell(row.Alert, message, hint, diag.Related{At: row.Target.At, Source: row.Target.Source, Message: "the target"})
		return
	}
	if good.Relative != bad.Relative || good.Unit != bad.Unit && good.Unit != "" && bad.Unit != "" {
		return
	}
	if good.Share == slo.ShareGood {
		good = good.Complement()
	}
	if bad.Share == slo.ShareGood {
		bad = bad.Complement()
	}
	g, b := slo.Bound{Op: good.Op, Value: &good.Value, Window: good.Window}, slo.Bound{Op: bad.Op, Value: &bad.Value, Window: bad.Window}
	q := quantity{whole: good.Unit == slo.Count && bad.Unit == slo.Count}
	r.agree(row, q, boundCell{bound: g}, boundCell{bound: b})
}

// incomparable says why two bounds cannot be of one thing.
func incomparable(good, bad slo.Condition) (message, hint string) {
	share := func(c slo.Condition) bool { return c.Unit == slo.Ratio && !c.Relative }
	number := func(c slo.Condition) bool {
		return !c.Relative && c.Unit != slo.Ratio && c.Unit != slo.Seconds && c.Value.Sign() != 0
	}
	minute, tooMany := slo.DecimalOf(60), slo.DecimalOf(60)
	switch {
	case good.Quantile.Cmp(bad.Quantile) != 0:
		return fmt.Sprintf("the target is of quantile %s, the alert of %s", good.Quantile, bad.Quantile), "make both the same"
	case share(good) && bad.Relative, good.Relative && share(bad):
		return "one of target and alert is an excess over a baseline, the other a share", `write "baseline + > 35%" where that is meant`
	case share(good) && bad.Unit == slo.Seconds, good.Unit == slo.Seconds && share(bad):
		return "one of target and alert is a time, the other a share", `a time that it must last is written "for 10m", a window "(5m)"`
	case number(good) && (share(bad) || bad.Unit == slo.Seconds), number(bad) && (share(good) || good.Unit == slo.Seconds):
		return fmt.Sprintf("the target is %s, the alert %s", measureOf(good), measureOf(bad)), "write both in the unit of what is measured"
	case good.Unit == slo.Seconds && bad.Unit == slo.Seconds && bad.Value.Cmp(minute) >= 0 && bad.Value.Cmp(good.Value.Times(tooMany)) > 0:
		return fmt.Sprintf("may %ss be how long the target must be missed?", bad.Value), `write that as "for 10m", and the bound before it`
	}
	return "", ""
}

// measureOf names what a bound counts in.
func measureOf(c slo.Condition) string {
	switch c.Unit {
	case slo.Ratio:
		return "a share"
	case slo.Seconds:
		return "a time"
	}
	return "a number"
}
