package ledger

import "context"

// LimitPages keeps the file from growing beyond 32 pages, or lets it grow again.
func LimitPages(l *Ledger, full bool) error {
	pages := "PRAGMA max_page_count = 1000000"
	if full {
		pages = "PRAGMA max_page_count = 32"
	}
	_, err := l.writer.conn.ExecContext(context.Background(), pages)
	return err
}
