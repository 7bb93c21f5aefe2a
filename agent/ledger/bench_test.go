package ledger_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coclai/cutover/agent/ledger/pgtest"
	"github.com/coclai/cutover/agent/rollback"
)

// BenchmarkAppend: so many appenders at once, each waiting for its entry of 1 kB to be on disk. The peer is what one writes without a
// ledger: one transaction for each row, in SQLite of the same settings. shared is the ledger in PostgreSQL on this machine. `go test ./agent/ledger -run '^$' -bench Append` shows both.
func BenchmarkAppend(b *testing.B) {
	body := fmt.Sprintf("%q", strings.Repeat("x", 1000))
	dsn := pgtest.Start(b).Database(b)
	for _, appenders := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("ledger/%d", appenders), func(b *testing.B) {
			l := open(b, filepath.Join(b.TempDir(), "ledger.db"))
			each(b, appenders, func() error {
				_, err := l.Append(context.Background(), entry(body))
				return err
			})
		})
		b.Run(fmt.Sprintf("shared/%d", appenders), func(b *testing.B) {
			s := openShared(b, dsn)
			each(b, appenders, func() error {
				_, err := s.Append(context.Background(), entry(body))
				return err
			})
		})
		b.Run(fmt.Sprintf("row_by_row/%d", appenders), func(b *testing.B) {
			db := rowByRow(b)
			each(b, appenders, func() error {
				_, err := db.Exec("INSERT INTO entries (body) VALUES (?)", body)
				return err
			})
		})
	}
}

func rowByRow(b *testing.B) *sql.DB {
	b.Helper()
	db, err := sql.Open("sqlite", filepath.Join(b.TempDir(), "peer.db")+"?_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=busy_timeout(5000)")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1) // SQLite has one writer; more connections only wait for each other
	if _, err := db.Exec("CREATE TABLE entries (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)"); err != nil {
		b.Fatal(err)
	}
	return db
}

// each does b.N times what is to be done, so many at once.
func each(b *testing.B, at int, do func() error) {
	b.Helper()
	turns := make(chan struct{})
	failed := make(chan error, at)
	for range at {
		go func() {
			var err error
			for range turns {
				if err == nil {
					err = do()
				}
			}
			failed <- err
		}()
	}
	b.ResetTimer()
	for range b.N {
		turns <- struct{}{}
	}
	close(turns)
	for range at {
		if err := <-failed; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
}

// BenchmarkOpen is a start: integrity, chain and the last entry known, of a ledger of 100,000 entries.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "ledger.db")
	l := open(b, path)
	batch := make([]rollback.Entry, 1000)
	for i := range batch {
		batch[i] = entry(fmt.Sprintf("%q", strings.Repeat("x", 1000)))
	}
	for range 100 {
		if _, err := l.Append(b.Context(), batch...); err != nil {
			b.Fatal(err)
		}
	}
	_ = l.Close()
	for b.Loop() {
		_ = open(b, path).Close()
	}
}
