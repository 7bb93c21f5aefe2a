package backtest

import (
	stdcmp "cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	engine "github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

// stepper steps Prometheus's own rule groups.
type stepper struct {
	groups []*rules.Group
	alerts map[string]*rules.AlertingRule
	step   time.Duration
}

// queryable reads recorded names from one store, all else from another.
type queryable struct {
	below   storage.Querier
	written *tsdb.DB
	names   map[string]bool
}

func (q queryable) Querier(mint, maxt int64) (storage.Querier, error) {
	w, err := q.written.Querier(mint, maxt)
	return reader{q, w}, err
}

type reader struct {
	q queryable
	storage.Querier
}

func (r reader) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	for _, m := range matchers {
		if m.Name == model.MetricNameLabel && r.q.names[m.Value] {
			return r.Querier.Select(ctx, sorted, hints, matchers...)
		}
	}
	return r.q.below.Select(ctx, sorted, hints, matchers...)
}

// newStepper makes rule groups of rules, that write beside the past.
func newStepper(t testing.TB, past *Past, set Rules) *stepper {
	t.Helper()
	db, err := tsdb.Open(t.TempDir(), nil, nil, tsdb.DefaultOptions(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	names := map[string]bool{}
	for _, r := range set.records {
		names[r.name] = true
	}
	e := engine.NewEngine(engine.EngineOpts{MaxSamples: maxSamples, Timeout: time.Hour, LookbackDelta: lookback, EnableAtModifier: true, EnableNegativeOffset: true, Parser: promql})
	options := &rules.ManagerOptions{Context: t.Context(), QueryFunc: rules.EngineQueryFunc(e, queryable{past.below, db, names}), Appendable: db,
		Logger: slog.New(slog.DiscardHandler), NotifyFunc: func(context.Context, string, ...*rules.Alert) {}, Parser: promql}
	s := &stepper{alerts: map[string]*rules.AlertingRule{}}
	byGroup := map[string][]rules.Rule{}
	for _, r := range set.records {
		byGroup[r.group] = append(byGroup[r.group], rules.NewRecordingRule(r.name, r.expr, labels.FromMap(r.labels)))
	}
	for _, r := range set.alerts {
		a := rules.NewAlertingRule(r.name, r.expr, r.hold, r.keep, labels.FromMap(r.labels), labels.EmptyLabels(), labels.EmptyLabels(), "", true, options.Logger)
		s.alerts[r.name] = a
		byGroup[r.group] = append(byGroup[r.group], a)
		s.step = r.every
	}
	for _, name := range slices.Sorted(maps.Keys(byGroup)) {
		s.groups = append(s.groups, rules.NewGroup(rules.GroupOptions{Name: name, File: set.File, Interval: s.step, Rules: byGroup[name], Opts: options}))
	}
	return s
}

// transition is what can be seen from outside of an alert after an evaluation.
type transition struct {
	Alert string
	State string
	At    time.Time
}

// run evaluates every group at every moment of a span and notes each change of an alert's state.
func (s *stepper) run(ctx context.Context, span Span) []transition {
	var seen []transition
	now := map[string]string{}
	g := gridOf(span, s.step, 0)
	for t := g.from; t <= g.to; t += g.step {
		for _, group := range s.groups {
			group.Eval(ctx, at(t))
		}
		for _, name := range slices.Sorted(maps.Keys(s.alerts)) {
			state := s.alerts[name].State().String()
			if state != now[name] && (state != "inactive" || now[name] != "") {
				seen = append(seen, transition{name, state, at(t)})
			}
			now[name] = state
		}
	}
	return seen
}

// transitions are those of a report, as a stepper would have seen them.
func (r Report) transitions() []transition {
	var all []transition
	for _, a := range r.Alerts {
		for _, e := range a.Episodes {
			if !e.Fired.Equal(e.Onset) {
				all = append(all, transition{a.Name, "pending", e.Onset})
			}
			if !e.Fired.IsZero() {
				all = append(all, transition{a.Name, "firing", e.Fired})
			}
			if !e.Resolved.IsZero() {
				all = append(all, transition{a.Name, "inactive", e.Resolved})
			}
		}
	}
	return sortedTransitions(all)
}

func sortedTransitions(all []transition) []transition {
	slices.SortStableFunc(all, func(a, b transition) int {
		return stdcmp.Or(a.At.Compare(b.At), stdcmp.Compare(a.Alert+a.State, b.Alert+b.State))
	})
	return all
}

// Prometheus's own groups, stepped around each incident of the month, change every alert's state at the very same evaluations.
func TestEveryStateChangesWhenPrometheusChangesIt(t *testing.T) {
	for _, incident := range []Span{{outage.From, outage.To}, {loop.From, loop.To}, {timeouts.From, timeouts.To}} {
		t.Run(incident.From.Format(time.DateOnly), func(t *testing.T) {
			past, set := openMonth(t), groupsIn(t, watched...)
			span := Span{incident.From.Add(-10 * time.Minute), incident.To.Add(25 * time.Minute)}
			// The alerts wait, too: with for and keep_firing_for of their own.
			for i := range set.alerts {
				if i%2 == 1 {
					set.alerts[i].hold, set.alerts[i].keep = 3*time.Minute, 100*time.Second
				}
			}
			want := sortedTransitions(newStepper(t, past, set).run(t.Context(), Span{span.From.Add(-30 * time.Minute), span.To}))
			if len(want) < 4 {
				t.Fatalf("stepping saw only %v", want)
			}
			if diff := cmp.Diff(want, replayed(t, past, set, Options{Span: span}).transitions()); diff != "" {
				t.Errorf("stepped (-) and replayed (+):\n%s", diff)
			}
		})
	}
}
