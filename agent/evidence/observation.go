package evidence

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/generator/slo"
)

// Observe measures s at one moment against the bound of the SLO itself, as Read does against the alert's. A moment that is past gives what
// was true then, as far as Prometheus remembers: whoever was away can make up for it.
func (p *Prometheus) Observe(ctx context.Context, s slo.PlanSLO, b *release.Baseline, at time.Time) release.Reading {
	sample, err := p.sample(ctx, s, at)
	if err != nil {
		r := unknown(s, at, err)
		r.AlertOp = s.Alert.Op
		return r
	}
	return release.Observe(s, sample, b)
}

// Live lists what the query says production runs, by the values of the label, each once, in order; a series without it says nothing.
func (p *Prometheus) Live(ctx context.Context, l slo.Live, at time.Time) ([]string, error) {
	value, warnings, _, err := p.api.Query(ctx, l.Query, at)
	if err := p.answered(warnings, err); err != nil {
		return nil, fmt.Errorf("ask what production runs: %w", err)
	}
	vector, ok := value.(model.Vector)
	if !ok {
		return nil, fmt.Errorf("ask what production runs: the answer is a %s, want series with the label %s", value.Type(), l.Label)
	}
	var all []string
	for _, sample := range vector {
		if v := string(sample.Metric[model.LabelName(l.Label)]); v != "" {
			all = append(all, v)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
