package release

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/coclai/cutover/generator/slo"
)

// Verdict is one of three values. UNKNOWN passes no gate and rolls nothing back by itself.
type Verdict string

// The verdicts.
const (
	Pass    Verdict = "PASS"
	Fail    Verdict = "FAIL"
	Unknown Verdict = "UNKNOWN"
)

// Valid says whether v is one of the three.
func (v Verdict) Valid() bool { return v == Pass || v == Fail || v == Unknown }

// Reading is one SLO's alert condition at one moment: FAIL when the condition for the alert holds, PASS when it does not, UNKNOWN
// with the reason when the measurements do not say. Numbers are decimal strings in the SLO's unit, empty when not measured.
type Reading struct {
	SLO     string    `json:"slo"`
	Verdict Verdict   `json:"verdict"`
	Value   string    `json:"value,omitempty"`
	Bound   string    `json:"bound,omitempty"` // the number compared with
	Op      slo.Op    `json:"op,omitempty"`
	Events  string    `json:"events,omitempty"`
	Age     string    `json:"age,omitempty"`  // seconds
	Reason  string    `json:"reason"`         // the comparison in words, or why it is UNKNOWN
	Lack    Lack      `json:"lack,omitempty"` // of an UNKNOWN that measurements could mend
	At      time.Time `json:"at"`             // of the evaluation found true, or of the last one asked

	// Of an observation only, where Bound is the SLO's.
	Alert     string `json:"alert,omitempty"` // the alert's bound
	AlertOp   slo.Op `json:"alert_op,omitempty"`
	Tolerated bool   `json:"tolerated,omitempty"` // UNKNOWN, and the plan says that no data is ok
}

// Lack is what a measurement lacks to be judged. Stored as text.
type Lack string

// Traffic: fewer events than the plan's least; the only lack that time alone mends.
const Traffic Lack = "traffic"

// Sample is what the queries of a plan's SLO returned at one moment. A nil field was empty.
type Sample struct {
	Value, Events, Age *float64
	At                 time.Time
}

// Judge compares a sample with the alert bound of s. The baseline is that of the release, nil if none was captured.
func Judge(s slo.PlanSLO, sample Sample, baseline *Baseline) Reading {
	r := Reading{SLO: s.ID, Verdict: Unknown, Op: s.Alert.Op, At: sample.At}
	r.Value, r.Events, r.Age = number(sample.Value), whole(sample.Events), number(sample.Age)
	if reason := unfit(s, sample); reason != "" {
		r.Reason = reason
		if sample.Events != nil && s.MinEvents != nil && *sample.Events < s.MinEvents.Float() {
			r.Lack = Traffic
		}
		return r
	}
	bound, floor, err := boundOf(s, baseline)
	if err != nil {
		r.Reason = err.Error()
		return r
	}
	r.Bound = strconv.FormatFloat(bound, 'g', 12, 64)
	r.Verdict = Pass
	not := "not "
	if holds(s.Alert.Op, *sample.Value, bound) && *sample.Value > floor {
		r.Verdict, not = Fail, ""
	}
	r.Reason = fmt.Sprintf("%s is %s, %s%s %s", s.ID, r.Value, not, s.Alert.Op, r.Bound)
	if sample.Events != nil {
		r.Reason += fmt.Sprintf(" (%s events)", r.Events)
	}
	return r
}

// unfit says why a sample cannot be judged, "" if it can.
func unfit(s slo.PlanSLO, sample Sample) string {
	switch {
	case sample.Age == nil:
		return "no sample of its metric exists"
	case *sample.Age > s.AgeMax.Std().Seconds():
		return fmt.Sprintf("newest sample is %.0f s old, more than %s", *sample.Age, s.AgeMax)
	case sample.Value == nil:
		return "the query returned nothing"
	case math.IsNaN(*sample.Value):
		return "the value is not a number"
	case s.MinEvents == nil || s.MinEvents.Sign() == 0:
		return ""
	case sample.Events == nil:
		return "no events were counted"
	case *sample.Events < s.MinEvents.Float():
		return fmt.Sprintf("only %.0f events, fewer than %s", *sample.Events, s.MinEvents)
	}
	return ""
}

// boundOf is the number to compare with, and the floor that the value must exceed besides (−∞ for an absolute bound).
func boundOf(s slo.PlanSLO, baseline *Baseline) (bound, floor float64, err error) {
	if s.Alert.Value != nil {
		return s.Alert.Value.Float(), math.Inf(-1), nil
	}
	if baseline == nil {
		return 0, 0, fmt.Errorf("no baseline was captured")
	}
	base, err := strconv.ParseFloat(baseline.Value, 64)
	if err != nil || !(base > 0) || math.IsInf(base, 0) {
		return 0, 0, fmt.Errorf("the baseline %q is no positive number", baseline.Value)
	}
	floor = math.Inf(-1)
	if s.Baseline != nil {
		floor = base + s.Baseline.Floor.Float()
	}
	return base * s.Alert.Relative.PlusOne().Float(), floor, nil
}

func holds(op slo.Op, value, bound float64) bool {
	switch {
	case value < bound:
		return op.Holds(-1)
	case value > bound:
		return op.Holds(1)
	}
	return op.Holds(0)
}

// whole is a number of events: increase() extrapolates, and a fraction of an event is noise.
func whole(f *float64) string {
	if f == nil {
		return ""
	}
	return strconv.FormatFloat(math.Round(*f), 'f', 0, 64)
}

func number(f *float64) string {
	if f == nil {
		return ""
	}
	return strconv.FormatFloat(*f, 'g', 6, 64)
}
