package release

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// Observation is what has been seen of a release since T0, in numbers.
//
// Its clock counts healthy minutes with data. The rows are judged at moments an interval apart, beginning at T0. The time between two
// neighbouring moments counts when at the later one no row is UNKNOWN. A row that FAILs is measured: its time counts, and the milestone's
// verdict on the row is not PASS. A row for which the plan says that no data is ok does not stop the clock by being UNKNOWN; it does not
// become PASS by it either. While the cutover is stopped for another reason than missing data nothing is judged, and the next stretch begins
// when it goes on. What nobody watched, because the agent was away for longer than it can make up for, counts for nothing.
type Observation struct {
	At      time.Time    `json:"at"`                // the last moment judged; T0 at first
	Clock   slo.Duration `json:"clock"`             // time that counts
	Gaps    slo.Duration `json:"gaps,omitempty"`    // time that nobody watched
	Rows    []Row        `json:"rows,omitempty"`    // since T0
	Stretch []Row        `json:"stretch,omitempty"` // since the last milestone
}

// Row is what was seen of one SLO in a stretch of time. Numbers of moments, not of minutes: an interval is one moment.
type Row struct {
	SLO     string   `json:"slo"`
	Pass    int      `json:"pass,omitempty"`
	Fail    int      `json:"fail,omitempty"`
	Unknown int      `json:"unknown,omitempty"`
	Last    Reading  `json:"last"`
	Worst   *Extreme `json:"worst,omitempty"` // the value nearest to the alert's bound, or furthest beyond it
	Spells  []Spell  `json:"episodes,omitempty"`
	More    int      `json:"more,omitempty"` // spells beyond maxSpells
}

// Extreme is a value with its time, and how near it came to the bound of the alert.
type Extreme struct {
	Value string    `json:"value"`
	At    time.Time `json:"at"`
	Alert string    `json:"alert,omitempty"` // the alert's bound
	Share string    `json:"share,omitempty"` // of the bound: 1 is the bound itself; "" where that means nothing (states, a bound of 0)
}

// Spell is a time of one row without PASS: first and last moment of it.
type Spell struct {
	Verdict Verdict   `json:"verdict"` // FAIL or UNKNOWN
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Reason  string    `json:"reason"`         // as it began
	Goes    bool      `json:"goes,omitempty"` // on from the moment before: it is one with the spell that ended there
}

// maxSpells is how many spells of a row are kept; a row that flaps through 48 hours must not fill the memory.
const maxSpells = 50

// Watched are moments that were judged, in one entry: what the ledger keeps of them.
type Watched struct {
	Cutover string       `json:"cutover"`
	From    time.Time    `json:"from"` // the moment before the first, or T0
	To      time.Time    `json:"to"`   // the last moment
	Counted slo.Duration `json:"counted,omitempty"`
	Gaps    slo.Duration `json:"gaps,omitempty"`
	Rows    []Row        `json:"rows"`
}

// Moment is every row judged at one time.
type Moment struct {
	At       time.Time
	Since    time.Time // the moment before
	Gap      bool      // nobody watched between the two
	Readings []Reading
}

// Measured says whether no row keeps the clock from counting, and names the first that does.
func (m Moment) Measured() (bool, Reading) {
	for _, r := range m.Readings {
		if r.Verdict == Unknown && !r.Tolerated {
			return false, r
		}
	}
	return true, Reading{}
}

// Add is o with moments added; o stays as it was.
func (o *Observation) Add(w Watched) *Observation {
	n := *o
	n.Clock, n.Gaps = o.Clock+w.Counted, o.Gaps+w.Gaps
	if w.To.After(o.At) { // else it began anew before these were noted
		n.At = w.To
	}
	n.Rows, n.Stretch = mergeRows(o.Rows, w.Rows), mergeRows(o.Stretch, w.Rows)
	return &n
}

// Next is o from a milestone on: a new stretch begins.
func (o *Observation) Next() *Observation {
	n := *o
	n.Stretch = nil
	return &n
}

// Row finds what was seen of an SLO since T0.
func (o *Observation) Row(id string) (Row, bool) { return rowOf(o.Rows, id) }

// Add is w with one moment more.
func (w Watched) Add(m Moment, before *Observation) Watched {
	if w.To.IsZero() {
		w.From = m.Since
	}
	measured, _ := m.Measured()
	switch {
	case m.Gap:
		w.Gaps += slo.Duration(m.At.Sub(m.Since))
	case measured:
		w.Counted += slo.Duration(m.At.Sub(m.Since))
	}
	w.To = m.At
	now := make([]Row, len(m.Readings))
	for n, r := range m.Readings {
		last, known := rowOf(w.Rows, r.SLO)
		if !known {
			last, _ = rowOf(before.Rows, r.SLO)
		}
		now[n] = rowAt(r, !m.Gap && last.Last.Verdict == r.Verdict)
	}
	w.Rows = mergeRows(w.Rows, now)
	return w
}

// rowAt is one reading as a row.
func rowAt(r Reading, goes bool) Row {
	row := Row{SLO: r.SLO, Last: r, Worst: extreme(r)}
	switch r.Verdict {
	case Pass:
		row.Pass = 1
		return row
	case Fail:
		row.Fail = 1
	default:
		row.Unknown = 1
	}
	row.Spells = []Spell{{Verdict: r.Verdict, From: r.At, To: r.At, Reason: r.Reason, Goes: goes}}
	return row
}

func rowOf(rows []Row, id string) (Row, bool) {
	n := slices.IndexFunc(rows, func(r Row) bool { return r.SLO == id })
	if n < 0 {
		return Row{SLO: id}, false
	}
	return rows[n], true
}

// mergeRows are the rows of two stretches, the earlier first. Neither is changed.
func mergeRows(before, after []Row) []Row {
	all := slices.Clone(before)
	for _, b := range after {
		n := slices.IndexFunc(all, func(r Row) bool { return r.SLO == b.SLO })
		if n < 0 {
			all = append(all, b)
			continue
		}
		all[n] = merge(all[n], b)
	}
	return all
}

func merge(a, b Row) Row {
	m := Row{SLO: a.SLO, Pass: a.Pass + b.Pass, Fail: a.Fail + b.Fail, Unknown: a.Unknown + b.Unknown, Last: b.Last, Worst: a.Worst, More: a.More + b.More}
	if b.Worst != nil && (a.Worst == nil || worse(b.Last, *b.Worst, *a.Worst)) {
		m.Worst = b.Worst
	}
	m.Spells = slices.Clone(a.Spells)
	for _, e := range b.Spells {
		last := len(m.Spells) - 1
		switch {
		case e.Goes && last >= 0 && m.Spells[last].Verdict == e.Verdict:
			m.Spells[last].To = e.To
		case len(m.Spells) == maxSpells: // the last one is kept, whatever becomes of those between
			m.Spells[last], m.More = e, m.More+1
		default:
			m.Spells = append(m.Spells, e)
		}
	}
	return m
}

// extreme is a reading's value as the worst so far; nil when nothing was measured.
func extreme(r Reading) *Extreme {
	value, err := strconv.ParseFloat(r.Value, 64)
	if err != nil || math.IsNaN(value) {
		return nil
	}
	e := &Extreme{Value: r.Value, At: r.At, Alert: r.Alert}
	if bound, err := strconv.ParseFloat(r.Alert, 64); err == nil && bound > 0 && r.AlertOp.Holds(1) {
		e.Share = strconv.FormatFloat(value/bound, 'g', 3, 64)
	}
	return e
}

// worse says whether a value is nearer to the alert's bound than another, or further beyond it.
func worse(r Reading, a, b Extreme) bool {
	x, _ := strconv.ParseFloat(a.Value, 64)
	y, _ := strconv.ParseFloat(b.Value, 64)
	if r.AlertOp.Holds(1) { // > and >=: the larger
		return x > y
	}
	return x < y
}

// Observe compares a sample with the bound of the SLO, which is stricter than the alert's; with the alert's where the plan has no other.
// Within the baseline's floor an excess is none, as for the alert.
func Observe(s slo.PlanSLO, sample Sample, baseline *Baseline) Reading {
	r := Judge(s, sample, baseline)
	r.Alert, r.AlertOp = r.Bound, s.Alert.Op
	r.Tolerated = r.Verdict == Unknown && s.NoData == slo.NoDataOK
	if s.SLO == nil || r.Verdict == Unknown {
		return r
	}
	strict := s
	strict.Alert = *s.SLO
	bound, floor, err := boundOf(strict, baseline)
	if err != nil {
		r.Verdict, r.Reason = Unknown, err.Error()
		return r
	}
	r.Op, r.Bound, r.Verdict = s.SLO.Op, strconv.FormatFloat(bound, 'g', 12, 64), Fail
	within := ""
	if holds(s.SLO.Op, *sample.Value, bound) || *sample.Value <= floor {
		r.Verdict = Pass
	} else {
		within = "not "
	}
	r.Reason = s.ID + " is " + r.Value + ", " + within + string(s.SLO.Op) + " " + r.Bound
	if sample.Events != nil {
		r.Reason += " (" + r.Events + " events)"
	}
	return r
}
