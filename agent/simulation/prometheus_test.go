package simulation

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// The SLOs of the simulated plan.
const (
	errorsSLO     = "errors"     // a ratio: true while it burns
	violationsSLO = "violations" // a count: true for five minutes after the one violation
	latencySLO    = "latency"    // only proposes
)

var slos = []string{errorsSLO, violationsSLO, latencySLO}

// signal is when a condition held.
type signal []struct {
	at time.Time
	on bool
}

func (s *signal) set(now time.Time, on bool) {
	if s.at(now) != on {
		*s = append(*s, struct {
			at time.Time
			on bool
		}{now, on})
	}
}

func (s signal) at(t time.Time) bool {
	on := false
	for _, change := range s {
		if !change.at.After(t) {
			on = change.on
		}
	}
	return on
}

// since is when the condition that holds began, or ended.
func (s signal) since() time.Time {
	if len(s) == 0 {
		return time.Time{}
	}
	return s[len(s)-1].at
}

// began is when the condition began to hold last.
func (s signal) began() time.Time {
	for _, change := range slices.Backward(s) {
		if change.on {
			return change.at
		}
	}
	return time.Time{}
}

// during says whether it held at any moment from a to b.
func (s signal) during(a, b time.Time) bool {
	for _, change := range s {
		if change.on && change.at.After(a) && !change.at.After(b) {
			return true
		}
	}
	return s.at(a)
}

// planOf is the plan of the simulated service: three triggers, no gates to run.
func planOf() slo.Plan {
	one := func(id string, mode slo.Mode, bound, least string) (slo.PlanSLO, slo.Trigger) {
		value, events := slo.MustDecimal(bound), slo.MustDecimal(least)
		s := slo.PlanSLO{ID: id, Title: id, Item: "5." + id, Component: "runtime", Owner: "on-call", Kind: "ratio", Unit: slo.Ratio,
			Alert: slo.Bound{Op: slo.Greater, Value: &value, Window: slo.Duration(time.Minute)}, MinEvents: &events,
			NoData: slo.NoDataHold, Holds: slo.HoldsNow, Value: id + ":value", Events: id + ":events", Age: id + ":age", AgeMax: slo.Duration(time.Minute)}
		return s, slo.Trigger{Item: "4." + id, Mode: mode, SLOs: []string{id}}
	}
	errors, t1 := one(errorsSLO, slo.ModeAuto, "0.02", "100")
	violations, t2 := one(violationsSLO, slo.ModeAuto, "0.5", "1")
	latency, t3 := one(latencySLO, slo.ModePropose, "0.5", "100")
	violations.Holds, violations.Kind, violations.Unit = slo.HoldsSinceOnset, "count", slo.Count
	violations.MinEvents, violations.Events = nil, ""
	return slo.Plan{Version: slo.PlanVersion, Service: "checkout", Environment: "production",
		Runbook: slo.Source{File: "runbook.md", SHA256: strings.Repeat("0", 64)}, Rules: slo.Source{File: "rules.yaml", SHA256: strings.Repeat("0", 64)},
		ScrapeInterval: slo.Duration(15 * time.Second), EvaluationInterval: slo.Duration(15 * time.Second), GatesExpire: slo.Duration(time.Hour),
		SLOs: []slo.PlanSLO{errors, violations, latency}, Triggers: []slo.Trigger{t1, t2, t3},
		StableTag: slo.StableTag{Pattern: "stable-{date:20060102}", TimeZone: "UTC"}, Milestones: []slo.Milestone{}}
}

// prometheus answers the plan's queries by the world's signals.
func (w *world) prometheus(out http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.faults["prometheus"]
	switch r.URL.Path {
	case "/api/v1/alerts":
		tell(out, map[string]any{"alerts": w.prometheusAlerts()}, false)
	case "/api/v1/query":
		at := moment(r.Form.Get("time"))
		result := []any{}
		if v, ok := w.measure(r.Form.Get("query"), at, f); ok {
			result = append(result, map[string]any{"metric": map[string]string{}, "value": sample(at, v)})
		}
		tell(out, map[string]any{"resultType": "vector", "result": result}, f == partial)
	case "/api/v1/query_range":
		start, end := moment(r.Form.Get("start")), moment(r.Form.Get("end"))
		step, _ := strconv.ParseFloat(r.Form.Get("step"), 64)
		values := []any{}
		for at := start; !at.After(end); at = at.Add(time.Duration(step * float64(time.Second))) {
			if v, ok := w.measure(r.Form.Get("query"), at, f); ok {
				values = append(values, sample(at, v))
			}
		}
		result := []any{}
		if len(values) > 0 {
			result = append(result, map[string]any{"metric": map[string]string{}, "values": values})
		}
		tell(out, map[string]any{"resultType": "matrix", "result": result}, f == partial)
	default:
		http.NotFound(out, r)
	}
}

func (w *world) measure(query string, at time.Time, f fault) (float64, bool) {
	id, what, _ := strings.Cut(query, ":")
	if f == empty || w.signals[id] == nil {
		return 0, false
	}
	at = at.Add(-w.skew())
	switch on := w.signals[id].at(at); {
	case what == "age" && f == stale:
		return 300, true
	case what == "age":
		return 5, true
	case what == "events" && f == idle:
		return 3, true
	case what == "events":
		return 1000, true
	case on:
		return 1, true
	}
	return 0.001, true
}

func (w *world) prometheusAlerts() []any {
	all := []any{}
	for _, id := range slos {
		if s := *w.signals[id]; s.at(time.Now()) {
			all = append(all, map[string]any{"labels": labels(id), "annotations": map[string]string{"summary": id}, "state": "firing",
				"activeAt": s.since().Add(w.skew()).UTC().Format(time.RFC3339Nano), "value": "1"})
		}
	}
	return all
}

// evil is a tag that alerts name in a label, for whoever would believe labels.
const evil = "stable-evil"

func labels(id string) map[string]string {
	mode := "auto"
	if id == latencySLO {
		mode = "propose"
	}
	return map[string]string{"alertname": "Checkout" + id, "service": "checkout", "environment": "production", "slo": id, "component": "runtime",
		"severity": "page", "rollback": mode, "trigger": "4." + id, "target": evil}
}

func tell(out http.ResponseWriter, data any, warns bool) {
	answer := map[string]any{"status": "success", "data": data}
	if warns {
		answer["warnings"] = []string{"a store could not be asked"}
	}
	out.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(out).Encode(answer)
}

func sample(at time.Time, v float64) []any {
	return []any{json.Number(fmt.Sprintf("%.3f", float64(at.UnixMilli())/1000)), fmt.Sprint(v)}
}

func moment(text string) time.Time {
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return time.Now()
	}
	return time.UnixMilli(int64(seconds*1000 + 0.5))
}
