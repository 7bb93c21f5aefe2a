package slo

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Validate refuses what this program cannot act on: another version, a word that it does not know, a name of something that is not
// there. It returns every fault, joined. Whoever reads a plan calls it; the queries are for Prometheus to judge.
func (p Plan) Validate() error {
	v := &validation{plan: p}
	v.check(p.Version == PlanVersion, "version %d is not %d", p.Version, PlanVersion)
	v.check(p.Service != "" && p.Environment != "", "service or environment is empty")
	v.check(p.ScrapeInterval > 0 && p.EvaluationInterval > 0, "an interval is not positive")
	v.check(len(p.SLOs) > 0, "there are no slos")
	for _, s := range p.SLOs {
		v.slo(s)
	}
	for _, t := range p.Triggers {
		v.trigger(t)
	}
	for _, g := range p.Gates {
		v.gate(g)
	}
	for _, s := range p.Checklist {
		v.step(s)
	}
	for _, s := range p.Rollback {
		v.rollback(s)
	}
	for _, m := range p.Milestones {
		v.milestone(m)
	}
	if l := p.Live; l != nil {
		v.check((l.Query == "") != (len(l.Argv) == 0) && (l.Query == "") == (l.Label == ""), "live: needs either a query with its label or a command")
	}
	v.twice()
	return errors.Join(v.faults...)
}

type validation struct {
	plan   Plan
	faults []error
}

func (v *validation) check(ok bool, format string, args ...any) {
	if !ok {
		v.faults = append(v.faults, fmt.Errorf("plan: "+format, args...))
	}
}

// word checks one of a closed set.
func word[T ~string](v *validation, at, what string, w T, words ...T) {
	v.check(slices.Contains(words, w), "%s: %q is no %s", at, w, what)
}

func (v *validation) slo(s PlanSLO) {
	at := "slo " + s.ID
	v.check(s.ID != "", "an slo has no id")
	word(v, at, "kind", s.Kind, KindRatio, KindLatency, KindRestarts, KindCount, KindState, KindGate,
		KindAvailability, KindExpr)
	word(v, at, "unit", s.Unit, Ratio, Seconds, Count, State)
	word(v, at, "meaning of no data", s.NoData, NoDataOK, NoDataAlert, NoDataHold)
	word(v, at, "time to hold", s.Holds, HoldsNow, HoldsSinceOnset)
	v.check(s.Value != "" && s.Age != "" && s.AgeMax > 0, "%s: a query is missing", at)
	v.bound(at+" alert", s.Alert, s.Baseline)
	if s.SLO != nil {
		v.bound(at+" slo", *s.SLO, s.Baseline)
	}
	if s.Kind == KindGate {
		v.gates(at, []string{s.Gate})
	}
}

func (v *validation) bound(at string, b Bound, base *PlanBaseline) {
	word(v, at, "comparison", b.Op, Less, AtMost, Equal, AtLeast, Greater, Different)
	v.check((b.Value == nil) != (b.Relative == nil), "%s: needs either value or relative", at)
	v.check(b.Relative == nil || base != nil, "%s: is relative to no baseline", at)
	v.check(b.Window >= 0 && b.For >= 0, "%s: a time is negative", at)
}

func (v *validation) trigger(t Trigger) {
	at := "trigger " + t.Item
	word(v, at, "mode", t.Mode, ModeNone, ModeObserve, ModePropose, ModeAuto)
	v.check(len(t.SLOs) > 0, "%s: names no slo", at)
	v.slos(at, t.SLOs)
}

func (v *validation) gate(g Gate) {
	at := "gate " + g.ID
	word(v, at, "way to pass", g.Pass, PassExit0, PassNoMatch, PassManual)
	if g.Pass == PassManual {
		v.check(g.ID != "" && g.Owner != "" && len(g.Argv) == 0 && !g.Hard, "%s: is manual without an owner, or runs a command", at)
		return
	}
	v.check(g.ID != "" && len(g.Argv) > 0 && g.Timeout > 0, "%s: has no id, command or timeout", at)
	v.check(g.Every >= 0 && (g.Every == 0 || g.Hard), "%s: is run again without being hard", at)
}

func (v *validation) step(s Step) {
	at := "checklist " + s.Item
	word(v, at, "step", s.Step, StepTag, StepRecheck, StepAnnounce, StepDeploy, StepObserve, StepManual)
	word(v, at, "doer", s.By, ByAgent, ByPerson)
	v.check((s.Step == StepObserve) == (s.Until > 0), "%s: `until` belongs to an observation", at)
	v.check(s.Step != StepTag || v.plan.StableTag.Pattern != "", "%s: the tag has no pattern", at)
	v.slos(at, s.SLOs)
}

func (v *validation) rollback(s RollbackStep) {
	at := "rollback " + s.Item
	word(v, at, "step", s.Step, RollbackRestore, RollbackGates, RollbackClassify, RollbackLock, StepManual)
	v.gates(at, s.Gates)
}

func (v *validation) milestone(m Milestone) {
	at := "milestone " + m.Item
	v.check(m.After > 0, "%s: is not after the release", at)
	word(v, at, "end", m.Ends, "", EndsIntensive, EndsStabilisation, EndsWatch)
	word(v, at, "draft", m.Draft, "", DraftReleaseNotes, DraftBacklog)
	word(v, at, "need", m.Needs, NeedsJudgement, NeedsReading, NeedsAcceptance)
}

func (v *validation) slos(at string, ids []string) {
	for _, id := range ids {
		_, known := v.plan.SLOByID(id)
		v.check(known, "%s: there is no slo %q", at, id)
	}
}

func (v *validation) gates(at string, ids []string) {
	for _, id := range ids {
		_, known := v.plan.GateByID(id)
		v.check(known, "%s: there is no gate %q", at, id)
	}
}

// twice refuses ids given twice: an alert's labels must find one entry.
func (v *validation) twice() {
	seen := map[string]bool{}
	note := func(kind, id string) {
		v.check(!seen[kind+" "+id], "%s %s: is given twice", kind, id)
		seen[kind+" "+id] = true
	}
	for _, s := range v.plan.SLOs {
		note("slo", s.ID)
	}
	for _, t := range v.plan.Triggers {
		note("trigger", t.Item)
		v.check(strings.TrimSpace(t.Item) == t.Item && t.Item != "", "trigger %q: is no item", t.Item)
	}
	for _, g := range v.plan.Gates {
		note("gate", g.ID)
	}
}
