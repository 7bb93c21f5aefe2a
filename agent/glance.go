package agent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/coclai/cutover/agent/release"
	"github.com/coclai/cutover/agent/report"
	"github.com/coclai/cutover/agent/web"
	"github.com/coclai/cutover/generator/slo"
)

// What the page costs Prometheus, however many people look at it: one measurement of every row in glanceLasts.
const (
	glanceLasts    = 10 * time.Second
	glancePatience = time.Second      // a page waits no longer; then it shows what was measured before
	glanceAtMost   = 10 * time.Second // of a measurement
	glanceLeast    = 15 * time.Minute // of the plots: they begin before T0, as long as that is not too far away
	glanceMost     = 6 * time.Hour
	glancePoints   = 200
)

// shown are an environment's rows as they were measured last. Its zero value has measured nothing.
type shown struct {
	mu     sync.Mutex
	last   web.Rows
	asked  time.Time     // when the last measurement ended, by the running time
	coming chan struct{} // closed when the measurement in hand ends; nil when there is none
}

// glance shows the rows of an environment.
func (a *Agent) glance(ctx context.Context, name string) (web.Rows, bool) {
	e := a.environment(name)
	if e == nil {
		return web.Rows{}, false
	}
	if coming := e.shown.ask(func() web.Rows { return a.measureRows(e) }); coming != nil {
		patience := time.NewTimer(glancePatience)
		defer patience.Stop()
		select {
		case <-coming:
		case <-patience.C:
		case <-ctx.Done():
		}
	}
	return e.shown.seen(e.plan), true
}

// ask begins a measurement when the last one is too old and none is in hand. It returns what ends the one in hand, nil when none is.
func (s *shown) ask(measure func() web.Rows) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.coming == nil && time.Since(s.asked) >= glanceLasts {
		done := make(chan struct{})
		s.coming = done
		go func() {
			rows := measure()
			s.mu.Lock()
			defer s.mu.Unlock()
			s.last, s.asked, s.coming = rows, time.Now(), nil
			close(done)
		}()
	}
	return s.coming
}

// seen are the rows measured last; before that, the rows with their bounds alone.
func (s *shown) seen(p slo.Plan) web.Rows {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.coming == nil || !s.last.At.IsZero() {
		return s.last
	}
	rows := web.Rows{Problem: fmt.Sprintf("Prometheus has not answered within %s; it is still being asked", glancePatience)}
	for _, row := range p.SLOs {
		rows.Rows = append(rows.Rows, rowOf(report.Row{Plan: row, Reading: release.Reading{Verdict: release.Unknown, Reason: "not measured yet"},
			Series: report.Series{Problem: "not measured yet"}}))
	}
	return rows
}

// measureRows asks Prometheus for every row: its value now, and its values over the last hours.
func (a *Agent) measureRows(e *environment) web.Rows {
	ctx, stop := context.WithTimeout(context.Background(), glanceAtMost)
	defer stop()
	state, now := a.journal.environment(e.name), a.now().UTC()
	first := report.Row{From: now.Add(-time.Hour), To: now}
	if r := state.Release; r != nil {
		first.T0 = r.T0
		first.From = now.Add(-min(max(now.Sub(r.T0)*4/3, glanceLeast), glanceMost))
	}
	rows := make([]report.Row, len(e.plan.SLOs))
	free := make(chan struct{}, seriesAtOnce)
	var asked sync.WaitGroup
	for n, s := range e.plan.SLOs {
		free <- struct{}{}
		asked.Go(func() {
			defer func() { <-free }()
			r := first
			r.Plan = s
			r.Reading = e.prometheus.Observe(ctx, s, baselineOf(state.ActiveBaselines(), s.ID), now)
			r.Series = e.plotted(ctx, s, r.From, r.To, max(e.plan.EvaluationInterval.Std(), r.To.Sub(r.From)/glancePoints))
			rows[n] = r
		})
	}
	asked.Wait()
	return rowsOf(rows, now)
}

func rowsOf(rows []report.Row, now time.Time) web.Rows {
	all := web.Rows{At: now}
	for _, r := range rows {
		all.Rows = append(all.Rows, rowOf(r))
	}
	answered := func(r report.Row) bool { return r.Series.Problem == "" || r.Reading.Value != "" }
	if len(rows) > 0 && !slices.ContainsFunc(rows, answered) {
		all.Problem = "Prometheus gives no answer: " + rows[0].Reading.Reason
	}
	return all
}

func rowOf(r report.Row) web.Row {
	row := web.Row{SLO: r.Plan.ID, Item: r.Plan.Item, Title: cmp.Or(r.Plan.Title, r.Plan.ID), Verdict: r.Reading.Verdict, Value: r.Value(), Summary: r.Summary(), SVG: r.SVG()}
	row.Bound, row.Alert = r.Bounds()
	if row.Verdict != release.Pass {
		row.Reason = r.Reading.Reason
	}
	return row
}
