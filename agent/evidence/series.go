package evidence

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/coclai/cutover/generator/slo"
)

// Point is a value at a time.
type Point struct {
	At    time.Time
	Value float64
}

// Series is the value of s over a stretch of time, a point every step, for a drawing: a moment without an answer is absent. Like every range
// query it sees only its own moments; what happened between two of them is not in it. The step is lengthened where it would give more points
// than Prometheus answers with.
func (p *Prometheus) Series(ctx context.Context, s slo.PlanSLO, from, to time.Time, step time.Duration) ([]Point, error) {
	step = max(step, to.Sub(from)/(pointsPerQuery-1), time.Millisecond)
	values := map[model.Time]float64{}
	if err := p.stretch(ctx, s.Value, v1.Range{Start: from, End: to, Step: step}, values); err != nil {
		return nil, fmt.Errorf("query value of %s from %s to %s: %w", s.ID, from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339), err)
	}
	points := make([]Point, 0, len(values))
	for _, at := range slices.Sorted(maps.Keys(values)) {
		points = append(points, Point{at.Time().UTC(), values[at]})
	}
	return points, nil
}
