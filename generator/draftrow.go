package generator

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/coclai/cutover/generator/condition"
	"github.com/coclai/cutover/generator/runbook"
	"github.com/coclai/cutover/generator/slo"
)

// What only a person knows; a selector is quoted, since YAML would read its braces.
const (
	unknown  = runbook.Placeholder
	selector = "'" + runbook.Placeholder + "'"
)

// rows drafts an entry for each row, measured as its bounds suggest.
func (d *draft) rows() {
	d.line(0, "", "")
	d.line(0, "# One entry for each row of the table, by the row's first cell, measured in one way; another than the drafted one may fit.", "")
	d.line(0, "slis:", "")
	for _, row := range d.doc.Rows {
		d.line(1, quoted(row.Name.Text)+":", fmt.Sprintf("line %d: good %s, alert %s", row.Line, row.Target.Text, row.Alert.Text))
		d.line(2, "id: "+d.id(row), "")
		d.line(2, "component: "+unknown, d.components())
		target, alert := bounds(row)
		d.measured(2, row.Name.Text, target, alert)
		if kindFor(row.Name.Text, target, alert) != slo.KindState {
			d.window(target, alert)
		}
	}
}

func (d *draft) measured(indent int, name string, target, alert slo.Condition) {
	switch kindFor(name, target, alert) {
	case slo.KindRatio:
		d.ratio(indent, target, alert)
	case slo.KindLatency:
		d.latency(indent, target, alert)
	case slo.KindRestarts:
		d.line(indent, "restarts: {started_at: "+selector+"}", `process_start_time_seconds{job="…"}`)
	case slo.KindState:
		d.line(indent, "state: {gauge: "+selector+"}", "or `count: {counter: …}`; a pushed gauge also needs pushed_at, stale_after")
	default:
		d.line(indent, "count: {counter: "+selector+"}", "or `state: {gauge: …}`, `restarts: {started_at: …}`")
	}
}

// kindFor guesses from a row's bounds, and from its name where bounds are numbers of anything.
func kindFor(name string, target, alert slo.Condition) string {
	unit := cmp.Or(alert.Unit, target.Unit)
	switch {
	case alert.Relative || target.Relative || unit == slo.Seconds:
		return slo.KindLatency
	case unit == slo.Ratio || alert.Op == "" && target.Op == "":
		return slo.KindRatio
	case alert.Consecutive || mentions(name, "restart", "재시작"):
		return slo.KindRestarts
	case alert.Window == 0 && target.Window == 0 && mentions(name, "mismatch", "drift", "lag", "queue", "depth", "불일치", "드리프트", "대기"):
		return slo.KindState
	}
	return slo.KindCount
}

func (d *draft) ratio(indent int, target, alert slo.Condition) {
	d.line(indent, "ratio:", "or `availability: {up: …}` of a probe, or `expr: {query: …, unit: ratio}`")
	events := "bad"
	if target.Share == slo.ShareGood && alert.Share != slo.ShareBad {
		events = "good"
	}
	d.line(indent+1, events+": "+selector, fmt.Sprintf(`a counter of %s events: http_requests_total{job="…",code=~"…"}`, events))
	d.line(indent+1, "total: "+selector, `a counter of all events: http_requests_total{job="…"}`)
	d.line(indent, "min_events: 50", "fewer in the window prove nothing")
}

func (d *draft) latency(indent int, target, alert slo.Condition) {
	quantile := unknown
	for _, c := range []slo.Condition{target, alert} {
		if c.Quantile.Sign() != 0 {
			quantile = c.Quantile.String()
		}
	}
	d.line(indent, fmt.Sprintf("latency: {quantile: %s, histogram: %s}", quantile, selector), `a base name: http_request_duration_seconds{job="…"}`)
	if target.Relative || alert.Relative {
		d.line(indent, "baseline: {from: release, over: 1h, min_events: 500, floor: 20ms}", "floor: the least absolute excess")
	}
	d.line(indent, "min_events: 50", "fewer in the window prove nothing")
}

// window is needed where a bound names none.
func (d *draft) window(target, alert slo.Condition) {
	switch {
	case alert.Window == 0:
		d.line(2, "window: "+unknown, "the alert names none: how far it looks back, for instance 5m")
	case target.Window == 0 && target.Period == 0:
		d.line(2, "window: "+alert.Window.String(), "the target names none: as far back as the alert")
	}
}

// triggers drafts an entry for each item.
func (d *draft) triggers() {
	d.line(0, "", "")
	d.line(0, "# One entry for each item of the trigger list: a row by its id, or several things of which any suffices.", "")
	d.line(0, "triggers:", "mode: observe, propose or auto")
	for _, item := range d.doc.Triggers {
		states, err := condition.Mention(item.Text.Text)
		if err != nil {
			d.line(1, "# the runbook cannot be read here: "+oneLine(err.Error()), "")
		}
		if id, found := d.rowOf(item, states); found {
			d.line(1, fmt.Sprintf("%q: {slo: %s, mode: observe}", item.Number, id), item.Text.Text)
			continue
		}
		d.line(1, fmt.Sprintf("%q:", item.Number), item.Text.Text)
		d.line(2, "mode: observe", "")
		d.line(2, "any:", "or `slo: ID` instead, of a row")
		d.own(item, states)
	}
	if len(d.doc.Triggers) == 0 {
		d.out.WriteString("  {}\n")
	}
}

// own drafts a thing that no row is about: events, or, without a number, a gate.
func (d *draft) own(item runbook.Item, states slo.Condition) {
	d.line(3, "- id: "+unknown, "lower-case words with hyphens")
	d.line(4, "component: "+unknown, d.components())
	d.line(4, "owner: "+unknown, "of the owners below")
	if states.Op == "" {
		d.line(4, "gate: "+unknown, "a gate with `hard: true`, by its number or name")
		return
	}
	d.measured(4, item.Text.Text, slo.Condition{}, states)
	if states.Window == 0 {
		d.line(4, "window: "+unknown, "how far it looks back; of events, how long one keeps the alert firing")
	}
}

// rowOf is the row that an item speaks of: the one whose name stands in it, or the only one with the very bound that it states. A row
// serves one item.
func (d *draft) rowOf(item runbook.Item, states slo.Condition) (string, bool) {
	var named, alike []string
	text := strings.ToLower(item.Text.Text)
	for _, row := range d.doc.Rows {
		id := d.ids[row.Name.Text]
		_, alert := bounds(row)
		if d.served[id] {
			continue
		}
		if strings.Contains(text, strings.ToLower(row.Name.Text)) {
			named = append(named, id)
		}
		if states.Op != "" && alert.Op == states.Op && alert.Value.Cmp(states.Value) == 0 && alert.Relative == states.Relative {
			alike = append(alike, id)
		}
	}
	for _, candidates := range [][]string{named, alike} {
		if len(candidates) == 1 {
			d.served[candidates[0]] = true
			return candidates[0], true
		}
	}
	return "", false
}
