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
	for _, row := range x.Sources.Document.Rows {
		for _, c := range columnsOf(row) {
			readings = append(readings, x.reading(row.Name.Text, c.cell, c.states))
		}
	}
	for _, item := range x.Sources.Document.Triggers {
		c, err := mention(item.Text)
		if err == nil && c.Op == "" {
			continue
		}
		readings = append(readings, x.reading(item.Text.Text, item.Text, alarm))
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

func (x Examination) reading(name string, cell runbook.Cell, s slo.Sense) Reading {
	out := Reading{File: x.Sources.Document.File, Line: cell.At.Line, Name: name, Sense: s, Verdict: VerdictOK}
	if _, c, err := read(name, cell, s); err == nil {
		out.state(c)
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

// read reads a cell, which is all bound, or an item, which is prose and its own name: as written, and as its place means it.
func read(name string, cell runbook.Cell, s slo.Sense) (written, placed slo.Condition, err error) {
	parse := condition.Parse
	if name == cell.Text {
		parse = condition.Mention
	}
	if written, err = parse(cell.Text); err != nil {
		return written, written, err
	}
	if placed, err = written.As(s); err != nil {
		return written, placed, err
	}
	if named, err := condition.Mention(name); err == nil && placed.Quantile.Sign() == 0 && (placed.Unit == slo.Seconds || placed.Relative) {
		placed.Quantile = named.Quantile
	}
	placed, whole := overWindow(placed)
	if !whole {
		return written, placed, errors.New(notWhole(placed))
	}
	return written, placed, nil
}

// numbers reads every bound of the document for its own sake, and blames what cannot be read.
func (r *resolver) numbers() {
	for _, row := range r.doc.Rows {
		var read []slo.Condition
		for _, c := range columnsOf(row) {
			if number, ok := r.number(row.Name.Text, c.cell, c.states); ok {
				read = append(read, number)
			}
		}
		if len(read) == 2 {
			r.agreeable(row, read[0], read[1])
		}
	}
	for _, item := range r.doc.Triggers {
		if c, err := mention(item.Text); err != nil || c.Op != "" {
			r.number(item.Text.Text, item.Text, alarm)
		}
	}
}

// number blames a cell that states nothing certain.
func (r *resolver) number(name string, cell runbook.Cell, s slo.Sense) (slo.Condition, bool) {
	written, c, err := read(name, cell, s)
	if e, ok := errors.AsType[*condition.Error](err); ok {
		r.unreadable(cell, e)
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
	if good.Quantile.Cmp(bad.Quantile) != 0 {
		r.blameCell(row.Alert, fmt.Sprintf("the target is of quantile %s, the alert of %s", good.Quantile, bad.Quantile), "make both the same",
			diag.Related{At: row.Target.At, Source: row.Target.Source, Message: "the target"})
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
	g, b := slo.Bound{Op: good.Op, Value: &good.Value}, slo.Bound{Op: bad.Op, Value: &bad.Value}
	q := quantity{whole: good.Unit == slo.Count && bad.Unit == slo.Count}
	r.agree(row, q, boundCell{bound: g}, boundCell{bound: b})
}
