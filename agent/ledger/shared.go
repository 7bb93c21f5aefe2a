package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/coclai/cutover/agent/rollback"
)

// How long the database may take.
const (
	connectTimeout = 5 * time.Second
	askTimeout     = 5 * time.Second  // for one statement
	commitTimeout  = 10 * time.Second // for one transaction, and for its commit: then the outcome is unknown, and is found out
	settleTimeout  = 20 * time.Second // for finding it out
)

// idle is how many connections are kept for reading.
const idle = 2

// SharedOptions say which ledger, and as whom.
type SharedOptions struct {
	DSN   string        // as libpq takes it: a URL or key=value pairs
	Name  string        // of this agent, for people
	Lease time.Duration // for how long a lease is held without being renewed
}

// Shared is a ledger in PostgreSQL that several agents have open at the same time. What one appends the others read. It is a Store that
// everybody may append to; who acts appends through a Lease. It is safe for concurrent use.
type Shared struct {
	*Reader
	name, id string // id is this process's, never used again
	lasts    time.Duration
	config   *pgx.ConnConfig
	writer   *sharedWriter
	commits  time.Duration // commitTimeout
	settles  time.Duration // settleTimeout
	seen     mark
	close    func() error
}

var _ Store = (*Shared)(nil)

// OpenShared opens the ledger, and makes its tables where there are none. It returns only a ledger that is whole and on a server that
// syncs; every error is, or wraps, a *Refusal.
func OpenShared(ctx context.Context, o SharedOptions) (*Shared, error) {
	r, config, err := connectShared(o.DSN)
	if err != nil {
		return nil, err
	}
	s := &Shared{Reader: r, name: o.Name, id: rand.Text(), lasts: o.Lease, config: config, commits: commitTimeout, settles: settleTimeout,
		seen: mark{reader: r}}
	found, err := s.open(ctx)
	if err != nil {
		return nil, refusedShared(r.path, errors.Join(err, r.db.Close()))
	}
	s.seen.note(found.last)
	s.writer = newSharedWriter(s, found.start.cut.seq > 0)
	s.close = sync.OnceValue(func() error {
		s.writer.stop()
		return s.db.Close()
	})
	return s, nil
}

func (s *Shared) open(ctx context.Context) (*inspection, error) {
	for _, step := range []func(context.Context) error{s.assertSharedDurable, s.migrateShared} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	found, err := s.inspect(ctx, false)
	return found, s.wrong(err)
}

// OpenSharedReader opens a ledger in PostgreSQL to read it, beside its agents, and changes nothing.
func OpenSharedReader(ctx context.Context, dsn string) (*Reader, error) {
	r, _, err := connectShared(dsn)
	if err != nil {
		return nil, err
	}
	if err := r.checkShared(ctx); err != nil {
		return nil, refusedShared(r.path, errors.Join(err, r.db.Close()))
	}
	return r, nil
}

// CheckDSN says what is wrong with a DSN, without the password in it. It speaks to nobody.
func CheckDSN(dsn string) error {
	_, err := parseDSN(dsn)
	return err
}

// parseDSN asks for a server that can be written to: a standby is behind, and would look like a ledger that lost its end.
func parseDSN(dsn string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(dsn)
	if file, ok := errors.AsType[*fs.PathError](err); ok { // a certificate's
		return nil, file
	}
	if err != nil { // its text may hold the password: pgx masks what it recognises
		return nil, errors.New("this is no DSN: neither a URL postgres://USER:PASSWORD@HOST/DATABASE nor key=value pairs that libpq knows")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "rollback-agent"
	}
	return config, nil
}

func connectShared(dsn string) (*Reader, *pgx.ConnConfig, error) {
	config, err := parseDSN(dsn)
	if err != nil {
		return nil, nil, &Refusal{Kind: Settings, Path: "in PostgreSQL", Message: "its DSN cannot be read", Cause: err,
			Hint: "postgres://USER:PASSWORD@HOST/DATABASE in the file that storage.postgres_dsn_file names"}
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxIdleConns(idle)
	db.SetConnMaxIdleTime(time.Minute)
	return &Reader{path: nameOf(config), db: db, in: inPostgreSQL, end: func() error { return nil }}, config, nil
}

// nameOf is the database for people, without the password.
func nameOf(c *pgx.ConnConfig) string {
	if strings.HasPrefix(c.Host, "/") {
		return fmt.Sprintf("postgres database %s at %s:%d", c.Database, c.Host, c.Port)
	}
	return "postgres://" + net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))) + "/" + c.Database
}

// Append is that of Store: for what is no act, and may be stored by every agent.
func (s *Shared) Append(ctx context.Context, entries ...rollback.Entry) ([]rollback.Entry, error) {
	return s.store(ctx, nil, entries)
}

// store appends under a lease, or under none.
func (s *Shared) store(ctx context.Context, l *Lease, entries []rollback.Entry) ([]rollback.Entry, error) {
	for _, e := range entries {
		if err := storable(e); err != nil {
			return nil, fmt.Errorf("append %s: %w", e.Kind, err)
		}
	}
	return s.writer.append(ctx, &request{entries: entries, lease: l})
}

// storable is appendable, without the one character that PostgreSQL's text cannot hold.
func storable(e rollback.Entry) error {
	if err := appendable(e); err != nil {
		return err
	}
	if strings.Contains(e.Environment+e.Author+e.Incident+e.Once, "\x00") {
		return errors.New("text with a NUL in it cannot be stored")
	}
	return nil
}

// Cut is that of Store.
func (s *Shared) Cut(ctx context.Context, at time.Time, c rollback.Checkpoint) (rollback.Entry, error) {
	return s.shorten(ctx, nil, &cut{at: at, checkpoint: c})
}

func (s *Shared) shorten(ctx context.Context, l *Lease, c *cut) (rollback.Entry, error) {
	if c.at.IsZero() {
		return rollback.Entry{}, errors.New("cut the ledger: a checkpoint needs a time")
	}
	stored, err := s.writer.append(ctx, &request{cut: c, lease: l})
	if err != nil {
		return rollback.Entry{}, err
	}
	return stored[0], nil
}

// Close ends the appends that have begun and refuses later ones. It may be called more than once.
func (s *Shared) Close() error { return s.close() }
