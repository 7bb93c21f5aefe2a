package evidence

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/generator/slo"
)

// NoBaseline says why an SLO's baseline cannot be captured. The gate that needs it is UNKNOWN.
type NoBaseline struct {
	SLO, Reason string
	Cause       error // of the request, nil when the answer was whole and would not do
}

// Error is SLO and reason.
func (e *NoBaseline) Error() string { return e.SLO + " has no baseline: " + e.Reason }

// Unwrap is the cause.
func (e *NoBaseline) Unwrap() error { return e.Cause }

// Capture measures what the SLO's relative bound is compared with, over the window that ends at `at`. Every error is a *NoBaseline.
// It must be asked before T0: a baseline taken after it absorbs the regression.
func (p *Prometheus) Capture(ctx context.Context, s slo.PlanSLO, at time.Time) (release.Baseline, error) {
	if s.Baseline == nil {
		return release.Baseline{}, &NoBaseline{SLO: s.ID, Reason: "the plan asks for none"}
	}
	asked := slo.PlanSLO{ID: s.ID, Value: s.Baseline.Value, Events: s.Baseline.Events, Age: s.Age}
	sample, err := p.sample(ctx, asked, at)
	if err != nil {
		return release.Baseline{}, &NoBaseline{SLO: s.ID, Reason: oneLine(err.Error()), Cause: err}
	}
	return BaselineOf(s, sample)
}

// BaselineOf is the baseline that a sample of the plan's baseline queries makes, or a *NoBaseline.
func BaselineOf(s slo.PlanSLO, sample release.Sample) (release.Baseline, error) {
	if reason := unfit(s, sample); reason != "" {
		return release.Baseline{}, &NoBaseline{SLO: s.ID, Reason: reason}
	}
	return release.Baseline{
		SLO: s.ID, Value: decimal(*sample.Value), Events: decimal(math.Round(*sample.Events)),
		Over: s.Baseline.Over.String(), Query: s.Baseline.Value, At: sample.At.UTC(),
	}, nil
}

// unfit says why a sample is no baseline, "" if it is. A bound of 1.35 × 0 would fire at the first slow request, or never.
func unfit(s slo.PlanSLO, sample release.Sample) string {
	switch {
	case sample.Age == nil:
		return "no sample of its metric exists"
	case *sample.Age > s.AgeMax.Std().Seconds():
		return fmt.Sprintf("newest sample is %.0f s old, more than %s", *sample.Age, s.AgeMax)
	case sample.Events == nil:
		return "no events were counted over " + s.Baseline.Over.String()
	case !(*sample.Events >= s.Baseline.MinEvents.Float()):
		return fmt.Sprintf("only %.0f events over %s, fewer than %s", *sample.Events, s.Baseline.Over, s.Baseline.MinEvents)
	case sample.Value == nil:
		return "the query returned nothing"
	case math.IsNaN(*sample.Value) || math.IsInf(*sample.Value, 0):
		return "the value is " + decimal(*sample.Value)
	case *sample.Value <= 0:
		return "the value is " + decimal(*sample.Value) + ", and nothing can be compared with that"
	}
	return ""
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
