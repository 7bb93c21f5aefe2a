package slo

import (
	"strings"
	"testing"
	"time"
)

// smallPlan is a plan with one of everything.
func smallPlan() Plan {
	one, third := DecimalOf(1), MustDecimal("0.35")
	minute := Duration(time.Minute)
	return Plan{
		Version: PlanVersion, Service: "checkout", Environment: "production", ScrapeInterval: minute, EvaluationInterval: minute,
		SLOs: []PlanSLO{
			{ID: "latency", Kind: KindLatency, Unit: Seconds, Alert: Bound{Op: Greater, Relative: &third}, SLO: &Bound{Op: AtMost, Relative: &third},
				Baseline: &PlanBaseline{From: BaselineFromRelease}, NoData: NoDataHold, Holds: HoldsNow, Value: "v", Age: "a", AgeMax: minute},
			{ID: "sync", Kind: KindGate, Unit: State, Gate: "1.1", Alert: Bound{Op: Less, Value: &one}, NoData: NoDataOK, Holds: HoldsNow, Value: "v", Age: "a", AgeMax: minute},
		},
		Triggers:   []Trigger{{Item: "4.1.1", Mode: ModeAuto, SLOs: []string{"latency", "sync"}}},
		Gates:      []Gate{{ID: "1.1", Argv: []string{"true"}, Pass: PassExit0, Timeout: minute, Hard: true, Every: minute}},
		Checklist:  []Step{{Item: "3.1", Step: StepTag, By: ByAgent}, {Item: "3.2", Step: StepObserve, By: ByAgent, Until: minute, SLOs: []string{"latency"}}},
		StableTag:  StableTag{Pattern: "stable-{date:20060102}", TimeZone: "UTC"},
		Rollback:   []RollbackStep{{Item: "4.2.1", Step: RollbackRestore}, {Item: "4.2.2", Step: RollbackGates, Gates: []string{"1.1"}}},
		Milestones: []Milestone{{Item: "6.1", After: minute, Ends: EndsWatch, Draft: DraftBacklog, Needs: NeedsReading}},
	}
}

func TestValidateAcceptsAWholePlan(t *testing.T) {
	if err := smallPlan().Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidateRefusesWhatTheAgentCannotActOn(t *testing.T) {
	for want, spoil := range map[string]func(*Plan){
		"version 2 is not 1":                                func(p *Plan) { p.Version = 2 },
		"service or environment is empty":                   func(p *Plan) { p.Environment = "" },
		"an interval is not positive":                       func(p *Plan) { p.EvaluationInterval = 0 },
		"there are no slos":                                 func(p *Plan) { p.SLOs = nil },
		`slo latency: "median" is no kind`:                  func(p *Plan) { p.SLOs[0].Kind = "median" },
		`slo latency: "hours" is no unit`:                   func(p *Plan) { p.SLOs[0].Unit = "hours" },
		`slo latency: "" is no meaning of no data`:          func(p *Plan) { p.SLOs[0].NoData = "" },
		`slo latency: "later" is no time to hold`:           func(p *Plan) { p.SLOs[0].Holds = "later" },
		"slo latency: a query is missing":                   func(p *Plan) { p.SLOs[0].Age = "" },
		`slo latency alert: "=>" is no comparison`:          func(p *Plan) { p.SLOs[0].Alert.Op = "=>" },
		"slo latency alert: needs either value or relative": func(p *Plan) { p.SLOs[0].Alert.Relative = nil },
		"slo latency slo: is relative to no baseline":       func(p *Plan) { p.SLOs[0].Baseline = nil },
		"slo latency alert: a time is negative":             func(p *Plan) { p.SLOs[0].Alert.For = -1 },
		`slo sync: there is no gate "1.9"`:                  func(p *Plan) { p.SLOs[1].Gate = "1.9" },
		"slo sync: is given twice":                          func(p *Plan) { p.SLOs[0].ID = "sync" },
		`trigger 4.1.1: "yolo" is no mode`:                  func(p *Plan) { p.Triggers[0].Mode = "yolo" },
		"trigger 4.1.1: names no slo":                       func(p *Plan) { p.Triggers[0].SLOs = nil },
		`trigger 4.1.1: there is no slo "gone"`:             func(p *Plan) { p.Triggers[0].SLOs[1] = "gone" },
		"trigger 4.1.1: is given twice":                     func(p *Plan) { p.Triggers = append(p.Triggers, p.Triggers[0]) },
		`trigger " 4.1.1": is no item`:                      func(p *Plan) { p.Triggers[0].Item = " 4.1.1" },
		`gate 1.1: "maybe" is no way to pass`:               func(p *Plan) { p.Gates[0].Pass = "maybe" },
		"gate 1.1: has no id, command or timeout":           func(p *Plan) { p.Gates[0].Argv = nil },
		"gate 1.1: is run again without being hard":         func(p *Plan) { p.Gates[0].Hard = false },
		"live: needs either a query with its label or a":    func(p *Plan) { p.Live = &Live{Query: "q"} },
		"live: needs either a query with its label":         func(p *Plan) { p.Live = &Live{Argv: []string{"a"}, Label: "l"} },
		`checklist 3.1: "dance" is no step`:                 func(p *Plan) { p.Checklist[0].Step = "dance" },
		`checklist 3.1: "nobody" is no doer`:                func(p *Plan) { p.Checklist[0].By = "nobody" },
		"checklist 3.2: `until` belongs to an observation":  func(p *Plan) { p.Checklist[1].Until = 0 },
		"checklist 3.1: the tag has no pattern":             func(p *Plan) { p.StableTag.Pattern = "" },
		`rollback 4.2.1: "hope" is no step`:                 func(p *Plan) { p.Rollback[0].Step = "hope" },
		`rollback 4.2.2: there is no gate "1.2"`:            func(p *Plan) { p.Rollback[1].Gates[0] = "1.2" },
		"milestone 6.1: is not after the release":           func(p *Plan) { p.Milestones[0].After = 0 },
		`milestone 6.1: "everything" is no end`:             func(p *Plan) { p.Milestones[0].Ends = "everything" },
		`milestone 6.1: "poem" is no draft`:                 func(p *Plan) { p.Milestones[0].Draft = "poem" },
		`milestone 6.1: "" is no need`:                      func(p *Plan) { p.Milestones[0].Needs = "" },
	} {
		p := smallPlan()
		spoil(&p)
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}
