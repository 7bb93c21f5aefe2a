package prom

import (
	"fmt"
	"maps"
	"math/big"
	"strings"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// alert is one alerting rule together with what its tests must know about it.
type alert struct {
	name, severity string
	rollback       slo.Mode
	matrix         slo.Matrix
	sli            slo.SLI
	expr           string
	wait           slo.Duration // `for`
	watches        watched
	bound          slo.Bound    // the bad condition, where it watches one
	short          slo.Duration // the shorter window, where it watches two
	guard          slo.Decimal  // events below which the bound proves nothing; 0 where they are not counted
	words          words
}

// watched is what an alert is about.
type watched string

const (
	theBound    watched = "bound"    // it is violated
	theData     watched = "data"     // no measurement arrives
	theBaseline watched = "baseline" // a release is out and there is none
	theGate     watched = "gate"     // a release is out and it says nothing
	theBudget   watched = "budget"   // it is being spent too fast
	nothing     watched = "nothing"  // the Watchdog
)

// alerts are those of one SLI: the page, the ticket, and those that say why nothing can be said.
func alerts(m slo.Matrix, s slo.SLI) []alert {
	var list []alert
	if s.Bounded() {
		page := boundAlert(m, s, s.Alert)
		page.severity, page.rollback = slo.SeverityPage, modeOf(s)
		list = append(list, page)
	}
	if s.SLO != nil {
		missed := *s.SLO
		missed.Op = negated(missed.Op)
		ticket := boundAlert(m, s, missed)
		ticket.name += slo.SuffixSLO
		list = append(list, ticket)
	}
	if s.NoData != slo.NoDataOK {
		list = append(list, noData(m, s))
	}
	if missable(baseline(s)) {
		list = append(list, baselineMissing(m, s))
	}
	return list
}

func modeOf(s slo.SLI) slo.Mode {
	if s.Mode == "" {
		return slo.ModeNone
	}
	return s.Mode
}

// ticket is an alert that nobody is woken by and nothing is rolled back for.
func ticket(m slo.Matrix, s slo.SLI, watches watched) alert {
	return alert{
		name: slo.AlertName(m.Service, s.ID), severity: slo.SeverityTicket, rollback: slo.ModeNone, matrix: m, sli: s, watches: watches,
	}
}

func boundAlert(m slo.Matrix, s slo.SLI, b slo.Bound) alert {
	a := ticket(m, s, theBound)
	r := read(m, s)
	a.bound, a.wait = b, b.For
	if r.events != nil {
		a.guard = s.MinEvents
	}
	a.expr, a.words = a.violation(r), boundWords(a, r.unit)
	return a
}

// violation is the bad condition over recorded series. Its value is the quantity, so that annotations can show it.
func (a alert) violation(r reading) string {
	id, b := identity{a.matrix.Service, a.matrix.Environment, a.sli.ID}, a.bound
	value := id.of(r.current(b.Window))
	terms := []string{fmt.Sprintf("%s %s %s", value, b.Op, a.limitExpr(id))}
	floor := a.floor()
	switch base := baseline(a.sli); {
	case floor.Sign() <= 0:
	case !missable(base): // a number: one of the two bounds is the other's as well
		terms = []string{value + " " + a.tighter()}
	default:
		terms = append(terms, fmt.Sprintf("%s > %s", excess(value, id.of(slo.BaselineSeries), b.Op), floor))
	}
	if a.guard.Sign() > 0 {
		terms = append(terms, fmt.Sprintf("%s >= %s", id.of(slo.EventsSeries(b.Window)), a.guard))
	}
	return strings.Join(terms, " and ")
}

// tighter is a relative bound on a fixed baseline, or the floor above that, whichever takes more.
func (a alert) tighter() string {
	base, op := baseline(a.sli).Value, slo.Greater
	limit, edge := new(big.Rat).Add(base.Rat(), new(big.Rat).Mul(base.Rat(), a.bound.Relative.Rat())), new(big.Rat).Add(base.Rat(), a.floor().Rat())
	further := edge.Cmp(limit)
	if lowIsBad(a.bound.Op) {
		edge.Sub(base.Rat(), a.floor().Rat())
		op, further = slo.Less, limit.Cmp(edge)
	}
	if further < 0 || further == 0 && op == a.bound.Op {
		return fmt.Sprintf("%s %s", a.bound.Op, a.bound.Relative.PlusOne().Times(base))
	}
	return fmt.Sprintf("%s %s", op, slo.Rounded(edge, exactPlaces))
}

// exactPlaces are more decimal places than a sum of two decimals of a runbook has.
const exactPlaces = 18

// floor is the least absolute excess over a baseline; 0 without one.
func (a alert) floor() slo.Decimal {
	if base := baseline(a.sli); a.bound.Relative != nil && base != nil {
		return base.Floor
	}
	return slo.Decimal{}
}

func (a alert) limitExpr(id identity) string {
	switch b := a.bound; {
	case b.Relative != nil && !missable(baseline(a.sli)):
		return b.Relative.PlusOne().Times(baseline(a.sli).Value).String()
	case b.Relative != nil:
		return fmt.Sprintf("%s * %s", b.Relative.PlusOne(), id.of(slo.BaselineSeries))
	case b.Value != nil:
		return b.Value.String()
	}
	return "0"
}

// excess is how far the value lies on the bad side of the baseline.
func excess(value, base string, op slo.Op) string {
	if lowIsBad(op) {
		return base + " - " + value
	}
	return value + " - " + base
}

func lowIsBad(op slo.Op) bool { return op == slo.Less || op == slo.AtMost }

func negated(op slo.Op) slo.Op {
	return map[slo.Op]slo.Op{
		slo.Less: slo.AtLeast, slo.AtMost: slo.Greater, slo.Equal: slo.Different,
		slo.AtLeast: slo.Less, slo.Greater: slo.AtMost, slo.Different: slo.Equal,
	}[op]
}

func noData(m slo.Matrix, s slo.SLI) alert {
	a := ticket(m, s, theData)
	if s.Measure.Gate != nil {
		a.watches = theGate
	}
	if s.NoData == slo.NoDataAlert {
		a.severity = slo.SeverityPage
	}
	a.name += slo.SuffixNoData
	a.expr, a.wait = read(m, s).missing, patience(m)
	a.words = noDataWords(a)
	return a
}

// baselineMissing speaks only while a release is out: without one there is nothing to compare with, and no harm in it.
func baselineMissing(m slo.Matrix, s slo.SLI) alert {
	id := identity{m.Service, m.Environment, s.ID}
	a := ticket(m, s, theBaseline)
	a.name += slo.SuffixBaselineMissing
	a.expr, a.wait = fmt.Sprintf("%s unless on () %s", id.release(), id.of(slo.BaselineSeries)), patience(m)
	a.words = baselineWords(a)
	return a
}

// patience is how long data may be missing before anyone is told: 20 scrapes, so that a restart goes unmentioned; at most five minutes,
// unless that were less than four scrapes.
func patience(m slo.Matrix) slo.Duration {
	return max(4*m.ScrapeInterval, min(20*m.ScrapeInterval, slo.Duration(5*time.Minute)))
}

func watchdog(m slo.Matrix) Rule { return watchdogAlert(m).rule() }

func watchdogAlert(m slo.Matrix) alert {
	return alert{
		name: slo.Watchdog, severity: slo.SeverityNone, rollback: slo.ModeNone, matrix: m, expr: "vector(1)", watches: nothing,
		words: watchdogWords(m),
	}
}

// labels select the entry of the plan; they are the whole contract with the agent. To Prometheus an empty label is none.
func (a alert) labels() map[string]string {
	all := map[string]string{
		slo.LabelService: a.matrix.Service, slo.LabelEnvironment: a.matrix.Environment,
		slo.LabelSeverity: a.severity, slo.LabelRollback: string(a.rollback),
	}
	if a.watches == nothing {
		return all
	}
	all[slo.LabelSLO], all[slo.LabelComponent], all[slo.LabelOwner] = a.sli.ID, a.sli.Component, a.sli.Owner
	all[slo.LabelTrigger] = a.sli.Trigger
	if a.sli.Trigger == "" {
		all[slo.LabelTrigger] = a.sli.Item
	}
	maps.DeleteFunc(all, func(_, text string) bool { return text == "" })
	return all
}

// rule renders the alert. Labels are templates to Prometheus, too, so whatever came from a cell is escaped in both.
func (a alert) rule() Rule {
	labels := a.labels()
	for name, text := range labels {
		labels[name] = literal(text)
	}
	return Rule{Alert: a.name, Expr: canonical(a.expr), For: a.wait, Labels: labels, Annotations: a.words.template()}
}
