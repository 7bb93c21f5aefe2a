package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/coclai/cutover/agent/rollback"
)

// ErrStale is an act under a lease that somebody else has taken over since: nothing was stored.
var ErrStale = errors.New("another agent has taken over")

// Lease is the right to act, of one agent at a time. It is a Store: what it appends carries its token, and is refused with ErrStale inside
// the transaction when that is not the last one given. So whoever was paused, and wakes up after its time, changes nothing. Time is the
// database's; Left is by this machine's own clock, which is read before the database is asked, so that it errs on the safe side.
type Lease struct {
	shared *Shared
	token  int64
	until  atomic.Pointer[time.Time]
}

var _ Store = (*Lease)(nil)

// Take takes the lease over if its time is up; nil when it is not.
func (s *Shared) Take(ctx context.Context) (*Lease, error) {
	if err := s.seen.standing(); err != nil {
		return nil, err
	}
	l, asked := &Lease{shared: s}, time.Now()
	err := s.ask(ctx, []any{&l.token}, `UPDATE rollback_agent.lease SET token = token + 1, holder = $1, name = $2, taken = clock_timestamp(),
		until = clock_timestamp() + make_interval(secs => $3) WHERE until <= clock_timestamp() RETURNING token`, s.id, s.name, s.lasts.Seconds())
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("take the lease: %w", err)
	}
	l.lasts(asked)
	return l, nil
}

// Keep renews the lease. ErrStale: it is another's.
func (l *Lease) Keep(ctx context.Context) error {
	if err := l.shared.seen.standing(); err != nil {
		return err
	}
	asked := time.Now()
	var token int64
	err := l.shared.ask(ctx, []any{&token}, `UPDATE rollback_agent.lease SET until = clock_timestamp() + make_interval(secs => $3)
		WHERE token = $1 AND holder = $2 RETURNING token`, l.token, l.shared.id, l.shared.lasts.Seconds())
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return ErrStale
	case err != nil:
		return fmt.Errorf("keep the lease: %w", err)
	}
	l.lasts(asked)
	return nil
}

// Release lets the next one in at once.
func (l *Lease) Release(ctx context.Context) error {
	var token int64
	err := l.shared.ask(ctx, []any{&token}, "UPDATE rollback_agent.lease SET until = '-infinity' WHERE token = $1 AND holder = $2 RETURNING token",
		l.token, l.shared.id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // it is another's already
	}
	return err
}

func (l *Lease) lasts(from time.Time) {
	until := from.Add(l.shared.lasts)
	l.until.Store(&until)
}

// Left is how long the lease may be acted under unless it is kept. A tenth of it is not counted: clocks run at different speeds.
func (l *Lease) Left() time.Duration { return time.Until(*l.until.Load()) - l.shared.lasts/10 }

// Token numbers the leases: a later one's is higher.
func (l *Lease) Token() int64 { return l.token }

// Append is that of Store, under the lease.
func (l *Lease) Append(ctx context.Context, entries ...rollback.Entry) ([]rollback.Entry, error) {
	return l.shared.store(ctx, l, entries)
}

// Cut is that of Store, under the lease.
func (l *Lease) Cut(ctx context.Context, at time.Time, c rollback.Checkpoint) (rollback.Entry, error) {
	return l.shared.shorten(ctx, l, &cut{at: at, checkpoint: c})
}

// Entries is that of Store.
func (l *Lease) Entries(ctx context.Context, after int64) iter.Seq2[rollback.Entry, error] {
	return l.shared.Entries(ctx, after)
}

// ask reads the one row that a statement gives. The database may take only so long.
func (s *Shared) ask(ctx context.Context, into []any, text string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return s.db.QueryRowContext(ctx, text, args...).Scan(into...)
}

// read asks what changes nothing, and asks again where the server has gone away behind a connection that was kept: that says nothing about
// the server that is there now.
func (s *Shared) read(ctx context.Context, into []any, text string, args ...any) (err error) {
	for range idle + 1 {
		if err = s.ask(ctx, into, text, args...); !wasCutOff(err) {
			break
		}
	}
	return err
}

// wasCutOff tells a connection that ended, by itself or with its server's last word, from an answer, a server that cannot be reached and
// one that is slow.
func wasCutOff(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.SeverityUnlocalized == "FATAL"
	}
	_, unreached := errors.AsType[*pgconn.ConnectError](err)
	return err != nil && !unreached && !errors.Is(err, sql.ErrNoRows) && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled)
}
