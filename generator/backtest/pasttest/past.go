// Package pasttest writes pasts for tests: TSDB directories with the series of an imagined shop, healthy but for the incidents that are
// planted. What it writes depends on its arguments alone.
package pasttest

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

// Series is one series: At is asked for every scrape, in order. NaN is no scrape at all; Prometheus's stale marker is what it writes at the
// first one that fails.
type Series struct {
	Labels map[string]string
	At     func(time.Time) float64
}

// Past is a stretch of time as a Prometheus would have scraped it.
type Past struct {
	From, To time.Time
	Scrape   time.Duration
	Blocks   bool // as blocks of a day, or of two hours, as far as they are full; else as a write-ahead log alone
}

// Write makes a TSDB directory.
func (p Past) Write(dir string, series []Series) (err error) {
	options := tsdb.DefaultOptions()
	options.RetentionDuration = math.MaxInt64
	block := 24 * time.Hour
	if p.To.Sub(p.From) < 3*block {
		block = 2 * time.Hour
	}
	options.MinBlockDuration, options.MaxBlockDuration = block.Milliseconds(), block.Milliseconds()
	db, err := tsdb.Open(dir, nil, nil, options, nil)
	if err != nil {
		return fmt.Errorf("open %s: %w", dir, err)
	}
	db.DisableCompactions()
	if err := p.scrape(db, series); err != nil {
		return fmt.Errorf("write %s: %w", dir, err)
	}
	if p.Blocks {
		db.EnableCompactions()
		if err := db.Compact(context.Background()); err != nil {
			return fmt.Errorf("compact %s: %w", dir, err)
		}
	}
	return db.Close()
}

// scrapesPerCommit keeps the log's records of a useful size.
const scrapesPerCommit = 500

func (p Past) scrape(db *tsdb.DB, series []Series) error {
	refs, n := make([]storage.SeriesRef, len(series)), 0
	sets := make([]labels.Labels, len(series))
	for i, s := range series {
		sets[i] = labels.FromMap(s.Labels)
	}
	a := db.Appender(context.Background())
	for t := p.From; !t.After(p.To); t = t.Add(p.Scrape) {
		for i, s := range series {
			v := s.At(t)
			if math.IsNaN(v) && !value.IsStaleNaN(v) {
				continue
			}
			ref, err := a.Append(refs[i], sets[i], t.UnixMilli(), v)
			if err != nil {
				return err
			}
			refs[i] = ref
		}
		if n++; n%scrapesPerCommit == 0 {
			if err := a.Commit(); err != nil {
				return err
			}
			a = db.Appender(context.Background())
		}
	}
	return a.Commit()
}
