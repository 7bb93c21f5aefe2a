package rules

import (
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	engine "github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/coclai/cutover/generator/backtest/pasttest"
)

// past is one TSDB or several that are read as one: what is recorded later lies beside what was scraped.
type past []*tsdb.DB

// Querier reads all of them.
func (p past) Querier(mint, maxt int64) (storage.Querier, error) {
	var all []storage.Querier
	for _, db := range p {
		q, err := db.Querier(mint, maxt)
		if err != nil {
			return nil, err
		}
		all = append(all, q)
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return storage.NewMergeQuerier(all, nil, storage.ChainedSeriesMerge), nil
}

// written makes a TSDB of blocks, as a Prometheus has it after a month, and opens it.
func written(b *testing.B, p pasttest.Past, series []pasttest.Series) *tsdb.DB {
	b.Helper()
	dir := b.TempDir()
	p.Blocks = true
	if err := p.Write(dir, series); err != nil {
		b.Fatal(err)
	}
	return opened(b, dir)
}

func opened(b *testing.B, dir string) *tsdb.DB {
	b.Helper()
	options := tsdb.DefaultOptions()
	options.RetentionDuration = math.MaxInt64
	db, err := tsdb.Open(dir, slog.New(slog.DiscardHandler), nil, options, nil)
	if err != nil {
		b.Fatal(err)
	}
	db.DisableCompactions()
	b.Cleanup(func() { db.Close() })
	return db
}

// promQL is the engine with the limits that Prometheus has by default, but for the time that a query may take.
var promQL = engine.NewEngine(engine.EngineOpts{Parser: promql, MaxSamples: 50e6, Timeout: time.Hour, LookbackDelta: 5 * time.Minute})

// usage is what evaluations cost.
type usage struct {
	samples float64
	wall    time.Duration
}

// evaluate is one evaluation of a rule, as its group does it at that time.
func (p past) evaluate(b *testing.B, r rule, at time.Time) (engine.Vector, usage) {
	b.Helper()
	began := time.Now()
	q, err := promQL.NewInstantQuery(b.Context(), p, nil, r.text, at.Add(-r.late))
	if err != nil {
		b.Fatal(err)
	}
	defer q.Close()
	v, err := q.Exec(b.Context()).Vector()
	if err != nil {
		b.Fatalf("%s: %v", r.text, err)
	}
	return v, usage{float64(q.Stats().Samples.SamplesRead), time.Since(began)}
}

// minute is what a contender's rules cost in a minute: each is evaluated once, and counts as often as its group is evaluated.
func (p past) minute(b *testing.B, c contender, at time.Time) usage {
	b.Helper()
	var sum usage
	for _, r := range c.rules {
		_, u := p.evaluate(b, r, at)
		sum.samples += u.samples * r.perMinute()
		sum.wall += time.Duration(float64(u.wall) * r.perMinute())
	}
	return sum
}

// recorded is the past with what a rule would have recorded in it, evaluation by evaluation, but for those that did not take place.
func (p past) recorded(b *testing.B, r rule, from, to time.Time, down func(time.Time) bool) past {
	b.Helper()
	first := from.Truncate(r.every).Add(r.every)
	q, err := promQL.NewRangeQuery(b.Context(), p, nil, r.text, first.Add(-r.late), to.Add(-r.late), r.every)
	if err != nil {
		b.Fatal(err)
	}
	defer q.Close()
	results, err := q.Exec(b.Context()).Matrix()
	if err != nil {
		b.Fatalf("%s: %v", r.text, err)
	}
	if len(results) != 1 {
		b.Fatalf("%s: %d series, want one", r.record, len(results))
	}
	db := opened(b, b.TempDir())
	app := db.Appender(b.Context())
	for _, f := range results[0].Floats {
		if down(time.UnixMilli(f.T).Add(r.late)) {
			continue
		}
		if _, err := app.Append(0, named(results[0].Metric, r), f.T, f.F); err != nil {
			b.Fatal(err)
		}
	}
	if err := app.Commit(); err != nil {
		b.Fatal(err)
	}
	return append(p[:len(p):len(p)], db)
}

func named(metric labels.Labels, r rule) labels.Labels {
	set := labels.NewBuilder(metric)
	r.labels.Range(func(l labels.Label) { set.Set(l.Name, l.Value) })
	return set.Labels()
}
