package ledger

import (
	"context"
	"time"
)

// LimitPages keeps the file from growing beyond 32 pages, or lets it grow again.
func LimitPages(l *Ledger, full bool) error {
	pages := "PRAGMA max_page_count = 1000000"
	if full {
		pages = "PRAGMA max_page_count = 32"
	}
	_, err := l.writer.conn.ExecContext(context.Background(), pages)
	return err
}

// Hurry shortens how long a commit may take, and how long its outcome is looked for; before the first append.
func (s *Shared) Hurry(commits, settles time.Duration) { s.commits, s.settles = commits, settles }

// Pause leaves the agent in the middle of a transaction, as SIGSTOP does.
func (l *Lease) Pause(ctx context.Context) error {
	_, err := l.shared.writer.begin(ctx, []*request{{lease: l}})
	return err
}
